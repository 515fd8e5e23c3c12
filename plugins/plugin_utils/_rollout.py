# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of hosts in which no lasting flow breaks meanwhile.

Hosts are applied one at a time, so a change of n hosts passes through n - 1 mixed states, of 2^n that there are. Each
state that is looked at is judged exactly, and few have to be:

- Bystanders cannot break anything. If only they change, any order will do.
- Whether the hosts of a group may go in any order is decided without all their 2^k states. Number the hosts; judge the
  states where those with bit i set are new, and those where they are old. Any two hosts then meet in all four
  combinations. If all these states are sound and no lasting flow ever meets three hosts of the group, every other
  state is sound as well: a flow that broke there would meet at most two hosts of the group, in a combination that was
  judged, and would have broken there. (A third host cannot come into play: up to it the flow does what it did in a
  judged state.) This does not hold for keys that change hands, which are never grouped.
- Relays are taken apart from that: with each combination of theirs the rest is judged.

The search tries groups first, then single hosts, and is complete for these: if it ends without an order, there is none.
It judges at most ``limit_for`` states and says so when that was not enough.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._bystanders import Bystanders
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._comparison import Comparison
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._interim import (
    Breakage,
    Hosts,
    Interim,
    LimitReached,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._mixture import Mixture

ANY, ORDER, NONE, UNKNOWN = "any", "order", "none", "unknown"

# With up to this many hosts all states are judged rather than pairs of hosts.
_ALL_STATES = 4
_MOST_STATES = 256
_LEAST_STATES = 24
# States times stacks: a state of a large fleet takes longer to judge.
_EFFORT = 40_000

_NOBODY: Hosts = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Hosts to apply before the next step, in any order. breakage: what breaks unless they change at once."""

    hosts: tuple[str, ...]
    breakage: Breakage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """verdict: any | order | none | unknown. evidence: what breaks in some other order. judged: states looked at."""

    verdict: str
    steps: tuple[Step, ...]
    evidence: Breakage | None = None
    judged: int = 0


def limit_for(stacks: int) -> int:
    """How many states are judged for a fleet of that size."""
    return min(_MOST_STATES, max(_LEAST_STATES, _EFFORT // max(1, stacks)))


def plan_rollout(comparison: Comparison, *, limit: int | None = None) -> Rollout:
    """The order of the changed hosts; those that are no part of any question come in the first step."""
    before, after = comparison.before.model.fleet, comparison.after.model.fleet
    mixture = Mixture(before, after)
    stacks = len(comparison.before.stacks | comparison.after.stacks)
    interim = Interim(comparison, mixture, limit=limit or limit_for(stacks))
    unsettled = _unsettled(interim, mixture)
    rest = tuple(sorted(mixture.changed - unsettled))
    if not unsettled:
        return Rollout(verdict=ANY, steps=_steps(sorted(mixture.changed)))
    search = _Search(interim, unsettled=unsettled, mixture=mixture)
    found = search.run()
    if found.verdict == ANY or not rest:
        steps = _steps(sorted(mixture.changed)) if found.verdict == ANY else found.steps
    else:
        steps = (*_steps(rest), *found.steps)
    return Rollout(verdict=found.verdict, steps=steps, evidence=found.evidence, judged=interim.judged)


def rollout_of(before: Fleet, after: Fleet) -> Rollout:
    """The rollout from one fleet to the other, planned once; the later one keeps it."""
    comparison = Comparison.of(before, after)
    memo: dict[Comparison, Rollout] = after.memo.setdefault("rollouts", {})
    if comparison not in memo:
        memo[comparison] = plan_rollout(comparison)
    return memo[comparison]


def _steps(hosts: Iterable[str]) -> tuple[Step, ...]:
    named = tuple(hosts)
    return (Step(hosts=named),) if named else ()


def _unsettled(interim: Interim, mixture: Mixture) -> Hosts:
    """The changed hosts without bystanders; hosts that join or leave are settled where all others are bystanders."""
    if not interim.lasting:
        return _NOBODY
    if _moving_keys(interim.comparison):
        return mixture.changed
    bystanders = Bystanders(interim.comparison, interim.lasting)
    coming_or_going = {name for name in mixture.changed if mixture.joins(name) or mixture.leaves(name)}
    others = {name for name in mixture.changed - coming_or_going if not bystanders.include(name)}
    return frozenset(others | coming_or_going) if others else _NOBODY


def _moving_keys(comparison: Comparison) -> bool:
    """Whether a key is another interface's before than after, or two have it."""
    holders: dict[str, tuple[str, str, str]] = {}
    for model in (comparison.before.model, comparison.after.model):
        for interface in model.interfaces:
            place = (interface.host, interface.namespace, interface.name)
            if interface.key is not None and holders.setdefault(interface.key, place) != place:
                return True
    return False


class _Search:
    """Looks for an order; evidence gathers what breaks in states that were found unsound."""

    def __init__(self, interim: Interim, *, unsettled: Hosts, mixture: Mixture) -> None:
        self._interim = interim
        self._all = unsettled
        self._relays = interim.comparison.relays
        self._mixture = mixture
        self._grouping = not _moving_keys(interim.comparison)
        self.evidence: Breakage | None = None

    def run(self) -> Rollout:
        exhausted = False
        try:
            if self._any_order(self._all, _NOBODY):
                return Rollout(verdict=ANY, steps=_steps(sorted(self._all)))
            order = self._order_of(self._groups())
            if order is None:
                order = self._order_of([frozenset((name,)) for name in sorted(self._all, key=self._rank)])
                exhausted = order is None
            if order is not None:
                steps = tuple(Step(hosts=tuple(sorted(group))) for group in order)
                return Rollout(verdict=ORDER, steps=steps, evidence=self.evidence)
        except LimitReached:
            pass
        verdict = NONE if exhausted else UNKNOWN
        return Rollout(verdict=verdict, steps=tuple(self._best()), evidence=self.evidence)

    def _rank(self, name: str) -> tuple[int, str]:
        """New hosts first, then relays, then the others, and last those that leave."""
        if self._mixture.joins(name):
            return 0, name
        if self._mixture.leaves(name):
            return 3, name
        return (1 if name in self._relays else 2), name

    def _groups(self) -> list[Hosts]:
        ranked: dict[tuple[int, str], set[str]] = {}
        for name in sorted(self._all, key=self._rank):
            rank, _name = self._rank(name)
            ranked.setdefault((rank, name if rank == 1 else ""), set()).add(name)
        return [frozenset(group) for group in ranked.values()]

    def _order_of(self, groups: list[Hosts]) -> list[Hosts] | None:
        """Depth first over sets of applied groups; None where every way that is open ends in an unsound state."""
        dead: set[Hosts] = set()

        def extend(applied: Hosts, left: list[Hosts]) -> list[Hosts] | None:
            if not left:
                return []
            for group in left:
                after = applied | group
                if after in dead or not self._any_order(group, applied):
                    continue
                if after != self._all and self._breaks(after):
                    continue
                rest = extend(after, [one for one in left if one is not group])
                if rest is not None:
                    return [group, *rest]
            dead.add(applied)
            return None

        return extend(_NOBODY, groups)

    def _breaks(self, applied: Hosts, group: Hosts = _NOBODY) -> bool:
        found = self._interim.judge(applied, group).breakage
        self.evidence = self.evidence or found
        return found is not None

    def _any_order(self, group: Hosts, applied: Hosts) -> bool:
        """Whether it is proved that all states on the way through a group are sound, whatever the order in it."""
        if len(group) == 1:
            return True
        relays = sorted(group & self._relays)
        others = sorted(group - self._relays)
        grouped = len(others) > _ALL_STATES
        if grouped and not self._grouping:
            return False
        ends = {applied, applied | group}
        states = (
            [
                applied | set(chosen) | part
                for chosen in _subsets(relays)
                for part in (_covering(others) if grouped else map(frozenset, _subsets(others)))
            ]
            if len(relays) <= _ALL_STATES
            else []
        )
        needed = [state for state in dict.fromkeys(states) if grouped or state not in ends]
        if not states or len(needed) > self._interim.left:
            return False
        for state in needed:
            if state not in (_NOBODY, self._all) and self._breaks(state, frozenset(others)):
                return False
            if grouped and self._interim.judge(state, frozenset(others)).crossing > 2:
                return False
        return True

    def _best(self) -> Iterator[Step]:
        """One host after the other while nothing breaks; else the smallest set that has to change together."""
        applied, left = _NOBODY, sorted(self._all, key=self._rank)
        try:
            while left:
                chosen, breakage = self._next(applied, left)
                yield Step(hosts=chosen, breakage=breakage)
                applied |= set(chosen)
                left = [name for name in left if name not in chosen]
        except LimitReached:
            yield Step(hosts=tuple(sorted(left)))

    def _next(self, applied: Hosts, left: list[str]) -> tuple[tuple[str, ...], Breakage | None]:
        """(the smallest set that may change now, what breaks while not all of it has). Raises LimitReached.

        left: not empty. All of them together are the whole change, so there is such a set.
        """
        first: Breakage | None = None
        for size in range(1, len(left) + 1):
            for chosen in itertools.combinations(left, size):
                state = applied | set(chosen)
                if state == self._all:
                    return chosen, first
                breakage = self._interim.judge(state).breakage
                if breakage is None:
                    return chosen, first if size > 1 else None
                first = first or breakage
        raise AssertionError("all hosts together are the whole change")


def _subsets(names: list[str]) -> Iterator[tuple[str, ...]]:
    return itertools.chain.from_iterable(itertools.combinations(names, size) for size in range(len(names) + 1))


def _covering(names: list[str]) -> Iterator[Hosts]:
    """Sets in and out of which any two names occur in all four combinations."""
    yield _NOBODY
    yield frozenset(names)
    for bit in range((len(names) - 1).bit_length()):
        chosen = frozenset(name for number, name in enumerate(names) if number >> bit & 1)
        yield chosen
        yield frozenset(names) - chosen
