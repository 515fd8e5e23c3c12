# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which destinations the routing of a network namespace cannot tell apart, so that one of them speaks for all.

A destination is compared with nothing but prefixes: those of routes in whatever table, those of policy rules, and the
few that the kernel treats in a way of their own. They nest and never overlap otherwise, so two destinations with the
same innermost prefix are in the same ones altogether.
"""

from __future__ import annotations

import bisect
import socket
import struct
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _attributes, _netlink
from ansible_collections.cryptokey.wireguard.plugins.module_utils._owners import Owners
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    WIDTH,
    Address,
    Prefix,
    mask,
    parse_prefix,
)

_FAMILIES = {4: int(socket.AF_INET), 6: int(socket.AF_INET6)}
_NUMBERS = {number: family for family, number in _FAMILIES.items()}
# What struct rtmsg and struct fib_rule_hdr have in common: family, length of the destination, length of the source.
_LENGTHS = struct.Struct("=BBB9x")
_GET_ROUTE, _GET_RULE, _NEW_RULE = 26, 34, 32
_DESTINATION = 1  # RTA_DST and FRA_DST

SPECIAL = tuple(
    parse_prefix(text)
    for text in ("0.0.0.0/8", "0.0.0.0/32", "127.0.0.0/8", "224.0.0.0/4", "255.255.255.255/32",
                 "::/128", "::1/128", "fe80::/10", "ff00::/8")
)  # fmt: skip
"""What ip_route_output_key_hash_rcu() (net/ipv4/route.c) and rt6_need_strict() (net/ipv6/route.c) set apart."""


def groups(handle: socket.socket, addresses: t.Sequence[Address]) -> list[list[Address]]:
    """The addresses, those together that cannot be told apart; each alone where nobody can say.

    handle: as _netlink opens it. Raises OSError.
    """
    edges: list[Prefix] = list(SPECIAL)
    for family in {address.family for address in addresses}:
        found = _edges(handle, family)
        if found is None:
            return [[address] for address in addresses]
        edges += found
    return together(addresses, edges)


def together(addresses: t.Iterable[Address], edges: t.Iterable[Prefix]) -> list[list[Address]]:
    """By the innermost of the edges around them. Pure.

    It is the same for all addresses between two places where an edge begins or ends, so it is looked for once in each
    such range. The groups and the addresses in them are sorted.
    """
    ordered, known = sorted(addresses), list(edges)
    innermost = Owners([known])
    cuts = {(family, 0) for family in WIDTH}
    for edge in known:
        cuts |= {(edge.family, edge.network), (edge.family, edge.last + 1)}
    found: dict[tuple[int, Prefix | None], list[Address]] = {}
    first = 0
    for cut in (*sorted(cuts), (len(ordered) and ordered[-1].family + 1, 0)):
        end = bisect.bisect_left(ordered, cut, first)
        if end > first:
            around = innermost.find(ordered[first])
            found.setdefault((ordered[first].family, around[0] if around else None), []).extend(ordered[first:end])
            first = end
    return list(found.values())


def _edges(handle: socket.socket, family: int) -> list[Prefix] | None:
    """None where the kernel chooses a source for each destination and looks that up too (FIB_RULE_FIND_SADDR in
    net/ipv6/fib6_rules.c)."""
    found: list[Prefix] = []
    for request in (_GET_ROUTE, _GET_RULE):
        for kind, content in _netlink.dump(handle, request, _LENGTHS.pack(_FAMILIES[family], 0, 0)):
            number, length, source = _LENGTHS.unpack_from(content)
            if kind == _NEW_RULE and family == 6 and source:
                return None
            if _NUMBERS.get(number) == family:
                raw = _attributes.attributes(content, _LENGTHS.size).get(_DESTINATION, b"") if length else b""
                found.append(Prefix(family, mask(family, int.from_bytes(raw, "big"), length), length))
    return found
