# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a fleet document says, as frozen objects. Shared rows (peer groups, prefix sets) stay shared."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Address, InterfaceAddress, Prefix

FAMILIES = (4, 6)
# The device and the table of what nobody can say: no name in a document can be this.
OPAQUE = "\0"


class StackId(t.NamedTuple):
    """One network stack: a namespace of a host; "" is the initial namespace."""

    host: str
    namespace: str

    def __str__(self) -> str:
        return f"{self.host} (namespace {self.namespace})" if self.namespace else self.host


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A bad value inside a well-shaped document: a finding in the making."""

    rule: str
    path: str
    reason: str
    remedy: str = ""
    value: str = ""
    host: str = ""
    namespace: str = ""
    interface: str | None = None
    peer: str | None = None
    prefix: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Peer:
    """One peer entry. key: canonical base64, None while unknown. ident: the key, or ``?name`` while it is unknown.

    standby: it has no AllowedIPs on purpose: a backup that is kept in readiness.
    """

    name: str
    ident: str
    key: str | None
    bad_key: bool
    preshared_key_id: str | None
    endpoint: str | None
    allowed_ips: tuple[Prefix, ...]
    allowed_ips_set: str | None
    persistent_keepalive: int
    managed: bool | None
    standby: bool = False
    path: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Interface:
    """One WireGuard interface. ``peers`` come after those of ``peer_group``."""

    host: str
    name: str
    network: str | None
    namespace: str
    socket_namespace: str
    key: str | None
    bad_key: bool
    addresses: tuple[InterfaceAddress, ...]
    advertise: tuple[Prefix, ...] | None
    listen_port: int | None
    fwmark: int
    mtu: int | None
    dns: tuple[Address, ...]
    routes: str | None
    peer_group: str | None
    peers: tuple[Peer, ...]
    path: str
    stack: StackId = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "stack", StackId(self.host, self.namespace))

    @property
    def label(self) -> str:
        return f"{self.name} of {self.stack}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Route:
    """One route. destination None: one per distinct AllowedIPs prefix of ``device``. metric: the effective one.

    source: the address that the host's own packets get by it. protocol: a number or a name of rt_protos; who made it.
    """

    destination: Prefix | None
    device: str | None
    gateway: str | None
    table: str
    metric: dict[int, int]
    type: str
    position: int
    origin: str
    source: Address | None = None
    protocol: int | str | None = None

    def label(self, prefix: Prefix | None = None) -> str:
        """``route 10.0.0.0/8 table main → wg0``, as the trace prints it."""
        shown = self.destination if prefix is None else prefix
        target = f"→ {self.device}" if self.type == "unicast" else self.type
        return f"route {shown or 'allowed_ips'} table {self.table} {target}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rule:
    """One policy rule, of the families it applies to."""

    priority: int
    source: Prefix | None
    destination: Prefix | None
    ingress: str | None
    fwmark: tuple[int, int] | None
    invert: bool
    table: str
    suppress_prefixlength: int | None
    families: tuple[int, ...]
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PortForward:
    """Address translation that a stack is said to do: what arrives at ``port`` goes on to ``to_port``.

    protocol None: of any protocol. address None: whatever address it arrived for. to_address None: the stack itself.
    """

    protocol: str | None
    address: Address | None
    port: int
    to_address: Address | None
    to_port: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Unmodelled:
    """A construct that stands in the document but that the prover does not model.

    Which packets it could treat otherwise than the model does: those that ``route`` would decide if it were there for
    all packets, those that ``rule`` would match, those that leave by ``device`` with a source that is not its own;
    without any of these, all. instead: the route that the model has in place of ``route``.
    """

    stack: StackId
    path: str
    what: str
    route: Route | None = None
    instead: Route | None = None
    rule: Rule | None = None
    device: str | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Stack:
    """One network stack without its WireGuard interfaces.

    links: the MTU in bytes of the devices that are described. disabled: the IPv6 addresses, by device, that stand in
    the document although the stack has no IPv6; ``addresses`` is without them. lists_routes: whether the document says
    anything about routes; what it leaves out is then not there.
    masquerade: the devices behind whose address leaving packets hide; None where nothing is said.
    filtered, translated: whether there is a packet filter, address translation; None where nothing is said.
    """

    id: StackId
    addresses: dict[str, tuple[InterfaceAddress, ...]]
    advertise: tuple[Prefix, ...] | None
    links: dict[str, int]
    forwarding: dict[int, bool]
    rp_filter: dict[str, int]
    masquerade: tuple[str, ...] | None
    port_forwards: tuple[PortForward, ...]
    ipv6: bool
    disabled: dict[str, tuple[InterfaceAddress, ...]]
    lists_routes: bool
    routes: tuple[Route, ...]
    rules: tuple[Rule, ...]
    path: str
    filtered: bool | None = None
    translated: bool | None = None

    def like(self, stack: StackId, path: str) -> Stack:
        """Another stack with the same content."""
        # A frozen dataclass takes its fields one by one: at ten thousand hosts, several times as long.
        made = object.__new__(Stack)
        vars(made).update(vars(self), id=stack, path=path)
        return made


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Host:
    """One host: its stacks and the WireGuard interfaces in them.

    management: how Ansible reaches it, where that is an address. controllers: where Ansible comes from, if known.
    """

    name: str
    management_address: str | None
    management_namespace: str
    management: Address | None
    controllers: tuple[Prefix, ...]
    stacks: dict[str, Stack]
    interfaces: tuple[Interface, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """One end of an intent: hosts, a network, a prefix, or several of these (all must hold).

    beyond: what the hosts lead to though nobody in the fleet owns it, as an exit does, without ``excepted``.
    peer: the external peer that leads there, in place of hosts.
    """

    text: str
    hosts: tuple[str, ...] | None
    network: str | None
    prefixes: tuple[Prefix, ...] | None
    beyond: tuple[Prefix, ...] = ()
    peer: str | None = None
    excepted: tuple[Prefix, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """One declared intent."""

    network: str
    index: int
    source: End
    destination: End
    reach: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fleet:
    """The whole document. ``memo`` holds what was computed from it, so that check and prove share the work."""

    hosts: dict[str, Host]
    peer_groups: dict[str, tuple[Peer, ...]]
    prefix_sets: dict[str, tuple[Prefix, ...]]
    pools: dict[str, tuple[Prefix, ...]]
    expectations: tuple[Expectation, ...]
    problems: tuple[Problem, ...]
    unmodelled: tuple[Unmodelled, ...]
    memo: dict[str, t.Any] = field(default_factory=dict, repr=False)

    def interfaces(self) -> t.Iterator[Interface]:
        """Every WireGuard interface, in document order."""
        for host in self.hosts.values():
            yield from host.interfaces
