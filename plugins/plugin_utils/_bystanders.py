# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts whose change no lasting flow can notice: for its addresses they decide the same before and after.

That is most of a fleet when a member joins a mesh: everybody's list grows, and nothing that was there moves. A lasting
flow then meets the same decisions at these hosts whatever state they are in.
"""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._comparison import Comparison, FlowChange
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._cryptokey import Cryptokey
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import FAMILIES, Host
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._mixture import routing_of
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import (
    EMPTY,
    Intervals,
    from_prefixes,
    intersect,
    union,
)

_Pieces = list[tuple[int, int, t.Any]]


class Bystanders:
    """Compares what the two states of a host do with the addresses of the lasting flows."""

    def __init__(self, comparison: Comparison, lasting: list[FlowChange]) -> None:
        self._before = comparison.before.model
        self._after = comparison.after.model
        self.addresses = {family: _addresses(comparison, lasting, family) for family in FAMILIES}
        self._equal_rows: dict[t.Any, bool] = {}

    def include(self, name: str) -> bool:
        """Whether a host that is there before and after is one of them."""
        one, other = (model.fleet.hosts[name] for model in (self._before, self._after))
        return routing_of(one) == routing_of(other) and self._same_peers(one, other)

    def _same_peers(self, one: Host, other: Host) -> bool:
        return all(
            self._same_table(self._before.cryptokey(before), self._after.cryptokey(after))
            for before, after in zip(one.interfaces, other.interfaces, strict=True)
        )

    def _same_table(self, one: Cryptokey, other: Cryptokey) -> bool:
        key = (one.rows, other.rows)
        if key not in self._equal_rows:
            whole = (one.complete(), other.complete())
            self._equal_rows[key] = all(self._same(*whole, family, self.addresses[family]) for family in FAMILIES)
        if not self._equal_rows[key]:
            return False
        left_out = [owner.prefix for table in (one, other) for _row, removed in table.layers for owner in removed]
        for family in FAMILIES:
            part = from_prefixes(prefix for prefix in left_out if prefix.family == family)
            if part and not self._same(one, other, family, intersect(part, self.addresses[family])):
                return False
        # Rows do not tell apart the endpoints of an interface's own entries.
        return all(
            one.knows_endpoint(ident) == other.knows_endpoint(ident)
            for ident in one.own.keys() | other.own.keys()
            if ident in one and ident in other
        )

    def _same(self, one: Cryptokey, other: Cryptokey, family: int, addresses: Intervals) -> bool:
        """Whether the addresses have the same peers, by prefixes as long, with the same ability to begin."""
        return _pieces(one, family, addresses) == _pieces(other, family, addresses)


def _pieces(table: Cryptokey, family: int, addresses: Intervals) -> _Pieces:
    """The owners in neighbouring pieces; the prefix's length is what routes that follow AllowedIPs are chosen by."""
    result: _Pieces = []
    for low, high, owner in table.clipped(family, addresses):
        value = None if owner is None else (owner.ident, owner.prefix.length, table.knows_endpoint(owner.ident))
        if result and result[-1][1] == low and result[-1][2] == value:
            result[-1] = (result[-1][0], high, value)
        else:
            result.append((low, high, value))
    return result


def _addresses(comparison: Comparison, lasting: list[FlowChange], family: int) -> Intervals:
    """Every source and destination of the lasting flows."""
    mine = [change for change in lasting if change.family == family]
    sources = [comparison.sources_of(change, stack) for change in mine for stack in change.stacks]
    return union(EMPTY, *(change.destinations for change in mine), *sources)
