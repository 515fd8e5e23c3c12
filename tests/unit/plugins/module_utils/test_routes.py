# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes and rules through pyroute2's messages and back, byte by byte as the kernel would get them."""

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cryptokey.wireguard.plugins.module_utils import (
    _routes,
    _rtnetlink,
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
    Rule,
)

pytest.importorskip("pyroute2")

DEVICES = {5: "wg0", 9: "eth0"}
INDEXES = {name: index for index, name in DEVICES.items()}
FAMILIES = st.sampled_from([4, 6])


def addresses(family: int) -> st.SearchStrategy[Address]:
    numbers = st.integers(1, 2 ** WIDTH[family] - 1).filter(lambda number: number >> 32 != 0xFFFF)
    return numbers.map(lambda number: Address(family, number))


@st.composite
def prefixes(draw: t.Any, family: int, *, shortest: int = 0) -> Prefix:
    length = draw(st.integers(shortest, WIDTH[family]))
    return Prefix(family, mask(family, draw(addresses(family)).number, length), length)


@st.composite
def rules(draw: t.Any) -> Rule:
    family = draw(FAMILIES)
    return Rule(
        family=family,
        priority=draw(st.integers(0, 2**32 - 1)),
        table=draw(st.integers(1, 2**32 - 1)),
        source=draw(st.none() | prefixes(family, shortest=1)),
        destination=draw(st.none() | prefixes(family, shortest=1)),
        iif=draw(st.sampled_from([None, "lo", "wg0"])),
        fwmark=draw(st.none() | st.integers(0, 2**32 - 1)),
        invert=draw(st.booleans()),
        suppress_prefixlength=draw(st.none() | st.integers(0, 128)),
        protocol=draw(st.integers(1, 255)),
    )


def through_the_kernel(kind: str, request: _routes.Request) -> t.Any:
    """The message as it is sent, read again from its bytes."""
    fields, attributes = request
    sent = _rtnetlink.message(kind, fields, attributes)
    sent["header"].update(type=24, flags=0, sequence_number=1, pid=1)
    sent.encode()
    received = type(sent)(bytes(sent.data))
    received.decode()
    return received


@given(rules())
def test_a_rule_comes_back_as_it_was_sent(rule):
    assert _routes.rule_of(through_the_kernel("rule", _routes.rule_request(rule))) == rule


def received(change: t.Callable[[t.Any], None]) -> t.Any:
    message = through_the_kernel("rule", _routes.rule_request(Rule(family=4, priority=5, table=9)))
    change(message)
    return message


@pytest.mark.parametrize(
    "change",
    [
        lambda message: message.update(action=6),
        lambda message: message.update(tos=16),
        lambda message: message["attrs"].append(("FRA_OIFNAME", "wg0")),
        lambda message: message["attrs"].append(("FRA_IP_PROTO", 17)),
        lambda message: message["attrs"].append(("FRA_L3MDEV", 1)),
        lambda message: message["attrs"].append(("FRA_FWMASK", 0xFF)),
        lambda message: message["attrs"].append(("FRA_SUPPRESS_IFGROUP", 3)),
    ],
    ids=["action", "tos", "oif", "ipproto", "l3mdev", "mask", "group"],
)
def test_a_rule_that_says_more_is_not_shown_as_one_that_says_less(change):
    assert _routes.rule_of(received(lambda _message: None)) is not None
    assert _routes.rule_of(received(change)) is None


def test_a_device_only_route_has_the_scope_of_its_link_and_removal_asks_for_any():
    """With scope universe the kernel refuses a later route whose gateway lies behind this one (fib_check_nh)."""
    route = Route(parse_prefix("10.0.0.0/8"), device="wg0")
    assert _routes.route_request(route, index=5)[0]["scope"] == 253
    assert _routes.route_request(route, index=5, removing=True)[0]["scope"] == 255
    assert _routes.route_request(Route(parse_prefix("10.0.0.0/8"), type="blackhole"), index=None)[0]["scope"] == 0
