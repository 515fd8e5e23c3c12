# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stacks that are alike but for what is their own: the members of a mesh, the spokes of a hub.

Such a class is proved with one walk instead of one per member. All members send a destination to the same peer (their
shared rows say so), so behind the first hop the packets of all of them, as one set of sources, take one way. What is
not plainly in order is left to the walk of each single stack: a class only ever saves work, it never decides that
something fails.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._class_links import ClassLinks
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._constructs import Watch
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Interface, StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model, StackModel
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ownership import NetworkOwnership
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import (
    EMPTY,
    Intervals,
    covers,
    intersect,
    subtract,
    union,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._simple_stacks import SimpleKind, SimpleKinds
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._uniform_stacks import UniformStacks

# A class of fewer members saves little, unless it is that part of its network: all others are proved together, too.
_MANY_MEMBERS = 16
_GREAT_PART = 8
# With so many peers, the walk of a single stack costs more than finding out what is clear for it.
_MANY_PEERS = 16

_Path = tuple[tuple[StackId, str], ...]


@dataclass(slots=True, kw_only=True, eq=False)
class StackClass:
    """Members of one network and family that route alike. sources: all that they own together.

    clear: delivered, but for the exceptions of some members. dead: every member sends it to nobody of this fleet.
    """

    members: dict[StackId, Interface]
    sources: Intervals
    clear: Intervals = EMPTY
    left: Intervals = EMPTY
    dead: Intervals = EMPTY
    exceptions: dict[StackId, list[Intervals]] = field(default_factory=dict)

    def left_for(self, stack: StackId, mine: Intervals) -> Intervals:
        """The destinations that a member still has to be walked to by itself. mine: what it owns."""
        if not self.left and stack not in self.exceptions:
            return EMPTY
        return subtract(union(self.left, *self.exceptions.get(stack, ())), mine)

    @property
    def sample(self) -> Interface:
        """One member, for what all have in common; a class has at least two."""
        return next(iter(self.members.values()))


def classes_of(model: Model, network: NetworkOwnership, family: int, watch: Watch | None = None) -> list[StackClass]:
    """The classes of a network, found once per fleet; once more for somebody who watches."""
    memo: dict[tuple[str, int], list[StackClass]] = model.fleet.memo.setdefault("classes", {})
    if watch is not None or (network.name, family) not in memo:
        memo[network.name, family] = find_classes(model, network, family, watch)
    return memo[network.name, family]


def find_classes(model: Model, network: NetworkOwnership, family: int, watch: Watch | None = None) -> list[StackClass]:
    """The classes of a network with what is clear for each; a class of one is not worth it.

    What several stacks own is clear for nobody, and its owners belong to no class: a class's sources are its own.
    watch: is told of every stack that the packets of all members pass.
    """
    classes = []
    for members in UniformStacks(model, network, family).by_rows().values():
        worth = len(members) > 1 and (
            len(members) >= _MANY_MEMBERS or len(members) * _GREAT_PART >= len(network.stacks)
        )
        if worth or len(model.cryptokey(next(iter(members.values())))) >= _MANY_PEERS:
            sources = union(*(network.stacks[stack].both[family] for stack in members))
            found = StackClass(members=members, sources=sources)
            _Prover(model, network, family, found, watch).run()
            found.left = subtract(network.total[family], found.clear)
            classes.append(found)
    return classes


class _Prover:
    """Finds out what is clear for one class: delivered from every member, whatever it owns."""

    def __init__(
        self, model: Model, network: NetworkOwnership, family: int, found: StackClass, watch: Watch | None
    ) -> None:
        self.watch = watch
        self.model = model
        self.network = network
        self.family = family
        self.found = found
        self._links = ClassLinks(model, network, family, members=found.members, sources=found.sources)
        self._kinds = SimpleKinds.of(model)
        # By kind, whether its stacks keep whatever is for their own addresses and was accepted.
        self._open: dict[SimpleKind, bool] = {}

    def run(self) -> None:
        """Fill in ``clear`` and ``exceptions``."""
        sample = self.found.sample
        table = self._links.table(sample)
        alone = subtract(self.network.total[self.family], self.network.contested[self.family])
        parts: list[Intervals] = []
        for ident, part in table.split(self.family, alone).items():
            target = None if ident is None else self.model.target(sample, ident)
            if ident is None or target is None:
                self.found.dead = union(self.found.dead, part)
                continue
            clear = self._behind(target, part, ())
            if clear:
                parts.append(clear)
                for stack in self._links.bad(ident, target):
                    self.found.exceptions.setdefault(stack, []).append(clear)
        self.found.clear = union(*parts)

    def _behind(self, interface: Interface, destinations: Intervals, path: _Path) -> Intervals:
        """The destinations that all the members' packets reach once they are accepted by an interface."""
        if self._surely_delivers(interface, destinations) and (interface.stack, interface.name) not in path:
            return destinations
        here = (interface.stack, interface.name)
        stack = self.model.stacks[interface.stack]
        owned = self.network.owned(interface.stack, self.family)
        if here in path:
            return EMPTY
        if self.family == 4 and stack.stack.rp_filter.get(interface.name, 0):
            return EMPTY
        if self.family == 4 and not self._no_martian(stack, owned):
            return EMPTY
        if covers(stack.fib.local_set[self.family], destinations) and covers(owned, destinations):
            # Own addresses come before every rule and route.
            return destinations
        if len(stack.fib.source_classes(self.family)) > 1:
            return EMPTY
        mine = intersect(self.found.sources, owned)
        if mine:
            # Its own packets do not come in here; only what is for the stack itself is sure to leave them out.
            destinations = intersect(destinations, owned)
        if self.watch is not None:
            self._tell(self.watch, interface, destinations)
        sample = stack.fib.source_classes(self.family)[0][1]
        clear = []
        for decision, part in stack.fib.split(self.family, sample, destinations, ingress=interface.name).items():
            if decision.kind == "local":
                clear.append(intersect(part, owned))
            elif decision.kind == "unicast" and stack.stack.forwarding[self.family]:
                carrier = stack.devices.get(decision.device or "")
                clear.append(intersect(part, owned) if carrier is None else self._onwards(carrier, part, (*path, here)))
        return union(*clear)

    def _surely_delivers(self, interface: Interface, destinations: Intervals) -> bool:
        """Whether a simple stack owns the destinations, all of which are then local to it, and checks no source.

        No member has any of its addresses but itself, so that nothing it gets looks like coming from itself.
        """
        kind = self._kinds.get(interface)
        if kind is None:
            return False
        if kind not in self._open:
            sample = kind.sample
            checks = self.family == 4 and self.model.stacks[sample.stack].stack.rp_filter.get(sample.name, 0)
            self._open[kind] = sample.network == self.network.name and not checks
        if not self._open[kind]:
            return False
        owned = self.network.stacks[interface.stack].both[self.family]
        return destinations == owned or covers(owned, destinations)

    def _tell(self, watch: Watch, interface: Interface, destinations: Intervals) -> None:
        """What the members send to the destinations, all of them but the stack itself."""
        if not destinations or not watch.may_find(interface.stack, self.family, destinations, ingress=interface.name):
            return
        sources = subtract(self.found.sources, self.network.owned(interface.stack, self.family))
        if sources:
            origin = next(iter(self.network.owners[self.family].at(sources[0])))
            watch.passing(interface.stack, self.family, sources, destinations, ingress=interface.name, origin=origin)

    def _no_martian(self, stack: StackModel, owned: Intervals) -> bool:
        """Whether no member but the stack itself sends from an address that is the stack's own."""
        local = stack.fib.local_set[4]
        return covers(owned, local) or covers(owned, intersect(self.found.sources, local))

    def _onwards(self, carrier: Interface, destinations: Intervals, path: _Path) -> Intervals:
        """The part that is clear over the next link."""
        cryptokey = self.model.cryptokey(carrier)
        clear = []
        for ident, part in cryptokey.split(self.family, destinations).items():
            target = None if ident is None else self.model.target(carrier, ident)
            if ident is not None and target is not None and self._links.takes_all(carrier, ident, target):
                clear.append(self._behind(target, part, path))
        return union(*clear)
