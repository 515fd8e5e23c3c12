# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of AllowedIPs that interfaces share: a peer group, a prefix set, equal entries of their own.

Each is turned into an index and a longest-prefix partition once; what a single interface leaves out of it (its own
entry, its own prefixes) is taken out when a look-up meets it.
"""

from __future__ import annotations

import typing as t
from bisect import bisect_left

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import WIDTH, Prefix, mask
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import FAMILIES, Fleet, Peer
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._partition import Partition, combine
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import Intervals, from_prefixes, size

# Prefixes of up to this length could add up to a default route in practice.
_SHORT = 2
# Entries of up to this length are defaults, not somebody's network.
DEFAULT_LENGTH = 1


class Owner:
    """A prefix in the hands of a peer; one object per listed prefix, compared by identity."""

    __slots__ = ("ident", "prefix")

    def __init__(self, ident: str, prefix: Prefix) -> None:
        self.ident = ident
        self.prefix = prefix


class Row:
    """A list of (peer, prefix) that interfaces share: its index and, per family, its longest-prefix partition."""

    def __init__(self, owners: t.Iterable[Owner]) -> None:
        self.owners = tuple(owners)
        self.by_ident: dict[str, list[Owner]] = {}
        self.by_prefix: dict[Prefix, list[Owner]] = {}
        for owner in self.owners:
            self.by_ident.setdefault(owner.ident, []).append(owner)
            self.by_prefix.setdefault(owner.prefix, []).append(owner)
        self.short = [owner for owner in self.owners if owner.prefix.length <= _SHORT]
        self._lengths = {
            family: sorted({prefix.length for prefix in self.by_prefix if prefix.family == family}, reverse=True)
            for family in FAMILIES
        }
        self._partitions: dict[int, Partition] = {}
        self._networks: dict[tuple[int, int], Intervals] = {}
        self._flat: dict[int, bool] = {}
        self._sorted: list[Prefix] | None = None
        self._holds: dict[Prefix, bool] = {}

    def has_family(self, family: int) -> bool:
        """Whether any prefix of the row is of a family."""
        return bool(self._lengths[family])

    def partition(self, family: int) -> Partition:
        """Address -> Owner, or None; of identical prefixes the last one counts."""
        if family not in self._partitions:
            items = [
                (prefix.network, prefix.length, owners[-1])
                for prefix, owners in self.by_prefix.items()
                if prefix.family == family
            ]
            self._partitions[family] = Partition.of_prefixes(WIDTH[family], items)
        return self._partitions[family]

    def without_defaults(self, family: int) -> Intervals:
        """Every address that some entry besides default routes holds."""
        return self.longer_than(family, DEFAULT_LENGTH)

    def longer_than(self, family: int, length: int) -> Intervals:
        """Every address that some entry with a longer prefix holds."""
        if (family, length) not in self._networks:
            self._networks[family, length] = from_prefixes(
                prefix for prefix in self.by_prefix if prefix.family == family and prefix.length > length
            )
        return self._networks[family, length]

    def holds(self, prefix: Prefix) -> bool:
        """Whether some prefix of the row equals or contains the prefix."""
        found = self._holds.get(prefix)
        if found is None:
            found = self._holds[prefix] = any(
                Prefix(prefix.family, mask(prefix.family, prefix.network, length), length) in self.by_prefix
                for length in self._lengths[prefix.family]
                if length <= prefix.length
            )
        return found

    def inside(self, prefix: Prefix) -> t.Iterator[Owner]:
        """The owners of prefixes that equal the prefix or lie inside it."""
        if self._sorted is None:
            self._sorted = sorted(self.by_prefix)
        index = bisect_left(self._sorted, prefix)
        while index < len(self._sorted) and prefix.contains(self._sorted[index]):
            yield from self.by_prefix[self._sorted[index]]
            index += 1

    def without(self, family: int, removed: set[Owner]) -> Partition:
        """The partition as if the removed owners were not listed."""
        gone = [owner for owner in removed if owner.prefix.family == family]
        whole = self.partition(family)
        if not gone:
            return whole
        heirs = {owner.prefix: (self._heir(owner.prefix, removed),) for owner in gone}
        patch = Partition.of_prefixes(
            WIDTH[family], [(prefix.network, prefix.length, heir) for prefix, heir in heirs.items()]
        )
        return combine(whole, patch, lambda owner, heir: heir[0] if owner in removed else owner)

    def clipped(
        self, family: int, intervals: Intervals, removed: set[Owner]
    ) -> t.Iterator[tuple[int, int, Owner | None]]:
        """The pieces inside a set, as if the removed owners were not listed."""
        for low, high, owner in self.partition(family).clipped(intervals):
            yield low, high, self._heir(owner.prefix, removed) if owner in removed else owner

    def at(self, family: int, number: int, removed: set[Owner]) -> Owner | None:
        """Who owns an address, as if the removed owners were not listed."""
        owner: Owner | None = self.partition(family).at(number)
        return self._heir(owner.prefix, removed) if owner in removed and owner is not None else owner

    def _heir(self, prefix: Prefix, removed: set[Owner]) -> Owner | None:
        """Who owns the prefix when the removed owners are gone: a twin, else the nearest prefix around it."""
        if self.is_flat(prefix.family):
            return None
        for length in self._lengths[prefix.family]:
            if length > prefix.length:
                continue
            around = Prefix(prefix.family, mask(prefix.family, prefix.network, length), length)
            for owner in reversed(self.by_prefix.get(around, ())):
                if owner not in removed:
                    return owner
        return None

    def is_flat(self, family: int) -> bool:
        """Whether no address stands in more than one entry."""
        if family not in self._flat:
            prefixes = [owner.prefix for owner in self.owners if owner.prefix.family == family]
            total = sum([1 << (WIDTH[family] - prefix.length) for prefix in prefixes])
            self._flat[family] = total == size(from_prefixes(prefixes))
        return self._flat[family]


def by_ident(peers: t.Iterable[Peer]) -> dict[str, list[Peer]]:
    result: dict[str, list[Peer]] = {}
    for peer in peers:
        result.setdefault(peer.ident, []).append(peer)
    return result


def group_row(fleet: Fleet, name: str) -> tuple[Row, dict[str, list[Peer]], list[str], set[Owner]]:
    """A group's row, its entries, the idents among them that have no endpoint, and the owners out of prefix sets."""
    memo: dict[str, tuple[Row, dict[str, list[Peer]], list[str], set[Owner]]]
    memo = fleet.memo.setdefault("group_rows", {})
    if name not in memo:
        owners: list[Owner] = []
        from_sets: set[Owner] = set()
        for peer in fleet.peer_groups[name]:
            owners += [Owner(peer.ident, prefix) for prefix in peer.allowed_ips]
            if peer.allowed_ips_set is not None:
                listed = [Owner(peer.ident, prefix) for prefix in fleet.prefix_sets[peer.allowed_ips_set]]
                owners += listed
                from_sets.update(listed)
        entries = by_ident(fleet.peer_groups[name])
        silent = [ident for ident, found in entries.items() if all(one.endpoint is None for one in found)]
        memo[name] = Row(owners), entries, silent, from_sets
    return memo[name]


def plain_row(fleet: Fleet, owners: list[Owner]) -> Row:
    """An interface's own entries; interfaces with equal ones, such as the spokes of a hub, share the row."""
    memo: dict[tuple[tuple[str, Prefix], ...], Row] = fleet.memo.setdefault("plain_rows", {})
    content = tuple((owner.ident, owner.prefix) for owner in owners)
    if content not in memo:
        memo[content] = Row(owners)
    return memo[content]


def set_row(fleet: Fleet, name: str, ident: str) -> Row:
    memo: dict[tuple[str, str], Row] = fleet.memo.setdefault("set_rows", {})
    if (name, ident) not in memo:
        memo[name, ident] = Row(Owner(ident, prefix) for prefix in fleet.prefix_sets[name])
    return memo[name, ident]
