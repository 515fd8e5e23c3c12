# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flows that do not arrive, gathered by what stops them: a hundred thousand with one cause stay one cause."""

from __future__ import annotations

import itertools
import typing as t
from dataclasses import dataclass, field

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import Intervals, union
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._walk import Blocked, Piece


class Example(t.NamedTuple):
    """One failing packet. first: what stops it first; the cause it stands for may be a later blocker."""

    source_stack: StackId
    destination_stack: StackId
    source: int
    destination: int
    first: Blocked


class Sender(t.NamedTuple):
    """A stack with what it owns in one network and family."""

    network: str
    family: int
    stack: StackId


@dataclass(slots=True, kw_only=True, eq=False)
class Cause:
    """Everything that one blocker stops, of one network and family. astray: mending it would help none of it.

    first_pairs: the pairs of stacks between which it stops something before anything else does.
    """

    network: str
    family: int
    blocked: Blocked
    example: Example
    astray: bool
    sources: list[Intervals] = field(default_factory=list)
    destinations: list[Intervals] = field(default_factory=list)
    first_pairs: set[tuple[StackId, StackId]] = field(default_factory=set)

    def all_destinations(self) -> Intervals:
        return union(*self.destinations)


# What a sender loses on its way to some owners, or to all of them: one for each way of setting out, in their order.
Look = t.Callable[[t.Sequence[StackId] | None], "list[Failures]"]


class Failures:
    """The failing intended flows by cause, and by pair for the question whether the way back works.

    pairs: (network, family, source, owner) with one failing packet, sender by sender in the order of the network; None
    until somebody asks for it, see ``examples``.
    """

    def __init__(self) -> None:
        self.causes: dict[tuple[str, int, Blocked], Cause] = {}
        self.pairs: dict[tuple[str, int, StackId, StackId], Example | None] = {}
        # Pairs of which more than one rectangle fails.
        self.several: set[tuple[str, int, StackId, StackId]] = set()
        self._looks: dict[Sender, Look] = {}
        self._walked: dict[Sender, dict[StackId, Example]] = {}

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
            cause.astray = cause.astray and astray
            cause.sources.append(piece.sources)
            cause.destinations.append(part)
            if blocked is blockers[0]:
                cause.first_pairs.add((source, to))
        if self.pairs.setdefault((network, family, source, to), example) is not example:
            self.several.add((network, family, source, to))

    def leave(self, sender: Sender, owners: t.Iterable[StackId], look: Look) -> None:
        """The owners that a sender does not reach, without a packet; look finds it."""
        for owner in owners:
            self.pairs.setdefault((*sender, owner), None)
        self._looks[sender] = look

    def include(self, cause: Cause) -> None:
        """More of a cause that is known."""
        known = self.causes[cause.network, cause.family, cause.blocked]
        known.astray = known.astray and cause.astray
        known.sources += cause.sources
        known.destinations += cause.destinations
        known.first_pairs |= cause.first_pairs

    def by_sender(self) -> t.Iterator[tuple[Sender, list[StackId]]]:
        """Every sender with the owners that it does not reach."""
        for key, found in itertools.groupby(self.pairs, key=lambda pair: pair[:3]):
            yield Sender(*key), [owner for _network, _family, _source, owner in found]

    def examples(self, sender: Sender, owners: t.Iterable[StackId]) -> dict[StackId, Example]:
        """A failing packet of a sender to each of the owners, in the order of its walk."""
        if sender in self._looks and sender not in self._walked:
            self._walked[sender] = {}
            for found in self._looks[sender](None):
                for (*_sender, owner), example in found.pairs.items():
                    self._walked[sender].setdefault(owner, t.cast("Example", example))
        if sender in self._walked:
            wanted = set(owners)
            return {owner: example for owner, example in self._walked[sender].items() if owner in wanted}
        return {owner: t.cast("Example", self.pairs[(*sender, owner)]) for owner in owners}

    def glances(self, sender: Sender, owners: t.Sequence[StackId]) -> dict[StackId, Example]:
        """The same in any order; with a walk to these owners alone, unless the others decide which packet is first."""
        if sender not in self._looks or sender in self._walked:
            return self.examples(sender, owners)
        seen: dict[StackId, Example] = {}
        wanted = set(owners)
        for found in self._looks[sender](owners):
            for key, example in found.pairs.items():
                # What they share with others is other owners' loss, too.
                if key[3] in wanted and key[3] not in seen:
                    if key in found.several:
                        return self.examples(sender, owners)
                    seen[key[3]] = t.cast("Example", example)
        return seen

    def __iter__(self) -> t.Iterator[Cause]:
        return iter(self.causes.values())
