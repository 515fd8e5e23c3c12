# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The intended flows: whatever one stack owns to whatever another stack of the same network owns, both ways.

A flow arrives when it is delivered to the owner's stack or leaves by a device of the owner that is not WireGuard.
Failing flows are gathered by what stops them, so that a hundred thousand of them with one cause stay one cause.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._classes import StackClass, classes_of
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._constructs import Watch
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fib import LOOPBACK
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import FAMILIES, StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ownership import NetworkOwnership, Owned, Ownership
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import (
    EMPTY,
    Intervals,
    covers,
    intersect,
    subtract,
    union,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._walk import ARRIVALS, Blocked, Piece, Walk


class Start(t.NamedTuple):
    """Sources of one stack that set out the same way."""

    ingress: str
    sources: Intervals


class Example(t.NamedTuple):
    """One failing packet. first: what stops it first; the cause it stands for may be a later blocker."""

    source_stack: StackId
    destination_stack: StackId
    source: int
    destination: int
    first: Blocked


@dataclass(slots=True, kw_only=True, eq=False)
class Cause:
    """Everything that one blocker stops, of one network and family. astray: mending it would help none of it."""

    network: str
    family: int
    blocked: Blocked
    example: Example
    astray: bool
    pairs: set[tuple[StackId, StackId]] = field(default_factory=set)
    sources: list[Intervals] = field(default_factory=list)
    destinations: list[Intervals] = field(default_factory=list)
    first_pairs: set[tuple[StackId, StackId]] = field(default_factory=set)

    def all_destinations(self) -> Intervals:
        return union(*self.destinations)


class Failures:
    """The failing intended flows by cause, and by pair for the question whether the way back works."""

    def __init__(self) -> None:
        self.causes: dict[tuple[str, int, Blocked], Cause] = {}
        self.pairs: dict[tuple[str, int, StackId, StackId], Example] = {}

    def add(self, network: str, family: int, piece: Piece, to: StackId, *, source: StackId, part: Intervals) -> None:
        """One failing rectangle towards one owner."""
        blockers = piece.blockers or (Blocked(piece.outcome, piece.place),)
        example = Example(source, to, piece.sources[0], part[0], blockers[0])
        # A way that ends in a circle behind its first blocker took a wrong turn: what else stops it there is no cause.
        astray = blockers[-1].outcome == "loop" and len(blockers) > 1
        for blocked in blockers[:1] if astray else blockers:
            cause = self.causes.get((network, family, blocked))
            if cause is None:
                cause = Cause(network=network, family=family, blocked=blocked, example=example, astray=True)
                self.causes[network, family, blocked] = cause
            cause.pairs.add((source, to))
            cause.astray = cause.astray and astray
            cause.sources.append(piece.sources)
            cause.destinations.append(part)
            if blocked is blockers[0]:
                cause.first_pairs.add((source, to))
        self.pairs.setdefault((network, family, source, to), example)

    def __iter__(self) -> t.Iterator[Cause]:
        return iter(self.causes.values())


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
                classes = {stack: one for one in classes_of(model, network, family, watch) for stack in one.members}
                model.alike[family].update((stack, next(iter(one.members))) for stack, one in classes.items())
                for stack, owned in network.stacks.items():
                    _walk_from(model, network, owned, family, failures, classes.get(stack), watch)
    failing = {(network, source, to) for network, _family, source, to in failures.pairs}
    return Flows(pairs=pairs, delivered=pairs - len(failing), families=tuple(sorted(families)), failures=failures)


def _count_pairs(network: NetworkOwnership) -> int:
    """Ordered pairs of stacks that both own something of one family."""
    has = {family: {one.stack for one in network.stacks.values() if one.both[family]} for family in FAMILIES}
    both = len(has[4] & has[6])
    four, six = len(has[4]), len(has[6])
    return four * (four - 1) + six * (six - 1) - both * (both - 1)


def _walk_from(
    model: Model,
    network: NetworkOwnership,
    owned: Owned,
    family: int,
    failures: Failures,
    alike: StackClass | None,
    watch: Watch | None,
) -> None:
    """Everything that one stack owns towards everything the others own, but for what its class has proved."""
    mine = owned.both[family]
    if watch is not None and alike is not None:
        everybodys = union(subtract(network.total[family], mine), network.contested[family])
        for start in starts(model, owned, family):
            watch.passing(owned.stack, family, start.sources, everybodys, ingress=start.ingress, origin=owned.stack)
    if alike is not None and sets_out(model, network, owned, family, alike):
        wanted = alike.left_for(owned.stack, mine)
        if not wanted:
            return
    else:
        wanted = union(subtract(network.total[family], mine), network.contested[family])
    walk = Walk(model, family, on_past_blockers=True, watch=watch)
    for start in starts(model, owned, family):
        for piece in walk.start(owned.stack, start.sources, wanted, ingress=start.ingress):
            for to, part in _failing(network, piece, family):
                if to != owned.stack:
                    failures.add(network.name, family, piece, to, source=owned.stack, part=part)


def sets_out(model: Model, network: NetworkOwnership, owned: Owned, family: int, alike: StackClass) -> bool:
    """Whether a member's packets get out of its own stack: one destination stands for all that are clear.

    What starts in the stack itself does, if the stack has no rules: a class is made of stacks that route whatever is
    listed into their device.
    """
    if not model.stacks[owned.stack].stack.rules and not subtract(owned.behind[family], owned.own[family]):
        return True
    clear = subtract(alike.clear, union(owned.both[family], *alike.exceptions.get(owned.stack, ())))
    if not clear:
        return False
    sample = (clear[0], clear[0] + 1)
    walk = Walk(model, family, on_past_blockers=True)
    return not any(
        list(_failing(network, piece, family))
        for start in starts(model, owned, family)
        for piece in walk.start(owned.stack, start.sources, sample, ingress=start.ingress)
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
