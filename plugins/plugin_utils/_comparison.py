# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which owned flows arrive in one fleet and not in the other, which arrive by another way, and which stay as they are.

Exact, and near-linear where stacks are alike: what the members of a class have in common is compared once, each
member only where it differs. Stacks that are in no class are compared one at a time, so that no two fleets' flows are
ever held at once.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import WIDTH
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import FAMILIES, Fleet, StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._partition import Partition, combine
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import (
    EMPTY,
    Intervals,
    covers,
    everything,
    intersect,
    subtract,
    union,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ways import (
    Arrival,
    ClassWays,
    Way,
    Ways,
    to_partition,
)

GAINED, LOST, REROUTED, KEPT = "gained", "lost", "rerouted", "kept"

_Pair = tuple[Way | None, Way | None]
_Cell = tuple[str, Way | None, Way | None, tuple[StackId, StackId] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowChange:
    """One thing that happens to flows of one family.

    sources: None for all that each stack owns. others: said of stacks that are alike, so not meant are the destinations
    that a stack owns itself, before or after, nor sources that it owns in one fleet only. before, after: the stacks
    between sender and receiver; None where the flow does not arrive. ends: the receivers. moved: the two receivers,
    where they differ.
    """

    kind: str
    family: int
    stacks: tuple[StackId, ...]
    sources: Intervals | None
    destinations: Intervals
    before: Way | None
    after: Way | None
    ends: frozenset[StackId]
    moved: tuple[StackId, StackId] | None
    others: bool

    def ends_in(self, *, later: bool) -> frozenset[StackId]:
        """The receivers before, or after."""
        return self.ends if self.moved is None else frozenset((self.moved[later],))


class Comparison:
    """The flows of two fleets side by side; computed when it is made."""

    def __init__(self, before: Fleet, after: Fleet) -> None:
        self.before = Ways.of(before)
        self.after = Ways.of(after)
        # The hosts that relay what arrives in both fleets, in either of them.
        self.relays: set[str] = set()
        self._collected: dict[t.Any, _Collected] = {}
        for family in FAMILIES:
            self._compare_family(family)
        found = [one.as_change(key) for key, one in self._collected.items()]
        self._collected.clear()
        changes = sorted(found, key=_order)
        self.changes = [one for one in changes if one.kind != KEPT]
        # What arrives in both fleets, whichever way: the flows that a change must not break meanwhile.
        self.lasting = [one for one in changes if one.kind in (KEPT, REROUTED)]

    @classmethod
    def of(cls, before: Fleet, after: Fleet) -> Comparison:
        """The comparison of two fleets, made once; the later one keeps it."""
        made: list[tuple[Fleet, Comparison]] = after.memo.setdefault("comparisons", [])
        for earlier, found in made:
            if earlier is before:
                return found
        made.append((before, cls(before, after)))
        return made[-1][1]

    def destinations_of(self, change: FlowChange, stack: StackId) -> Intervals:
        """Those of a change's destinations that are meant for one of its stacks."""
        if not change.others:
            return change.destinations
        own = union(self.before.owned(change.family, stack), self.after.owned(change.family, stack))
        return subtract(change.destinations, own)

    def sources_of(self, change: FlowChange, stack: StackId) -> Intervals:
        """The addresses of one of its stacks that a change is about."""
        if change.sources is not None:
            return change.sources
        had, has = self.before.owned(change.family, stack), self.after.owned(change.family, stack)
        if change.others:
            return intersect(had, has) if had and has else union(had, has)
        return {GAINED: has, LOST: had}.get(change.kind, intersect(had, has))

    def _compare_family(self, family: int) -> None:
        groups: dict[tuple[ClassWays | None, ClassWays | None], list[StackId]] = {}
        for stack in sorted(self.before.stacks | self.after.stacks):
            one, other = self.before.class_of(family, stack), self.after.class_of(family, stack)
            had, has = self.before.owned(family, stack), self.after.owned(family, stack)
            if (one or not had) and (other or not has) and (one or other):
                groups.setdefault((one, other), []).append(stack)
            elif had or has:
                self._compare_alone(family, stack, had, has)
        for (one, other), members in groups.items():
            _GroupComparison(self, family, one, other).add(members)

    def _compare_alone(self, family: int, stack: StackId, had: Intervals, has: Intervals) -> None:
        self.compare_stack(
            family,
            stack,
            sources=union(had, has),
            before=list(self.before.arrivals(family, stack)),
            after=list(self.after.arrivals(family, stack)),
        )

    def compare_stack(
        self, family: int, stack: StackId, *, sources: Intervals, before: list[Arrival], after: list[Arrival]
    ) -> None:
        """The flows of one stack from some sources, which are cut into sets that all go the same ways."""
        whole = union(self.before.owned(family, stack), self.after.owned(family, stack))
        found: dict[t.Any, list[Intervals]] = {}
        for atom in _atoms(sources, [*before, *after]):
            one, other = (
                to_partition(family, ((each.destinations, each.way) for each in side if intersect(each.sources, atom)))
                for side in (before, after)
            )
            for change in compare_ways(family, one, other, self.relays):
                found.setdefault(change, []).append(atom)
        for (cell, destinations, ends), atoms in found.items():
            named = union(*atoms)
            self.collect(family, (stack,), None if named == whole else named, cell, destinations, ends)

    def collect(
        self,
        family: int,
        stacks: tuple[StackId, ...],
        sources: Intervals | None,
        cell: _Cell,
        destinations: Intervals,
        ends: frozenset[StackId],
        *,
        others: bool = False,
    ) -> None:
        """The same change of other stacks joins it."""
        key = (cell, family, sources, destinations, ends, others)
        self._collected.setdefault(key, _Collected()).stacks.update(stacks)


class _Collected:
    def __init__(self) -> None:
        self.stacks: set[StackId] = set()

    def as_change(self, key: t.Any) -> FlowChange:
        (kind, before, after, moved), family, sources, destinations, ends, others = key
        return FlowChange(
            kind=kind,
            family=family,
            stacks=tuple(sorted(self.stacks)),
            sources=sources,
            destinations=destinations,
            before=before,
            after=after,
            ends=ends,
            moved=moved,
            others=others,
        )


class _GroupComparison:
    """Stacks that share their ways before with one class and after with one class; None: they own nothing there."""

    def __init__(self, whole: Comparison, family: int, one: ClassWays | None, other: ClassWays | None) -> None:
        self.whole = whole
        self.family = family
        self.one = one
        self.other = other
        nothing = Partition.constant(WIDTH[family])
        before, after = one.partition if one else nothing, other.partition if other else nothing
        self.cells = list(compare_ways(family, before, after, whole.relays))

    def add(self, members: list[StackId]) -> None:
        """Most of them do as the group does; a member's own matters are compared with its own walks."""
        plain: list[StackId] = []
        for stack in members:
            left = self._left(stack)
            if not any(intersect(destinations, left) for _cell, destinations, _ends in self.cells):
                plain.append(stack)
            else:
                self._collect((stack,), left)
            special = union(left, self._changing(stack)) if self.one and self.other else left
            if special:
                self._compare_special(stack, special)
            self._compare_sources(stack)
        self._collect(tuple(plain), EMPTY)

    def _collect(self, stacks: tuple[StackId, ...], special: Intervals) -> None:
        for cell, destinations, ends in self.cells if stacks else ():
            left = subtract(destinations, special)
            if left != destinations:
                ends = frozenset(end for end in ends if intersect(left, self._owned(end)))
            # Who owns all of it does not send it anywhere.
            senders = tuple(stack for stack in stacks if not covers(self._owned(stack), left))
            if senders:
                self.whole.collect(self.family, senders, None, cell, left, ends, others=True)

    def _left(self, stack: StackId) -> Intervals:
        """The destinations at which a member may differ from its group, but for its own."""
        sides = ((self.whole.before, self.one), (self.whole.after, self.other))
        return union(*(ways.left_for(self.family, stack) for ways, found in sides if found is not None))

    def _changing(self, stack: StackId) -> Intervals:
        """What the stack owns only before or only after."""
        had, has = self.whole.before.owned(self.family, stack), self.whole.after.owned(self.family, stack)
        return union(subtract(had, has), subtract(has, had))

    def _compare_special(self, stack: StackId, special: Intervals) -> None:
        before, after, family = self.whole.before, self.whole.after, self.family
        self.whole.compare_stack(
            family,
            stack,
            sources=self._lasting_sources(stack),
            before=list(before.arrivals(family, stack, special)),
            after=list(after.arrivals(family, stack, special)),
        )

    def _compare_sources(self, stack: StackId) -> None:
        """Addresses that the stack owns only before or only after."""
        before, after, family = self.whole.before, self.whole.after, self.family
        changing = self._changing(stack) if self.one and self.other else EMPTY
        if changing:
            self.whole.compare_stack(
                family,
                stack,
                sources=changing,
                before=list(before.arrivals(family, stack)),
                after=list(after.arrivals(family, stack)),
            )

    def _owned(self, stack: StackId) -> Intervals:
        return union(self.whole.before.owned(self.family, stack), self.whole.after.owned(self.family, stack))

    def _lasting_sources(self, stack: StackId) -> Intervals:
        had, has = self.whole.before.owned(self.family, stack), self.whole.after.owned(self.family, stack)
        return intersect(had, has) if self.one and self.other else union(had, has)


def compare_ways(
    family: int, one: Partition, other: Partition, relays: set[str]
) -> Iterator[tuple[_Cell, Intervals, frozenset[StackId]]]:
    """Two tables of ways, by what happens: the destinations of each, and where they arrive. relays: added to."""
    seen: dict[_Pair, _Pair] = {}
    both = combine(one, other, lambda before, after: seen.setdefault((before, after), (before, after)))
    found: dict[_Cell, tuple[list[Intervals], set[StackId]]] = {}
    for (before, after), destinations in both.split(everything(family)).items():
        if before is None and after is None:
            continue
        if before is not None and after is not None:
            relays.update(stack.host for way in (before, after) for stack in way[:-1])
        parts, ends = found.setdefault(_cell(before, after), ([], set()))
        parts.append(destinations)
        ends.update(way[-1] for way in (before, after) if way is not None)
    for cell, (parts, ends) in found.items():
        yield cell, union(*parts), frozenset(ends)


def _cell(before: Way | None, after: Way | None) -> _Cell:
    """What happens, without the receivers: a thousand of them that are reached alike are one change."""
    if before is None or after is None:
        kind = GAINED if before is None else LOST
        return kind, before and before[:-1], after and after[:-1], None
    if before == after:
        return KEPT, None, None, None
    moved = None if before[-1] == after[-1] else (before[-1], after[-1])
    return REROUTED, before[:-1], after[:-1], moved


def _atoms(sources: Intervals, arrivals: Iterable[Arrival]) -> list[Intervals]:
    """The sources cut so that each arrival has all or nothing of a part."""
    atoms = [sources]
    for cut in dict.fromkeys(found.sources for found in arrivals):
        if len(atoms) == 1 and cut == atoms[0]:
            continue
        atoms = [part for atom in atoms for part in (intersect(atom, cut), subtract(atom, cut)) if part]
    return atoms


def _order(change: FlowChange) -> tuple[t.Any, ...]:
    kinds = (LOST, REROUTED, GAINED, KEPT)
    return (
        kinds.index(change.kind),
        change.stacks,
        change.family,
        change.destinations,
        change.sources or (),
        change.before or (),
        change.after or (),
        change.moved or (),
    )
