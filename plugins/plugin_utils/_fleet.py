# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a fleet document to a Fleet.

A document of the wrong shape raises InvalidInput with the path. A bad value in the right place becomes a Problem that
the rules report, and the rest of the document is still read.
"""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Mapping

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import InterfaceAddress, Prefix
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _linux_words
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._collector import collector_paused
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._common_lists import share_common_lists
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._document import Node
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._expectations import read_expectations
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import (
    Expectation,
    Fleet,
    Host,
    Interface,
    Problem,
    Stack,
    StackId,
    Unmodelled,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._peer_document import PeerReader
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._port_forwards import read_port_forwards
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._routing_document import RoutingReader
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._values import Values, address_among

_DOCUMENT = frozenset({"version", "hosts", "peer_groups", "prefix_sets", "networks"})
_HOST = frozenset({"management", "namespaces", "interfaces"})
_FORWARDING = frozenset({"ipv4", "ipv6"})
_STACK = frozenset(
    {
        "addresses",
        "advertise",
        "links",
        "forwarding",
        "rp_filter",
        "masquerade",
        "port_forwards",
        "ipv6",
        "routes",
        "rules",
    }
)
_MANAGEMENT = frozenset({"address", "namespace", "controllers"})
_STACK_KEYS = _STACK | _linux_words.STACK.keys()
_INTERFACE = frozenset(
    {
        "name",
        "network",
        "namespace",
        "socket_namespace",
        "public_key",
        "addresses",
        "advertise",
        "listen_port",
        "fwmark",
        "mtu",
        "routes",
        "dns",
        "peer_group",
        "peers",
        "options",
    }
)


def fleet_document(document: t.Any) -> t.Any:
    """The fleet document inside a plan document, or the document itself."""
    if isinstance(document, Mapping) and "fleet" in document and "hosts" not in document:
        return document["fleet"]
    return document


@collector_paused()
def parse_fleet(document: t.Any) -> Fleet:
    """Read a fleet document or the one inside a plan. Raises InvalidInput where its shape is wrong."""
    root = Node(fleet_document(document), "", known=_DOCUMENT)
    version = root.integer("version")
    if version not in (None, 1):
        raise InvalidInput("is a version that is not known", path="version", value=version, remedy="write 1")
    if "hosts" not in root:
        raise InvalidInput("is missing", path="hosts", remedy="a fleet document has a mapping of hosts")
    return _Reader(root).read(root)


class _Reader:
    """One pass over the document; collects problems and unmodelled constructs."""

    def __init__(self, root: Node) -> None:
        self.values = Values()
        self.unmodelled: list[Unmodelled] = []
        self.routing = RoutingReader(self.values, self.unmodelled)
        self.sets = self._prefix_sets(root.mapping("prefix_sets"))
        groups = root.mapping("peer_groups")
        self.peers = PeerReader(self.sets)
        self.groups = {name: self.peers.peers(groups, name, self.values) for name in groups.keys()}

    def read(self, root: Node) -> Fleet:
        hosts = root.mapping("hosts")
        read_hosts = {name: self._host(name, hosts.mapping(name, known=_HOST)) for name in hosts.keys()}
        networks = root.mapping("networks")
        pools: dict[str, tuple[Prefix, ...]] = {}
        expectations: list[Expectation] = []
        for name in networks.keys():
            network = networks.mapping(name, known=("pool", "expect", "options"))
            pools[name] = self.values.prefixes(network, "pool")
            expectations += read_expectations(network, name, self.values, hosts=read_hosts)
        problems = tuple(_placed(self.values.problems, read_hosts))
        read_hosts, all_groups = share_common_lists(read_hosts, self.groups)
        return Fleet(
            hosts=read_hosts,
            peer_groups=all_groups,
            prefix_sets=self.sets,
            pools=pools,
            expectations=tuple(expectations),
            problems=problems,
            unmodelled=tuple(self.unmodelled),
        )

    def _prefix_sets(self, sets: Node) -> dict[str, tuple[Prefix, ...]]:
        return {name: self.values.prefixes(sets, name) for name in sets.keys()}

    def _host(self, name: str, node: Node) -> Host:
        management = node.mapping("management", known=_MANAGEMENT)
        namespaces = node.mapping("namespaces")
        interfaces = tuple(
            self._interface(name, Node(entry, path, known=_INTERFACE)) for entry, path in node.items_of("interfaces")
        )
        used = [name for interface in interfaces for name in (interface.namespace, interface.socket_namespace)]
        names = dict.fromkeys(["", *namespaces.keys(), *used])
        stacks = {
            namespace: self._stack(
                StackId(name, namespace),
                namespaces,
                tunnels={one.name: one.addresses for one in interfaces if one.namespace == namespace},
            )
            for namespace in names
        }
        for interface in interfaces:
            if interface.name in (stacks[interface.namespace].masquerade or ()):
                path = f"{stacks[interface.namespace].path}.masquerade"
                what = f"address translation on {interface.name}"
                self.unmodelled.append(Unmodelled(stack=interface.stack, path=path, what=what, device=interface.name))
        address = management.optional_text("address")
        return Host(
            name=name,
            management_address=address,
            management_namespace=management.text("namespace"),
            management=address_among(address),
            controllers=self.values.within(host=name).prefixes(management, "controllers"),
            stacks=stacks,
            interfaces=interfaces,
        )

    def _stack(self, stack: StackId, namespaces: Node, *, tunnels: dict[str, tuple[InterfaceAddress, ...]]) -> Stack:
        """tunnels: the addresses of the WireGuard devices in it."""
        node = namespaces.mapping(stack.namespace, known=_STACK_KEYS)
        values = self.values.within(host=stack.host, namespace=stack.namespace)
        for key in sorted(node.among(_linux_words.STACK)):
            if node.raw(key):
                what = _linux_words.STACK[key]
                self.unmodelled.append(Unmodelled(stack=stack, path=node.at(key), what=what))
        devices = node.mapping("addresses")
        addresses = {device: values.addresses(devices, device) for device in devices.keys()}
        forwarding = node.mapping("forwarding", known=_FORWARDING)
        ipv6 = node.boolean("ipv6", True)
        disabled: dict[str, tuple[InterfaceAddress, ...]] = {}
        if not ipv6:
            disabled = {name: tuple(one for one in held if one.family == 6) for name, held in addresses.items()}
            addresses = {name: tuple(one for one in held if one.family == 4) for name, held in addresses.items()}
        return Stack(
            id=stack,
            addresses=addresses,
            advertise=values.prefixes(node, "advertise") if "advertise" in node else None,
            links=_mtus(node.mapping("links"), values) if "links" in node else {},
            forwarding={4: forwarding.boolean("ipv4"), 6: forwarding.boolean("ipv6")},
            rp_filter=_rp_filter(node.mapping("rp_filter")) if "rp_filter" in node else {},
            masquerade=_devices(node, "masquerade"),
            port_forwards=read_port_forwards(node, values),
            ipv6=ipv6,
            disabled={name: held for name, held in disabled.items() if held},
            lists_routes="routes" in node,
            routes=self.routing.routes(node, stack, {**tunnels, **addresses}),
            rules=self.routing.rules(node, stack),
            path=node.path,
            filtered=_has_any(node, _linux_words.FIREWALLS),
            translated=_has_any(node, ("masquerade", "nat")),
        )

    def _interface(self, host: str, node: Node) -> Interface:
        if "name" not in node:
            raise InvalidInput("has no name", path=node.path, remedy="every interface has a name")
        name, namespace = node.text("name"), node.text("namespace")
        values = self.values.within(host=host, namespace=namespace, interface=name)
        group = node.optional_text("peer_group")
        if group is not None and group not in self.groups:
            raise InvalidInput("is not one of peer_groups", path=node.at("peer_group"), value=group)
        routes = node.optional_text("routes")
        if routes not in (None, "auto", "explicit", "off"):
            raise InvalidInput("is not auto, explicit or off", path=node.at("routes"), value=routes)
        node.mapping("options")
        key, bad_key = values.public_key(node, "public_key")
        return Interface(
            host=host,
            name=name,
            network=node.optional_text("network"),
            namespace=namespace,
            socket_namespace=node.text("socket_namespace"),
            key=key,
            bad_key=bad_key,
            addresses=values.addresses(node, "addresses"),
            advertise=values.prefixes(node, "advertise") if "advertise" in node else None,
            listen_port=values.port(node, "listen_port"),
            fwmark=values.mark(node, "fwmark"),
            mtu=values.mtu(node, "mtu"),
            dns=values.name_servers(node, "dns"),
            routes=routes,
            peer_group=group,
            peers=self.peers.peers(node, "peers", values),
            path=node.path,
        )


def _has_any(node: Node, keys: t.Iterable[str]) -> bool | None:
    """Whether something stands under one of the keys; None where none of them is there."""
    found = [bool(node.raw(key)) for key in keys if key in node]
    return any(found) if found else None


def _devices(node: Node, key: str) -> tuple[str, ...] | None:
    """A list of devices; None where the key is absent."""
    return tuple(text for text, _path in node.texts(key)) if key in node else None


def _mtus(node: Node, values: Values) -> dict[str, int]:
    """The MTU of every described link that names one."""
    found = {name: values.mtu(node.mapping(name, known=("mtu",)), "mtu") for name in node.keys()}
    return {name: mtu for name, mtu in found.items() if mtu is not None}


def _rp_filter(node: Node) -> dict[str, int]:
    result = {}
    for device in node.keys():
        value = node.integer(device)
        if value not in (0, 1, 2):
            raise InvalidInput("is not 0, 1 or 2", path=node.at(device), value=value, remedy="0 off, 1 strict, 2 loose")
        result[device] = value
    return result


def _placed(problems: list[Problem], hosts: dict[str, Host]) -> t.Iterator[Problem]:
    """A problem in a shared row is told of the first interface that uses the row."""
    for problem in problems:
        shared = None if problem.host else _first_user(problem.path, hosts)
        if shared is None:
            yield problem
        else:
            yield dataclasses.replace(
                problem, host=shared.host, namespace=shared.namespace, interface=shared.name, peer=problem.peer
            )


def _first_user(path: str, hosts: dict[str, Host]) -> Interface | None:
    """The first interface that uses the shared row at the path."""
    for host in hosts.values():
        for interface in host.interfaces:
            group = interface.peer_group
            sets = {peer.allowed_ips_set for peer in interface.peers}
            if group and path.startswith((f"peer_groups.{group}[", f"peer_groups[{group!r}]")):
                return interface
            if any(name and path.startswith((f"prefix_sets.{name}[", f"prefix_sets[{name!r}]")) for name in sets):
                return interface
    return None
