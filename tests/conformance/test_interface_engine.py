# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine on real devices: every step of the real adapters made to fail in turn, what others made, conflicts."""

from __future__ import annotations

import sys
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import HostError
from ansible_collections.cryptokey.wireguard.plugins.module_utils._memory import Faults
from ansible_collections.cryptokey.wireguard.tests.integration.interface_calls import (
    ABSENT,
    FIRST,
    SECOND,
    STATE,
    apply,
    picture,
)
from ansible_collections.cryptokey.wireguard.tests.integration.stacks import Failed, Stack, stack, wait_until

pytestmark = pytest.mark.usefixtures("backend")


def count_changes(arguments: dict[str, t.Any]) -> int:
    faults = Faults()
    apply(arguments, faults=faults)
    return faults.count


def fail_at(arguments: dict[str, t.Any], at: int, late: bool) -> tuple[str, str, str]:
    """(what was there, what is there, the error)."""
    before = picture()
    faults = Faults()
    faults.arm(at, late=late)
    try:
        apply(arguments, faults=faults)
    except HostError as error:
        return before, picture(), str(error)
    return before, picture(), ""


KEY_FILE = f"{STATE}/@/wg0.key"


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("there", "wanted"),
    [(None, FIRST), (FIRST, SECOND), (SECOND, FIRST), (FIRST, ABSENT)],
    ids=["create", "change", "change back", "delete"],
)
def test_a_failure_at_each_real_step_restores_what_was_there(there, wanted, late, record_property):
    with stack() as host:
        steps = _prepared_count(host, there, wanted)
        assert steps > 5
        for at in range(1, steps + 1):
            before, after, error = host.call(fail_at, wanted, at, late)
            assert "fault" in error, (at, error)
            assert "has been restored" in error, (at, error)
            assert after == before, (at, error)
        assert host.call(apply, wanted)[0]
        assert host.call(apply, wanted) == (False, [])
    record_property("faults", steps)


def _prepared_count(host: Stack, there: dict[str, t.Any] | None, wanted: dict[str, t.Any]) -> int:
    """How many changes it takes; counted in a host of its own."""
    with stack() as other:
        if there:
            other.call(apply, there)
            host.call(apply, there)
        return other.call(count_changes, wanted)


def test_what_others_made_survives_every_change():
    with stack() as host:
        host.call(apply, FIRST)
        host.run("ip", "route", "add", "10.200.0.0/16", "dev", "wg0")
        host.run("ip", "route", "add", "blackhole", "10.201.0.0/16", "proto", "148")
        host.run("ip", "rule", "add", "priority", "300", "table", "99")
        host.call(apply, SECOND)
        host.call(apply, FIRST)
        assert "10.200.0.0/16 dev wg0" in host.out("ip", "route")
        host.call(apply, {**FIRST, **ABSENT})
        assert "blackhole 10.201.0.0/16 proto 148" in host.out("ip", "route")
        assert "300:" in host.out("ip", "rule")
        assert "100:" not in host.out("ip", "rule")
        assert "77" not in host.out("ip", "route", "show", "table", "all")
        assert host.out("cat", "/proc/sys/net/ipv4/ip_forward") == "0\n"


def test_a_route_that_somebody_else_made_is_a_conflict_before_any_change():
    with stack() as host:
        host.run("ip", "route", "add", "blackhole", "10.1.0.0/16")
        with pytest.raises(Failed, match=r"peers\[0\]\.allowed_ips\[1\]: '10\.1\.0\.0/16 dev wg0' cannot be added"):
            host.call(apply, FIRST)
        assert "wg0" not in host.out("ip", "link")
        assert host.out("ls", "/run/state") == ""


def test_two_runs_at_once_wait_for_each_other():
    with stack() as host:
        flock = host.start("flock", f"{STATE}/.lock", "sleep", "1.5")
        wait_until(lambda: host.run("test", "-e", f"{STATE}/.lock", check=False).returncode == 0)
        assert host.call(apply, FIRST)[0]
        assert flock.poll() is not None or flock.wait(timeout=1) == 0


def test_a_port_in_use_is_refused_and_nothing_is_left():
    with stack() as host:
        blocker = host.start(sys.executable, "-I", "-S", "-c", _BLOCK)
        assert blocker.stdout.readline() == "bound\n"
        with pytest.raises(Failed, match="51820"):
            host.call(apply, FIRST)
        assert "wg0" not in host.out("ip", "link")
        assert "wireguard" not in host.out("ps", "-e", "-o", "comm=")
        blocker.kill()


_BLOCK = """
import socket, time
sockets = [socket.socket(family, socket.SOCK_DGRAM) for family in (socket.AF_INET, socket.AF_INET6)]
sockets[1].setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
for each in sockets:
    each.bind(("", 51820))
print("bound", flush=True)
time.sleep(60)
"""


def test_a_key_that_was_made_stays_until_it_is_told_to_go():
    with stack() as host:
        assert "make a private key" in host.call(apply, {})[1][0]
        key = host.out("cat", KEY_FILE)
        host.call(apply, {"state": "absent"})
        assert "make a private key" not in host.call(apply, {})[1][0]
        assert host.out("cat", KEY_FILE) == key
        host.call(apply, {"state": "absent", "keep_private_key": False})
        assert host.out("find", STATE, "-type", "f") == f"{STATE}/.lock\n"


def test_the_key_of_a_running_interface_is_adopted():
    with stack() as host:
        host.call(apply, {})
        key = host.out("cat", KEY_FILE)
        host.run("rm", "-r", f"{STATE}/@")
        assert host.call(apply, {})[1] == [f"write the private key to {KEY_FILE}", "record what is declared"]
        assert host.out("cat", KEY_FILE) == key
