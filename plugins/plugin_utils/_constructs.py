# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Constructs that are not modelled: which of them lie on the path of a packet that somebody means to send.

A construct lies on a path where the stack would treat a passing packet otherwise if the construct applied to it. So the
stack's routing is computed twice, as the model has it and as it would be with the construct for every packet, and
the two are compared for exactly the packets that the proof sees pass.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Prefix, parse_prefix
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._cryptokey import Cryptokey
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fib import LOOPBACK, Decision, Fib
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import (
    FAMILIES,
    OPAQUE,
    Interface,
    Route,
    Rule,
    StackId,
    Unmodelled,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model, StackModel
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import (
    EMPTY,
    Intervals,
    from_numbers,
    from_prefixes,
    intersect,
    subtract,
    union,
)

_EVERYTHING = ("0.0.0.0/0", "::/0")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OnPath:
    """A construct and one packet that it could treat otherwise. origin: the stack that sends it, if it is known."""

    construct: Unmodelled
    family: int
    source: int
    destination: int
    origin: StackId | None


class Watch:
    """Looks at what the proof's walks meet, until every construct is found on some path."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._pending: dict[StackId, list[Unmodelled]] = {}
        for construct in model.fleet.unmodelled:
            self._pending.setdefault(construct.stack, []).append(construct)
        self._with: dict[Unmodelled, Fib] = {}
        self._held: dict[tuple[tuple[int, ...], int, int], Intervals] = {}
        self._rest: dict[tuple[t.Any, ...], tuple[Intervals | None, Intervals]] = {}
        self.found: list[OnPath] = []

    @classmethod
    def of(cls, model: Model) -> Watch | None:
        """None where there is nothing to look for."""
        return cls(model) if model.fleet.unmodelled else None

    def passing(
        self,
        stack: StackId,
        family: int,
        sources: Intervals,
        destinations: Intervals,
        *,
        ingress: str,
        origin: StackId | None = None,
    ) -> None:
        """A rectangle of packets that a stack has to route."""
        for construct in tuple(self._pending.get(stack, ())):
            packet = self._touched(construct, family, sources, destinations, ingress)
            if packet is not None:
                self._pending[stack].remove(construct)
                self.found.append(
                    OnPath(construct=construct, family=family, source=packet[0], destination=packet[1], origin=origin)
                )

    def may_find(
        self, stack: StackId, family: int, destinations: Intervals, *, ingress: str, besides: Intervals = EMPTY
    ) -> bool:
        """Whether telling of packets to these destinations is of any use; for those who have to compute the rest.

        besides: those that are not meant. Stacks that are alike are best asked about the very same destinations.
        """
        return any(
            self._could_touch(construct, family, destinations, ingress=ingress, besides=besides)
            for construct in self._pending.get(stack, ())
        )

    def awaited(self, family: int, passing: t.Iterable[tuple[StackId, str, Intervals, Intervals]]) -> set[Unmodelled]:
        """The constructs that are not found yet and that some of these packets would find.

        passing: rectangles, each with a stack that has to route it and the ingress.
        """
        return {
            construct
            for stack, ingress, sources, destinations in passing
            for construct in self._pending.get(stack, ())
            if self._touched(construct, family, sources, destinations, ingress) is not None
        }

    def awaits(self, constructs: set[Unmodelled]) -> bool:
        """Whether any of these is still not found."""
        return any(construct in self._pending[construct.stack] for construct in constructs)

    def in_order(self) -> tuple[OnPath, ...]:
        """What was found, in document order."""
        order = {construct: index for index, construct in enumerate(self._model.fleet.unmodelled)}
        return tuple(sorted(self.found, key=lambda one: order[one.construct]))

    def _touched(
        self, construct: Unmodelled, family: int, sources: Intervals, destinations: Intervals, ingress: str
    ) -> tuple[int, int] | None:
        """One packet of the rectangle that the construct could treat otherwise."""
        stack = self._model.stacks[construct.stack]
        if construct.device is not None:
            return self._rewritten(stack, construct.device, family, sources, destinations, ingress)
        if construct.route is None and construct.rule is None:
            return sources[0], destinations[0]
        packet = self._difference(construct, family, sources, destinations, ingress=ingress)
        if packet is None and family == 4 and stack.stack.rp_filter.get(ingress, 0):
            packet = self._reverse_difference(construct, sources, destinations)
        return packet

    def _difference(
        self, construct: Unmodelled, family: int, sources: Intervals, destinations: Intervals, *, ingress: str
    ) -> tuple[int, int] | None:
        """A packet that the stack would route otherwise; only what a route could take is compared."""
        fib = self._model.stacks[construct.stack].fib
        if construct.route is not None:
            destinations = self._within_reach(construct.route, fib, family, destinations)
        if not destinations or (construct.rule is not None and self._yields_nothing(construct.rule, construct, family)):
            return None
        return _first_difference(fib, self._variant(construct), family, sources, destinations, ingress=ingress)

    def _could_touch(
        self, construct: Unmodelled, family: int, destinations: Intervals, *, ingress: str, besides: Intervals
    ) -> bool:
        stack = self._model.stacks[construct.stack]
        if construct.device is not None or (family == 4 and stack.stack.rp_filter.get(ingress, 0)):
            return True
        if construct.route is not None:
            return bool(subtract(self._within_reach(construct.route, stack.fib, family, destinations), besides))
        return construct.rule is None or not self._yields_nothing(construct.rule, construct, family)

    def _yields_nothing(self, rule: Rule, construct: Unmodelled, family: int) -> bool:
        """Whether the table that a construct's rule leads to is empty, and nothing but that table matters."""
        if family == 4 and any(route.table == "local" for route in self._model.stacks[construct.stack].stack.routes):
            # The first rule of a stack divides local from main.
            return False
        return family not in rule.families or self._variant(construct).tables.is_empty(family, rule.table)

    def _within_reach(self, route: Route, fib: Fib, family: int, destinations: Intervals) -> Intervals:
        """The destinations that a route could decide about: none that a longer prefix of its table takes from it."""
        prefix = route.destination
        if prefix is None or prefix.family != family:
            return EMPTY
        followers = self._following(fib, route.table, family)
        key = prefix, *(one.rows for one in followers)
        asked, rest = self._rest.get(key, (None, EMPTY))
        if asked is not destinations:
            # Stacks that are alike ask about the same destinations, one after the other.
            rest = intersect(destinations, from_prefixes([prefix]))
            for one in followers:
                rest = subtract(rest, self._longer(one, family, prefix.length))
            self._rest[key] = destinations, rest
        # What an interface leaves out of its rows is little, the rows are long.
        left_out = union(*(intersect(one.left_out(family), from_prefixes([prefix])) for one in followers))
        found = union(rest, intersect(destinations, left_out)) if left_out else rest
        return subtract(subtract(found, fib.local_set[family]), _longer_routes(fib, route, prefix)) if found else found

    def _following(self, fib: Fib, table: str, family: int) -> list[Cryptokey]:
        """The interfaces whose AllowedIPs are routes of a table."""
        devices = self._model.stacks[fib.stack.id].devices
        # Local may be one trie with main, where it comes first among equals only; nobody has it follow AllowedIPs.
        taken = table != "local" and (family == 4 or fib.stack.ipv6)
        return [
            self._model.cryptokey(devices[route.device])
            for route in fib.stack.routes
            if taken and route.destination is None and route.table == table and route.device in devices
        ]

    def _longer(self, cryptokey: Cryptokey, family: int, length: int) -> Intervals:
        """What longer prefixes of the rows of an interface hold; what it leaves out of them counts."""
        key = cryptokey.rows, family, length
        if key not in self._held:
            self._held[key] = union(*(row.longer_than(family, length) for row in cryptokey.shared_rows()))
        return self._held[key]

    def _reverse_difference(
        self, construct: Unmodelled, sources: Intervals, destinations: Intervals
    ) -> tuple[int, int] | None:
        """The same for the look-up of the reverse path filter, which turns the packet around."""
        fib, other = self._model.stacks[construct.stack].fib, self._variant(construct)
        named = {rule.ingress for rule in (*fib.rules[4], *other.rules[4]) if rule.ingress is not None}
        for ingress in sorted({LOOPBACK, *named}):
            packet = self._difference(construct, 4, destinations, sources, ingress=ingress)
            if packet is not None:
                return packet[1], packet[0]
        return None

    def _rewritten(
        self,
        stack: StackModel,
        device: str,
        family: int,
        sources: Intervals,
        destinations: Intervals,
        ingress: str,
    ) -> tuple[int, int] | None:
        """A packet that leaves by a device which replaces the source: the device's one address stays what it is.

        Nor does it matter where the packet leaves the fleet: an external peer is not followed, whatever it gets.
        """
        interface = stack.devices.get(device)
        own = [one.number for one in interface.addresses if one.family == family] if interface else []
        rewritten = subtract(sources, from_numbers(own)) if len(own) == 1 else sources
        for members, sample in stack.fib.source_classes(family) if rewritten else ():
            mine = intersect(rewritten, members)
            groups = stack.fib.split(family, sample, destinations, ingress=ingress) if mine else {}
            for decision, part in groups.items():
                if decision.kind == "unicast" and decision.device == device:
                    inside = self._to_the_fleet(interface, family, part)
                    if inside:
                        return mine[0], inside[0]
        return None

    def _to_the_fleet(self, interface: Interface | None, family: int, destinations: Intervals) -> Intervals:
        """Without what a device hands to external peers."""
        if interface is None:
            return destinations
        cryptokey = self._model.cryptokey(interface)
        external = [
            part
            for ident, part in cryptokey.split(family, destinations).items()
            if ident is not None and cryptokey.entries(ident)[-1].managed is False
        ]
        return subtract(destinations, union(*external)) if external else destinations

    def _variant(self, construct: Unmodelled) -> Fib:
        """The routing of a stack if the construct applied to every packet."""
        if construct not in self._with:
            stack = self._model.stacks[construct.stack]
            routes, rules = stack.stack.routes, stack.stack.rules
            if construct.route is not None:
                if construct.instead is None:
                    routes = (*routes, construct.route)
                else:
                    routes = tuple(construct.route if one is construct.instead else one for one in routes)
            if construct.rule is not None:
                rules = tuple(sorted((*rules, construct.rule), key=lambda one: one.position))
                routes = (*routes, *_OPAQUE_DEFAULTS)
            described = dataclasses.replace(stack.stack, routes=routes, rules=rules)
            tables = {name: self._model.cryptokey(interface) for name, interface in stack.devices.items()}
            self._with[construct] = Fib(described, list(stack.devices.values()), tables)
        return self._with[construct]


def _longer_routes(fib: Fib, route: Route, prefix: Prefix) -> Intervals:
    """The destinations of routes with longer prefixes in the table of a route."""
    listed = (one.destination for one in fib.routes if one.table == route.table and one.destination is not None)
    return from_prefixes(one for one in listed if one.family == prefix.family and one.length > prefix.length)


def _first_difference(
    one: Fib, other: Fib, family: int, sources: Intervals, destinations: Intervals, *, ingress: str
) -> tuple[int, int] | None:
    """A packet of the rectangle that the two treat differently."""
    for members, sample in one.source_classes(family):
        for inner, inner_sample in other.source_classes(family):
            mine = intersect(intersect(sources, members), inner)
            if not mine:
                continue
            before = _by_target(one.split(family, sample, destinations, ingress=ingress))
            after = _by_target(other.split(family, inner_sample, destinations, ingress=ingress))
            for target, part in after.items():
                changed = subtract(part, before.get(target, EMPTY))
                if changed:
                    return mine[0], changed[0]
    return None


def _by_target(groups: dict[Decision, Intervals]) -> dict[tuple[str, str | None], Intervals]:
    """Decisions of different tables compare by what they say."""
    found: dict[tuple[str, str | None], Intervals] = {}
    for decision, part in groups.items():
        key = decision.kind, decision.device
        found[key] = union(found.get(key, EMPTY), part)
    return found


_OPAQUE_DEFAULTS = tuple(
    Route(
        destination=parse_prefix(text),
        device=OPAQUE,
        gateway=None,
        table=OPAQUE,
        metric=dict.fromkeys(FAMILIES, 0),
        type="unicast",
        position=-1,
        origin="construct",
    )
    for text in _EVERYTHING
)
