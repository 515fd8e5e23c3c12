# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stacks that are like no other, proved together: the members of a ring, of a tree, of any graph of links.

What a stack does with a packet depends on the destination and on the device it came in by, hardly ever on the source.
So the ways of everybody's packets to one destination grow together like the branches of a tree, and each stack on them
is looked at once instead of once per sender. Sources only meet checks, and a check lets a set of them pass: with a bit
per interval of sources that is one operation for all of them.

What certainly arrives is found here; the rest is left to the walks of the single senders, which say what stops it.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._atoms import atoms
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fib import LOOPBACK, Decision
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Interface, StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model, StackModel
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ownership import NetworkOwnership
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import (
    EMPTY,
    Intervals,
    intersect,
    subtract,
    union,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._spans import Spans
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._walk import reverse_path


class _Onward(t.NamedTuple):
    """One way out of a place. target: the next place, None where packets arrive. good: the sources that get through."""

    place: int
    target: int | None
    good: int


@dataclass(slots=True, kw_only=True, eq=False)
class _Place:
    """A stack and the device by which packets come in. setting_out: the sources whose packets start here."""

    number: int
    stack: StackModel
    ingress: str
    setting_out: int = 0
    arrived: Intervals = EMPTY
    onwards: dict[_Onward, list[Intervals]] = field(default_factory=dict)


class Forest:
    """What stacks of one network and family send to its owners, as far as it arrives.

    What several stacks own counts as not arrived, and so does what depends on the source within one interval of them.
    """

    def __init__(
        self,
        model: Model,
        network: NetworkOwnership,
        family: int,
        sources: dict[StackId, dict[str, Intervals]],
        *,
        beyond: bool = False,
    ) -> None:
        """sources: by stack and by the device through which they set out; disjoint.

        beyond: follow packets beyond what stops them, too, for those who ask what they pass.
        """
        self._beyond = beyond
        self._model = model
        self._network = network
        self._family = family
        self._spans = Spans((stack, part) for stack, parts in sources.items() for part in parts.values())
        self._everybody = union(*(part for parts in sources.values() for part in parts.values()))
        self._places: dict[tuple[StackId, str], _Place] = {}
        self._links: dict[tuple[Interface, str], tuple[Interface, int] | None] = {}
        self._checks: dict[tuple[StackId, str, str | None], int] = {}
        self._left: dict[StackId, list[Intervals]] = {}
        self._lost: list[Intervals] = []
        self._bits = {stack: self._spans.inside(union(*parts.values())) for stack, parts in sources.items()}
        self._spread(sources)
        self._follow()

    def __contains__(self, stack: StackId) -> bool:
        return stack in self._bits

    def left_for(self, stack: StackId) -> Intervals:
        """The destinations that some packet of a stack may not reach."""
        left = union(*self._left.get(stack, ()), self._network.contested[self._family])
        return subtract(left, self._owned(stack)) if left else EMPTY

    @property
    def lost(self) -> Intervals:
        """The destinations that some packet of somebody may not reach."""
        return union(*self._lost, self._network.contested[self._family])

    def count_left(self) -> int:
        """How many destinations are left, each counted for every stack that it is left for."""
        return sum(map(len, self._left.values()))

    def passing(self) -> t.Iterator[tuple[StackId, str, Intervals, Intervals]]:
        """What stacks may have to route at most: the ingress, sources and destinations."""
        for (stack, ingress), place in self._places.items():
            yield stack, ingress, self._everybody, place.arrived

    def _owned(self, stack: StackId) -> Intervals:
        owned = self._network.stacks.get(stack)
        return EMPTY if owned is None else owned.both[self._family]

    def _place(self, stack: StackId, ingress: str) -> _Place:
        found = self._places.get((stack, ingress))
        if found is None:
            found = _Place(number=len(self._places), stack=self._model.stacks[stack], ingress=ingress)
            self._places[stack, ingress] = found
        return found

    def _spread(self, sources: dict[StackId, dict[str, Intervals]]) -> None:
        """Find every place with the destinations that come in there, whoever sends them."""
        wanted = self._network.total[self._family]
        if not self._beyond:
            wanted = subtract(wanted, self._network.contested[self._family])
        news: dict[int, tuple[_Place, list[Intervals]]] = {}

        def tell(place: _Place, destinations: Intervals) -> None:
            new = subtract(destinations, place.arrived) if place.arrived else destinations
            if new:
                place.arrived = union(place.arrived, new)
                news.setdefault(place.number, (place, []))[1].append(new)

        for stack, parts in sources.items():
            for ingress, part in parts.items():
                place = self._place(stack, ingress)
                place.setting_out |= self._spans.inside(part)
                tell(place, subtract(wanted, self._owned(stack)))
        while news:
            told, news = news, {}
            for place, found in told.values():
                for target, good, destinations in self._leaving(place, union(*found)):
                    onward = _Onward(place.number, None if target is None else target.number, good)
                    place.onwards.setdefault(onward, []).append(destinations)
                    if target is not None:
                        tell(target, destinations)

    def _leaving(self, place: _Place, destinations: Intervals) -> t.Iterator[tuple[_Place | None, int, Intervals]]:
        """Where destinations go next from a place, and which sources get that far."""
        stack, family = place.stack, self._family
        received = place.ingress != LOOPBACK
        classes = stack.fib.source_classes(family)
        for members, sample in classes:
            alike = self._spans.all if len(classes) == 1 else self._spans.inside(members)
            if not alike and not self._beyond:
                continue
            for decision, part in stack.fib.split(family, sample, destinations, ingress=place.ingress).items():
                if decision.kind not in ("local", "unicast"):
                    continue
                passes = decision.kind == "local" or not received or stack.stack.forwarding[family]
                checked = alike & self._checked(place, decision) if passes else 0
                for target, good, rest in self._out(stack, decision, part) if checked or self._beyond else ():
                    if rest and (good & checked or self._beyond):
                        yield target, good & checked, rest

    def _out(
        self, stack: StackModel, decision: Decision, destinations: Intervals
    ) -> t.Iterator[tuple[_Place | None, int, Intervals]]:
        """By a device, over the links behind it, or up to the stack itself."""
        carrier = None if decision.kind == "local" else stack.devices.get(t.cast("str", decision.device))
        if carrier is None:
            yield None, self._spans.all, intersect(destinations, self._owned(stack.id))
            return
        for ident, part in self._model.cryptokey(carrier).split(self._family, destinations).items():
            link = None if ident is None else self._link(carrier, ident)
            if link is not None and (link[1] or self._beyond):
                yield self._place(link[0].stack, link[0].name), link[1], part

    def _link(self, carrier: Interface, ident: str) -> tuple[Interface, int] | None:
        """The interface behind a peer and the sources that it accepts from there; None where there is none."""
        if (carrier, ident) not in self._links:
            self._links[carrier, ident] = self._find_link(carrier, ident)
        return self._links[carrier, ident]

    def _find_link(self, carrier: Interface, ident: str) -> tuple[Interface, int] | None:
        target = self._model.target(carrier, ident)
        if target is None:
            return None
        entry = self._model.entry_of(target, carrier)
        # A name that two interfaces of a stack have is the first one's.
        if entry is None or self._model.stacks[target.stack].devices[target.name] is not target:
            return target, 0
        theirs = self._model.cryptokey(target)
        if not (self._model.cryptokey(carrier).knows_endpoint(ident) or theirs.knows_endpoint(entry)):
            return target, 0
        return target, self._spans.inside(theirs.accepted(self._family, entry))

    def _checked(self, place: _Place, decision: Decision) -> int:
        """The sources that a received packet may have: fib_validate_source, IPv4 only."""
        if place.ingress == LOOPBACK or self._family != 4:
            return self._spans.all
        egress = LOOPBACK if decision.kind == "local" else t.cast("str", decision.device)
        key = place.stack.id, place.ingress, egress
        if key not in self._checks:
            martian = self._spans.touching(place.stack.fib.local_set[4])
            self._checks[key] = self._expected(place, egress) & ~martian
        return self._checks[key]

    def _expected(self, place: _Place, egress: str) -> int:
        """The sources that the reverse path filter lets pass."""
        fib, mode = place.stack.fib, place.stack.stack.rp_filter.get(place.ingress, 0)
        if not mode:
            return self._spans.all
        if len(fib.source_classes(4)) > 1:
            # The reverse look-up's source is the destination, which decides then.
            return 0
        strict = mode == 1 or place.ingress not in fib.with_ipv4
        back = fib.split(4, fib.source_classes(4)[0][1], self._everybody, ingress=egress)
        return self._spans.inside(reverse_path(back, place.ingress if strict else None))

    def _follow(self) -> None:
        """Note who does not reach what."""
        tree = _Tree(self._places.values())
        for atom in atoms(self._network.owners[self._family], tree.ways):
            if len(atom.owners) > 1:
                continue
            missing = self._spans.all & ~self._bits.get(atom.owners[0], 0) & ~tree.arriving(atom.ways)
            if missing:
                self._lost.append(atom.destinations)
            for stack in self._spans.values(missing):
                self._left.setdefault(stack, []).append(atom.destinations)


class _Tree:
    """The ways of all packets to one destination, for one destination after the other."""

    def __init__(self, places: t.Iterable[_Place]) -> None:
        """ways: the number of an onward with its destinations."""
        self.ways: list[tuple[int, Intervals]] = []
        self._onwards: list[_Onward] = []
        self._setting_out: dict[int, int] = {}
        for place in places:
            if place.setting_out:
                self._setting_out[place.number] = place.setting_out
            for onward, parts in place.onwards.items():
                self.ways.append((len(self._onwards), union(*parts)))
                self._onwards.append(onward)
        # Nobody else's packets come in where these set out, so that nothing has to be waited for.
        targets = {onward.target for onward in self._onwards}
        self._leaves = {place: bits for place, bits in self._setting_out.items() if place not in targets}

    def arriving(self, ways: tuple[int, ...]) -> int:
        """The sources that reach the destination that these ways lead to."""
        arrived = 0
        entered: dict[int, int] = dict(self._setting_out)
        waiting: dict[int, int] = {}
        inner: dict[int, list[_Onward]] = {}
        leaves = self._leaves
        for way in ways:
            onward = self._onwards[way]
            place, target, good = onward
            if place in leaves:
                if target is None:
                    arrived |= leaves[place] & good
                else:
                    entered[target] = entered.get(target, 0) | leaves[place] & good
            else:
                inner.setdefault(place, []).append(onward)
                if target is not None:
                    waiting[target] = waiting.get(target, 0) + 1
        ready = [place for place in inner if place not in waiting]
        # What goes round is never ready, nor is anything behind it.
        while ready:
            place = ready.pop()
            bits = entered.get(place, 0)
            for _place, target, good in inner.get(place, ()):
                if target is None:
                    arrived |= bits & good
                    continue
                entered[target] = entered.get(target, 0) | bits & good
                waiting[target] -= 1
                if not waiting[target]:
                    ready.append(target)
        return arrived
