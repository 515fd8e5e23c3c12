# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From an inventory to the fleet document: every interface, peer, prefix and route that the declaration implies.

Nothing here is trusted later: the prover reads only the document.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._assumed import Assumed, ledger
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._declaration import (
    Host,
    Inventory,
    Member,
    Network,
    Routing,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._exit_intents import exit_intents
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._exits import Exits, find_exits, routing_of
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._forwarding import forwarding_needs
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._gateways import united
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._peers import NetworkPeers
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._reader import Problem
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._texts import text_of
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._topology import build_topology
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._underlay import Undescribed

Document = dict[str, t.Any]


class Derivation(t.NamedTuple):
    """fleet: the document. removals: by host, the interfaces of networks that it has left. assumed: what was made up.

    problems: what the inventory asks for and WireGuard cannot do.
    """

    fleet: Document
    removals: dict[str, list[Document]]
    assumed: list[Assumed]
    problems: list[Problem]

    @property
    def assumptions(self) -> list[Document]:
        return ledger(self.assumed)


def derive(inventory: Inventory) -> Derivation:
    hosts: dict[str, Document] = {}
    assumed: list[Assumed] = []
    undescribed = Undescribed()
    for name, host in inventory.hosts.items():
        members = [member for member in host.members.values() if member.state == "present"]
        if members:
            stacks, more = undescribed.complete(host, members)
            assumed += more
            if any(member.gateway.says_anything for member in members):
                for space, stack in stacks.items():
                    united(member.gateway for member in members if member.namespace == space).enter(stack)
            hosts[name] = {**_management(host), "namespaces": stacks, "interfaces": []}
    fleet: Document = {"version": 1, "hosts": hosts, "peer_groups": {}, "prefix_sets": {}, "networks": {}}
    exits: dict[str, Exits] = {}
    for network in inventory.networks.values():
        exits[network.name] = _derive_network(fleet, inventory, network)
    for network in inventory.networks.values():
        for name, intent in exit_intents(inventory, network, exits[network.name], fleet):
            fleet["networks"].setdefault(name, {}).setdefault("expect", []).append(intent)
    assumed += _unfiltered(inventory, exits)
    problems = [problem for found in exits.values() for problem in found.problems]
    return Derivation(fleet, _removals(inventory), assumed, problems)


def _management(host: Host) -> Document:
    """How Ansible reaches the host, and from where, as far as that is known."""
    if not host.management:
        return {}
    controllers = {"controllers": [str(prefix) for prefix in host.controllers]} if host.controllers else {}
    return {"management": {"address": host.management, "namespace": "", **controllers}}


def _unfiltered(inventory: Inventory, exits: Mapping[str, Exits]) -> Iterator[Assumed]:
    """What comes from an endpoint would fail the strict reverse path filter where the default route is the tunnel."""
    for network in inventory.networks.values():
        for name, member in inventory.members(network.name).items():
            if exits[network.name].uses(name) and network.routing.automatic:
                described = inventory.hosts[name].stacks.get(member.socket_namespace, {})
                if not described.get("rp_filter") and member.namespace == member.socket_namespace:
                    yield Assumed("reverse_path", name, name)


def _derive_network(fleet: Document, inventory: Inventory, network: Network) -> Exits:
    members = inventory.members(network.name)
    topology = build_topology(network, members)
    exits = find_exits(network, members, topology)
    peers = NetworkPeers(network, members=members, hosts=inventory.hosts, topology=topology, exits=exits)
    stacks = {name: fleet["hosts"][name]["namespaces"][member.namespace] for name, member in members.items()}
    routings = {name: routing_of(network, member, exits, stacks[name]) for name, member in members.items()}
    interfaces = {name: _interface(network, member, routings[name]) for name, member in members.items()}
    peers.fill(interfaces)
    needs = forwarding_needs(topology, peers) if network.forwarding == "managed" else {}
    for name, interface in interfaces.items():
        stack = stacks[name]
        _enter_stack(stack, interface, routings[name], members[name])
        if needs.get(name):
            _switch_forwarding_on(stack, interface, needs[name])
        fleet["hosts"][name]["interfaces"].append(interface)
    fleet["peer_groups"].update(peers.groups)
    fleet["prefix_sets"].update(peers.sets)
    document = _network_document(inventory, network)
    fleet["networks"][network.name] = document
    if network.apart and "pool" in document:
        fleet["networks"].update({network.part(name): {"pool": document["pool"]} for name in members})
    return exits


def _interface(network: Network, member: Member, routing: Routing) -> Document:
    """Only what is declared: an absent key claims nothing."""
    interface: Document = {
        "name": member.interface,
        "network": network.part(member.host),
        "namespace": member.namespace,
        "socket_namespace": member.socket_namespace,
        "public_key": member.public_key,
        "addresses": [text_of(address) for address in member.addresses],
        "listen_port": member.listen_port,
        "routes": "auto" if routing.automatic else "off",
    }
    for key, value in (("fwmark", member.fwmark or routing.fwmark), ("mtu", member.mtu)):
        if value is not None:
            interface[key] = value
    options = _options(network, member, routing)
    if options:
        interface["options"] = options
    return interface


def _options(network: Network, member: Member, routing: Routing) -> Document:
    """The arguments of the module that say nothing about packets."""
    options = {
        "backend": member.backend,
        "userspace_engine": member.userspace_engine,
        "private_key_file": member.private_key_file,
        "table": routing.table,
        "metric": routing.metric,
        "rules": [dict(rule) for rule in routing.rules] or None,
        "preshared_keys": "none" if network.preshared_keys == "none" else None,
    }
    if member.gateway.says_anything:
        options.update(member.gateway.options)
    return {key: value for key, value in options.items() if value is not None}


def _enter_stack(stack: Document, interface: Document, routing: Routing, member: Member) -> None:
    """What an interface brings into the stack that it lives in: its routes, its rules, its part of what is owned."""
    advertised = [str(prefix) for prefix in member.advertise]
    if advertised != stack.get("advertise", advertised):
        # Another network's members see only what is advertised to them.
        interface["advertise"] = advertised
    if routing.automatic:
        route: Document = {"destination": "allowed_ips", "device": member.interface}
        for key, value in (("table", routing.table), ("metric", routing.metric)):
            if value is not None:
                route[key] = value
        stack.setdefault("routes", []).append(route)
    if routing.rules:
        stack.setdefault("rules", []).extend(dict(rule) for rule in routing.rules)


def _switch_forwarding_on(stack: Document, interface: Document, families: tuple[int, ...]) -> None:
    switched = {f"ipv{family}": True for family in families}
    stack["forwarding"] = {**stack.get("forwarding", {}), **switched}
    interface["options"] = {**interface.get("options", {}), "forwarding": switched}


def _network_document(inventory: Inventory, network: Network) -> Document:
    document: Document = {}
    if network.pool:
        document["pool"] = [str(prefix) for prefix in network.pool]
    if network.expect:
        document["expect"] = [
            {**entry, "from": _end(inventory, entry["from"]), "to": _end(inventory, entry["to"])}
            for entry in network.expect
        ]
    return document


def _end(inventory: Inventory, selector: Mapping[str, str]) -> Document:
    """A group becomes its hosts: the document knows no groups, and no network whose members are apart."""
    network = inventory.networks.get(selector.get("network", ""))
    if network is not None and network.apart and not {"host", "group"} & set(selector):
        rest = {key: value for key, value in selector.items() if key != "network"}
        return {**rest, "hosts": list(inventory.members(network.name))}
    if "group" not in selector:
        return dict(selector)
    present = (
        name
        for name, host in inventory.hosts.items()
        if selector["group"] in host.groups and any(member.state == "present" for member in host.members.values())
    )
    return {**selector, "hosts": list(present)}


def _removals(inventory: Inventory) -> dict[str, list[Document]]:
    """Interfaces of memberships that say ``state: absent``, unless another membership has the name now."""
    found: dict[str, list[Document]] = {}
    for name, host in inventory.hosts.items():
        kept = {(m.namespace, m.interface) for m in host.members.values() if m.state == "present"}
        left = {(m.namespace, m.interface) for m in host.members.values() if m.state == "absent"} - kept
        if left:
            found[name] = [{"name": interface, "namespace": namespace} for namespace, interface in sorted(left)]
    return found
