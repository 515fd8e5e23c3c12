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

import typing as t
from dataclasses import dataclass, field

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import WIDTH, Prefix
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._constructs import Watch
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._cryptokey import Cryptokey
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Interface, StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model, StackModel
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ownership import NetworkOwnership
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import (
    EMPTY,
    Intervals,
    contains,
    covers,
    from_prefixes,
    intersect,
    subtract,
    union,
)

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
    grouped: dict[tuple[int, ...], dict[StackId, Interface]] = {}
    for stack in network.stacks:
        interface = _uniform(model, network, stack, family)
        if interface is not None:
            grouped.setdefault(model.cryptokey(interface).rows, {})[stack] = interface
    classes = []
    for members in grouped.values():
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


def _uniform(model: Model, network: NetworkOwnership, stack: StackId, family: int) -> Interface | None:
    """The interface of a stack that differs from its like only in what is its own; None where that is not certain."""
    found = model.stacks[stack]
    owned = network.stacks[stack].both[family]
    if len(found.devices) != 1 or not owned or (family == 6 and not found.stack.ipv6):
        return None
    if network.contested[family] and intersect(owned, network.contested[family]):
        return None
    (interface,) = found.devices.values()
    if interface.key is None or model.by_key.get(interface.key) is not interface or interface.network != network.name:
        return None
    cryptokey = model.cryptokey(interface)
    if not cryptokey.layers or not covers(owned, cryptokey.left_out(family)):
        return None
    follows = _follows_rows(found, cryptokey, network=network, family=family)
    return interface if follows else None


def _table_of(stack: StackModel, family: int) -> str | None:
    """The table that decides about a stack's own packets but for its default route; None where that is not plain.

    Without rules that is main. With those of a full tunnel it is the tunnel's: first main without its default, then
    that table for whatever has no mark, as the packets inside do not.
    """
    rules = [rule for rule in stack.fib.rules[family] if rule.position >= 0]
    if not rules:
        return "main"
    first, *others = rules
    if len(others) != 1 or any(rule.source or rule.destination or rule.ingress for rule in rules):
        return None
    (second,) = others
    local = first.table == "main" and first.suppress_prefixlength == 0 and first.fwmark is None and not first.invert
    marked = second.fwmark is not None and second.fwmark[0] & second.fwmark[1]
    own = second.invert and marked and second.suppress_prefixlength is None
    return second.table if local and own and second.table not in ("main", "local", "default") else None


def _follows_rows(stack: StackModel, cryptokey: Cryptokey, *, network: NetworkOwnership, family: int) -> bool:
    """Whether every address that others own and that AllowedIPs list is routed into the one device.

    What the interface leaves out of its rows is its own, so an entry around what is not its own is never left out.
    """
    owned = network.stacks[stack.id].both[family]
    table = _table_of(stack, family)
    following = 0
    for route in stack.fib.routes:
        prefix = route.destination
        if route.table == "local":
            return False
        if prefix is None:
            following += 1
            if route.table != table or route.device != cryptokey.interface.name:
                return False
            continue
        if prefix.family != family or route.table not in ("main", table):
            continue
        if table != "main" and route.table == "main" and not prefix.length and route.type == "unicast":
            # Suppressed: the tunnel's table comes before what is left of main.
            continue
        inside = from_prefixes([prefix])
        listed = any(row.holds(prefix) for row in cryptokey.shared_rows())
        if listed and not covers(owned, inside if table == "main" else intersect(inside, network.total[family])):
            return False
    own_elsewhere = [number for number in stack.fib.local[family] if not contains(owned, number)]
    if following != 1:
        return False
    if table != "main":
        return not any(contains(network.total[family], number) for number in own_elsewhere)
    return not any(
        row.holds(Prefix(family, number, WIDTH[family])) for number in own_elsewhere for row in cryptokey.shared_rows()
    )


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
        self._key = (network.name, family, model.cryptokey(found.sample).rows)

    def run(self) -> None:
        """Fill in ``clear`` and ``exceptions``."""
        sample = self.found.sample
        table = self._table(sample)
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
                for stack in self._bad_links(ident, target):
                    self.found.exceptions.setdefault(stack, []).append(clear)
        self.found.clear = union(*parts)

    def _table(self, interface: Interface) -> Cryptokey:
        """The rows of an interface as if it left out nothing: what all members have in common."""
        memo: dict[tuple[int, ...], Cryptokey] = self.model.fleet.memo.setdefault("whole_rows", {})
        cryptokey = self.model.cryptokey(interface)
        if cryptokey.rows not in memo:
            memo[cryptokey.rows] = cryptokey.complete()
        return memo[cryptokey.rows]

    def _bad_links(self, ident: str, target: Interface) -> t.Iterator[StackId]:
        """The members whose packets the target does not get or does not accept."""
        sample = self.model.cryptokey(self.found.sample)
        shared = self._shares_rows(target)
        refused = self._refused(target) if shared else set()
        reachable = ident not in sample.own and sample.knows_listed(ident)
        if shared and reachable:
            yield from refused
            return
        theirs = self.model.cryptokey(target)
        taken = {} if shared else theirs.split(self.family, self.found.sources)
        for stack, interface in self.found.members.items():
            if interface is target:
                continue
            if shared:
                good = stack not in refused
            else:
                good = covers(taken.get(interface.key, EMPTY), self.network.stacks[stack].both[self.family])
            if good and not reachable:
                mine = self.model.cryptokey(interface)
                good = mine.knows_endpoint(ident) or theirs.knows_endpoint(t.cast("str", interface.key))
            if not good:
                yield stack

    def _shares_rows(self, interface: Interface) -> bool:
        """Whether an interface leaves out nothing but what is its own, so that for others its rows are complete."""
        stack = self.network.stacks.get(interface.stack)
        if stack is None:
            return False
        cryptokey = self.model.cryptokey(interface)
        return not cryptokey.own and covers(stack.both[self.family], cryptokey.left_out(self.family))

    def _refused(self, target: Interface) -> set[StackId]:
        """The members that the rows of the target do not accept; the same for all interfaces with these rows."""
        memo: dict[t.Any, set[StackId]] = self.model.fleet.memo.setdefault("refused", {})
        key = (*self._key, self.model.cryptokey(target).rows)
        if key not in memo:
            table = self._table(target)
            memo[key] = {
                stack for stack, interface in self.found.members.items() if not self._accepts(table, interface)
            }
        return memo[key]

    def _accepts(self, table: Cryptokey, sender: Interface) -> bool:
        """Whether a table accepts all that a member owns, from that member."""
        key = t.cast("str", sender.key)
        owned = self.network.stacks[sender.stack].both[self.family]
        return key in table and covers(table.accepted(self.family, key), owned)

    def _behind(self, interface: Interface, destinations: Intervals, path: _Path) -> Intervals:
        """The destinations that all the members' packets reach once they are accepted by an interface."""
        here = (interface.stack, interface.name)
        stack = self.model.stacks[interface.stack]
        owned = self._owned(interface.stack)
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

    def _tell(self, watch: Watch, interface: Interface, destinations: Intervals) -> None:
        """What the members send to the destinations, all of them but the stack itself."""
        sources = subtract(self.found.sources, self._owned(interface.stack))
        if sources and destinations:
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
            entry = None if target is None else self.model.entry_of(target, carrier)
            if ident is None or target is None or entry is None:
                continue
            if not (cryptokey.knows_endpoint(ident) or self.model.cryptokey(target).knows_endpoint(entry)):
                continue
            if self._takes_all(target, entry):
                clear.append(self._behind(target, part, path))
        return union(*clear)

    def _takes_all(self, target: Interface, entry: str) -> bool:
        """Whether an interface accepts everything that the members own, but what is its stack's own, from one peer."""
        memo: dict[t.Any, Intervals] = self.model.fleet.memo.setdefault("not_taken", {})
        cryptokey = self.model.cryptokey(target)
        key = (*self._key, cryptokey.rows, entry)
        if key not in memo:
            memo[key] = subtract(self.found.sources, self._table(target).accepted(self.family, entry))
        owned, left_out = self._owned(target.stack), cryptokey.left_out(self.family)
        if not covers(owned, memo[key]):
            return False
        return covers(owned, left_out) or covers(owned, intersect(left_out, self.found.sources))

    def _owned(self, stack: StackId) -> Intervals:
        owned = self.network.stacks.get(stack)
        return EMPTY if owned is None else owned.both[self.family]
