# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the routes of a stack and the AllowedIPs of its WireGuard devices do not match; no path is searched."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Prefix
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fib import LOOPBACK
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import (
    FAMILIES,
    Interface,
    Route,
    StackId,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model, StackModel
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ownership import Ownership
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import (
    EMPTY,
    Intervals,
    everything,
    from_prefixes,
    intersect,
    subtract,
    union,
)


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
    """Every route into a WireGuard device that leads to addresses without a peer."""
    for stack in model.stacks.values():
        for family in FAMILIES if stack.devices else ():
            for route, routed in _used(stack, family).items():
                interface = stack.devices.get(route.device or "")
                if interface is None or route.destination is None:
                    continue
                covered = model.cryptokey(interface).covered(family)
                missing = subtract(routed, covered)
                if missing:
                    owned, owner = _owned_by_others(ownership, interface, family, missing)
                    yield Unpeered(
                        interface=interface,
                        family=family,
                        route=route,
                        whole=not intersect(covered, from_prefixes([route.destination])),
                        missing=missing,
                        owned=owned,
                        owner=owner,
                    )


def _used(stack: StackModel, family: int) -> dict[Route, Intervals]:
    """Every route of a stack with the destinations that it decides, over all sources of the stack itself."""
    found: dict[Route, list[Intervals]] = {}
    for _members, sample in stack.fib.source_classes(family):
        for route, part in stack.fib.routes_used(family, sample).split(everything(family)).items():
            if route is not None:
                found.setdefault(route, []).append(part)
    return {route: union(*parts) for route, parts in found.items()}


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


def unrouted(model: Model) -> t.Iterator[Unrouted]:
    """Per interface and peer, the AllowedIPs entries of which not one address is routed into the device."""
    for interface in model.interfaces:
        stack = model.stacks[interface.stack]
        if stack.devices.get(interface.name) is not interface:
            continue
        by_peer: dict[str, list[Prefix]] = {}
        for family in FAMILIES:
            for ident, prefix in _unrouted(model, stack, interface, family):
                by_peer.setdefault(ident, []).append(prefix)
        for ident, prefixes in by_peer.items():
            name = model.cryptokey(interface).entries(ident)[-1].name
            yield Unrouted(interface=interface, peer=name, prefixes=tuple(prefixes))


def _unrouted(model: Model, stack: StackModel, interface: Interface, family: int) -> t.Iterator[tuple[str, Prefix]]:
    cryptokey = model.cryptokey(interface)
    away = subtract(cryptokey.covered(family), _routed_into(stack, interface.name, family))
    if not away:
        return
    local = from_prefixes(Prefix(family, number, 32 if family == 4 else 128) for number in stack.fib.local[family])
    trie = cryptokey.trie(family)
    for owner, part in trie.split(away).items():
        whole = trie.split(from_prefixes([owner.prefix]))[owner]
        if subtract(whole, local) == subtract(part, local) != EMPTY:
            yield owner.ident, owner.prefix


def _routed_into(stack: StackModel, device: str, family: int) -> Intervals:
    """The destinations that some packet is routed into the device with: from any source, by any ingress."""
    named = {rule.ingress for rule in stack.fib.rules[family] if rule.ingress is not None}
    found = []
    for _members, sample in stack.fib.source_classes(family):
        for ingress in sorted({LOOPBACK, *named}):
            decided = stack.fib.decide(family, sample, ingress=ingress)
            found.append(decided.where(lambda decision: decision.kind == "unicast" and decision.device == device))
    return union(*found)
