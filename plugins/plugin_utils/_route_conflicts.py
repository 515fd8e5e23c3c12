# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes of one stack that stand in each other's way: the same one twice, an overlay's and a connected network's."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Prefix, mask
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._cryptokey import Cryptokey
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import (
    FAMILIES,
    Interface,
    Route,
    StackId,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._full_tunnels import DEFAULT_LENGTH
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._likeness import doubtful_stacks
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model, StackModel
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ownership import Ownership
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import (
    EMPTY,
    Intervals,
    covers,
    from_prefixes,
    to_prefixes,
)

# Bridges and devices that container engines and hypervisors make; nobody advertises what is behind them by accident.
_CONTAINERS = re.compile(
    r"(docker|podman|cni|cni-podman|cbr|lxcbr|lxdbr|incusbr|virbr|nerdctl)[0-9]+"
    r"|br-[0-9a-f]{12}|docker_gwbridge|kube-bridge|weave|flannel\..+|cali.+"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Twins:
    """Two routes of one table with one metric for the same prefixes; the kernel takes only the first."""

    stack: StackId
    first: Route
    second: Route
    prefixes: tuple[Prefix, ...]


def find_twins(model: Model) -> t.Iterator[Twins]:
    """Every such pair; a route that follows AllowedIPs stands for one per prefix."""
    for stack in doubtful_stacks(model, lambda one: _may_have_twins(model, one)):
        for family in FAMILIES:
            listed, followers = _by_place(stack, family)
            for place, by_prefix in listed.items():
                yield from _listed_twice(stack, by_prefix)
                for follower in followers.get(place, ()):
                    yield from _listed_and_followed(model, stack, follower, by_prefix)
            for found in followers.values():
                yield from _followed_twice(model, stack, found, family)


def _by_place(
    stack: StackModel, family: int
) -> tuple[dict[tuple[str, int], dict[Prefix, list[Route]]], dict[tuple[str, int], list[Route]]]:
    """By table and metric, the routes with a destination of their own and those that follow AllowedIPs."""
    listed: dict[tuple[str, int], dict[Prefix, list[Route]]] = {}
    followers: dict[tuple[str, int], list[Route]] = {}
    for route in stack.fib.routes:
        place = route.table, route.metric[family]
        if route.destination is None:
            followers.setdefault(place, []).append(route)
        elif route.destination.family == family:
            listed.setdefault(place, {}).setdefault(route.destination, []).append(route)
    return listed, followers


def _may_have_twins(model: Model, stack: StackModel) -> bool:
    """Whether a prefix is there twice, or would be with all that the rows of AllowedIPs hold."""
    for family in FAMILIES:
        listed, followers = _by_place(stack, family)
        if any(len(found) > 1 for found in followers.values()):
            return True
        for place, by_prefix in listed.items():
            if any(len(routes) > 1 for routes in by_prefix.values()):
                return True
            carriers = [stack.devices.get(route.device or "") for route in followers.get(place, ())]
            rows = [row for one in carriers if one is not None for row in model.cryptokey(one).shared_rows()]
            if any(prefix in row.by_prefix for row in rows for prefix in by_prefix):
                return True
    return False


def _listed_twice(stack: StackModel, by_prefix: dict[Prefix, list[Route]]) -> t.Iterator[Twins]:
    for prefix, (first, *others) in by_prefix.items():
        for other in others:
            if not _is_as_usual(stack, first, other):
                yield Twins(stack=stack.id, first=first, second=other, prefixes=(prefix,))


def _is_as_usual(stack: StackModel, first: Route, other: Route) -> bool:
    """Two addresses of one network on one device, one network on two devices, a connected route written out."""
    if first.origin == other.origin == "connected":
        return first.device == other.device or not {first.device, other.device} & stack.devices.keys()
    return first.origin == "connected" and _is_same_way(first, other)


def _is_same_way(one: Route, other: Route) -> bool:
    return (one.type, one.device, one.gateway) == (other.type, other.device, other.gateway)


def _listed_and_followed(
    model: Model, stack: StackModel, follower: Route, by_prefix: dict[Prefix, list[Route]]
) -> t.Iterator[Twins]:
    interface = stack.devices.get(follower.device or "")
    if interface is None:
        return
    cryptokey = model.cryptokey(interface)
    for prefix, routes in by_prefix.items():
        if _lists(cryptokey, prefix):
            for route in routes:
                if not _is_same_way(route, follower):
                    first, second = sorted((route, follower), key=stack.fib.routes.index)
                    yield Twins(stack=stack.id, first=first, second=second, prefixes=(prefix,))


def _followed_twice(model: Model, stack: StackModel, followers: list[Route], family: int) -> t.Iterator[Twins]:
    """Two devices of which each has a route for the same AllowedIPs prefix."""
    known = [route for route in followers if route.device in stack.devices]
    for index, first in enumerate(known):
        for second in known[index + 1 :]:
            if first.device == second.device:
                continue
            one, other = (model.cryptokey(stack.devices[t.cast("str", route.device)]) for route in (first, second))
            shared = {
                prefix
                for mine in one.shared_rows()
                for theirs in other.shared_rows()
                for prefix in mine.by_prefix.keys() & theirs.by_prefix.keys()
                if prefix.family == family and _lists(one, prefix) and _lists(other, prefix)
            }
            if shared:
                yield Twins(stack=stack.id, first=first, second=second, prefixes=tuple(sorted(shared)))


def _lists(cryptokey: Cryptokey, prefix: Prefix) -> bool:
    """Whether the interface has just that prefix."""
    return any(owner not in removed for row, removed in cryptokey.layers for owner in row.by_prefix.get(prefix, ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """An overlay's route and a network that the stack is connected to. owner: of what is hidden, where it is not known.

    inside: the route takes a part of the network away; otherwise the network hides a part of what the route leads to.
    """

    interface: Interface
    prefix: Prefix
    connected: Route
    inside: bool
    hidden: tuple[Prefix, ...]
    owner: StackId | None


def find_overlaps(model: Model, ownership: Ownership) -> t.Iterator[Overlap]:
    """Every overlap that costs somebody something: a covering supernet or default over what is ours costs nobody."""
    for stack in doubtful_stacks(model, lambda one: bool(_beside_tunnels(one))):
        for connected in _beside_tunnels(stack):
            yield from _taken_away(stack, connected)
            yield from _hidden(model, ownership, stack, connected)


def _beside_tunnels(stack: StackModel) -> list[Route]:
    """The connected routes of a stack with WireGuard devices that are none of these."""
    return [one for one in stack.fib.connected if one.device not in stack.devices] if stack.devices else []


def _taken_away(stack: StackModel, connected: Route) -> t.Iterator[Overlap]:
    """Routes with a destination of their own; those that follow AllowedIPs are WG209's."""
    network = _prefix_of(connected)
    for route in stack.fib.routes:
        inside = route.destination is not None and network.contains(route.destination)
        if not inside or route.device not in stack.devices or route.origin == "connected":
            continue
        asked = from_prefixes([_prefix_of(route)])
        if any(
            route in stack.fib.routes_used(network.family, sample).split(asked)
            for _members, sample in stack.fib.source_classes(network.family)
        ):
            yield Overlap(
                interface=stack.devices[route.device], prefix=_prefix_of(route), connected=connected, inside=True,
                hidden=(_prefix_of(route),), owner=None,
            )  # fmt: skip


def _hidden(model: Model, ownership: Ownership, stack: StackModel, connected: Route) -> t.Iterator[Overlap]:
    """A connected network that is not ours, inside what the overlay leads to: somebody else's, or containers'."""
    network = _prefix_of(connected)
    area = from_prefixes([network])
    ours = [one.everything(network.family) for one in ownership.anywhere(stack.id)]
    if any(covers(one, area) for one in ours):
        return
    for interface in stack.devices.values():
        owner, part = _owned_elsewhere(ownership, interface, area, network.family)
        if owner is None and not _CONTAINERS.fullmatch(connected.device or ""):
            continue
        around = _around(model.cryptokey(interface), stack, interface, network)
        if around is not None:
            hidden = tuple(to_prefixes(network.family, part)) if part else (network,)
            yield Overlap(
                interface=interface, prefix=around, connected=connected, inside=False, hidden=hidden, owner=owner
            )


def _owned_elsewhere(
    ownership: Ownership, interface: Interface, area: Intervals, family: int
) -> tuple[StackId | None, Intervals]:
    """The first other stack of the network that owns a part of an area, and that part."""
    network = ownership.networks.get(interface.network or "")
    for owners, part in network.owners[family].split(area).items() if network is not None else ():
        others = [stack for stack in owners or () if stack != interface.stack]
        if others:
            return others[0], part
    return None, EMPTY


def _around(cryptokey: Cryptokey, stack: StackModel, interface: Interface, network: Prefix) -> Prefix | None:
    """The longest prefix that leads into a device and holds more than a connected network, but is no default."""
    follows = any(route.destination is None and route.device == interface.name for route in stack.fib.routes)
    explicit = {route.destination for route in stack.fib.routes if route.device == interface.name}
    for length in range(network.length - 1, DEFAULT_LENGTH, -1):
        around = Prefix(network.family, mask(network.family, network.network, length), length)
        if around in explicit or (follows and _lists(cryptokey, around)):
            return around
    return None


def _prefix_of(route: Route) -> Prefix:
    return t.cast("Prefix", route.destination)
