# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""3xx: routing. Routes in each other's way, and what leaves in clear."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Prefix
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._clear_text import find_clear_text
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Route
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._gaps import unrouted
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._route_conflicts import (
    Overlap,
    find_overlaps,
    find_twins,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rules._rule import (
    ERROR,
    WARNING,
    Case,
    Finding,
    Rule,
    listed,
    on_interface,
    witness,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import to_prefixes


def _twice(case: Case) -> t.Iterator[Finding]:
    for twins in find_twins(case.model):
        devices = case.model.stacks[twins.stack].devices
        named = next((one.device for one in (twins.second, twins.first) if one.device in devices), None)
        metric = twins.second.metric[twins.prefixes[0].family]
        yield Finding(
            host=twins.stack.host,
            namespace=twins.stack.namespace,
            interface=named,
            prefixes=twins.prefixes,
            message=f"{listed(twins.prefixes)} is routed twice in table {twins.second.table} of {twins.stack} with "
            f"metric {metric}: {_way(twins.first)} and {_way(twins.second)}; the kernel refuses the second",
            hint="remove one of the two routes, or give them different metrics",
        )


def _way(route: Route) -> str:
    """``by wg0``, ``by eth0 and gateway 192.0.2.1``, ``blackhole``."""
    if route.type != "unicast":
        return route.type
    gateway = f" and gateway {route.gateway}" if route.gateway else ""
    return f"by {route.device}{gateway}" + (", which is connected to it" if route.origin == "connected" else "")


def _overlap(case: Case) -> t.Iterator[Finding]:
    for overlap in find_overlaps(case.model, case.ownership):
        message, hint = _taken(overlap) if overlap.inside else _hidden(overlap)
        yield on_interface(overlap.interface, message, hint, prefixes=overlap.hidden)


def _taken(overlap: Overlap) -> tuple[str, str]:
    label, connected = overlap.interface.label, overlap.connected
    message = (
        f"{overlap.prefix} is routed into {label} and lies in {connected.destination}, which {connected.device} is "
        "connected to: those neighbours are not reached directly any more"
    )
    return message, f"remove the route for {overlap.prefix}, or renumber one of the two networks"


def _hidden(overlap: Overlap) -> tuple[str, str]:
    interface, connected = overlap.interface, overlap.connected
    of_whom = f", which {overlap.owner} owns," if overlap.owner is not None else ""
    message = (
        f"{listed(overlap.hidden)}{of_whom} lies in {overlap.prefix}, which is routed into {interface.label}, but "
        f"{interface.stack} is connected to {connected.destination} by {connected.device} and sends it there"
    )
    return message, f"renumber {connected.destination} of {connected.device}, or take it out of {overlap.prefix}"


def _in_clear(case: Case) -> t.Iterator[Finding]:
    for leak in find_clear_text(case.model, case.proof, unrouted(case.model)):
        prefixes = tuple(to_prefixes(leak.family, leak.destinations))
        yield Finding(
            host=leak.stack.host,
            namespace=leak.stack.namespace,
            interface=leak.interface,
            peer=leak.peer,
            prefixes=prefixes,
            message=f"{listed(prefixes)} is meant for the overlay, but leaves {leak.stack} in clear by the default "
            f"route {leak.route.destination} by {leak.route.device}",
            hint=f"route {_what(prefixes)} into the WireGuard device, or let a blackhole route stop it",
            witness=witness(leak.stack, leak.family, leak.source, leak.destinations[0]),
            severity=WARNING if leak.user_routes else None,
        )


def _what(prefixes: tuple[Prefix, ...]) -> str:
    return str(prefixes[0]) if len(prefixes) == 1 else f"these {len(prefixes)} prefixes"


RULES = (
    Rule(
        id="WG309",
        name="route-twice",
        severity=ERROR,
        summary="same prefix and metric twice in one table",
        decide=_twice,
    ),
    Rule(
        id="WG310",
        name="overlay-over-connected",
        severity=WARNING,
        summary="overlay route overlaps a connected or container network",
        decide=_overlap,
    ),
    Rule(
        id="WG316",
        name="leaves-in-clear",
        severity=ERROR,
        summary="overlay destination leaves in clear by the default route",
        decide=_in_clear,
    ),
)
