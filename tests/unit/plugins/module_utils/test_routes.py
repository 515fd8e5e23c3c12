# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What pyroute2 is told of routes, and what other tests make routes of."""

from __future__ import annotations

from hypothesis import strategies as st

from ansible_collections.cryptokey.wireguard.plugins.module_utils import (
    _routes,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    WIDTH,
    Address,
    Prefix,
    mask,
    parse_prefix,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    Route,
)

DEVICES = {5: "wg0", 9: "eth0"}
INDEXES = {name: index for index, name in DEVICES.items()}
FAMILIES = st.sampled_from([4, 6])


def addresses(family: int) -> st.SearchStrategy[Address]:
    numbers = st.integers(1, 2 ** WIDTH[family] - 1).filter(lambda number: number >> 32 != 0xFFFF)
    return numbers.map(lambda number: Address(family, number))


@st.composite
def prefixes(draw: st.DrawFn, family: int, *, shortest: int = 0) -> Prefix:
    length = draw(st.integers(shortest, WIDTH[family]))
    return Prefix(family, mask(family, draw(addresses(family)).number, length), length)


def test_a_device_only_route_has_the_scope_of_its_link_and_removal_asks_for_any():
    """With scope universe the kernel refuses a later route whose gateway lies behind this one (fib_check_nh)."""
    route = Route(parse_prefix("10.0.0.0/8"), device="wg0")
    assert _routes.route_request(route, index=5)[0]["scope"] == 253
    assert _routes.route_request(route, index=5, removing=True)[0]["scope"] == 255
    assert _routes.route_request(Route(parse_prefix("10.0.0.0/8"), type="blackhole"), index=None)[0]["scope"] == 0
