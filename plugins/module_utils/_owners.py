# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which peer an address belongs to, for many addresses and any number of peers. Pure."""

from __future__ import annotations

import bisect
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    WIDTH,
    Address,
    Prefix,
)


class Owners:
    """The longest prefix decides, as in the kernel's allowedips.c: one look-up per length that occurs."""

    def __init__(self, lists: t.Iterable[t.Iterable[Prefix]]) -> None:
        """lists: the AllowedIPs of each peer; no prefix is in two of them."""
        self._tables: dict[int, dict[int, dict[int, int]]] = {4: {}, 6: {}}
        for number, prefixes in enumerate(lists):
            for prefix in prefixes:
                table = self._tables[prefix.family].setdefault(prefix.length, {})
                table[prefix.network >> (WIDTH[prefix.family] - prefix.length)] = number
        self._networks = {family: sorted(_networks(family, tables)) for family, tables in self._tables.items()}
        self._lengths = {family: sorted(tables, reverse=True) for family, tables in self._tables.items()}

    def find(self, address: Address) -> tuple[Prefix, int] | None:
        """The prefix that decides, and the number of its peer."""
        family, width = address.family, WIDTH[address.family]
        for length in self._lengths[family]:
            head = address.number >> (width - length)
            if head in self._tables[family][length]:
                return Prefix(family, head << (width - length), length), self._tables[family][length][head]
        return None

    def overlaps(self, prefix: Prefix) -> bool:
        """Whether any address of the prefix belongs to a peer."""
        networks = self._networks[prefix.family]
        inside = bisect.bisect_left(networks, prefix.network)
        return (inside < len(networks) and networks[inside] <= prefix.last) or (
            self.find(Address(prefix.family, prefix.network)) is not None
        )


def _networks(family: int, tables: t.Mapping[int, t.Mapping[int, int]]) -> t.Iterator[int]:
    """The first address of each prefix."""
    for length, table in tables.items():
        for head in table:
            yield head << (WIDTH[family] - length)
