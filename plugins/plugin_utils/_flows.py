# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The intended flows: whatever one stack owns to whatever another stack of the same network owns, both ways.

A flow arrives when it is delivered to the owner's stack or leaves by a device of the owner that is not WireGuard.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._classes import StackClass, classes_of
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._constructs import Watch
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._failures import Failures
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fib import LOOPBACK
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import FAMILIES, StackId, Unmodelled
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._forest import Forest
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lost_flows import LostFlows
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ownership import NetworkOwnership, Owned, Ownership
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import (
    EMPTY,
    Intervals,
    covers,
    first_outside,
    intersect,
    subtract,
    union,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._stopped import Stopped
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._walk import ARRIVALS, Piece, Walk

# From so many senders on, looking at all of them together costs less than a walk from each.
TOGETHER_FROM = 2
# From so many destinations that senders do not reach on, finding out together what stops them costs less than walks do.
LOST_TOGETHER_FROM = 2000


class Start(t.NamedTuple):
    """Sources of one stack that set out the same way."""

    ingress: str
    sources: Intervals


@dataclass(frozen=True, slots=True, kw_only=True)
class Flows:
    """The tally. pairs: ordered pairs of stacks per network; delivered: those where every address arrives."""

    pairs: int
    delivered: int
    families: tuple[int, ...]
    failures: Failures


def intended_flows(model: Model, ownership: Ownership, *, watch: Watch | None = None) -> Flows:
    """Walk every intended flow of every network. watch: is told of every stack that they pass."""
    failures = Failures()
    pairs = 0
    families: set[int] = set()
    for network in ownership.networks.values():
        counts = {family: sum(bool(one.both[family]) for one in network.stacks.values()) for family in FAMILIES}
        families.update(family for family, count in counts.items() if count > 1)
        pairs += _count_pairs(network)
        for family in FAMILIES:
            if counts[family] > 1:
                _Walks(model, network, family, failures=failures, watch=watch).run()
    failing = {(network, source, to) for network, _family, source, to in failures.pairs}
    return Flows(pairs=pairs, delivered=pairs - len(failing), families=tuple(sorted(families)), failures=failures)


def _count_pairs(network: NetworkOwnership) -> int:
    """Ordered pairs of stacks that both own something of one family."""
    has = {family: {one.stack for one in network.stacks.values() if one.both[family]} for family in FAMILIES}
    both = len(has[4] & has[6])
    four, six = len(has[4]), len(has[6])
    return four * (four - 1) + six * (six - 1) - both * (both - 1)


class _Walks:
    """The flows of one network and family: most are proved together, and the rest is walked, sender by sender."""

    def __init__(
        self, model: Model, network: NetworkOwnership, family: int, *, failures: Failures, watch: Watch | None
    ) -> None:
        self._model = model
        self._network = network
        self._family = family
        self._failures = failures
        self._watch = watch

    def run(self) -> None:
        """Note what fails."""
        found = classes_of(self._model, self._network, self._family, self._watch)
        self._model.alike[self._family].update(
            (stack, next(iter(one.members))) for one in found for stack in one.members
        )
        classes = {stack: one for one in found for stack in one.members}
        # A class of which nothing is clear saves nothing.
        useful = {stack for stack, one in classes.items() if one.clear}
        forest = self._forest([owned for stack, owned in self._network.stacks.items() if stack not in useful])
        awaited = self._awaited(forest)
        lost = None if forest is None else self._lost(forest)
        for stack, owned in self._network.stacks.items():
            alike = classes.get(stack)
            if alike is not None:
                self._tell(owned)
            if stack in useful and alike is not None:
                self._walk_from_class(owned, alike)
            elif forest is None or stack not in forest or (self._watch is not None and self._watch.awaits(awaited)):
                self._walk(owned, self._everybodys(owned))
            elif lost is not None:
                self._walk(owned, lost.take(owned))
            else:
                self._walk(owned, forest.left_for(stack))
        if lost is not None:
            lost.settle()

    def _everybodys(self, owned: Owned) -> Intervals:
        """What others own, too."""
        return union(subtract(self._network.total[self._family], owned.both[self._family]), self._contested)

    @property
    def _contested(self) -> Intervals:
        return self._network.contested[self._family]

    def _forest(self, senders: list[Owned]) -> Forest | None:
        """Those who own something that is nobody else's, together."""
        family = self._family
        sources = self._sources(
            owned for owned in senders if owned.both[family] and not intersect(owned.both[family], self._contested)
        )
        if len(sources) < TOGETHER_FROM:
            return None
        return Forest(self._model, self._network, family, sources, beyond=self._watch is not None)

    def _sources(self, senders: t.Iterable[Owned]) -> dict[StackId, dict[str, Intervals]]:
        """By stack and by the device through which they set out."""
        return {
            owned.stack: {start.ingress: start.sources for start in starts(self._model, owned, self._family)}
            for owned in senders
        }

    def _lost(self, forest: Forest) -> LostFlows | None:
        """What the senders of a forest lose, where that is much."""
        if forest.count_left() < LOST_TOGETHER_FROM:
            return None
        network, family = self._network, self._family
        senders = self._sources(
            owned for stack, owned in network.stacks.items() if stack in forest and forest.left_for(stack)
        )
        stopped = Stopped(self._model, network, family, sources=senders, wanted=forest.lost)
        return LostFlows(self._failures, network, family, forest=forest, stopped=stopped, walk=self._walk_by_start)

    def _awaited(self, forest: Forest | None) -> set[Unmodelled]:
        """The constructs that a walk could find instead of the forest, which tells of none."""
        if self._watch is None or forest is None:
            return set()
        return self._watch.awaited(self._family, forest.passing())

    def _tell(self, owned: Owned) -> None:
        """What a member of a class sends passes its own stack."""
        watch, stack, family = self._watch, owned.stack, self._family
        if watch is None:
            return
        total, mine = self._network.total[family], subtract(owned.both[family], self._contested)
        for start in starts(self._model, owned, family):
            if watch.may_find(stack, family, total, ingress=start.ingress, besides=mine):
                wanted = self._everybodys(owned)
                watch.passing(stack, family, start.sources, wanted, ingress=start.ingress, origin=stack)

    def _walk_from_class(self, owned: Owned, alike: StackClass) -> None:
        """What a class has not proved for one of its members."""
        if sets_out(self._model, self._network, owned, self._family, alike):
            self._walk(owned, alike.left_for(owned.stack, owned.both[self._family]))
        else:
            self._walk(owned, self._everybodys(owned))

    def _walk(self, owned: Owned, wanted: Intervals) -> None:
        """Everything that one stack owns towards some of what the others own."""
        if not wanted:
            return
        walk = Walk(self._model, self._family, on_past_blockers=True, watch=self._watch)
        for start in starts(self._model, owned, self._family):
            self._set_out(walk, owned.stack, start, wanted, self._failures)

    def _walk_by_start(self, owned: Owned, wanted: Intervals) -> list[Failures]:
        """The same by itself, for each way of setting out, and without anybody who watches."""
        walk = Walk(self._model, self._family, on_past_blockers=True)
        found = []
        for start in starts(self._model, owned, self._family) if wanted else ():
            found.append(Failures())
            self._set_out(walk, owned.stack, start, wanted, found[-1])
        return found

    def _set_out(self, walk: Walk, stack: StackId, start: Start, wanted: Intervals, failures: Failures) -> None:
        for piece in walk.start(stack, start.sources, wanted, ingress=start.ingress):
            for to, part in _failing(self._network, piece, self._family):
                if to != stack:
                    failures.add(self._network.name, self._family, piece, to, source=stack, part=part)


def sets_out(model: Model, network: NetworkOwnership, owned: Owned, family: int, alike: StackClass) -> bool:
    """Whether a member's packets get out of its own stack: one destination stands for all that are clear.

    What starts in the stack itself does, if the stack has no rules: a class is made of stacks that route whatever is
    listed into their device.
    """
    if not model.stacks[owned.stack].stack.rules and not subtract(owned.behind[family], owned.own[family]):
        return True
    sample = first_outside(alike.clear, union(owned.both[family], *alike.exceptions.get(owned.stack, ())))
    if sample is None:
        return False
    walk = Walk(model, family, on_past_blockers=True)
    return not any(
        list(_failing(network, piece, family))
        for start in starts(model, owned, family)
        for piece in walk.start(owned.stack, start.sources, (sample, sample + 1), ingress=start.ingress)
    )


def _failing(network: NetworkOwnership, piece: Piece, family: int) -> t.Iterator[tuple[StackId, Intervals]]:
    """The owners that a piece should have reached and did not, each with the addresses concerned."""
    missed = piece.destinations
    if piece.outcome in ARRIVALS and not piece.blockers:
        reached = network.stacks.get(piece.place.stack)
        theirs = EMPTY if reached is None else reached.both[family]
        contested = intersect(missed, network.contested[family]) if network.contested[family] else EMPTY
        if not contested and covers(theirs, missed):
            return
        missed = union(subtract(missed, theirs), contested)
    for owners, part in network.owners[family].split(missed).items():
        for to in owners or ():
            if to != piece.place.stack or piece.outcome not in ARRIVALS or piece.blockers:
                yield to, part


def starts(model: Model, owned: Owned, family: int) -> list[Start]:
    """How the sources of a stack set out: its own addresses from inside, a LAN's by the device that leads there."""
    inside = owned.own[family]
    result: dict[str, Intervals] = {LOOPBACK: inside}
    behind = subtract(owned.behind[family], inside)
    if behind:
        stack = model.stacks[owned.stack]
        for decision, part in stack.fib.split(family, inside[0] if inside else 0, behind).items():
            outside = decision.kind == "unicast" and decision.device not in stack.devices
            ingress = t.cast("str", decision.device) if outside else LOOPBACK
            result[ingress] = union(result.get(ingress, EMPTY), part)
    return [Start(ingress, sources) for ingress, sources in result.items() if sources]
