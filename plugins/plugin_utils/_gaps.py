# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the routes of a stack and the AllowedIPs of its WireGuard devices do not match; no path is searched."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Prefix
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._cryptokey import Cryptokey
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fib import LOOPBACK
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import (
    FAMILIES,
    Interface,
    Route,
    StackId,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._likeness import doubtful_stacks
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model, StackModel
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ownership import Ownership
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._partition import grouped
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rows import Owner
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import (
    EMPTY,
    Intervals,
    covers,
    everything,
    from_prefixes,
    intersect,
    subtract,
    union,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._simple_stacks import SimpleKinds


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpeered:
    """A route into a WireGuard device with addresses that no peer takes.

    whole: no address of the route's prefix has a peer, whoever else routes it. owned: what another stack owns of them.
    """

    interface: Interface
    family: int
    route: Route
    whole: bool
    missing: Intervals
    owned: Intervals
    owner: StackId | None

    @property
    def label(self) -> str:
        return str(self.route.destination)

    @property
    def prefixes(self) -> tuple[Prefix, ...]:
        return () if self.route.destination is None else (self.route.destination,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unrouted:
    """AllowedIPs entries of a peer that no route leads to."""

    interface: Interface
    peer: str
    prefixes: tuple[Prefix, ...]


def unpeered(model: Model, ownership: Ownership) -> t.Iterator[Unpeered]:
    """Every route into a WireGuard device that leads to addresses without a peer.

    Routes that follow AllowedIPs cannot, so only those with a destination of their own are looked at.
    """
    for stack in doubtful_stacks(model, lambda one: any(_into(one, family) for family in FAMILIES)):
        for family in FAMILIES:
            for route, routed in _used(stack, family).items():
                interface = stack.devices[t.cast("str", route.device)]
                destination = t.cast("Prefix", route.destination)
                cryptokey = model.cryptokey(interface)
                missing = cryptokey.split(family, routed).get(None, EMPTY)
                if missing:
                    owned, owner = _owned_by_others(ownership, interface, family, missing)
                    yield Unpeered(
                        interface=interface,
                        family=family,
                        route=route,
                        whole=set(cryptokey.split(family, from_prefixes([destination]))) == {None},
                        missing=missing,
                        owned=owned,
                        owner=owner,
                    )


def _used(stack: StackModel, family: int) -> dict[Route, Intervals]:
    """The routes into WireGuard devices with the destinations that each decides, over all sources of the stack."""
    into = _into(stack, family)
    found: dict[Route, list[Intervals]] = {}
    for _members, sample in stack.fib.source_classes(family) if into else ():
        for route, part in stack.fib.routes_used(family, sample).split(everything(family)).items():
            if route in into:
                found.setdefault(route, []).append(part)
    return {route: union(*parts) for route, parts in found.items()}


def _into(stack: StackModel, family: int) -> list[Route]:
    """The routes into WireGuard devices that have a destination of their own."""
    return [
        route
        for route in stack.fib.routes
        if route.device in stack.devices and route.destination is not None and route.destination.family == family
    ]


def _owned_by_others(
    ownership: Ownership, interface: Interface, family: int, missing: Intervals
) -> tuple[Intervals, StackId | None]:
    """The part of a gap that other stacks of the interface's network own, and the first of them."""
    network = ownership.networks.get(interface.network or "")
    if network is None:
        return EMPTY, None
    held = network.stacks[interface.stack].everything(family)
    for owners, part in network.owners[family].split(subtract(missing, held)).items():
        others = [stack for stack in owners or () if stack != interface.stack]
        if others:
            return intersect(part, network.total[family]), others[0]
    return EMPTY, None


def unrouted(model: Model) -> tuple[Unrouted, ...]:
    """Per interface and peer, the AllowedIPs entries of which not one address is routed into the device.

    Computed once per fleet.
    """
    memo = model.fleet.memo
    if "unrouted" not in memo:
        memo["unrouted"] = tuple(_find_unrouted(model))
    found: tuple[Unrouted, ...] = memo["unrouted"]
    return found


def _find_unrouted(model: Model) -> t.Iterator[Unrouted]:
    ownership = Ownership.of(model)
    kinds = SimpleKinds.of(model)
    families: dict[Interface, list[int]] = {}
    for interface in model.interfaces:
        stack, lister = model.stacks[interface.stack], kinds.lister(interface)
        if stack.devices.get(interface.name) is not interface:
            continue
        if lister not in families:
            families[lister] = [family for family in FAMILIES if model.cryptokey(lister).has_family(family)]
        by_peer: dict[str, list[Prefix]] = {}
        for family in families[lister]:
            if stack.id in model.alike[family] and kinds.keeps_to_itself(interface):
                # As below, and nothing that is its own is listed.
                continue
            for ident, prefix in _unrouted(model, ownership, interface, family):
                by_peer.setdefault(ident, []).append(prefix)
        for ident, prefixes in by_peer.items():
            name = model.cryptokey(interface).entries(ident)[-1].name
            yield Unrouted(interface=interface, peer=name, prefixes=tuple(prefixes))


def _unrouted(model: Model, ownership: Ownership, interface: Interface, family: int) -> t.Iterator[tuple[str, Prefix]]:
    stack, cryptokey = model.stacks[interface.stack], model.cryptokey(interface)
    if stack.id in model.alike[family]:
        # What makes stacks alike is that everything listed is routed into the device, but for what is their own.
        own = union(*[one.both[family] for one in ownership.anywhere(stack.id)])
        if cryptokey.lists_none_of(family, own):
            return
        listed = subtract(own, cryptokey.split(family, own).get(None, EMPTY))
    else:
        listed = cryptokey.covered(family)
    if not listed:
        return
    away = subtract(listed, _routed_into(stack, interface.name, family, listed))
    if not away:
        return
    local = stack.fib.local_set[family]
    for owner, part in grouped(cryptokey.clipped(family, away)).items():
        if subtract(part, local) and not _has_more(cryptokey, owner, union(part, local)):
            yield owner.ident, owner.prefix


def _has_more(cryptokey: Cryptokey, owner: Owner, known: Intervals) -> bool:
    """Whether an entry has an address outside a set; looks no further than to the first one."""
    pieces = cryptokey.clipped(owner.prefix.family, from_prefixes([owner.prefix]))
    return any(found == owner and not covers(known, (low, high)) for low, high, found in pieces)


def _routed_into(stack: StackModel, device: str, family: int, destinations: Intervals) -> Intervals:
    """The destinations that some packet is routed into the device with: from any source, by any ingress."""
    named = {rule.ingress for rule in stack.fib.rules[family] if rule.ingress is not None}
    return union(
        *(
            part
            for _members, sample in stack.fib.source_classes(family)
            for ingress in sorted({LOOPBACK, *named})
            for decision, part in stack.fib.split(family, sample, destinations, ingress=ingress).items()
            if decision.kind == "unicast" and decision.device == device
        )
    )
