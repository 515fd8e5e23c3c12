# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of the owned flows arrive, and by which stacks: what is compared when two fleets are.

A flow is a packet from an address that a stack owns to one that another stack of the same network owns. Its way is the
stacks behind the sender, the last of them the owner where it arrives. Members of a class share one table of ways, so
that the members of a mesh are not walked pair by pair.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import WIDTH
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._classes import StackClass, classes_of
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Fleet, StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._flows import sets_out, starts
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ownership import NetworkOwnership, Ownership
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._partition import Partition
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import (
    EMPTY,
    Intervals,
    intersect,
    pairs,
    subtract,
    union,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._walk import ARRIVALS, Context, Piece, Walk

Way = tuple[StackId, ...]


class Arrival(t.NamedTuple):
    """A rectangle that arrives, and its way."""

    sources: Intervals
    destinations: Intervals
    way: Way


@dataclass(slots=True, kw_only=True, eq=False)
class ClassWays:
    """The ways of a class. unclear: the network's destinations that each member is walked to by itself."""

    network: NetworkOwnership
    found: StackClass
    unclear: Intervals
    arrivals: list[tuple[Intervals, Way]] = field(default_factory=list)
    partition: Partition

    def left_for(self, stack: StackId, own: Intervals, contested: Intervals) -> Intervals:
        """The destinations that a member has to be walked to by itself."""
        exceptions = self.found.exceptions.get(stack, ())
        if not self.unclear and not exceptions:
            return EMPTY
        return subtract(union(self.unclear, *exceptions), subtract(own, contested))


class Ways:
    """The flows of one fleet that arrive; one per fleet, kept in its memo."""

    def __init__(self, fleet: Fleet) -> None:
        self.model = Model.of(fleet)
        self.ownership = Ownership.of(self.model)
        self._classes: dict[int, dict[StackId, ClassWays]] = {}
        self._owned: dict[tuple[int, StackId], Intervals] = {}
        self._interned: dict[Way, Way] = {}

    @classmethod
    def of(cls, fleet: Fleet) -> Ways:
        """The ways of a fleet, found once."""
        if "ways" not in fleet.memo:
            fleet.memo["ways"] = cls(fleet)
        found: Ways = fleet.memo["ways"]
        return found

    @property
    def stacks(self) -> set[StackId]:
        """Every stack that is in a network."""
        return {stack for network in self.ownership.networks.values() for stack in network.stacks}

    def owned(self, family: int, stack: StackId) -> Intervals:
        """What a stack owns in any of its networks."""
        found = self._owned.get((family, stack))
        if found is None:
            found = union(*(owned.everything(family) for owned in self.ownership.anywhere(stack)))
            self._owned[family, stack] = found
        return found

    def class_of(self, family: int, stack: StackId) -> ClassWays | None:
        """The class that the stack's packets share their ways with, but for what ``left_for`` says."""
        if family not in self._classes:
            self._classes[family] = {}
            for network in self.ownership.networks.values():
                for one in classes_of(self.model, network, family):
                    self._add_class(network, one, family)
        return self._classes[family].get(stack)

    def left_for(self, family: int, stack: StackId) -> Intervals:
        """The destinations that a member of a class is walked to by itself."""
        found = self.class_of(family, stack)
        if found is None:
            raise LookupError(f"{stack} is in no class")
        return found.left_for(stack, self.owned(family, stack), found.network.contested[family])

    def arrivals(self, family: int, stack: StackId, within: Intervals | None = None) -> t.Iterator[Arrival]:
        """Every flow of one stack that arrives, or those to some destinations."""
        found = self.class_of(family, stack)
        if found is None:
            yield from self.walked(family, stack, within)
            return
        own, left = self.owned(family, stack), self.left_for(family, stack)
        for destinations, way in found.arrivals:
            part = subtract(subtract(destinations, own), left)
            part = part if within is None else intersect(part, within)
            if part:
                yield Arrival(own, part, way)
        yield from self.walked(family, stack, left if within is None else intersect(left, within))

    def walked(self, family: int, stack: StackId, within: Intervals | None = None) -> t.Iterator[Arrival]:
        """The same without the help of a class."""
        if within is not None and not within:
            return
        for network in self.ownership.networks.values():
            owned = network.stacks.get(stack)
            if owned is None or not owned.everything(family):
                continue
            wanted = union(subtract(network.total[family], owned.everything(family)), network.contested[family])
            wanted = wanted if within is None else intersect(wanted, within)
            for start in starts(self.model, owned, family) if wanted else ():
                for piece in Walk(self.model, family).start(stack, start.sources, wanted, ingress=start.ingress):
                    part = arrived(network, piece, family)
                    if part and piece.place.stack != stack:
                        yield Arrival(piece.sources, part, self._way(piece.context))

    def _add_class(self, network: NetworkOwnership, found: StackClass, family: int) -> None:
        """One member's walk shows the way of all; what is its own, another one's walk does."""
        wanted, todo = union(network.total[family], network.contested[family]), found.clear
        setting_out = [
            stack
            for stack in found.members
            # What is dead is so whatever becomes of a packet at home.
            if not found.clear or sets_out(self.model, network, network.stacks[stack], family, found)
        ]
        arrivals: dict[Way, list[Intervals]] = {}
        for stack in setting_out:
            if not todo:
                break
            own = self.owned(family, stack)
            asked = subtract(todo, union(own, *found.exceptions.get(stack, ())))
            for arrival in self.walked(family, stack, asked):
                arrivals.setdefault(arrival.way, []).append(arrival.destinations)
            todo = subtract(todo, asked)
        # What nobody's walk has shown is walked to by each.
        listed = [(union(*parts), way) for way, parts in arrivals.items()]
        ways = ClassWays(
            network=network,
            found=found,
            unclear=union(subtract(wanted, union(found.clear, found.dead)), todo),
            arrivals=listed,
            partition=to_partition(family, listed),
        )
        self._classes[family].update(dict.fromkeys(setting_out, ways))

    def _way(self, context: Context) -> Way:
        stacks = []
        place: Context | None = context
        while place is not None:
            stacks.append(place.stack)
            place = place.parent
        way = tuple(reversed(stacks[:-1]))
        return self._interned.setdefault(way, way)


def arrived(network: NetworkOwnership, piece: Piece, family: int) -> Intervals:
    """The destinations of a piece that have reached an owner."""
    owner = network.stacks.get(piece.place.stack)
    if owner is None or piece.outcome not in ARRIVALS or piece.blockers:
        return EMPTY
    return intersect(piece.destinations, owner.everything(family))


def to_partition(family: int, parts: t.Iterable[tuple[Intervals, t.Any]]) -> Partition:
    """Address -> value, None outside; where parts overlap, the first of them counts."""
    spans = [(low, high, value) for destinations, value in parts for low, high in pairs(destinations)]
    starts_at, end = [0], 0
    values: list[t.Any] = [None]
    for low, high, value in sorted(spans, key=lambda span: span[0]):
        if high <= end:
            continue
        begin = max(low, end)
        if begin > end and values[-1] is not None:
            starts_at.append(end)
            values.append(None)
        if starts_at[-1] == begin:
            values[-1] = value
        else:
            starts_at.append(begin)
            values.append(value)
        end = high
    if end and end >> WIDTH[family] == 0:
        starts_at.append(end)
        values.append(None)
    return Partition(WIDTH[family], starts_at, values)
