# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``interface`` on each backend: create, again, modify, again, delete, delete absent, each also foreseen."""

from __future__ import annotations

import pytest

from ansible_collections.cryptokey.wireguard.tests.integration.interface_calls import (
    ABSENT,
    FIRST,
    SECOND,
)
from ansible_collections.cryptokey.wireguard.tests.integration.module_calls import (
    Calls,
    changes,
)


@pytest.mark.parametrize("namespace", ["", "blue"], ids=["initial", "named"])
def test_the_cycle_of_an_interface(place, backend, tmp_path, namespace):
    if namespace:
        place.namespace(namespace)
    calls = Calls(tmp_path)
    for arguments in (FIRST, FIRST, SECOND, SECOND, ABSENT, ABSENT):
        calls.both("interface", name="wg0", namespace=namespace, backend=backend, **arguments)
    results = calls.run()
    assert changes(results) == [True, True, False, False] * 3
    for foreseen, real in zip(results[::2], results[1::2], strict=True):
        assert foreseen["actions"] == real["actions"]
    assert results[1]["backend"] == results[5]["backend"] == backend
    assert "wg0" not in place.run("ip", "link", namespace=namespace).stdout
    assert place.run("ip", "rule", namespace=namespace).stdout.count("\n") == 3
