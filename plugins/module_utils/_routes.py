# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes and policy rules to and from pyroute2's rtnetlink messages (linux/rtnetlink.h, linux/fib_rules.h). Pure.

Both are read as bytes, and many routes are added so (_route_message, _rule_message).
"""

from __future__ import annotations

import errno
import socket
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    WIDTH,
    Address,
    Prefix,
    format_number,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    DEFAULT_METRIC,
    Route,
    Rule,
    Way,
)

FAMILIES = {4: int(socket.AF_INET), 6: int(socket.AF_INET6)}
NUMBERS = {number: family for family, number in FAMILIES.items()}

TYPES = {"unicast": 1, "blackhole": 6, "unreachable": 7, "prohibit": 8, "throw": 9}
LOCAL_TYPE = 2
REFUSED = {errno.ENETUNREACH: "unreachable", errno.EHOSTUNREACH: "unreachable", errno.EACCES: "prohibit",
           errno.EINVAL: "blackhole"}  # fmt: skip
"""What the kernel answers where a packet goes by no route, or by one of these types (fib_props, fib_semantics.c)."""
TYPE_NAMES = {number: name for name, number in TYPES.items()}
_SCOPE_UNIVERSE = 0
_SCOPE_LINK = 253
_SCOPE_ANY = 255

_TO_TABLE = 1
_INVERT = 2
_WHOLE_MARK = 0xFFFFFFFF

Message = t.Any
Request = t.Tuple[t.Dict[str, int], t.List[t.Tuple[str, t.Any]]]


def route_request(route: Route, *, index: int | None, removing: bool = False) -> Request:
    """(fields, attributes) of the message that adds or removes exactly this route. index: of its device."""
    family = route.destination.family
    metric = route.metric or DEFAULT_METRIC[family]
    fields = {
        "family": FAMILIES[family],
        "dst_len": route.destination.length,
        "table": route.table if route.table < 256 else 0,
        "proto": route.protocol,
        "scope": scope_of(route, removing=removing),
        "type": TYPES[route.type],
    }
    attributes = [
        ("RTA_TABLE", route.table),
        ("RTA_DST", format_number(family, route.destination.network) if route.destination.length else None),
        ("RTA_PRIORITY", metric or None),
        ("RTA_OIF", index),
        ("RTA_GATEWAY", str(route.gateway) if route.gateway else None),
        ("RTA_PREFSRC", str(route.source) if route.source else None),
    ]
    return fields, attributes


def way_request(destination: Address, *, source: Address | None, mark: int) -> Request:
    """(fields, attributes) of the question where a packet goes."""
    width = WIDTH[destination.family]
    fields = {
        "family": FAMILIES[destination.family],
        "dst_len": width,
        "src_len": width if source is not None else 0,
    }
    attributes = [
        ("RTA_DST", str(destination)),
        ("RTA_SRC", str(source) if source is not None else None),
        ("RTA_MARK", mark or None),
    ]
    return fields, attributes


def way_of(message: Message, devices: t.Mapping[int, str]) -> Way:
    """The answer. An error route of IPv6 is an answer, one of IPv4 an error (see REFUSED)."""
    kind = "local" if message["type"] == LOCAL_TYPE else TYPE_NAMES.get(message["type"], "unicast")
    leaves = kind in ("unicast", "local")
    return Way(devices.get(_next_hop(message).get_attr("RTA_OIF") or 0) if leaves else None, kind)


def rule_request(rule: Rule) -> Request:
    fields = {
        "family": FAMILIES[rule.family],
        "src_len": rule.source.length if rule.source else 0,
        "dst_len": rule.destination.length if rule.destination else 0,
        "table": rule.table if rule.table < 256 else 0,
        "action": _TO_TABLE,
        "flags": _INVERT if rule.invert else 0,
    }
    attributes = [
        ("FRA_PRIORITY", rule.priority),
        ("FRA_SRC", _network(rule.source)),
        ("FRA_DST", _network(rule.destination)),
        ("FRA_IIFNAME", rule.iif),
        ("FRA_FWMARK", rule.fwmark),
        ("FRA_FWMASK", None if rule.fwmark is None else _WHOLE_MARK),
        ("FRA_TABLE", rule.table),
        ("FRA_SUPPRESS_PREFIXLEN", rule.suppress_prefixlength),
        ("FRA_PROTOCOL", rule.protocol),
    ]
    return fields, attributes


def scope_of(route: Route, *, removing: bool) -> int:
    if route.destination.family == 6:
        return _SCOPE_UNIVERSE
    if removing:
        return _SCOPE_ANY
    return _SCOPE_LINK if route.type == "unicast" and not route.gateway else _SCOPE_UNIVERSE


def _next_hop(message: Message) -> Message:
    """The message itself, or the first of several next hops."""
    several = message.get_attr("RTA_MULTIPATH")
    return several[0] if several else message


def _network(prefix: Prefix | None) -> str | None:
    return format_number(prefix.family, prefix.network) if prefix and prefix.length else None
