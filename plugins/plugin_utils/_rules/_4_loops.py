# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""4xx: loops."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._loops import find_loops, find_own_tunnels
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rules._rule import (
    ERROR,
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
    for interface, peer, endpoint, around in find_own_tunnels(case.model):
        way = "into its own tunnel" if not around else f"into a circle of tunnels, by way of {listed(around)}"
        yield on_interface(
            interface,
            f"the endpoint {endpoint} of peer {peer} is routed {way} on {interface.label}; its packets never get out",
            f"route {endpoint} outside {interface.name}, or keep it out by an fwmark and a rule",
            peer=peer,
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
)
