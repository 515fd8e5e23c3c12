# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Outer packets of a tunnel: which device takes them to a peer's endpoint, and with which source address."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import WIDTH, Prefix
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._endpoint import parse_endpoint
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fib import Lookup
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import (
    FAMILIES,
    Interface,
    Route,
    StackId,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._likeness import doubtful_interfaces
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model, StackModel
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rows import Row
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import everything
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._source_selection import (
    addresses_of,
    default_sources,
)

# The source address that WireGuard asks routing with before it knows one.
UNSPECIFIED = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """A tunnel inside others. tunnels: those that carry it, the nearest first; circle: it is one of them itself."""

    interface: Interface
    ident: str
    endpoint: str
    tunnels: tuple[Interface, ...]
    circle: bool


def find_carried(model: Model) -> tuple[Carried, ...]:
    """Every interface and peer whose outer packets go into a WireGuard device; computed once per fleet."""
    memo = model.fleet.memo
    if "carried_tunnels" not in memo:
        memo["carried_tunnels"] = tuple(_find_carried(model))
    found: tuple[Carried, ...] = memo["carried_tunnels"]
    return found


def _find_carried(model: Model) -> t.Iterator[Carried]:
    for interface in doubtful_interfaces(model, lambda one: any(True for _ident in carried_peers(model, one))):
        cryptokey = model.cryptokey(interface)
        carried = dict.fromkeys(one for one in carried_peers(model, interface) if one in cryptokey)
        for ident in carried if carried and enters_tunnels(model, interface) else ():
            endpoint = endpoint_of(model, interface, ident)
            if endpoint is None:
                continue
            seen: list[tuple[Interface, str]] = []
            step = next_tunnel(model, interface, ident)
            while step is not None and step not in seen and step != (interface, ident):
                seen.append(step)
                step = next_tunnel(model, *step)
            circle = step == (interface, ident)
            if seen or circle:
                tunnels = tuple(one for one, _peer in seen)
                yield Carried(interface=interface, ident=ident, endpoint=endpoint[0], tunnels=tunnels, circle=circle)


def enters_tunnels(model: Model, interface: Interface) -> bool:
    """Whether any destination at all leads outer packets into a WireGuard device: with a full tunnel's mark, none."""
    stack = outer_stack(model, interface)
    return any(
        decision.device in stack.devices
        for family in FAMILIES
        for decision in stack.fib.decide(family, UNSPECIFIED, mark=interface.fwmark).split(everything(family))
    )


def carried_peers(model: Model, interface: Interface) -> t.Iterator[str]:
    """The peers whose endpoint some WireGuard device of the birth namespace could take, whatever the rules say."""
    stack = model.stacks[StackId(interface.host, interface.socket_namespace)]
    into = [route for route in stack.fib.routes if route.device in stack.devices]
    cryptokey = model.cryptokey(interface)
    # Entries that say the same are one object, so interfaces that list the same peers share the answer, too.
    own = (interface.peers, tuple(cryptokey.own)) if cryptokey.own else None
    for route in into:
        carrier = model.cryptokey(stack.devices[t.cast("str", route.device)])
        key = "endpoints", cryptokey.rows, carrier.rows, route.destination, own
        memo: dict[t.Any, list[str]] = model.fleet.memo.setdefault("carried", {})
        if key not in memo:
            # Asked of the complete rows, so that all that share them share the answer; the real look-up comes later.
            rows = carrier.shared_rows()
            memo[key] = [
                ident
                for ident in cryptokey.complete()
                if _is_listed(endpoint_of(model, interface, ident), route.destination, rows)
            ]
        yield from memo[key]


def _is_listed(endpoint: tuple[str, int, int] | None, destination: Prefix | None, rows: list[Row]) -> bool:
    """Whether a route's prefix, or for a route that follows AllowedIPs some entry, holds the endpoint."""
    if endpoint is None:
        return False
    _text, family, number = endpoint
    if destination is not None:
        return destination.contains(Prefix(family, number, WIDTH[family]))
    return any(row.partition(family).at(number) is not None for row in rows)


def endpoint_of(model: Model, interface: Interface, ident: str) -> tuple[str, int, int] | None:
    """(text, family, address) of a peer's endpoint where it is an address."""
    for entry in reversed(model.cryptokey(interface).entries(ident)):
        if entry.endpoint is not None:
            try:
                address = parse_endpoint(entry.endpoint).address
            except InvalidInput:
                return None
            return None if address is None else (entry.endpoint, address.family, address.number)
    return None


def outer_stack(model: Model, interface: Interface) -> StackModel:
    """Where the outer packets of an interface are routed: its birthplace."""
    return model.stacks[StackId(interface.host, interface.socket_namespace)]


def outer_lookup(model: Model, interface: Interface, family: int, number: int) -> Lookup:
    """What the birthplace does with an outer packet to an address."""
    return outer_stack(model, interface).fib.lookup(family, UNSPECIFIED, number, mark=interface.fwmark)


def next_tunnel(model: Model, interface: Interface, ident: str) -> tuple[Interface, str] | None:
    """The tunnel that carries the outer packets of a tunnel; None where they leave by another device."""
    endpoint = endpoint_of(model, interface, ident)
    if endpoint is None:
        return None
    _text, family, number = endpoint
    decision = outer_lookup(model, interface, family, number).decision
    carrier = outer_stack(model, interface).devices.get(decision.device or "")
    if carrier is None:
        return None
    owner = model.cryptokey(carrier).trie(family).at(number)
    return None if owner is None else (carrier, owner.ident)


@dataclass(frozen=True, slots=True, kw_only=True)
class TunnelSource:
    """Outer packets that carry an address of a tunnel as their source. source: that address."""

    interface: Interface
    family: int
    ident: str
    endpoint: str
    route: Route
    source: int
    owner: Interface


def find_tunnel_sources(model: Model) -> t.Iterator[TunnelSource]:
    """The first peer per interface and route that would have to answer to an address inside a tunnel."""
    for interface in doubtful_interfaces(model, lambda one: any(True for _way in _without_address(model, one))):
        stack = outer_stack(model, interface)
        suspects = {}
        for way, family in _without_address(model, interface):
            suspect = _tunnel_address(stack, way, family)
            if suspect is not None:
                suspects[way, family] = suspect
        told: set[Route] = set()
        for ident in model.cryptokey(interface) if suspects else ():
            endpoint = endpoint_of(model, interface, ident)
            route = None if endpoint is None else outer_lookup(model, interface, *endpoint[1:]).route
            if endpoint is not None and route is not None and route not in told and (route, endpoint[1]) in suspects:
                told.add(route)
                source, owner = suspects[route, endpoint[1]]
                yield TunnelSource(
                    interface=interface, family=endpoint[1], ident=ident, endpoint=endpoint[0], route=route,
                    source=source, owner=owner,
                )  # fmt: skip


def _without_address(model: Model, interface: Interface) -> t.Iterator[tuple[Route, int]]:
    """The routes out of other devices that give a source which need not be an address of their device.

    A route without a source of its own out of a device that has addresses gives one of those.
    """
    stack = outer_stack(model, interface)
    for family in FAMILIES:
        addressed = {device for device in stack.stack.addresses if addresses_of(stack, device, family)}
        for route in stack.fib.routes:
            fits = route.destination is not None and route.destination.family == family and route.type == "unicast"
            usual = route.device in addressed and route.source is None
            outward = fits and not usual and route.device not in stack.devices
            if outward and default_sources(stack, route, family, everything(family)):
                yield route, family


def _tunnel_address(stack: StackModel, route: Route, family: int) -> tuple[int, Interface] | None:
    """The tunnel's address that a route out of another device gives to what the stack itself sends by it."""
    choices = default_sources(stack, route, family, everything(family)) or []
    numbers = {number for choice in choices for number in choice.sources}
    tunnels = [one for one in stack.devices.values() if any(a.number in numbers for a in one.addresses)]
    others = {a.number for held in stack.stack.addresses.values() for a in held}
    return (min(numbers), tunnels[0]) if tunnels and not numbers & others else None
