# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses that a lab makes up: none of them may mean anything in the fleet that it stages."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    WIDTH,
    Address,
    InterfaceAddress,
    Prefix,
    parse_interface_address,
    parse_prefix,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._endpoint import parse_endpoint

# Benchmarking networks first (RFC 2544, RFC 5180); the others for fleets that use those themselves.
_POOLS = {
    4: ("198.18.0.0/15", "100.64.0.0/10", "240.0.0.0/6"),
    6: ("2001:2::/48", "fd63:6b6c::/48", "3fff:6b6c::/48"),
}
# The gateways of devices whose routes name none. Each link has its own, so the same two serve everywhere.
LINK_LOCAL = parse_prefix("fe80::/10")
GATEWAY = {4: "169.254.0.1", 6: "fe80::1"}


class SpareAddresses:
    """Hands out addresses outside everything that the fleet mentions, in a fixed order."""

    def __init__(self, used: t.Iterable[Prefix]) -> None:
        # A default route covers every pool and means none of them.
        taken = [prefix for prefix in used if prefix.length > 1]
        self._next = {family: _free_pool(family, taken).network + 1 for family in (4, 6)}

    def take(self, family: int) -> Address:
        number = self._next[family]
        self._next[family] = number + 1
        return Address(family, number)


def _free_pool(family: int, taken: list[Prefix]) -> Prefix:
    pools = [parse_prefix(text) for text in _POOLS[family]]
    for pool in pools:
        if not any(pool.contains(prefix) or prefix.contains(pool) for prefix in taken):
            return pool
    return pools[-1]


def unused_address(prefix: Prefix, taken: t.Container[Address]) -> Address | None:
    """An address of the prefix that nobody has; high within a /24, so that it looks like a host of a LAN."""
    size = 1 << (WIDTH[prefix.family] - prefix.length)
    start = min(max(size - 2, 0), 254)
    for offset in [*range(start, -1, -1), *range(start + 1, min(size, 4096))]:
        address = Address(prefix.family, prefix.network + offset)
        if address not in taken and not (size > 2 and offset == 0):
            return address
    return None


def mentioned_prefixes(fleet: t.Mapping[str, t.Any]) -> set[Prefix]:
    """Every prefix and address that the fleet document speaks of; unreadable ones are the checks' business."""
    found: set[Prefix] = set()
    _collect(fleet, found)
    return found


def _collect(value: t.Any, found: set[Prefix]) -> None:
    if isinstance(value, t.Mapping):
        for entry in value.values():
            _collect(entry, found)
    elif isinstance(value, (list, tuple)):
        for entry in value:
            _collect(entry, found)
    elif isinstance(value, str):
        parsed = readable(value) or endpoint_address(value)
        if parsed is not None:
            found.add(parsed.prefix)


def endpoint_address(text: str) -> InterfaceAddress | None:
    """The address in ``address:port``; None for names and for what is no endpoint."""
    try:
        address = parse_endpoint(text).address
    except InvalidInput:
        return None
    return None if address is None else InterfaceAddress(*address, WIDTH[address.family])


def readable(text: str) -> InterfaceAddress | None:
    """The address that the text spells, or None."""
    try:
        return parse_interface_address(text)
    except InvalidInput:
        return None
