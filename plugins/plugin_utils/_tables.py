# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The routing tables of a stack: for every destination the best routes, the longest prefix first, then the metric.

A table is asked for the whole space (a partition, kept) or for a few intervals (computed where they lie), so that a
host of a large mesh need not write out all the routes that follow the AllowedIPs it shares with the others.
"""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import WIDTH, Prefix
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._cryptokey import Cryptokey
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Route
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._partition import Partition, combine
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rows import Owner
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import Intervals

Clipped = t.Iterator[tuple[int, int, t.Any]]

# Taken from the metric of a route of table local where it is looked up with those of main: among equal prefixes local
# comes first, and then the metric decides, a number of 32 bits (fib_insert_alias() in net/ipv4/fib_trie.c).
LOCAL_FIRST = 1 << 32


class Candidates:
    """The best routes of one table for an address: equal prefix and metric, in document order."""

    __slots__ = ("length", "routes")

    def __init__(self, routes: tuple[Route, ...], length: int) -> None:
        self.routes = routes
        self.length = length


class Tables:
    """All tables of one stack."""

    def __init__(
        self,
        routes: tuple[Route, ...],
        cryptokeys: t.Mapping[str, Cryptokey],
        *,
        ipv6: bool,
        one_trie: bool = False,
        memo: dict[t.Any, Partition],
    ) -> None:
        """cryptokeys: of the stack's WireGuard devices, for routes that follow AllowedIPs. memo: of all stacks.

        one_trie: whether IPv4 routes of table local are looked up together with those of main.
        """
        self._routes = routes
        self._memo = memo
        self._order = {route: position for position, route in enumerate(routes)}
        self._cryptokeys = cryptokeys
        self._ipv6 = ipv6
        self._one_trie = one_trie
        self._following: dict[tuple[int, str], list[_Follower]] = {}
        self._whole: dict[tuple[int, str], Partition] = {}

    def whole(self, family: int, name: str) -> Partition:
        """Destination -> Candidates of one table, None where it has no route."""
        key = (family, name)
        if key not in self._whole:
            found = self._of_routes(family, name)
            for follower in self._followers(family, name):
                found = combine(found, follower.cryptokey.trie(family), follower)
            self._whole[key] = found
        return self._whole[key]

    def clipped(self, family: int, name: str, intervals: Intervals) -> Clipped:
        """The pieces of one table inside a set of destinations."""
        key = (family, name)
        if key in self._whole:
            return self._whole[key].clipped(intervals)
        found: Clipped = self._of_routes(family, name).clipped(intervals)
        for follower in self._followers(family, name):
            found = follower.clipped(family, found)
        return found

    def at(self, family: int, name: str, destination: int) -> Candidates | None:
        """The candidates for one destination."""
        found: Candidates | None = next(self.clipped(family, name, (destination, destination + 1)))[2]
        return found

    def is_empty(self, family: int, name: str) -> bool:
        """Whether the table has no route at all in a family."""
        return not self._followers(family, name) and self._of_routes(family, name).is_empty

    def _of_routes(self, family: int, name: str) -> Partition:
        """The routes with a destination of their own; stacks with the same ones share the answer."""
        key = (family, name, self._routes)
        if key not in self._memo:
            listed: dict[Prefix, list[Route]] = {}
            for route in self._routes:
                if route.table == name and route.destination is not None and route.destination.family == family:
                    listed.setdefault(route.destination, []).append(route)
            items = [
                (one.network, one.length, Candidates(_best(routes, family), one.length))
                for one, routes in listed.items()
            ]
            self._memo[key] = Partition.of_prefixes(WIDTH[family], items)
        return self._memo[key]

    def _followers(self, family: int, name: str) -> list[_Follower]:
        key = (family, name)
        if key not in self._following:
            united = family == 4 and self._one_trie
            self._following[key] = [
                _Follower(
                    route,
                    family,
                    self._cryptokeys[route.device or ""],
                    self._order,
                    united=united,
                )
                for route in self._routes
                if ("main" if united and route.table == "local" else route.table) == name
                and route.destination is None
                and route.device in self._cryptokeys
                and (family == 4 or self._ipv6)
            ]
        return self._following[key]


class _Follower:
    """One route per AllowedIPs prefix of its device: merged into what the table says without it."""

    def __init__(
        self, route: Route, family: int, cryptokey: Cryptokey, order: dict[Route, int], *, united: bool
    ) -> None:
        """united: whether the table's routes and those of table local are looked up together."""
        self.cryptokey = cryptokey
        self._route = route
        self._family = family
        self._united = united
        self._rank = self._rank_of(route)
        self._order = order
        self._alone: dict[int, Candidates] = {}
        self._merged: dict[tuple[int, tuple[Route, ...]], Candidates] = {}

    def clipped(self, family: int, pieces: Clipped) -> Clipped:
        """The pieces, divided further where AllowedIPs begin and end."""
        for low, high, found in pieces:
            for inner_low, inner_high, owner in self.cryptokey.clipped(family, (low, high)):
                yield inner_low, inner_high, self(found, owner)

    def __call__(self, found: Candidates | None, owner: Owner | None) -> Candidates | None:
        """The better of what was found and of our route for the owner's prefix; both where they are equal."""
        if owner is None:
            return found
        length = owner.prefix.length
        ours = self._alone.get(length)
        if ours is None:
            ours = self._alone[length] = Candidates((self._route,), length)
        if found is None or found.length < length:
            return ours
        other = self._rank_of(found.routes[0])
        if found.length > length or other < self._rank:
            return found
        if self._rank < other:
            return ours
        both = tuple(sorted((*found.routes, self._route), key=self._order.__getitem__))
        return self._merged.setdefault((length, both), Candidates(both, length))

    def _rank_of(self, route: Route) -> int:
        """What is compared among equal prefixes: the metric, and before that whether the route is of table local."""
        metric = route.metric[self._family]
        return metric - LOCAL_FIRST if self._united and route.table == "local" else metric


def _best(routes: list[Route], family: int) -> tuple[Route, ...]:
    """The routes of the lowest metric."""
    lowest = min(route.metric[family] for route in routes)
    return tuple(route for route in routes if route.metric[family] == lowest)
