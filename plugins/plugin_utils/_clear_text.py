# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets that are meant for the overlay and leave a stack in clear, because only a default route takes them."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fib import LOOPBACK
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import FAMILIES, Route, StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._full_tunnels import DEFAULT_LENGTH, UNBOUND
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._gaps import Unrouted
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model, StackModel
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._prover import Proof
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import (
    EMPTY,
    Intervals,
    from_prefixes,
    subtract,
    union,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearText:
    """What one default route of a stack leads astray. source: one that it happens to.

    interface, peer: whose AllowedIPs hold it, where they do. user_routes: routing is left to the user.
    """

    stack: StackId
    family: int
    route: Route
    destinations: Intervals
    source: int
    interface: str | None = None
    peer: str | None = None
    user_routes: bool = False


def find_clear_text(model: Model, proof: Proof, gaps: t.Iterable[Unrouted]) -> t.Iterator[ClearText]:
    """Per stack and default route: first what intended flows lose, then what AllowedIPs hold besides.

    gaps: the AllowedIPs that no route leads to.
    """
    told: dict[tuple[StackId, Route], Intervals] = {}
    for (stack, family, source), destinations in _intended(proof).items():
        for route, part in _by_default(model.stacks[stack], family, source, destinations).items():
            if subtract(part, told.get((stack, route), EMPTY)):
                told[stack, route] = union(part, told.get((stack, route), EMPTY))
                yield ClearText(stack=stack, family=family, route=route, destinations=part, source=source)
    for gap in gaps:
        interface = gap.interface
        for family in FAMILIES:
            # A default among the AllowedIPs is no destination in the overlay, only a way to the rest of the world.
            listed = from_prefixes(
                prefix for prefix in gap.prefixes if prefix.family == family and prefix.length > DEFAULT_LENGTH
            )
            stack_model = model.stacks[interface.stack]
            for route, part in _by_default(stack_model, family, UNBOUND, listed).items():
                left = subtract(part, told.get((interface.stack, route), EMPTY))
                if left:
                    own = [one.number for one in interface.addresses if one.family == family]
                    yield ClearText(
                        stack=interface.stack, family=family, route=route, destinations=left,
                        source=own[0] if own else UNBOUND, interface=interface.name, peer=gap.peer,
                        user_routes=interface.routes == "off",
                    )  # fmt: skip


def _intended(proof: Proof) -> dict[tuple[StackId, int, int], Intervals]:
    """By stack, family and a source: the destinations of flows and intents that leave the overlay there."""
    found: dict[tuple[StackId, int, int], list[Intervals]] = {}
    for cause in proof.failures:
        if cause.blocked.outcome == "exits" and not cause.astray:
            key = cause.blocked.place.stack, cause.family, cause.example.source
            found.setdefault(key, []).append(cause.all_destinations())
    for intent in proof.intents:
        example = intent.example
        if example is not None and intent.expectation.reach and example.first.outcome == "exits":
            key = example.first.place.stack, intent.family, example.source
            found.setdefault(key, []).append((example.destination, example.destination + 1))
    return {key: union(*parts) for key, parts in found.items()}


def _by_default(stack: StackModel, family: int, source: int, destinations: Intervals) -> dict[Route, Intervals]:
    """The part of the destinations that leaves by default routes out of devices that are not WireGuard."""
    found: dict[Route, Intervals] = {}
    for ingress in (LOOPBACK, *stack.devices) if destinations else ():
        used = stack.fib.routes_used(family, source, ingress=ingress).split(destinations)
        for route, part in used.items():
            if route is not None and _leaves_by_default(route, stack):
                found[route] = union(found.get(route, EMPTY), part)
    return found


def _leaves_by_default(route: Route, stack: StackModel) -> bool:
    short = route.destination is not None and route.destination.length <= DEFAULT_LENGTH
    return short and route.type == "unicast" and route.device not in stack.devices
