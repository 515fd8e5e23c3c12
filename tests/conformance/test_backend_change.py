# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a userspace engine to the kernel and back: on request only, foreseen as an outage, with nothing left behind.

It takes both at once, so it runs where the kernel has WireGuard and an engine is installed (make test-kernel).
"""

from __future__ import annotations

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._host import LinuxHost
from ansible_collections.cryptokey.wireguard.tests.conformance.test_faults import furnished
from ansible_collections.cryptokey.wireguard.tests.conformance.test_killed_replacement import SOME, replaced, whole
from ansible_collections.cryptokey.wireguard.tests.integration.interface_calls import (
    FIRST,
)
from ansible_collections.cryptokey.wireguard.tests.integration.module_calls import (
    Calls,
    changes,
)
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.module_utils.declarations import KEYS

pytestmark = pytest.mark.skipif(
    set(LinuxHost().backends()) != {"kernel", "userspace"}, reason="needs both backends on one machine"
)


@pytest.mark.parametrize(("old", "new"), [("userspace", "kernel"), ("kernel", "userspace")])
def test_a_backend_changes_on_request_only(place, host, tmp_path, old, new):
    calls = Calls(tmp_path)
    for wanted in (old, "auto", new, new, "auto"):
        calls.both("interface", name="wg0", backend=wanted, **FIRST)
    results = calls.run()
    assert changes(results) == [True, True, False, False, True, True, False, False, False, False]
    assert [result["backend"] for result in results[1::2]] == [old, old, new, new, new]
    for moved in results[4:6]:
        said = "delete interface wg0 to make it again, which interrupts its tunnels: its backend changes from"
        assert moved["disruptive"][0].startswith(f"{said} {old} to {new}")
        assert f"backend: {old}\n" in moved["diff"]["before"]
        assert f"backend: {new}\n" in moved["diff"]["after"]
        assert moved["actions"] == results[5]["actions"]
    facts = [{**result["interface"], "backend": None} for result in (results[1], results[5])]
    assert facts[0] == facts[1], "keys, peers, port, mark, addresses and routes are those of before"
    daemon = host.daemon("", "wg0")
    assert (daemon is None) == (new == "kernel"), "no engine is left, and none is missing"


def test_auto_takes_the_kernel_for_a_new_interface_and_never_moves_an_old_one(place, host, tmp_path):
    calls = Calls(tmp_path)
    calls.add("interface", name="wg1")
    calls.add("interface", name="wg0", backend="userspace")
    calls.add("interface", name="wg0", listen_port=51821)
    assert [result["backend"] for result in calls.run()] == ["kernel", "userspace", "userspace"]


@pytest.mark.parametrize(("old", "new"), [("userspace", "kernel"), ("kernel", "userspace")])
def test_a_peer_of_an_earlier_run_survives_a_run_that_is_killed_while_it_changes_the_backend(old, new, record_property):
    """At each of its changes in turn."""
    with furnished() as host, furnished() as twin:
        before, after = {**whole(KEYS[0]), "backend": old}, {**SOME, "backend": new}
        record_property("faults", len(list(replaced(host, twin, before, after))))
