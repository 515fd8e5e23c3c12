# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routing of one network stack: local addresses, then policy rules by priority, in each the table's longest prefix.

``decide`` gives the answer for every destination at once, ``lookup`` for one packet with the rule and route that
gave it; both follow net/core/fib_rules.c, net/ipv4/fib_rules.c and net/ipv6/fib6_rules.c of the kernel.
"""

from __future__ import annotations

import copy
import dataclasses
import typing as t
from dataclasses import dataclass
from functools import cache

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import WIDTH, Prefix, mask
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._cryptokey import Cryptokey
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import (
    FAMILIES,
    Interface,
    Route,
    Rule,
    Stack,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._once import once
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._partition import Partition, combine, grouped
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._policy import applies, default_rule, region_of
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import (
    EMPTY,
    Intervals,
    everything,
    from_numbers,
    intersect,
    subtract,
    union,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._tables import LOCAL_FIRST, Candidates, Tables

# addrconf_prefix_route and fib_add_ifaddr: the metrics of connected routes.
CONNECTED_METRIC = {4: 0, 6: 256}
LOOPBACK = "lo"
_DEFAULT_RULES = {
    4: (default_rule(0, "local"), default_rule(32766, "main"), default_rule(32767, "default")),
    6: (default_rule(0, "local"), default_rule(32766, "main")),
}
_ONE_CLASS = {family: [(everything(family), 0)] for family in FAMILIES}
# Sets of up to this many boundaries are looked up interval by interval.
_FEW = 16

_Regions = tuple[tuple[Rule, Intervals | None], ...]


class Decision:
    """What a stack does with a packet: kind (local, no_route, unicast, blackhole, ...) and, for unicast, the device.

    One object per kind and device, so that decisions are compared by identity.
    """

    __slots__ = ("device", "kind")

    def __init__(self, kind: str, device: str | None = None) -> None:
        self.kind = kind
        self.device = device


LOCAL = Decision("local")
NO_ROUTE = Decision("no_route")


def _itself(route: Route) -> Route:
    return route


def _decision(route: Route) -> Decision:
    return _decision_of(route.type, route.device if route.type == "unicast" else None)


@cache
def _decision_of(kind: str, device: str | None) -> Decision:
    return Decision(kind, device)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """One packet's decision and where it came from; route and rule are None for a local address or no route."""

    decision: Decision
    route: Route | None = None
    prefix: Prefix | None = None
    rule: Rule | None = None


class Fib:
    """The routing of one stack."""

    def __init__(
        self,
        stack: Stack,
        interfaces: t.Sequence[Interface],
        tables: t.Mapping[str, Cryptokey],
        *,
        memo: dict[t.Any, Partition] | None = None,
    ) -> None:
        """tables: the cryptokey tables of the stack's WireGuard devices, for routes that follow AllowedIPs.

        memo: what stacks with the same routes share. What is not asked for is not made: a fleet has many stacks.
        """
        self.stack = stack
        self._held = [(device, address) for device, addresses in stack.addresses.items() for address in addresses]
        self._held += [
            (one.name, address) for one in interfaces for address in one.addresses if stack.ipv6 or address.family == 4
        ]
        self._cryptokeys = tables
        self._memo: dict[t.Any, Partition] = {} if memo is None else memo
        self._decisions: dict[tuple[t.Any, ...], Partition] = {}
        self._plans: dict[tuple[int, int, str, int], tuple[tuple[t.Any, ...], _Regions]] = {}
        self._classes: dict[int, list[tuple[Intervals, int]]] = {}

    @once
    def local(self) -> dict[int, frozenset[int]]:
        """Per family, every destination that is the stack itself."""
        return {family: frozenset(_local_numbers(self.stack, self._held, family)) for family in FAMILIES}

    @once
    def local_set(self) -> dict[int, Intervals]:
        return {family: from_numbers(self.local[family]) for family in FAMILIES}

    @once
    def addresses(self) -> dict[int, frozenset[int]]:
        return {
            family: frozenset(address.number for _device, address in self._held if address.family == family)
            for family in FAMILIES
        }

    @once
    def with_ipv4(self) -> frozenset[str]:
        return frozenset(device for device, address in self._held if address.family == 4)

    @once
    def connected(self) -> tuple[Route, ...]:
        return tuple(
            _connected(device, address.prefix, position)
            for position, (device, address) in enumerate(self._held)
            if address.length < WIDTH[address.family]
        )

    @once
    def routes(self) -> tuple[Route, ...]:
        taken = [route for route in self.stack.routes if _is_taken(route, self.stack)]
        if _has_one_trie(self.stack):
            taken = [_in_one_trie(route) for route in taken]
        return (*self.connected, *taken)

    @once
    def tables(self) -> Tables:
        return Tables(
            self.routes, self._cryptokeys, ipv6=self.stack.ipv6, one_trie=_has_one_trie(self.stack), memo=self._memo
        )

    @once
    def rules(self) -> dict[int, tuple[Rule, ...]]:
        return {family: _ordered_rules(self.stack.rules, family) for family in FAMILIES}

    def under(self, rules: tuple[Rule, ...]) -> Fib:
        """The same stack with other rules in place of the document's; the tables are shared."""
        other = copy.copy(self)
        other.rules = {family: _ordered_rules(rules, family) for family in FAMILIES}
        other._decisions, other._plans, other._classes = {}, {}, {}
        return other

    def source_classes(self, family: int) -> list[tuple[Intervals, int]]:
        """The sources cut into sets that every rule treats alike, each with one of its addresses."""
        if not self.stack.rules:
            return _ONE_CLASS[family]
        if family not in self._classes:
            width = WIDTH[family]
            whole = Partition.constant(width, ())
            seen: dict[tuple[bool, ...], tuple[bool, ...]] = {}
            for prefix in dict.fromkeys(rule.source for rule in self.rules[family] if rule.source is not None):
                one = Partition.of_prefixes(width, [(prefix.network, prefix.length, True)])
                whole = combine(
                    whole, one, lambda kept, inside: seen.setdefault((*kept, bool(inside)), (*kept, bool(inside)))
                )
            self._classes[family] = [(found, found[0]) for found in whole.split(everything(family)).values()]
        return self._classes[family]

    def decide(self, family: int, source: int, *, ingress: str = LOOPBACK, mark: int = 0) -> Partition:
        """Destination -> Decision for packets with that source, ingress and mark."""
        return self._composed(family, source, ingress=ingress, mark=mark, decisions=True)

    def routes_used(self, family: int, source: int, *, ingress: str = LOOPBACK, mark: int = 0) -> Partition:
        """Destination -> the Route that decides, None for local addresses and where there is no route."""
        return self._composed(family, source, ingress=ingress, mark=mark, decisions=False)

    def lookup(self, family: int, source: int, destination: int, *, ingress: str = LOOPBACK, mark: int = 0) -> Lookup:
        """The decision for one packet."""
        if destination in self.local[family]:
            return Lookup(decision=LOCAL)
        for rule in self.rules[family]:
            if not applies(rule, family, source, destination, ingress=ingress, mark=mark):
                continue
            found = self.tables.at(family, rule.table, destination)
            route = _winner(found, rule, family=family, ingress=ingress)
            if route is not None and found is not None:
                prefix = Prefix(family, mask(family, destination, found.length), found.length)
                return Lookup(decision=_decision(route), route=route, prefix=prefix, rule=rule)
        return Lookup(decision=NO_ROUTE)

    def split(
        self, family: int, source: int, destinations: Intervals, *, ingress: str = LOOPBACK, mark: int = 0
    ) -> dict[Decision, Intervals]:
        """A set of destinations by Decision; a small one is looked up without the rest of the space."""
        key, regions = self._plan(family, source, ingress=ingress, mark=mark)
        if len(destinations) > _FEW or (*key, True) in self._decisions:
            return self.decide(family, source, ingress=ingress, mark=mark).split(destinations)
        result: dict[Decision, Intervals] = {}
        own = intersect(destinations, self.local_set[family])
        left = subtract(destinations, own)
        if own:
            result[LOCAL] = own
        for rule, region in regions:
            if not left:
                break
            asked = left if region is None else intersect(left, region)
            for route, part in grouped(
                (low, high, _winner(found, rule, family=family, ingress=ingress))
                for low, high, found in self.tables.clipped(family, rule.table, asked)
            ).items():
                if route is not None:
                    decision = _decision(route)
                    result[decision] = union(result.get(decision, EMPTY), part)
                    left = subtract(left, part)
        if left:
            result[NO_ROUTE] = left
        return result

    def _plan(self, family: int, source: int, *, ingress: str, mark: int) -> tuple[tuple[t.Any, ...], _Regions]:
        """The rules that such packets meet, each with its destinations, and a key that is equal for equal treatment."""
        asked = (family, source, ingress, mark)
        if asked not in self._plans:
            regions = tuple(
                (rule, region_of(rule, family, source, ingress=ingress, mark=mark))
                for rule in self.rules[family]
                if applies(rule, family, source, None, ingress=ingress, mark=mark)
            )
            # Only IPv6 looks at the ingress beyond the rules: among equal routes.
            self._plans[asked] = (family, ingress if family == 6 else None, regions), regions
        return self._plans[asked]

    def _composed(self, family: int, source: int, *, ingress: str, mark: int, decisions: bool) -> Partition:
        """Destination -> Decision or Route; packets that all rules treat alike share one partition."""
        plan, regions = self._plan(family, source, ingress=ingress, mark=mark)
        key = (*plan, decisions)
        if key not in self._decisions:
            memo = self._memo if self.is_plain(family) else self._decisions
            common = (key, self.routes) if self.is_plain(family) else key
            if common not in memo:
                memo[common] = self._compose(family, ingress, regions, decisions=decisions)
            self._decisions[key] = memo[common]
        return self._decisions[key]

    def is_plain(self, family: int) -> bool:
        """Whether nothing but rules and routes decides: no own address, no AllowedIPs. Equal ones then say the same."""
        return not self.local[family] and not any(one.has_family(family) for one in self._cryptokeys.values())

    def _compose(self, family: int, ingress: str, regions: _Regions, *, decisions: bool) -> Partition:
        whole = self._through_rules(family, ingress, regions, _decision if decisions else _itself)
        if decisions:
            whole = whole.map(lambda found: NO_ROUTE if found is None else found)
        return self._with_local(whole, family, LOCAL if decisions else None)

    def _through_rules(
        self, family: int, ingress: str, regions: _Regions, value: t.Callable[[Route], t.Any]
    ) -> Partition:
        """What the rules say, one after the other, where nothing is decided yet."""
        whole = Partition.constant(WIDTH[family])
        for rule, region in regions:
            if self.tables.is_empty(family, rule.table):
                continue
            table = self.tables.whole(family, rule.table)
            if region is not None:
                inside = Partition.of_intervals(WIDTH[family], region, True)
                table = combine(table, inside, lambda found, within: found if within else None)
            whole = combine(whole, table, _Filler(rule, family, ingress, value))
        return whole

    def _with_local(self, whole: Partition, family: int, here: Decision | None) -> Partition:
        """The partition with the stack's own addresses in front of every rule."""
        own = Partition.of_intervals(WIDTH[family], self.local_set[family], True)
        return whole if own.is_empty else combine(whole, own, lambda found, local: here if local else found)


class _Filler:
    """Fills in, where nothing is decided yet, what one rule's table says."""

    __slots__ = ("_cache", "family", "ingress", "rule", "value")

    def __init__(self, rule: Rule, family: int, ingress: str, value: t.Callable[[Route], t.Any]) -> None:
        self.rule = rule
        self.family = family
        self.ingress = ingress
        self.value = value
        self._cache: dict[Candidates, t.Any] = {}

    def __call__(self, decided: t.Any, found: Candidates | None) -> t.Any:
        if decided is not None or found is None:
            return decided
        if found not in self._cache:
            route = _winner(found, self.rule, family=self.family, ingress=self.ingress)
            self._cache[found] = None if route is None else self.value(route)
        return self._cache[found]


def _winner(found: Candidates | None, rule: Rule, *, family: int, ingress: str) -> Route | None:
    """The route that a rule yields; None where the next rule is asked.

    Only unicast results can be suppressed, and a throw route ends the table. Of equal IPv6 routes a received packet
    takes the one out of its ingress device (rt6_select, find_match).
    """
    if found is None:
        return None
    route = found.routes[0]
    if family == 6:
        route = next((one for one in found.routes if one.device == ingress and one.type == "unicast"), route)
    if route.type == "throw":
        return None
    limit = rule.suppress_prefixlength
    if limit is not None and route.type == "unicast" and found.length <= limit:
        return None
    return route


def _has_one_trie(stack: Stack) -> bool:
    """Whether a stack has no IPv4 rule yet, so that local and main are one: see _in_one_trie."""
    return not any(4 in rule.families for rule in stack.rules)


def _in_one_trie(route: Route) -> Route:
    """Until a stack gets its first IPv4 rule, local and main are one trie: local counts only among equal prefixes.

    fib_unmerge() in net/ipv4/fib_frontend.c, fib_insert_alias() in net/ipv4/fib_trie.c of the kernel. Routes that
    follow AllowedIPs are of both families, so the tables see to those.
    """
    if route.table != "local" or route.destination is None or route.destination.family != 4:
        return route
    return dataclasses.replace(route, table="main", metric={**route.metric, 4: route.metric[4] - LOCAL_FIRST})


def _is_taken(route: Route, stack: Stack) -> bool:
    """While IPv6 is disabled the kernel refuses IPv6 routes by a device (fib6_nh_init in net/ipv6/route.c)."""
    prefix = route.destination
    return stack.ipv6 or prefix is None or prefix.family == 4 or route.type != "unicast"


def _connected(device: str, prefix: Prefix, position: int) -> Route:
    return Route(
        destination=prefix,
        device=device,
        gateway=None,
        table="main",
        metric=CONNECTED_METRIC,
        type="unicast",
        position=position,
        origin="connected",
    )


def _local_numbers(stack: Stack, held: list[tuple[str, t.Any]], family: int) -> t.Iterator[int]:
    """Own addresses; while IPv6 is forwarded also the subnet-router anycast addresses (RFC 4291, 2.6.1)."""
    for _device, address in held:
        if address.family == family:
            yield address.number
            # addrconf_join_anycast: not for ::, which is no address.
            if family == 6 and stack.forwarding[6] and address.length <= 126 and address.prefix.network:
                yield address.prefix.network


def _ordered_rules(rules: tuple[Rule, ...], family: int) -> tuple[Rule, ...]:
    """The rules of a family by priority; the default ones come first among equals (IPv6 has none for ``default``)."""
    if not rules:
        return _DEFAULT_RULES[family]
    mine = [rule for rule in rules if family in rule.families]
    return tuple(sorted([*_DEFAULT_RULES[family], *mine], key=lambda rule: (rule.priority, rule.position)))
