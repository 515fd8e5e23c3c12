# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""7xx: full tunnels, and what leaks past them."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import WIDTH, Address, Prefix
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._cut_off import (
    cut_off_callers,
    cut_off_management,
    cut_off_networks,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Interface
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._leaks import (
    find_caught_endpoints,
    find_name_servers_outside,
    find_other_family,
    find_without_address,
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
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import Intervals, to_prefixes


def _other_family(case: Case) -> t.Iterator[Finding]:
    for leak in find_other_family(case.model):
        interface = leak.tunnel.interface
        yield on_interface(
            interface,
            f"{interface.label} takes all IPv{leak.tunnel.family} of {interface.stack} to the internet, but its "
            f"IPv{leak.family} goes by {leak.device}, outside the tunnel",
            f"let the tunnel take IPv{leak.family} too, or stop it with an unreachable default route",
            prefixes=(Prefix(leak.family, 0, 0),),
        )


def _caught_endpoint(case: Case) -> t.Iterator[Finding]:
    for caught in find_caught_endpoints(case.model):
        interface = caught.interface
        name = _name(case, interface, caught.ident)
        yield on_interface(
            interface,
            f"the halves of the default route into {interface.label} also take its own packets to {caught.endpoint} of "
            f"peer {name}: no longer route leads to that endpoint",
            f"route the endpoint of {name} by the underlay's gateway, or use an fwmark, a table of its own and a rule",
            peer=name,
        )


def _name(case: Case, interface: Interface, ident: str) -> str:
    return case.model.cryptokey(interface).entries(ident)[-1].name


def _name_server(case: Case) -> t.Iterator[Finding]:
    for outside in find_name_servers_outside(case.model):
        interface, server = outside.interface, outside.server
        way = f"leaves by {outside.device}" if outside.device else f"ends with {outside.kind}"
        yield on_interface(
            interface,
            f"the name server {server} of {interface.label} is not reached through a tunnel: what {interface.stack} "
            f"asks it {way}",
            f"name a server behind {interface.name}, or add {server} to the AllowedIPs of the peer that leads there",
            prefixes=(Prefix(server.family, server.number, WIDTH[server.family]),),
        )


def _without_address(case: Case) -> t.Iterator[Finding]:
    for tunnel in find_without_address(case.model):
        interface, family = tunnel.interface, f"IPv{tunnel.family}"
        yield on_interface(
            interface,
            f"all {family} of {interface.stack} to the internet is routed into {interface.name}, which has no {family} "
            "address: such packets have no source that a peer accepts",
            f"give {interface.name} an {family} address, or take {family} out of its AllowedIPs and stop it with an "
            "unreachable default route",
            prefixes=(Prefix(tunnel.family, 0, 0),),
        )


def _cut_off(case: Case) -> t.Iterator[Finding]:
    for cut in cut_off_networks(case.model):
        interface, prefixes = cut.interface, _prefixes(cut.family, cut.destinations)
        yield on_interface(
            interface,
            f"the full tunnel {interface.label} takes {listed(prefixes)}, which {interface.stack} is connected to by "
            f"{cut.device}: nothing there is reached any more",
            "let a rule look up main with suppress_prefixlength 0 before the tunnel's table",
            prefixes=prefixes,
            witness=witness(interface.stack, cut.family, cut.source, cut.example),
        )
    for cut in cut_off_management(case.model):
        interface, address = cut.interface, Address(cut.family, cut.source)
        yield on_interface(
            interface,
            f"Ansible reaches {interface.host} at {address}, but the answers from there go into the full tunnel "
            f"{interface.label}",
            f"let a rule look up main for packets from {address}, or reach the host through the tunnel",
            prefixes=(address.prefix,),
            witness=witness(interface.stack, cut.family, cut.source, cut.example),
        )

    told: set[Interface] = set()
    for callee, cut in cut_off_callers(case.model):
        address = Address(cut.family, cut.source)
        if callee not in told:
            told.add(callee)
            yield on_interface(
                callee,
                f"peers dial {callee.label} at {address}, but its answers to those that it cannot dial itself go "
                f"into the full tunnel {cut.interface.label}",
                f"give {callee.name} and {cut.interface.name} the same fwmark, or let a rule look up main for packets "
                f"from {address}",
                prefixes=(address.prefix,),
            )


def _prefixes(family: int, intervals: Intervals) -> tuple[Prefix, ...]:
    return tuple(to_prefixes(family, intervals))


RULES = (
    Rule(
        id="WG701",
        name="other-family-leaks",
        severity=WARNING,
        summary="full tunnel for one family while the other family's default route leads elsewhere",
        decide=_other_family,
    ),
    Rule(
        id="WG702",
        name="halves-take-endpoint",
        severity=ERROR,
        summary="default split in halves without a route to the endpoint",
        decide=_caught_endpoint,
    ),
    Rule(
        id="WG703",
        name="name-server-outside",
        severity=WARNING,
        summary="DNS server outside the tunnel",
        decide=_name_server,
    ),
    Rule(
        id="WG704",
        name="default-without-address",
        severity=ERROR,
        summary="default route into a tunnel without an address of that family",
        decide=_without_address,
    ),
    Rule(
        id="WG705",
        name="full-tunnel-cuts-off",
        severity=WARNING,
        summary="full tunnel cuts off the LAN or the management network",
        decide=_cut_off,
    ),
)
