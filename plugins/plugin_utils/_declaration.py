# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an inventory declares, once it has been read: networks, their members, and what else the hosts have."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from dataclasses import dataclass, field

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import WIDTH, InterfaceAddress, Prefix
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._endpoint import DeclaredEndpoint
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._gateways import Gateway
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ignore import Ignored
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._reader import Problem

DEFAULT_PORT = 51820
# wg(8) recommends it; many NAT devices forget a UDP flow after 30 s (RFC 4787, 4.3, would have them wait 2 minutes).
KEEPALIVE = 25


@dataclass(frozen=True, kw_only=True)
class Link:
    """One edge of the topology ``links``."""

    one: str
    other: str
    cost: int


@dataclass(frozen=True, kw_only=True)
class Routing:
    """How packets find the interface. automatic: one route per AllowedIPs prefix; otherwise the user routes."""

    automatic: bool = True
    table: t.Optional[str] = None
    metric: t.Optional[int] = None
    fwmark: t.Optional[int] = None
    rules: tuple[Mapping[str, t.Any], ...] = ()


@dataclass(frozen=True, kw_only=True)
class ExternalPeer:
    """A device that Ansible does not manage. via: the members that speak to it, in the order of preference.

    pooled: it declares no prefix at all, so its address comes from the network's pool. exit_families: those whose
    default route it takes; ``prefixes`` is without them.
    """

    name: str
    via: tuple[str, ...]
    kind: str = "client"
    public_key: t.Optional[str] = None
    prefixes: tuple[Prefix, ...] = ()
    pooled: bool = False
    exit_families: tuple[int, ...] = ()
    endpoint: t.Optional[DeclaredEndpoint] = None
    preshared_keys: t.Optional[str] = None


@dataclass(frozen=True, kw_only=True)
class Network:
    name: str
    interface: str
    topology: str = "mesh"
    pool: tuple[Prefix, ...] = ()
    reserved: tuple[Prefix, ...] = ()
    supernet: tuple[Prefix, ...] = ()
    exit: t.Optional[str] = None
    hubs: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    listen_port: int = DEFAULT_PORT
    mtu: t.Optional[int] = None
    backend: t.Optional[str] = None
    clamp_mss: t.Optional[bool] = None
    open_port: t.Optional[str] = None
    preshared_keys: t.Optional[str] = None
    preshared_epoch: int = 1
    routing: Routing = field(default_factory=Routing)
    forwarding: str = "managed"
    external_peers: tuple[ExternalPeer, ...] = ()
    expect: tuple[Mapping[str, t.Any], ...] = ()

    @property
    def apart(self) -> bool:
        """Whether its members have nothing to do with each other: each speaks to external peers only."""
        return self.topology == "links" and not self.links and bool(self.external_peers)

    def part(self, host: str) -> str:
        """What the network is called in the document at a member: each one's own where they are apart."""
        return f"{self.name}/{host}" if self.apart else self.name

    def external_peer(self, name: str) -> t.Optional[ExternalPeer]:
        return next((peer for peer in self.external_peers if peer.name == name), None)


def whole_network(part: str) -> str:
    """The network that a name in the document stands for, see ``Network.part``: names of networks have no slash."""
    return part.partition("/")[0]


@dataclass(frozen=True, kw_only=True)
class EndpointView:
    """A member's endpoint as its peers see it. views: by host or group of the observer, in the order written."""

    default: t.Optional[DeclaredEndpoint] = None
    views: tuple[tuple[str, t.Optional[DeclaredEndpoint]], ...] = ()

    def seen_by(self, observer: str, groups: t.Sequence[str]) -> t.Optional[DeclaredEndpoint]:
        """The view for the host itself, else for the first listed group that it is in, else the default."""
        for name, endpoint in self.views:
            if name == observer:
                return endpoint
        for name, endpoint in self.views:
            if name in groups:
                return endpoint
        return self.default


@dataclass(frozen=True, kw_only=True)
class Member:
    """One host's membership in one network.

    advertise: without the default routes, which make it an exit for the families in ``exit_families``. exit: the
    member or external peer that its own default routes lead to. pooled: its addresses come from the network's pool.
    """

    host: str
    network: str
    interface: str
    path: str
    state: str = "present"
    namespace: str = ""
    socket_namespace: str = ""
    addresses: tuple[InterfaceAddress, ...] = ()
    pooled: bool = False
    advertise: tuple[Prefix, ...] = ()
    exit_families: tuple[int, ...] = ()
    exit: t.Optional[str] = None
    endpoint: EndpointView = field(default_factory=EndpointView)
    hubs: tuple[str, ...] = ()
    listen_port: int = DEFAULT_PORT
    mtu: t.Optional[int] = None
    fwmark: t.Optional[int] = None
    persistent_keepalive: t.Optional[int] = None
    public_key: t.Optional[str] = None
    private_key_file: t.Optional[str] = None
    backend: t.Optional[str] = None
    userspace_engine: t.Optional[str] = None
    gateway: Gateway = field(default_factory=Gateway)

    @property
    def prefixes(self) -> tuple[Prefix, ...]:
        """What this host answers for: its own addresses, and what lies behind it."""
        own = {Prefix(family, number, WIDTH[family]) for family, number, _length in self.addresses}
        return tuple(sorted(own.union(self.advertise)))

    @property
    def families(self) -> frozenset[int]:
        """Those that it has an address of."""
        return frozenset(address.family for address in self.addresses)


@dataclass(frozen=True, kw_only=True)
class Host:
    """controllers: where Ansible comes from, where that is declared.

    knows_by_facts: nobody describes the initial namespace in stacks; what stands there is from gathered facts."""

    name: str
    groups: tuple[str, ...] = ()
    management: t.Optional[str] = None
    controllers: tuple[Prefix, ...] = ()
    members: Mapping[str, Member] = field(default_factory=dict)
    stacks: Mapping[str, Mapping[str, t.Any]] = field(default_factory=dict)
    knows_by_facts: bool = False


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """networks and hosts by name, sorted; problems: the mistakes that are findings; ignored: those that are wanted.

    variables: the hosts' own, as they came, which know where they were written.
    """

    networks: Mapping[str, Network]
    hosts: Mapping[str, Host]
    problems: tuple[Problem, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    variables: Mapping[str, Mapping[str, t.Any]] = field(default_factory=dict, compare=False, repr=False)

    def members(self, network: str) -> dict[str, Member]:
        """The present members of a network by host, sorted."""
        found = {}
        for name, host in self.hosts.items():
            member = host.members.get(network)
            if member is not None and member.state == "present":
                found[name] = member
        return found

    def groups(self) -> dict[str, frozenset[str]]:
        """The hosts of every group that is not simply all of them."""
        found: dict[str, set[str]] = {}
        for name, host in self.hosts.items():
            for group in host.groups:
                found.setdefault(group, set()).add(name)
        return {group: frozenset(hosts) for group, hosts in sorted(found.items()) if group not in ("all", "ungrouped")}
