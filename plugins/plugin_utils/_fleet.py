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
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Prefix
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
    StackId,
    Unmodelled,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._interface_document import InterfaceReader
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._peer_document import PeerReader
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._stack_document import StackReader
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._values import Values, address_among

_DOCUMENT = frozenset({"version", "hosts", "peer_groups", "prefix_sets", "networks"})
_HOST = frozenset({"management", "namespaces", "interfaces"})
_MANAGEMENT = frozenset({"address", "namespace", "controllers"})
_UNMANAGED = {"management_address": None, "management_namespace": "", "management": None, "controllers": ()}


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
        self.sets = self._prefix_sets(root.mapping("prefix_sets"))
        groups = root.mapping("peer_groups")
        peers = PeerReader(self.sets)
        self.groups = {name: peers.peers(groups, name, self.values) for name in groups.keys()}
        self.interfaces = InterfaceReader(self.values, groups=self.groups, peers=peers)
        self.stacks = StackReader(self.values, self.unmodelled)

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
        namespaces = node.mapping("namespaces")
        interfaces = tuple([self.interfaces.read(name, entry, path) for entry, path in node.items_of("interfaces")])
        used = [name for interface in interfaces for name in (interface.namespace, interface.socket_namespace)]
        names = dict.fromkeys(["", *namespaces.keys(), *used])
        stacks = {space: self.stacks.read(StackId(name, space), namespaces, interfaces) for space in names}
        for interface in interfaces:
            if interface.name in (stacks[interface.namespace].masquerade or ()):
                path = f"{stacks[interface.namespace].path}.masquerade"
                what = f"address translation on {interface.name}"
                self.unmodelled.append(Unmodelled(stack=interface.stack, path=path, what=what, device=interface.name))
        return Host(name=name, **self._management(name, node), stacks=stacks, interfaces=interfaces)

    def _management(self, host: str, node: Node) -> dict[str, t.Any]:
        if "management" not in node:
            return _UNMANAGED
        management = node.mapping("management", known=_MANAGEMENT)
        address = management.optional_text("address")
        return {
            "management_address": address,
            "management_namespace": management.text("namespace"),
            "management": address_among(address),
            "controllers": self.values.within(host=host).prefixes(management, "controllers"),
        }


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
