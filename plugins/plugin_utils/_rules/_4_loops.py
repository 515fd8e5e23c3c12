# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""4xx: loops."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import WIDTH, Prefix, format_number
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Interface
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._loops import find_bounces, find_loops
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._outer_path import find_carried, find_tunnel_sources
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rules._rule import (
    ERROR,
    INFO,
    WARNING,
    Case,
    Finding,
    Rule,
    listed,
    on_interface,
    witness,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import to_prefixes


def _forwarding_loop(case: Case) -> t.Iterator[Finding]:
    for loop in find_loops(case.model):
        first = loop.stacks[0]
        prefixes = tuple(to_prefixes(loop.family, loop.destinations))
        names = " -> ".join(str(stack) for stack in (*loop.stacks, first))
        yield Finding(
            host=first.host,
            namespace=first.namespace,
            interface=loop.device,
            prefixes=prefixes,
            message=f"packets to {listed(prefixes)} go round in a circle: {names}",
            hint=f"take {listed(prefixes)} out of the AllowedIPs or routes of one of {listed(loop.stacks)}",
            witness=witness(first, loop.family, loop.source, loop.destinations[0]),
        )


def _own_tunnel(case: Case) -> t.Iterator[Finding]:
    for carried in find_carried(case.model):
        if not carried.circle:
            continue
        interface, around = carried.interface, [one.label for one in carried.tunnels]
        peer = _name(case, interface, carried.ident)
        way = "into its own tunnel" if not around else f"into a circle of tunnels, by way of {listed(around)}"
        yield on_interface(
            interface,
            f"the endpoint {carried.endpoint} of peer {peer} is routed {way} on {interface.label}; "
            "its packets never get out",
            f"route {carried.endpoint} outside {interface.name}, or keep it out by an fwmark and a rule",
            peer=peer,
        )


def _name(case: Case, interface: Interface, ident: str) -> str:
    return case.model.cryptokey(interface).entries(ident)[-1].name


def _other_tunnel(case: Case) -> t.Iterator[Finding]:
    """One finding per interface and tunnel that carries it, however many peers that is about."""
    groups: dict[tuple[Interface, Interface], list[tuple[str, str]]] = {}
    for carried in find_carried(case.model):
        if not carried.circle:
            peer = _name(case, carried.interface, carried.ident)
            groups.setdefault((carried.interface, carried.tunnels[0]), []).append((peer, carried.endpoint))
    for (interface, carrier), found in groups.items():
        endpoints = listed(f"{endpoint} of {peer}" for peer, endpoint in found)
        yield on_interface(
            interface,
            f"{'the endpoint' if len(found) == 1 else 'the endpoints'} {endpoints} of {interface.label} "
            f"{'goes' if len(found) == 1 else 'go'} through the tunnel {carrier.name}: the inner MTU shrinks by "
            "another 60 (IPv4) or 80 (IPv6) bytes",
            f"nothing to do if that is meant; keep the MTU of {interface.name} below that of {carrier.name}",
            peer=found[0][0],
        )


def _sent_back(case: Case) -> t.Iterator[Finding]:
    for bounce in find_bounces(case.model, case.ownership):
        relay, sender = bounce.relay, bounce.sender
        prefixes = tuple(to_prefixes(bounce.family, bounce.destinations))
        yield on_interface(
            relay,
            f"{sender.label} sends packets to {listed(prefixes)} to {relay.stack}, which sends them back to it: "
            "each thinks that the other leads there",
            f"give {listed(prefixes)} to the right peer on {relay.name} of {relay.stack}, or keep it at {sender.stack}",
            peer=sender.host,
            prefixes=prefixes,
            witness=witness(sender.stack, bounce.family, bounce.source, bounce.destinations[0]),
        )


def _tunnel_source(case: Case) -> t.Iterator[Finding]:
    for found in find_tunnel_sources(case.model):
        interface, address = found.interface, format_number(found.family, found.source)
        peer = _name(case, interface, found.ident)
        yield on_interface(
            interface,
            f"outer packets of {interface.label} to {found.endpoint} of peer {peer} carry the source {address}, which "
            f"is an address of the tunnel {found.owner.name}: no answer can come back to it from outside",
            f"take the source {address} out of the {found.route.label()}"
            if found.route.source is not None
            else f"give {found.route.device} an IPv{found.family} address of its own",
            peer=peer,
            prefixes=(Prefix(found.family, found.source, WIDTH[found.family]),),
        )


RULES = (
    Rule(
        id="WG401",
        name="forwarding-loop",
        severity=ERROR,
        summary="forwarding loop, decided over all sources, owned or not",
        decide=_forwarding_loop,
    ),
    Rule(
        id="WG402",
        name="endpoint-in-own-tunnel",
        severity=ERROR,
        summary="endpoint routed into its own tunnel, per (interface, peer): onion routing is legal",
        decide=_own_tunnel,
    ),
    Rule(
        id="WG403",
        name="endpoint-in-other-tunnel",
        severity=INFO,
        summary="endpoint through another tunnel (takes MTU)",
        decide=_other_tunnel,
    ),
    Rule(
        id="WG404",
        name="sent-back",
        severity=WARNING,
        summary="relay sends a packet that started at a stack back to the peer it came from, among owned addresses",
        decide=_sent_back,
    ),
    Rule(
        id="WG405",
        name="tunnel-as-outer-source",
        severity=ERROR,
        summary="outer source address is a tunnel-only address",
        decide=_tunnel_source,
    ),
)
