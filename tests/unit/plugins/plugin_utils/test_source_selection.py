# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source that the kernel chooses; that it is the kernel's is tested in tests/oracle."""

from __future__ import annotations

import sys
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import parse_address
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _source_selection
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import everything, size

from .fleets import fleet, host, interface


def choices(addresses: list[str]) -> list[_source_selection.Choice]:
    document = fleet(a=host(interface("a", addresses), routes=[{"destination": "::/0", "device": "wg0"}]))
    held = Model.of(parse_fleet(document)).stacks[StackId("a", "")]
    route = next(route for route in held.fib.routes if route.destination is not None and route.destination.length == 0)
    return _source_selection.default_sources(held, route, 6, everything(6)) or []


def test_the_longer_match_is_chosen_and_ties_name_both() -> None:
    found = choices(["2001:db8:1::1/64", "2001:db8:2::1/64", "fd00::1/64"])
    by_sources = {choice.sources: choice.destinations for choice in found}
    one, two, local = (parse_address(text).number for text in ("2001:db8:1::1", "2001:db8:2::1", "fd00::1"))
    assert set(by_sources) == {(one,), (two,), (local,), (one, two)}
    assert sum(size(part) for part in by_sources.values()) == 1 << 128


def test_many_addresses_take_no_quadratic_time() -> None:
    """Counted in calls, not in seconds: four times the addresses on one device make about four times as many."""

    def calls(count: int) -> int:
        seen = 0

        def count_one(_frame: t.Any, event: str, _argument: t.Any) -> None:
            nonlocal seen
            seen += event == "call"

        sys.setprofile(count_one)
        try:
            assert choices([f"fd00:{count:x}:{number:x}::1/64" for number in range(1, count + 1)])
        finally:
            sys.setprofile(None)
        return seen

    assert calls(400) < 6 * calls(100)
