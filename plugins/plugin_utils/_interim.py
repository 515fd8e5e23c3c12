# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the lasting flows arrive while only some of the hosts are as they are to be; exact, by walking that fleet."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from functools import cached_property

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._comparison import Comparison, FlowChange
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import FAMILIES, StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._flows import starts
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._handed import answers, handed_to, left_by_exit
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lasting_intents import lasting_intents, nobodys
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._mixture import Mixture
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import (
    Intervals,
    intersect,
    subtract,
    union,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._walk import ARRIVALS, Blocked, Context, Piece, Walk
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ways import ClassWays, Ways

Hosts = frozenset[str]


class LimitReached(Exception):
    """No more states are judged; whoever asked must not claim anything about them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakage:
    """Flows that do not arrive in a state, and one packet of them."""

    stacks: frozenset[StackId]
    family: int
    destinations: Intervals
    source_stack: StackId
    source: int
    destination: int
    blocked: Blocked


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One state. crossing: the most hosts of the group in question that a lasting flow meets on its way."""

    breakage: Breakage | None
    crossing: int


class Interim:
    """Judges the states between two fleets, no more than ``limit`` of them; the two fleets themselves are sound."""

    def __init__(self, comparison: Comparison, mixture: Mixture, *, limit: int) -> None:
        self.comparison = comparison
        self.lasting = [*comparison.lasting, *lasting_intents(comparison)]
        self.nobodys = {family: nobodys(comparison, family) for family in FAMILIES}
        self._mixture = mixture
        self._limit = limit
        self._known: dict[tuple[Hosts, Hosts], Verdict] = {}
        self._judged: set[Hosts] = set()

    @cached_property
    def unanswered(self) -> frozenset[tuple[int, StackId]]:
        """The senders, by family, to whom an external exit's answers do not come back whole before or after."""
        states = (_State(self, ways, frozenset()) for ways in (self.comparison.before, self.comparison.after))
        return frozenset((one.family, sender) for state in states for sender, one in state.judged().lost_answers)

    @property
    def judged(self) -> int:
        """How many states have been looked at."""
        return len(self._judged)

    @property
    def left(self) -> int:
        return self._limit - len(self._judged)

    def judge(self, applied: Hosts, group: Hosts = frozenset()) -> Verdict:
        """applied: the hosts that are as they are to be. Raises LimitReached."""
        key = (applied, group)
        if key not in self._known:
            if applied not in self._judged and not self.left:
                raise LimitReached
            self._judged.add(applied)
            self._known[key] = _State(self, Ways.of(self._mixture.fleet(applied)), group).verdict()
        return self._known[key]


class _State:
    """One state under judgement."""

    def __init__(self, interim: Interim, ways: Ways, group: Hosts) -> None:
        self.interim = interim
        self.comparison = interim.comparison
        self.ways = ways
        self.group = group
        self.crossing = 0
        self.broken: list[Breakage] = []
        self.lost_answers: list[tuple[StackId, Breakage]] = []

    def verdict(self) -> Verdict:
        """Answers of external exits only matter where the packets get there."""
        self.judged()
        broken = self.broken
        if not broken and self.lost_answers:
            known = self.interim.unanswered
            broken = [one for sender, one in self.lost_answers if (one.family, sender) not in known]
        return Verdict(breakage=_together(broken), crossing=self.crossing)

    def judged(self) -> _State:
        for change in self.interim.lasting:
            classes: dict[ClassWays, Intervals] = {}
            for stack in change.stacks:
                found = self.ways.class_of(change.family, stack)
                if found is None:
                    self._walk(change, stack, self.comparison.destinations_of(change, stack))
                    continue
                if found not in classes:
                    classes[found] = subtract(change.destinations, found.found.clear)
                    self._cross(found, change)
                self._member(change, stack, classes[found])
        return self

    def _cross(self, found: ClassWays, change: FlowChange) -> None:
        """What the members of a class have in common of their ways."""
        for destinations, way in found.arrivals:
            hosts = {stack.host for stack in way} & self.group
            if len(hosts) >= self.crossing and intersect(destinations, change.destinations):
                senders = any(stack.host in self.group and stack.host not in hosts for stack in change.stacks)
                self.crossing = max(self.crossing, len(hosts) + senders)

    def _member(self, change: FlowChange, stack: StackId, unclear: Intervals) -> None:
        left = self.ways.left_for(change.family, stack)
        single = union(unclear, intersect(left, change.destinations)) if left else unclear
        if single:
            meant = intersect(single, self.comparison.destinations_of(change, stack))
            self._walk(change, stack, meant)

    def _walk(self, change: FlowChange, stack: StackId, destinations: Intervals) -> None:
        """A single stack's flows."""
        left = self.comparison.sources_of(change, stack)
        for owned in self.ways.ownership.anywhere(stack):
            for start in starts(self.ways.model, owned, change.family):
                sources = intersect(start.sources, left)
                left = subtract(left, sources)
                walk = Walk(self.ways.model, change.family)
                for piece in walk.start(stack, sources, destinations, ingress=start.ingress):
                    self._piece(change, stack, piece)

    def _piece(self, change: FlowChange, stack: StackId, piece: Piece) -> None:
        self._count(_hosts(piece.context))
        missed = piece.destinations
        if piece.outcome in ARRIVALS and piece.place.stack != stack:
            missed = subtract(missed, self.ways.owned(change.family, piece.place.stack))
            missed = subtract(missed, self.interim.nobodys[change.family])
        elif left_by_exit(self.ways.model, piece, change.family):
            missed = subtract(missed, self.interim.nobodys[change.family])
            self._answered(stack, piece, change.family)
        if missed:
            self.broken.append(_breakage(stack, piece, change.family, missed))

    def _answered(self, sender: StackId, sent: Piece, family: int) -> None:
        """What an external exit may send back has to be let in and to find the sender."""
        handed = handed_to(self.ways.model, sent, family)
        for stack, piece in answers(Walk(self.ways.model, family), [handed] if handed else ()):
            self._count(_hosts(sent.context) | _hosts(piece.context))
            if piece.outcome not in ARRIVALS or piece.place.stack != sender:
                self.lost_answers.append((sender, _breakage(stack, piece, family, piece.destinations)))

    def _count(self, hosts: Hosts) -> None:
        self.crossing = max(self.crossing, len(hosts & self.group))


def _hosts(context: Context) -> Hosts:
    """Those on the way."""
    hosts, place = set(), t.cast("Context | None", context)
    while place is not None:
        hosts.add(place.stack.host)
        place = place.parent
    return frozenset(hosts)


def _breakage(stack: StackId, piece: Piece, family: int, missed: Intervals) -> Breakage:
    """stack: that the piece sets out from."""
    return Breakage(
        stacks=frozenset((stack,)),
        family=family,
        destinations=missed,
        source_stack=stack,
        source=piece.sources[0],
        destination=missed[0],
        blocked=Blocked(piece.outcome, piece.place),
    )


def _together(broken: list[Breakage]) -> Breakage | None:
    """The first breakage with all that break with it, of its family."""
    if not broken:
        return None
    first = min(broken, key=lambda one: (one.source_stack, one.family, one.source, one.destination))
    same = [one for one in broken if one.family == first.family]
    return Breakage(
        stacks=frozenset().union(*(one.stacks for one in same)),
        family=first.family,
        destinations=union(*(one.destinations for one in same)),
        source_stack=first.source_stack,
        source=first.source,
        destination=first.destination,
        blocked=first.blocked,
    )
