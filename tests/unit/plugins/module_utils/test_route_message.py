# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes to and from bytes, held against pyroute2's rtmsg in both directions."""

from __future__ import annotations

import socket
import struct
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cryptokey.wireguard.plugins.module_utils import (
    _route_message,
    _routes,
    _rtnetlink,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._attributes import attribute
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    Prefix,
    parse_address,
    parse_prefix,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import LOCAL_TABLE, Route
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.module_utils.test_routes import (
    FAMILIES,
    addresses,
    prefixes,
)

pytest.importorskip("pyroute2")

DEVICES = {5: "wg0", 9: "eth0"}
INDEXES = {name: index for index, name in DEVICES.items()}
HEADER_BYTES = 16


@st.composite
def routes(draw: t.Any) -> Route:
    family = draw(FAMILIES)
    kind = draw(st.sampled_from(["unicast", "blackhole", "unreachable", "prohibit", "throw"]))
    return Route(
        destination=draw(prefixes(family)),
        table=draw(st.integers(1, 2**32 - 1).filter(lambda table: table != LOCAL_TABLE)),
        metric=draw(st.integers(1, 2**32 - 1)),
        type=kind,
        device=draw(st.sampled_from(sorted(INDEXES))) if kind == "unicast" else None,
        gateway=draw(st.none() | addresses(family)) if kind == "unicast" else None,
        source=draw(st.none() | addresses(family)),
        protocol=draw(st.integers(0, 255)),
    )


def encoded(route: Route) -> bytes:
    """What pyroute2 sends for a route, without the netlink header."""
    sent = _rtnetlink.message("route", *_routes.route_request(route, index=INDEXES.get(route.device or "")))
    sent["header"].update(type=24, flags=0, sequence_number=1, pid=1)
    sent.encode()
    return bytes(sent.data)[HEADER_BYTES:]


def decoded(content: bytes) -> t.Any:
    header = struct.pack("=IHHII", HEADER_BYTES + len(content), 24, 0, 1, 1)
    message = _rtnetlink.message("route", {})
    received = type(message)(header + content)
    received.decode()
    return received


@given(routes())
def test_a_route_of_pyroute2_is_read(route):
    assert _route_message.route_of(encoded(route), DEVICES) == route


@given(routes())
def test_pyroute2_reads_a_route_of_ours_as_its_own(route):
    ours = decoded(_route_message.request(route, index=INDEXES.get(route.device or "")))
    theirs = decoded(encoded(route))
    assert {field[0]: ours[field[0]] for field in ours.fields} == {field[0]: theirs[field[0]] for field in ours.fields}
    assert dict(map(tuple, ours["attrs"])) == dict(map(tuple, theirs["attrs"]))


PLAIN = Route(parse_prefix("10.0.0.0/8"), device="wg0")


@pytest.mark.parametrize(
    ("place", "value"),
    [(7, 2), (7, 5), (8, 0x200), (0, 28), (4, 255)],
    ids=["local", "multicast", "cached", "mpls", "the local table"],
)
def test_what_is_no_route_of_ours_or_others_is_left_out(place, value):
    content = _route_message.request(PLAIN, index=5)
    assert _route_message.route_of(content, DEVICES) == PLAIN
    fields = list(_route_message.MESSAGE.unpack_from(content))
    fields[place] = value
    # RTA_TABLE, the first attribute, says it again.
    table = struct.pack("=HHI", 8, 15, 255) if place == 4 else content[12:20]
    assert _route_message.route_of(_route_message.MESSAGE.pack(*fields) + table + content[20:], DEVICES) is None


def test_of_several_next_hops_the_first_is_shown():
    hops = b"".join(
        struct.pack("=HBBi", 8 + len(via), 0, 0, index) + via
        for index, via in (
            (9, attribute(5, socket.inet_pton(socket.AF_INET, "192.0.2.1"))),
            (5, attribute(5, socket.inet_pton(socket.AF_INET, "192.0.2.2"))),
        )
    )
    head = _route_message.MESSAGE.pack(int(socket.AF_INET), 0, 0, 0, 254, 4, 0, 1, 0)
    route = _route_message.route_of(head + attribute(15, struct.pack("=I", 254)) + attribute(9, hops), DEVICES)
    assert route == Route(Prefix(4, 0, 0), device="eth0", gateway=parse_address("192.0.2.1"), protocol=4)


def test_a_gateway_of_the_other_family_is_read():
    via = struct.pack("=H", int(socket.AF_INET6)) + socket.inet_pton(socket.AF_INET6, "fe80::1")
    content = _route_message.request(PLAIN, index=5) + attribute(18, via)
    assert _route_message.route_of(content, DEVICES) == PLAIN._replace(gateway=parse_address("fe80::1"))
