# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The assumption ledger: what a proof takes for granted because no document can say it, and how to settle it.

An entry is there once, however many hosts it is about, and not at all where the document settles it.
"""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Endpoint
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._endpoint import parse_endpoint
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._exit_nodes import find_unanswered
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import (
    FAMILIES,
    Interface,
    Peer,
    Stack,
    StackId,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._forwards import Forwards
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._full_tunnels import UNBOUND
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._handed import is_external_exit
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._likeness import doubtful_interfaces, likenesses
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model, StackModel
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ownership import Owned, Ownership
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._path_mtu import outer_size
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import subtract

Entry = dict[str, t.Any]

# What every IPv6 path carries (RFC 8200, 5), so that nothing has to be assumed.
_ALWAYS_CARRIED = 1280
# IP and ICMP headers, which ping(8) adds to what it is told.
_PING_HEADERS = {4: 28, 6: 48}
# How many names are spelled out.
_SPELLED_OUT = 4


def assumptions_of(model: Model, ownership: Ownership) -> t.Iterator[Entry]:
    """One entry per kind of assumption: {assumption, settle, hosts}, always in this order."""
    found = _Endpoints(model)
    entries = (
        _return_routes(model, ownership),
        _exits(model, ownership),
        _external_exits(model),
        _filters(model),
        _underlays(model),
        _names(found),
        _translated_endpoints(found),
        _path_mtu(model, found),
        _external_peers(model),
    )
    yield from (entry for entry in entries if entry is not None)


def _return_routes(model: Model, ownership: Ownership) -> Entry | None:
    """WG314 of the catalogue: not of networks that see only the gateway's own address."""
    gateways = {
        owned.stack.host
        for network in ownership.networks.values()
        for owned in network.stacks.values()
        if any(owned.behind.values()) and _has_neighbours(model.stacks[owned.stack], owned)
    }
    return _entry(
        "hosts in the networks behind a gateway send their replies back to that gateway",
        "ip route get <address in the overlay>   # on a host in that network",
        gateways,
    )


def _has_neighbours(stack: StackModel, owned: Owned) -> bool:
    """Whether somebody behind a stack gets packets of the overlay as they are."""
    hiding = stack.stack.masquerade or ()
    for family in FAMILIES:
        others = subtract(owned.behind[family], stack.fib.local_set[family])
        for decision in stack.fib.split(family, UNBOUND, others) if others else ():
            device = decision.device
            if device is not None and device not in stack.devices and device not in hiding:
                return True
    return False


def _exits(model: Model, ownership: Ownership) -> Entry | None:
    nodes = {found.interface.host for found in find_unanswered(model, ownership) if not found.certain}
    return _entry(
        "exits of which nobody describes the outward device translate private addresses there, or have a route back",
        "nft list ruleset   # on the exit; then describe the device and masquerade in wireguard_stacks",
        nodes,
    )


def _external_exits(model: Model) -> Entry | None:
    """What becomes of packets outside the fleet. A shared row is looked at once, and told of all that have it."""
    groups = {name: _exits_in(row) for name, row in model.fleet.peer_groups.items()}
    found = {one: {*_exits_in(one.peers), *groups.get(one.peer_group or "", ())} for one in model.interfaces}
    names = sorted({name for one in found.values() for name in one})
    return _entry(
        f"external exits pass on what they get, from whatever source, and send the answers back: {_listed(names)}",
        "ping -I <address of the tunnel> <address on the internet>   # on each host that uses the exit",
        {one.host for one, exits in found.items() if exits},
    )


def _exits_in(row: t.Iterable[Peer]) -> set[str]:
    return {peer.name for peer in row if is_external_exit(peer)}


def _filters(model: Model) -> Entry | None:
    def is_unknown(interface: Interface) -> bool:
        spaces = (interface.namespace, interface.socket_namespace)
        stacks = [_stack(model, interface, namespace) for namespace in spaces]
        return any(stack.filtered is None or stack.translated is None for stack in stacks)

    unknown = {interface.host for interface in doubtful_interfaces(model, is_unknown)}
    return _entry(
        "no packet filter drops and no address translation rewrites tunnel or overlay traffic",
        "nft list ruleset",
        unknown,
    )


def _stack(model: Model, interface: Interface, namespace: str) -> Stack:
    return model.stacks[StackId(interface.host, namespace)].stack


def _underlays(model: Model) -> Entry | None:
    """Of documents that say nothing but WireGuard; what a derivation made up for one is in its own ledger."""

    def is_bare(interface: Interface) -> bool:
        return not _has_underlay(model.stacks[StackId(interface.host, interface.socket_namespace)])

    bare = {interface.host for interface in doubtful_interfaces(model, is_bare)}
    return _entry(
        "outer packets get out by an underlay that nobody describes",
        "ip -brief address; ip route; ip -6 route   # then add addresses and routes to the document",
        bare,
    )


def _has_underlay(stack: StackModel) -> bool:
    named = (route.device for route in stack.stack.routes if route.device is not None)
    return any(device not in stack.devices for device in (*stack.stack.addresses, *named))


class _Endpoints:
    """All endpoints of a fleet. names, dialling: DNS names, and who dials one or an address."""

    def __init__(self, model: Model) -> None:
        self.names: set[str] = set()
        self.by_name: set[str] = set()
        self.dialling: set[str] = set()
        self.families: set[int] = set()
        self.elsewhere: dict[str, set[str]] = {}
        self._model = model
        self._forwards = Forwards(model)
        self._held = {
            (one.family, one.number)
            for stack in model.stacks.values()
            for held in (*stack.stack.addresses.values(), *(tunnel.addresses for tunnel in stack.devices.values()))
            for one in held
        }
        groups = {name: self._read(row) for name, row in model.fleet.peer_groups.items()}
        lists = {peers: self._read(peers) for peers in dict.fromkeys(one.peers for one in model.interfaces)}
        for interface in model.interfaces:
            kinds = lists[interface.peers] | groups.get(interface.peer_group or "", set())
            if kinds:
                self.dialling.add(interface.host)
            if "name" in kinds:
                self.by_name.add(interface.host)

    def _read(self, peers: t.Iterable[Peer]) -> set[str]:
        """Notes every endpoint of a row and says which kinds there are."""
        kinds = set()
        for peer in peers:
            endpoint = _parsed(peer)
            if endpoint is not None:
                kinds.add("name" if endpoint.address is None else "address")
                self._note(peer, endpoint)
        return kinds

    def _note(self, peer: Peer, endpoint: Endpoint) -> None:
        address = endpoint.address
        if address is None:
            self.names.add(endpoint.host)
            self.families.update(FAMILIES)
            return
        self.families.add(address.family)
        target = self._model.by_key.get(peer.key or "")
        if target is None or (address.family, address.number) in self._held:
            return
        if self._forwards.lead(endpoint, target):
            return
        described = _stack(self._model, target, target.socket_namespace).addresses.values()
        if any(one.family == address.family for held in described for one in held):
            self.elsewhere.setdefault(target.host, set()).add(endpoint.host)


def _parsed(peer: Peer) -> Endpoint | None:
    try:
        return None if peer.endpoint is None else parse_endpoint(peer.endpoint)
    except InvalidInput:
        return None


def _names(found: _Endpoints) -> Entry | None:
    names = sorted(found.names)
    looked_up = (
        " ".join(names) if len(names) <= _SPELLED_OUT else f"{names[0]}   # and so on for all {len(names)} names"
    )
    return _entry("endpoint names resolve to the right host", f"getent hosts {looked_up}", found.by_name)


def _translated_endpoints(found: _Endpoints) -> Entry | None:
    """An endpoint that nobody in the fleet has, of a host whose addresses are described."""
    pairs = [
        f"{address} to {host}" for host, addresses in sorted(found.elsewhere.items()) for address in sorted(addresses)
    ]
    return _entry(
        f"address translation (1:1 NAT or a forwarded port) that nobody declares leads {_listed(pairs)}",
        "wg show <interface> latest-handshakes   # on a host that dials it",
        found.elsewhere,
    )


def _path_mtu(model: Model, found: _Endpoints) -> Entry | None:
    if not found.families or not model.interfaces:
        return None
    kinds = [one for hosts in likenesses(model) for one in hosts[0].interfaces]
    largest, family = max(outer_size(model, one, otherwise=max(found.families)) for one in kinds)
    if largest <= _ALWAYS_CARRIED:
        return None
    derived = any(one.mtu is None for one in kinds)
    return _entry(
        f"the paths between endpoints carry outer packets of {largest} bytes"
        + ("; where no MTU is declared, a host derives it from its own devices" if derived else ""),
        f"ping -M do -s {largest - _PING_HEADERS[family]} <endpoint>   # over IPv{family}",
        found.dialling,
    )


def _external_peers(model: Model) -> Entry | None:
    rows = (*model.fleet.peer_groups.values(), *(interface.peers for interface in model.interfaces))
    names = sorted({peer.name for row in rows for peer in row if peer.managed is False})
    if not names:
        return None
    assumption = f"peers that are not managed here are set up to match: {_listed(names)}"
    return {"assumption": assumption, "settle": "wg show   # on that peer", "hosts": []}


def _listed(words: list[str]) -> str:
    more = len(words) - _SPELLED_OUT
    return ", ".join(words[:_SPELLED_OUT]) + (f" and {more} more" if more > 0 else "")


def _entry(assumption: str, settle: str, hosts: t.Iterable[str]) -> Entry | None:
    """None where it is about nobody."""
    named = sorted(hosts)
    return {"assumption": assumption, "settle": settle, "hosts": named} if named else None
