# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""5xx: what an endpoint says about the peer behind it: its port, its address, its name."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    Address,
    InterfaceAddress,
    Prefix,
    parse_prefix,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._dialling import Dialled, dialled
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import (
    Interface,
    Stack,
    StackId,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._forwards import Forwards
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._prefix_lists import NAMED
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rules._rule import (
    ERROR,
    INFO,
    Case,
    Finding,
    Rule,
    listed,
    on_interface,
)

_LOOPBACK = (parse_prefix("127.0.0.0/8"), parse_prefix("::1/128"))
# What several sites can have at the same time: RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291.
_REPEATED = tuple(parse_prefix(text) for name in ("private", "cgnat", "link_local") for text in NAMED[name])


def _wrong_port(case: Case) -> t.Iterator[Finding]:
    forwards = Forwards(case.model)
    for one in dialled(case.model):
        target = one.target
        if target is None or not target.listen_port or target.listen_port == one.endpoint.port:
            continue
        if not forwards.lead(one.endpoint, target):
            yield on_interface(
                target,
                f"{one.who_dials} {target.label} at {one.text}, but it listens on port "
                f"{target.listen_port}, and no port forward is declared",
                f"write port {target.listen_port} in the endpoint, listen on {one.endpoint.port}, or declare the "
                f"port_forwards: [{{protocol: udp, port: {one.endpoint.port}, to_port: {target.listen_port}}}]",
                peer=one.callers[0].host,
            )


def _foreign_address(case: Case) -> t.Iterator[Finding]:
    addresses = {one.endpoint.address for one in dialled(case.model) if one.target is not None}
    holders = _holders(case, {one for one in addresses if one is not None})
    forwards = Forwards(case.model)
    for one in dialled(case.model):
        target, address = one.target, one.endpoint.address
        if target is None or address is None:
            continue
        found = holders.get(address, [])
        if not found or any(stack.host == target.host for stack in found):
            continue
        if _may_repeat(case, target, address) or forwards.lead(one.endpoint, target):
            continue
        yield on_interface(
            target,
            f"{one.who_dials} {target.label} at {one.text}, which is an address of "
            f"{listed(found)}; the handshakes go there and are not answered",
            f"write an address of {target.host} in the endpoint, or declare the port forward of {found[0].host}",
            peer=one.callers[0].host,
        )


def _holders(case: Case, asked: set[Address]) -> dict[Address, list[StackId]]:
    """The stacks that have each of the addresses, on whatever device; loopback addresses belong to everybody."""
    found: dict[Address, list[StackId]] = {}
    wanted = {address for address in asked if not _lies_in(_LOOPBACK, address)}
    for stack in case.model.stacks.values() if wanted else ():
        held = [one for addresses in stack.stack.addresses.values() for one in addresses]
        held += [one for interface in stack.devices.values() for one in interface.addresses]
        # An address with its length, of which the first two parts are the address.
        for address in dict.fromkeys(one.address for one in held if one[:2] in wanted):
            found.setdefault(address, []).append(stack.id)
    return found


def _may_repeat(case: Case, target: Interface, address: Address) -> bool:
    """Whether the target may have the same address at another site: a private one, and nobody says what it has."""
    return _lies_in(_REPEATED, address) and not _addresses(case.model.stacks[_birthplace(target)].stack)


def _random_port(case: Case) -> t.Iterator[Finding]:
    for one in dialled(case.model):
        if one.target is not None and one.target.listen_port == 0:
            yield on_interface(
                one.target,
                f"{one.who_dials} {one.target.label} at {one.text}, but it listens on a "
                "port that the kernel picks anew whenever it is set up",
                f"give {one.target.name} listen_port {one.endpoint.port}",
                peer=one.callers[0].host,
            )


def _by_name(case: Case) -> t.Iterator[Finding]:
    """One finding per network: names are no mistake, and a fleet may have nothing else."""
    by_network: dict[str | None, list[Dialled]] = {}
    for one in dialled(case.model):
        if one.endpoint.address is None:
            by_network.setdefault(one.told_at.network, []).append(one)
    for network, found in by_network.items():
        found.sort(key=lambda one: (one.told_at.host, one.peer.name, one.text))
        first = found[0]
        who = first.peer.name if first.target is None else first.target.label
        where = "" if network is None else f" of network {network}"
        said = (
            f"{first.who_dials} {who} at the name {first.endpoint.host}: it is resolved once"
            if len(found) == 1
            else f"{len(found)} endpoints{where} are names ({listed(one.endpoint.host for one in found)}): each is "
            "resolved once"
        )
        yield on_interface(
            first.told_at,
            f"{said}, when the peer is set up, and later changes of its address go unnoticed",
            "nothing to do while addresses stay; a name has to resolve where the UDP socket lives",
            peer=first.peer.name if first.target is None else first.callers[0].host,
        )


def _birthplace(interface: Interface) -> StackId:
    return StackId(interface.host, interface.socket_namespace)


def _addresses(stack: Stack) -> list[InterfaceAddress]:
    return [address for held in stack.addresses.values() for address in held]


def _lies_in(prefixes: t.Iterable[Prefix], address: Address) -> bool:
    return any(prefix.contains(address.prefix) for prefix in prefixes)


RULES = (
    Rule(
        id="WG502",
        name="endpoint-port",
        severity=ERROR,
        summary="endpoint port differs from the peer's listen port, no forward declared",
        decide=_wrong_port,
    ),
    Rule(
        id="WG503",
        name="endpoint-of-another-host",
        severity=ERROR,
        summary="endpoint address belongs to another host of the fleet",
        decide=_foreign_address,
    ),
    Rule(
        id="WG508",
        name="random-port-dialled",
        severity=ERROR,
        summary="others dial a host whose port is random",
        decide=_random_port,
    ),
    Rule(
        id="WG509",
        name="endpoint-name",
        severity=INFO,
        summary="endpoint is a DNS name (resolved once; must resolve in the birth namespace)",
        decide=_by_name,
    ),
)
