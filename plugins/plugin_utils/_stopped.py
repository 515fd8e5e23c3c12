# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stops the packets of many senders, found for all of them together.

The ways of everybody's packets to one destination join (_forest.py), so whatever stops them stops them at the same
place for the same reason: it is found once per destination, with a bit for each sender. What depends on a part of a
sender's sources, and what goes round, is left to the walk of that sender to those destinations.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._atoms import Atom, atoms
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._hops import Hop, Hops
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ownership import NetworkOwnership
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import Intervals, union
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._walk import ARRIVALS, Blocked

_Owners = tuple[StackId, ...]


@dataclass(slots=True, kw_only=True, eq=False)
class Share:
    """All that one blocker stops. first: by owner of the destinations, the sources that nothing else has stopped."""

    sources: int = 0
    destinations: list[Intervals] = field(default_factory=list)
    first: dict[StackId, int] = field(default_factory=dict)


class _Note(t.NamedTuple):
    """What one hop stops of the packets to one destination."""

    blocked: Blocked
    owners: _Owners
    stopped: int
    first: int


class Stopped:
    """What senders of one network and family lose of their packets to some destinations.

    shares: by blocker; failing: by owner, the sources that do not reach it. unclear: what senders have to be walked to.
    """

    def __init__(
        self,
        model: Model,
        network: NetworkOwnership,
        family: int,
        *,
        sources: dict[StackId, dict[str, Intervals]],
        wanted: Intervals,
    ) -> None:
        """sources: by stack and by the device through which they set out; disjoint. wanted: the destinations."""
        hops = Hops(model, network, family, sources=sources, wanted=wanted)
        self.spans = hops.spans
        self.shares: dict[Blocked, Share] = {}
        self.failing: dict[StackId, int] = {}
        self.unclear: dict[StackId, list[Intervals]] = {}
        self._mine = {stack: self.spans.inside(union(*parts.values())) for stack, parts in sources.items()}
        self._stacks = [stop.stack.id for stop in hops.stops()]
        self._setting_out = {stop.number: stop.setting_out for stop in hops.stops() if stop.setting_out}
        self._hops: list[Hop] = []
        ways: list[tuple[int, Intervals]] = []
        for stop in hops.stops():
            for hop, parts in stop.hops.items():
                ways.append((len(self._hops), union(*parts)))
                self._hops.append(hop)
        for atom in atoms(network.owners[family], ways):
            if atom.ways:
                self._follow(atom)

    def bits(self, stack: StackId) -> int:
        """What stands for the sources of a sender."""
        return self._mine[stack]

    def lost_by(self, stack: StackId) -> list[StackId]:
        """The owners that a sender does not reach, but for what is unclear."""
        mine = self._mine[stack]
        return [owner for owner, bits in self.failing.items() if bits & mine]

    def stoppers(self, stack: StackId) -> t.Iterator[Blocked]:
        """What stops some packet of a sender, but for what is unclear."""
        mine = self._mine[stack]
        return (blocked for blocked, share in self.shares.items() if share.sources & mine)

    def _follow(self, atom: Atom) -> None:
        passage = _Passage(self._hops, atom, self._setting_out, self._stacks)
        own = 0
        for owner in atom.owners:
            own |= self._mine.get(owner, 0)
        passage.run(without=own)
        kept = ~0
        if passage.unclear:
            for stack in self.spans.values(passage.unclear):
                self.unclear.setdefault(stack, []).append(atom.destinations)
                kept &= ~self._mine[stack]
        for note in passage.notes:
            self._note(note, atom.destinations, kept)

    def _note(self, note: _Note, destinations: Intervals, kept: int) -> None:
        stopped = note.stopped & kept
        if not stopped:
            return
        share = self.shares.setdefault(note.blocked, Share())
        share.sources |= stopped
        share.destinations.append(destinations)
        for owner in note.owners:
            self.failing[owner] = self.failing.get(owner, 0) | stopped
            if note.first & kept:
                share.first[owner] = share.first.get(owner, 0) | note.first & kept


class _Passage:
    """The packets of all senders to one destination, place by place."""

    def __init__(self, hops: list[Hop], atom: Atom, setting_out: dict[int, int], stacks: list[StackId]) -> None:
        """stacks: by the number of a place."""
        self.notes: list[_Note] = []
        self.unclear = 0
        self._owners = atom.owners
        self._stacks = stacks
        self._setting_out = setting_out
        self._leaving: dict[int, list[Hop]] = {}
        self._waiting: dict[int, int] = {}
        for way in atom.ways:
            hop = hops[way]
            self._leaving.setdefault(hop.place, []).append(hop)
            if hop.target is not None:
                self._waiting[hop.target] = self._waiting.get(hop.target, 0) + 1

    def run(self, *, without: int) -> None:
        """without: the owners' own sources."""
        entered = {place: bits & ~without for place, bits in self._setting_out.items() if place in self._leaving}
        free = dict(entered)
        ready = [place for place in self._leaving if place not in self._waiting]
        while ready:
            place = ready.pop()
            here, fresh = entered.get(place, 0), free.get(place, 0)
            for hop in self._leaving.get(place, ()):
                left = self._pass(hop, here, fresh)
                target = hop.target
                if target is not None:
                    entered[target] = entered.get(target, 0) | here & hop.sources
                    free[target] = free.get(target, 0) | left
                    self._waiting[target] -= 1
                    if not self._waiting[target]:
                        ready.append(target)
        for place, count in self._waiting.items():
            # What goes round is never ready, nor is anything behind it.
            if count:
                self.unclear |= entered.get(place, 0)

    def _pass(self, hop: Hop, here: int, fresh: int) -> int:
        """Note what a hop stops; returns what nothing has stopped so far."""
        going = here & hop.sources
        self.unclear |= here & hop.doubtful
        if not going:
            return 0
        left = fresh & hop.sources
        for block in hop.blocks:
            if going & block.stopped:
                self._add(block.blocked, going & block.stopped, left & block.stopped)
                left &= ~block.stopped
        if hop.end is None:
            return left
        if hop.end.outcome not in ARRIVALS:
            self._add(hop.end, going, left)
        elif left and self._owners != (self._stacks[hop.place],):
            astray = tuple(owner for owner in self._owners if owner != self._stacks[hop.place])
            self.notes.append(_Note(hop.end, astray, left, left))
        return 0

    def _add(self, blocked: Blocked, stopped: int, first: int) -> None:
        self.notes.append(_Note(blocked, self._owners, stopped, first))
