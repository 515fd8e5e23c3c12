# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets that go round: forwarding loops of inner packets, and outer packets that end in their own tunnel."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import WIDTH, Prefix
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._endpoint import parse_endpoint
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import FAMILIES, Interface, StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rows import Row
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import (
    Intervals,
    everything,
    from_prefixes,
    intersect,
    union,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._walk import Context, Walk

# The source address that WireGuard asks routing with before it knows one.
_UNSPECIFIED = 0


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


def _arriving(model: Model, family: int) -> dict[Interface, Intervals]:
    """What the AllowedIPs of others could send to each interface, whatever their routes say."""
    parts: dict[Interface, list[Intervals]] = {}
    done: set[int] = set()
    for interface in model.interfaces:
        for row in model.cryptokey(interface).shared_rows():
            if id(row) in done:
                continue
            done.add(id(row))
            for ident, owners in row.by_ident.items():
                target = model.target(interface, ident)
                if target is not None and model.stacks[target.stack].stack.forwarding[family]:
                    listed = from_prefixes(owner.prefix for owner in owners if owner.prefix.family == family)
                    parts.setdefault(target, []).append(listed)
    return {interface: union(*found) for interface, found in parts.items()}


def _candidates(model: Model, family: int) -> dict[Interface, Intervals]:
    """Per interface the destinations that come in there and could come back, looking at destinations alone.

    What the next stack does not pass on either cannot; that is repeated until nothing is left or nothing changes, so
    that a tree of relays costs no walk at all.
    """
    left = _arriving(model, family)
    while True:
        passed = {interface: _passed_on(model, interface, family, left) for interface in left}
        kept = {interface: found for interface, found in passed.items() if found}
        if kept == left:
            return kept
        left = kept


def _passed_on(model: Model, interface: Interface, family: int, left: dict[Interface, Intervals]) -> Intervals:
    """What comes in by an interface and goes on to an interface where it is still a candidate."""
    stack = model.stacks[interface.stack]
    found = []
    for _members, sample in stack.fib.source_classes(family):
        for decision, part in stack.fib.split(family, sample, left[interface], ingress=interface.name).items():
            carrier = stack.devices.get(decision.device or "")
            if carrier is None or not stack.stack.forwarding[family]:
                continue
            for ident, onwards in model.cryptokey(carrier).split(family, part).items():
                target = None if ident is None else model.target(carrier, ident)
                if target is not None and target in left:
                    found.append(intersect(onwards, left[target]))
    return union(*found)


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


def find_own_tunnels(model: Model) -> t.Iterator[tuple[Interface, str, str, list[str]]]:
    """(interface, peer, endpoint, the tunnels in between) wherever outer packets come back to their own tunnel."""
    for interface in model.interfaces:
        cryptokey = model.cryptokey(interface)
        carried = dict.fromkeys(one for one in _carried(model, interface) if one in cryptokey)
        for ident in carried if carried and _enters_tunnels(model, interface) else ():
            endpoint = _endpoint_of(model, interface, ident)
            if endpoint is None:
                continue
            seen: list[tuple[Interface, str]] = []
            step = _next_tunnel(model, interface, ident)
            while step is not None and step not in seen and step != (interface, ident):
                seen.append(step)
                step = _next_tunnel(model, *step)
            if step == (interface, ident):
                yield interface, cryptokey.entries(ident)[-1].name, endpoint[0], [one.label for one, _peer in seen]


def _enters_tunnels(model: Model, interface: Interface) -> bool:
    """Whether any destination at all leads outer packets into a WireGuard device: with a full tunnel's mark, none."""
    stack = model.stacks[StackId(interface.host, interface.socket_namespace)]
    return any(
        decision.device in stack.devices
        for family in FAMILIES
        for decision in stack.fib.decide(family, _UNSPECIFIED, mark=interface.fwmark).split(everything(family))
    )


def _carried(model: Model, interface: Interface) -> t.Iterator[str]:
    """The peers whose endpoint some WireGuard device of the birth namespace could take, whatever the rules say."""
    stack = model.stacks[StackId(interface.host, interface.socket_namespace)]
    into = [route for route in stack.fib.routes if route.device in stack.devices]
    cryptokey = model.cryptokey(interface)
    for route in into:
        carrier = model.cryptokey(stack.devices[t.cast("str", route.device)])
        key = "endpoints", cryptokey.rows, carrier.rows, route.destination, bool(cryptokey.own) and interface
        memo: dict[t.Any, list[str]] = model.fleet.memo.setdefault("carried", {})
        if key not in memo:
            # Asked of the complete rows, so that all that share them share the answer; the real look-up comes later.
            rows = carrier.shared_rows()
            memo[key] = [
                ident
                for ident in cryptokey.complete()
                if _is_listed(_endpoint_of(model, interface, ident), route.destination, rows)
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


def _endpoint_of(model: Model, interface: Interface, ident: str) -> tuple[str, int, int] | None:
    """(text, family, address) of a peer's endpoint where it is an address."""
    for entry in reversed(model.cryptokey(interface).entries(ident)):
        if entry.endpoint is not None:
            try:
                address = parse_endpoint(entry.endpoint).address
            except InvalidInput:
                return None
            return None if address is None else (entry.endpoint, address.family, address.number)
    return None


def _next_tunnel(model: Model, interface: Interface, ident: str) -> tuple[Interface, str] | None:
    """The tunnel that carries the outer packets of a tunnel; None where they leave by another device."""
    endpoint = _endpoint_of(model, interface, ident)
    if endpoint is None:
        return None
    _text, family, number = endpoint
    stack = model.stacks[StackId(interface.host, interface.socket_namespace)]
    decision = stack.fib.lookup(family, _UNSPECIFIED, number, mark=interface.fwmark).decision
    carrier = stack.devices.get(decision.device or "")
    if carrier is None:
        return None
    owner = model.cryptokey(carrier).trie(family).at(number)
    return None if owner is None else (carrier, owner.ident)
