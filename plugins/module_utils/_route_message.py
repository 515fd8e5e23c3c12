# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes to and from the bytes of rtnetlink messages (struct rtmsg and its attributes in linux/rtnetlink.h). Pure."""

from __future__ import annotations

import struct
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._attributes import attribute, attributes, integer
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import WIDTH, Address, Prefix, mask
from ansible_collections.cryptokey.wireguard.plugins.module_utils._routes import (
    FAMILIES,
    NUMBERS,
    TYPE_NAMES,
    TYPES,
    scope_of,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import DEFAULT_METRIC, LOCAL_TABLE, Route

MESSAGE = struct.Struct("=BBBBBBBBI")
"""Family, length of the destination and of the source, tos, table, protocol, scope, type, flags."""
_NEXT_HOP = struct.Struct("=HBBi")
_DESTINATION, _DEVICE, _GATEWAY, _PRIORITY, _PREFERRED, _MULTIPATH, _TABLE, _VIA = 1, 4, 5, 6, 7, 9, 15, 18
_CLONED = 0x200


def request(route: Route, *, index: int | None) -> bytes:
    """The message that adds exactly this route. index: of its device."""
    family = route.destination.family
    head = MESSAGE.pack(
        *(FAMILIES[family], route.destination.length, 0, 0, route.table if route.table < 256 else 0),
        *(route.protocol, scope_of(route, removing=False), TYPES[route.type], 0),
    )
    fields = [
        (_TABLE, struct.pack("=I", route.table)),
        (_DESTINATION, _raw(Address(family, route.destination.network)) if route.destination.length else None),
        (_PRIORITY, struct.pack("=I", route.metric or DEFAULT_METRIC[family])),
        (_DEVICE, struct.pack("=I", index) if index is not None else None),
        (_GATEWAY, _raw(route.gateway) if route.gateway else None),
        (_PREFERRED, _raw(route.source) if route.source else None),
    ]
    return head + b"".join(attribute(number, content) for number, content in fields if content is not None)


def route_of(content: bytes, devices: t.Mapping[int, str]) -> Route | None:
    """None: a route that Route does not speak of (local table, cached, multicast and the like)."""
    number, length, _source, _tos, table, protocol, _scope, kind, flags = MESSAGE.unpack_from(content)
    if kind not in TYPE_NAMES or number not in NUMBERS or flags & _CLONED:
        return None
    values = attributes(content, MESSAGE.size)
    table = integer(values.get(_TABLE)) or table
    if table == LOCAL_TABLE:
        return None
    family, name = NUMBERS[number], TYPE_NAMES[kind]
    index, hop = _next_hop(values)
    source = values.get(_PREFERRED)
    network = int.from_bytes(values.get(_DESTINATION, b""), "big")
    return Route(
        Prefix(family, mask(family, network, length), length),
        table,
        integer(values.get(_PRIORITY)),
        name,
        devices.get(index) if name == "unicast" else None,
        _gateway(hop),
        _address(source) if source else None,
        protocol,
    )


def _next_hop(values: dict[int, bytes]) -> tuple[int, dict[int, bytes]]:
    """(index of the device, attributes) of the message itself, or of the first of several next hops."""
    several = values.get(_MULTIPATH)
    if not several:
        return integer(values.get(_DEVICE)), values
    length, _flags, _hops, index = _NEXT_HOP.unpack_from(several)
    return index, attributes(several[:length], _NEXT_HOP.size)


def _gateway(hop: dict[int, bytes]) -> Address | None:
    """RTA_VIA: a gateway of the other family, behind two bytes that name it."""
    raw = hop.get(_GATEWAY) or hop.get(_VIA, b"")[2:]
    return _address(raw) if raw else None


def _address(raw: bytes) -> Address:
    return Address(4 if len(raw) == 4 else 6, int.from_bytes(raw, "big"))


def _raw(address: Address) -> bytes:
    return address.number.to_bytes(WIDTH[address.family] // 8, "big")
