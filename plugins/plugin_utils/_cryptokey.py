# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cryptokey routing of one interface: which peer owns an address, for sending and for the receiver's source check.

The kernel keeps one trie per interface (drivers/net/wireguard/allowedips.c): the identical prefix moves to the last
peer that lists it, the longest prefix wins, and a peer with the interface's own key is ignored. A peer group or a
prefix set is turned into a partition once; an interface that uses it only cuts out what does not apply to it.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import WIDTH, Prefix
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import (
    Interface,
    Peer,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._partition import Partition, combine, grouped
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rows import (
    Owner,
    Row,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import (
    EMPTY,
    Intervals,
    from_prefixes,
    intersect,
)

# Accepted sets of up to this many boundaries are cheaper to look up again than to keep for every pair.
_SMALL = 8
# Up to this many are looked up where they lie, instead of writing out what every address of the space belongs to.
_FEW = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectivePeer:
    """A peer as the interface really has it: shared rows resolved, repeated entries united."""

    ident: str
    entries: tuple[Peer, ...]
    prefixes: tuple[Prefix, ...]

    @property
    def name(self) -> str:
        return self.entries[-1].name

    @property
    def key(self) -> str | None:
        return self.entries[-1].key

    @property
    def endpoint(self) -> str | None:
        return next((entry.endpoint for entry in reversed(self.entries) if entry.endpoint is not None), None)

    @property
    def managed(self) -> bool | None:
        return self.entries[-1].managed


class Cryptokey:
    """The peers of one interface and what each of them owns. Peers of a group are looked up in the shared row."""

    def __init__(
        self,
        interface: Interface,
        *,
        own: dict[str, list[Peer]],
        group: dict[str, list[Peer]],
        silent: list[str],
        dropped: set[str],
        layers: list[tuple[Row, set[Owner]]],
    ) -> None:
        self.interface = interface
        self.own = own
        self._group = group
        self._silent = silent
        self._dropped = dropped
        self._layers = layers
        # What identifies the rows that the interface is made of: equal for interfaces that share all of them.
        self.rows: tuple[int, ...] = tuple([id(row) for row, _removed in layers])
        self._tries: dict[int, Partition] = {}
        self._idents: dict[int, Partition] = {}
        self._left_out: dict[int, Intervals] = {}
        self._accepted: dict[tuple[int, str], Intervals] = {}

    def __contains__(self, ident: str) -> bool:
        return ident in self.own or (ident in self._group and ident not in self._dropped)

    def __iter__(self) -> t.Iterator[str]:
        """Every peer's ident: those of the group first, as the order decides who wins."""
        yield from (ident for ident in self._group if ident not in self._dropped)
        yield from self.own

    def __len__(self) -> int:
        return len(self.own) + len(self._group) - sum(ident in self._group for ident in self._dropped)

    def entries(self, ident: str) -> list[Peer]:
        """The entries of one peer, more than one where its key is repeated."""
        return self.own.get(ident) or self._group[ident]

    def peer(self, ident: str) -> EffectivePeer:
        prefixes = dict.fromkeys(
            owner.prefix
            for row, removed in self._layers
            for owner in row.by_ident.get(ident, ())
            if owner not in removed
        )
        return EffectivePeer(ident=ident, entries=tuple(self.entries(ident)), prefixes=tuple(prefixes))

    def knows_endpoint(self, ident: str) -> bool:
        """Whether the interface could start a handshake with that peer."""
        return any(entry.endpoint is not None for entry in self.entries(ident))

    def without_endpoint(self) -> t.Iterator[str]:
        """The peers with which the interface cannot start a handshake."""
        yield from (ident for ident in self._silent if ident not in self._dropped)
        yield from (ident for ident in self.own if not self.knows_endpoint(ident))

    def may_lack_endpoints(self) -> bool:
        """Whether there is any such peer; entries of the group that the interface leaves out count."""
        return bool(self._silent) or not all(map(self.knows_endpoint, self.own))

    def knows_listed(self, ident: str) -> bool:
        """Whether the row of the group, which all its users share, has an endpoint for a peer."""
        return any(entry.endpoint is not None for entry in self._group.get(ident, ()))

    def complete(self) -> Cryptokey:
        """The same rows as if nothing were left out of them; for what all users of the rows have in common."""
        layers: list[tuple[Row, set[Owner]]] = [(row, set()) for row, _removed in self._layers]
        return Cryptokey(
            self.interface, own=self.own, group=self._group, silent=self._silent, dropped=set(), layers=layers
        )

    def owners(self, *, alone: bool = True) -> list[Owner]:
        """Every listed prefix with its peer, in the order that decides; not alone: with what only others have."""
        return [owner for row, removed in self._layers for owner in row.owners if not alone or owner not in removed]

    def shared_rows(self) -> list[Row]:
        """The rows that the interface is made of; entries that it leaves out are still in them."""
        return [row for row, _removed in self._layers]

    def inside(self, prefix: Prefix) -> list[Owner]:
        """The listed prefixes that equal the prefix or lie inside it."""
        return [owner for row, removed in self._layers for owner in row.inside(prefix) if owner not in removed]

    @property
    def layers(self) -> list[tuple[Row, set[Owner]]]:
        """The rows with what the interface leaves out of each, in the order that decides."""
        return self._layers

    def left_out(self, family: int) -> Intervals:
        """The addresses of those entries of its rows that the interface does not have."""
        found = self._left_out.get(family)
        if found is None:
            removed = [owner.prefix for _row, gone in self._layers for owner in gone]
            found = from_prefixes([prefix for prefix in removed if prefix.family == family]) if removed else EMPTY
            self._left_out[family] = found
        return found

    @property
    def overrides(self) -> set[str]:
        """The idents of the group that the interface does not take from it."""
        return self._dropped

    def short_owners(self) -> list[Owner]:
        """The listed prefixes that could add up to a default route in practice: those of /2 and shorter."""
        return [owner for row, removed in self._layers for owner in row.short if owner not in removed]

    def count_prefixes(self) -> int:
        """How many AllowedIPs the interface has."""
        return sum(len(row.owners) - len(removed) for row, removed in self._layers)

    def has_family(self, family: int) -> bool:
        """Whether some entry of its rows is of a family; entries that it leaves out count."""
        # Asked of every interface, and mostly of one row: a loop costs a third of any().
        for row, _removed in self._layers:  # noqa: SIM110
            if row.has_family(family):
                return True
        return False

    def trie(self, family: int) -> Partition:
        """Address -> Owner, or None where no peer takes it."""
        if family not in self._tries:
            parts = [row.without(family, removed) for row, removed in self._layers]
            whole = parts[0] if parts else Partition.constant(WIDTH[family])
            for part in parts[1:]:
                whole = combine(whole, part, _longer)
            self._tries[family] = whole
        return self._tries[family]

    def idents(self, family: int) -> Partition:
        """Address -> the peer that owns it, or None."""
        if family not in self._idents:
            self._idents[family] = self.trie(family).map(lambda owner: None if owner is None else owner.ident)
        return self._idents[family]

    def clipped(self, family: int, intervals: Intervals) -> t.Iterator[tuple[int, int, Owner | None]]:
        """The pieces of the trie inside a set; nothing is written out for the rest of the space."""
        if family in self._tries or not self._layers:
            yield from self.trie(family).clipped(intervals)
            return
        (row, removed), *others = self._layers
        for piece in row.clipped(family, intervals, removed):
            yield from _through(family, piece, others)

    def split(self, family: int, intervals: Intervals) -> dict[str | None, Intervals]:
        """A set of addresses by the peer that owns them."""
        if family in self._idents or len(intervals) > _FEW:
            return self.idents(family).split(intervals)
        if len(intervals) == 2 and intervals[1] - intervals[0] == 1:
            owner = self.at(family, intervals[0])
            return {None if owner is None else owner.ident: intervals}
        return grouped(
            (low, high, None if owner is None else owner.ident) for low, high, owner in self.clipped(family, intervals)
        )

    def at(self, family: int, number: int) -> Owner | None:
        """The owner of one address."""
        found = None
        for row, removed in self._layers:
            found = _longer(found, row.at(family, number, removed))
        return found

    def lists_none_of(self, family: int, intervals: Intervals) -> bool:
        """Whether no peer owns any address of a set."""
        return not intervals or self.split(family, intervals).keys() == {None}

    def accepted(self, family: int, ident: str) -> Intervals:
        """The sources that the interface accepts from a peer: exactly what that peer owns here."""
        found = self._accepted.get((family, ident))
        if found is None:
            listed = from_prefixes(prefix for prefix in self.peer(ident).prefixes if prefix.family == family)
            found = self.split(family, listed).get(ident, EMPTY)
            if len(listed) > _SMALL:
                self._accepted[family, ident] = found
        return found

    def accepted_part(self, family: int, ident: str, sources: Intervals) -> Intervals:
        """Those of the sources that the interface accepts from a peer; for few of them nothing else is looked up."""
        if len(sources) <= _FEW:
            return self.split(family, sources).get(ident, EMPTY)
        return intersect(sources, self.accepted(family, ident))

    def covered(self, family: int) -> Intervals:
        """Every address that some peer owns."""
        return self.trie(family).where(lambda owner: owner is not None)


def _through(
    family: int, piece: tuple[int, int, Owner | None], layers: list[tuple[Row, set[Owner]]]
) -> t.Iterator[tuple[int, int, Owner | None]]:
    """A piece of the earlier layers, divided by the later ones."""
    if not layers:
        yield piece
        return
    low, high, earlier = piece
    (row, removed), *others = layers
    for inner_low, inner_high, later in row.clipped(family, (low, high), removed):
        yield from _through(family, (inner_low, inner_high, _longer(earlier, later)), others)


def _longer(earlier: Owner | None, later: Owner | None) -> Owner | None:
    """The longer of two prefixes; of identical ones the later."""
    if earlier is None or (later is not None and later.prefix.length >= earlier.prefix.length):
        return later
    return earlier
