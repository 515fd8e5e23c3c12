# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inner packets that go round: forwarding loops, and relays that send a packet back to where it came from."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import FAMILIES, Interface, StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._flows import starts
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._likeness import doubtful_stacks
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ownership import Ownership
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rows import Owner
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import (
    Intervals,
    everything,
    from_prefixes,
    intersect,
    size,
    subtract,
    union,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._simple_stacks import SimpleKinds
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._walk import Context, Piece, Walk


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """The stacks of a forwarding loop, the smallest first, and the destinations that go round."""

    family: int
    stacks: tuple[StackId, ...]
    device: str
    destinations: Intervals
    source: int


def find_loops(model: Model) -> list[Loop]:
    """Every forwarding loop, once."""
    found: dict[tuple[int, tuple[tuple[StackId, str], ...]], list[tuple[Intervals, Intervals]]] = {}
    for family in FAMILIES:
        for interface, transit in _candidates(model, family).items():
            walk = Walk(model, family)
            start = walk.start(interface.stack, everything(family), transit, ingress=interface.name)
            for piece in start:
                if piece.outcome == "loop":
                    key = family, _normal(piece.context)
                    found.setdefault(key, []).append((piece.sources, piece.destinations))
    return [
        Loop(
            family=family,
            stacks=tuple(stack for stack, _device in ring),
            device=ring[0][1],
            destinations=union(*(destinations for _sources, destinations in parts)),
            source=parts[0][0][0],
        )
        for (family, ring), parts in sorted(found.items(), key=lambda item: item[0])
    ]


def _forwarders(model: Model, family: int) -> set[str | None]:
    """The keys of the interfaces whose stack forwards a family; None among them for one whose key is not known."""
    memo: dict[int, set[str | None]] = model.fleet.memo.setdefault("forwarders", {})
    if family not in memo:
        stacks = doubtful_stacks(model, lambda one: bool(one.devices) and one.stack.forwarding[family])
        memo[family] = {interface.key for stack in stacks for interface in model.fleet.hosts[stack.id.host].interfaces}
    return memo[family]


def _may_list_forwarder(model: Model, interface: Interface, family: int) -> bool:
    """Whether a peer of an interface may be a relay. Only an interface's own list is looked through, and once."""
    if interface.peer_group is not None:
        return True
    memo: dict[tuple[int, Interface], bool] = model.fleet.memo.setdefault("lists_forwarder", {})
    if (family, interface) not in memo:
        forwarders = _forwarders(model, family)
        memo[family, interface] = any(
            ident in forwarders or ident.startswith("?") for ident in model.cryptokey(interface).own
        )
    return memo[family, interface]


def _arriving(model: Model, family: int) -> dict[Interface, Intervals]:
    """What the AllowedIPs of others could send to each interface, whatever their routes say."""
    parts: dict[Interface, list[Intervals]] = {}
    done: set[int] = set()
    forwarders = _forwarders(model, family)
    kinds = SimpleKinds.of(model)
    for interface in model.interfaces if forwarders else ():
        for row in model.cryptokey(kinds.lister(interface)).shared_rows():
            if id(row) in done:
                continue
            done.add(id(row))
            for ident in [one for one in row.by_ident if one in forwarders or one.startswith("?")]:
                target = model.target(interface, ident)
                if target is not None and model.stacks[target.stack].stack.forwarding[family]:
                    listed = from_prefixes(one.prefix for one in row.by_ident[ident] if one.prefix.family == family)
                    parts.setdefault(target, []).append(listed)
    return {interface: union(*found) for interface, found in parts.items()}


def _candidates(model: Model, family: int) -> dict[Interface, Intervals]:
    """Per interface the destinations that come in there and could come back, looking at destinations alone.

    What the next stack does not pass on either cannot; that is told backwards, link by link, until nothing more is
    lost, so that a tree of relays costs no walk at all.
    """
    arriving = _arriving(model, family)
    onwards = {interface: _Onwards(_passed_on(model, interface, family, arriving)) for interface in arriving}
    before: dict[Interface, list[Interface]] = {}
    for interface, found in onwards.items():
        for target in found.parts:
            before.setdefault(target, []).append(interface)
    lost = {interface: subtract(found, onwards[interface].whole) for interface, found in arriving.items()}
    while lost:
        told: dict[Interface, list[Intervals]] = {}
        for target, gone in lost.items():
            for interface in before.get(target, ()):
                part = intersect(onwards[interface].parts[target], gone)
                if part:
                    told.setdefault(interface, []).append(part)
        lost = {interface: onwards[interface].lose(union(*parts), onwards) for interface, parts in told.items()}
        lost = {interface: gone for interface, gone in lost.items() if gone}
    kept = {interface: found.left for interface, found in onwards.items()}
    return {interface: found for interface, found in kept.items() if found}


class _Onwards:
    """Where the destinations that come in by an interface go next, and which of them turned out to end somewhere."""

    def __init__(self, parts: dict[Interface, Intervals]) -> None:
        """parts: by the next interface; a destination is in several where its source decides."""
        self.parts = parts
        self.whole = union(*parts.values())
        self._by_source = sum(map(size, parts.values())) > size(self.whole)
        self._lost: list[Intervals] = []

    @property
    def left(self) -> Intervals:
        """What may still come back."""
        return subtract(self.whole, union(*self._lost))

    def lose(self, told: Intervals, onwards: dict[Interface, _Onwards]) -> Intervals:
        """What is newly lost of the destinations that one of the next interfaces has lost."""
        if self._by_source:
            others = (intersect(part, onwards[target].left) for target, part in self.parts.items())
            told = subtract(intersect(told, self.left), union(*others))
        self._lost.append(told)
        return told


def _passed_on(
    model: Model, interface: Interface, family: int, arriving: dict[Interface, Intervals]
) -> dict[Interface, Intervals]:
    """What comes in by an interface and goes on, by the interface that it comes to if others arrive there, too."""
    stack = model.stacks[interface.stack]
    carriers = {name: one for name, one in stack.devices.items() if _may_list_forwarder(model, one, family)}
    if not stack.stack.forwarding[family] or not carriers:
        return {}
    found: dict[Interface, list[Intervals]] = {}
    for _members, sample in stack.fib.source_classes(family):
        for decision, part in stack.fib.split(family, sample, arriving[interface], ingress=interface.name).items():
            carrier = carriers.get(decision.device or "")
            for ident, onwards in model.cryptokey(carrier).split(family, part).items() if carrier else ():
                target = None if ident is None else model.target(t.cast("Interface", carrier), ident)
                if target is not None and target in arriving:
                    found.setdefault(target, []).append(intersect(onwards, arriving[target]))
    return {target: union(*parts) for target, parts in found.items()}


def _normal(context: Context) -> tuple[tuple[StackId, str], ...]:
    """The contexts of the loop that ends here, turned so that the smallest comes first."""
    ring = []
    earlier = context.parent
    while earlier is not None:
        ring.append((earlier.stack, earlier.ingress))
        if earlier.stack == context.stack and earlier.ingress == context.ingress:
            break
        earlier = earlier.parent
    ring.reverse()
    first = ring.index(min(ring))
    return tuple(ring[first:] + ring[:first])


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounce:
    """A relay that sends what comes from a peer back to that peer. destinations: owned, as are the sources."""

    family: int
    relay: Interface
    sender: Interface
    destinations: Intervals
    source: int


def find_bounces(model: Model, ownership: Ownership) -> t.Iterator[Bounce]:
    """Every relay and peer between which a packet goes to and fro; one that goes round for ever is a loop instead.

    Candidates cost one look at what each row gives to each of its peers: a peer that keeps it at home sends none of it.
    """
    told: set[tuple[int, Interface, Interface]] = set()
    done: set[int] = set()
    # Where nobody forwards, nobody is a relay.
    families = [family for family in FAMILIES if _forwarders(model, family)]
    kinds = SimpleKinds.of(model)
    for interface in model.interfaces if families else ():
        for row in model.cryptokey(kinds.lister(interface)).shared_rows():
            if id(row) in done:
                continue
            done.add(id(row))
            for ident, owners in row.by_ident.items():
                sender = model.target(interface, ident)
                if sender is None or (_are_own(sender, owners) and kinds.keeps_to_itself(sender)):
                    continue
                for bounce in _bounces(model, ownership, sender, owners, families=families):
                    key = bounce.family, bounce.relay, bounce.sender
                    if key not in told:
                        told.add(key)
                        yield bounce


def _are_own(interface: Interface, owners: list[Owner]) -> bool:
    """Whether entries are addresses of the interface that stand alone, which are the same triples of numbers."""
    return all(owner.prefix in interface.addresses for owner in owners)


def _bounces(
    model: Model, ownership: Ownership, sender: Interface, owners: list[Owner], *, families: list[int]
) -> t.Iterator[Bounce]:
    """What a peer sends to a relay although the relay may give it back. owners: what somebody gives to the peer."""
    network = ownership.networks.get(sender.network or "")
    stack = model.stacks[sender.stack]
    if network is None or stack.devices.get(sender.name) is not sender:
        return
    for family in families:
        if not _may_list_forwarder(model, sender, family):
            continue
        given = from_prefixes([owner.prefix for owner in owners if owner.prefix.family == family])
        # Most peers have one address, and nobody else for it: the cheapest look-up settles it.
        if not given or (len(owners) == 1 and model.cryptokey(sender).lists_none_of(family, given)):
            continue
        owned = intersect(given, network.total[family])
        if model.cryptokey(sender).lists_none_of(family, owned):
            continue
        for start in starts(model, network.stacks[sender.stack], family):
            sent = union(
                *(
                    part
                    for members, sample in stack.fib.source_classes(family)
                    if intersect(start.sources, members)
                    for decision, part in stack.fib.split(family, sample, owned, ingress=start.ingress).items()
                    if decision.device == sender.name
                )
            )
            for onwards, part in model.cryptokey(sender).split(family, sent).items() if sent else ():
                relay = None if onwards is None else model.target(sender, onwards)
                if relay is not None and _may_return(model, relay, sender, part, family=family):
                    walk = Walk(model, family).start(sender.stack, start.sources, part, ingress=start.ingress)
                    yield from _returned(list(walk), relay, sender, family)


def _may_return(model: Model, relay: Interface, sender: Interface, part: Intervals, *, family: int) -> bool:
    """Whether the relay's AllowedIPs give any of it to the sender; its routes are left to the walk."""
    if not model.stacks[relay.stack].stack.forwarding[family]:
        return False
    entry = model.entry_of(relay, sender)
    return entry is not None and entry in model.cryptokey(relay).split(family, part)


def _returned(pieces: list[Piece], relay: Interface, sender: Interface, family: int) -> t.Iterator[Bounce]:
    """The pieces that were at the sender, at the relay and at the sender again, and do not go on for ever."""
    back = [piece for piece in pieces if _came_back(piece.context, relay, sender)]
    kept = [piece for piece in back if piece.outcome != "loop"]
    if kept:
        yield Bounce(
            family=family,
            relay=relay,
            sender=sender,
            destinations=union(*(piece.destinations for piece in kept)),
            source=kept[0].sources[0],
        )


def _came_back(context: Context, relay: Interface, sender: Interface) -> bool:
    """Whether a packet's way begins sender, relay, sender."""
    stacks: list[StackId] = []
    earlier: Context | None = context
    while earlier is not None:
        stacks.append(earlier.stack)
        earlier = earlier.parent
    return stacks[::-1][:3] == [sender.stack, relay.stack, sender.stack]
