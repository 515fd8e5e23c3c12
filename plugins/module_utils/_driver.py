# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ports between the engine and the host. Adapters: _host, _network, _kernel, _userspace, _store; _memory (tests).

The engine speaks in updates that say exactly which fields are being set; a driver never sends anything else, so
that nothing undeclared is ever overwritten (a port that is sent again re-binds the socket, see wireguard-go's
device/uapi.go; a port 0 picks a new random one in drivers/net/wireguard/netlink.c).
"""

from __future__ import annotations

import dataclasses
import typing as t

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._derived_mtu import Path
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
        PresharedKey,
        PrivateKey,
        PublicKey,
    )
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._opening import Filtering, Opening
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
        Address,
        InterfaceAddress,
        Prefix,
    )
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._record import Record
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._ruleset import Ruleset
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._snapshot import Snapshot
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
        Device,
        Endpoint,
        Link,
        PeerStatistics,
        Route,
        Rule,
        Way,
    )


class PeerUpdate(t.NamedTuple):
    """One change of one peer; None: not sent.

    action: ``add`` (make it if it is not there), ``update`` (only if it is there) or ``remove``.
    add_allowed_ips: also takes the prefix from whichever peer has it now, in one pointer store, without loss.
    remove_allowed_ips: the driver takes single prefixes away without touching the peer's other ones: by REMOVE_ME
    where the implementation has it, else by way of a throw-away peer in the same message. Never REPLACE_ALLOWEDIPS.
    endpoint: its host must be an address.
    """

    public_key: PublicKey
    action: str = "update"
    preshared_key: PresharedKey | None = None
    endpoint: Endpoint | None = None
    persistent_keepalive: int | None = None
    add_allowed_ips: tuple[Prefix, ...] = ()
    remove_allowed_ips: tuple[Prefix, ...] = ()


@dataclasses.dataclass(frozen=True)
class DeviceUpdate:
    """One call to the device; None: not sent. Peers are sent in the order given."""

    private_key: PrivateKey | None = None
    listen_port: int | None = None
    fwmark: int | None = None
    peers: t.Sequence[PeerUpdate] = ()


class WireguardDriver(t.Protocol):
    """One WireGuard device in one network namespace. Methods raise HostError, never an OSError of their own."""

    backend: str
    """``kernel`` or ``userspace``."""

    def edits_peers(self) -> bool:
        """False where a peer has to be removed and added anew to change one of its fields, which loses its session."""

    def read(self) -> tuple[Device, t.Mapping[PublicKey, PeerStatistics]]:
        """Configuration and statistics, coalesced and consistent."""

    def write(self, update: DeviceUpdate) -> None:
        """Apply one update. Not transactional: after an error earlier parts may have been applied."""


class Network(t.Protocol):
    """Links, addresses, routes, rules and forwarding of one network namespace. Methods raise HostError."""

    namespace: str
    """Its name under /run/netns; "" is the initial one (the one that the caller runs in)."""

    def links(self) -> tuple[Link, ...]:
        """Every link with its addresses and counters, sorted by name."""

    def link(self, name: str) -> Link | None: ...

    def set_mtu(self, name: str, mtu: int) -> None: ...

    def set_up(self, name: str, up: bool) -> None: ...

    def add_address(self, name: str, address: InterfaceAddress) -> None:
        """IPv6 addresses are added without duplicate address detection: a tunnel has no neighbours to ask."""

    def remove_address(self, name: str, address: InterfaceAddress) -> None: ...

    def routes(self) -> tuple[Route, ...]:
        """Every route of every table and both families but those of the table local, whoever made it."""

    def add_route(self, route: Route) -> None:
        """Fails with EEXIST where an equal identity exists; never replaces."""

    def add_routes(self, routes: t.Sequence[Route]) -> None:
        """The same for many at once, in their order. After an error earlier and some later ones may be there."""

    def replace_route(self, old: Route, new: Route) -> None:
        """Puts new in the place of old, which has the same identity, without a moment in which neither is there."""

    def remove_route(self, route: Route) -> None:
        """Removes exactly this route (all its fields, its protocol included); absent is no error."""

    def rules(self) -> tuple[Rule, ...]:
        """Every policy rule of both families that Rule can express, whoever made it."""

    def add_rule(self, rule: Rule) -> None: ...

    def remove_rule(self, rule: Rule) -> None: ...

    def way(self, destination: Address, *, source: Address | None = None, mark: int = 0) -> Way:
        """Where a packet of our own would go (ip route get). source: one of our addresses."""

    def checks_sources(self, name: str) -> bool:
        """Whether rp_filter is strict on the device: the higher value of all and of its own (ip-sysctl)."""

    def forwarding(self, family: int) -> bool:
        """net.ipv4.ip_forward or net.ipv6.conf.all.forwarding of this namespace."""

    def set_forwarding(self, family: int, on: bool) -> None: ...

    def settings(self) -> t.Mapping[str, str]:
        """The parameters that _setting knows, by their name below net/: rp_filter of every device, src_valid_mark."""

    def change_setting(self, name: str, value: str) -> None: ...

    def paths(self, addresses: t.Collection[Address], *, mark: int) -> t.Mapping[Address, Path]:
        """The way that packets of this host with that mark take to each address that has one."""


class Firewall(t.Protocol):
    """The packet filter of one network namespace. Methods raise HostError."""

    def why_no_nftables(self) -> str:
        """Empty where there is nftables, with all that a ruleset needs."""

    def why_no_marks(self) -> str:
        """Empty where a ruleset can give packets the mark of their connection. Asked where there is nftables."""

    def ruleset(self, device: str) -> Ruleset | None:
        """The interface's own table; None where there is none."""

    def load(self, device: str, wanted: Ruleset | None) -> None:
        """Replaces the whole table in one transaction, or removes it; absent is no error."""

    def filtering(self, choice: str, ports: t.Collection[int], label: str, recorded: t.Iterable[Opening]) -> Filtering:
        """Who filters, which of the ports are open, and what would close them all the same.

        choice: as the option.  recorded: where to look besides.
        """

    def open_port(self, opening: Opening, label: str) -> None: ...

    def close_port(self, opening: Opening, label: str) -> None:
        """Absent is no error."""


class Host(t.Protocol):
    """The host as the engine sees it: namespaces, networks, WireGuard devices. Adapters: _host (Linux), _memory."""

    def check_tools(self) -> None:
        """Raises MissingLibrary where what it takes to change something is not installed; to look takes less."""

    def namespaces(self) -> tuple[str, ...]:
        """Named network namespaces, sorted; the initial one is not among them."""

    def era(self, namespace: str) -> str:
        """Another text once the machine was started anew, or the namespace made anew: indexes of links start over."""

    def network(self, namespace: str) -> Network:
        """Raises HostError where that namespace does not exist; never creates it."""

    def firewall(self, namespace: str) -> Firewall:
        """Raises HostError where that namespace does not exist."""

    def backends(self, engine: str | None = None) -> tuple[str, ...]:
        """What this host can make, in the order of preference: ``kernel`` if the kernel has WireGuard, then
        ``userspace`` if engine (a path or a name on PATH; None: the first known one) is installed."""

    def backend_of(self, namespace: str, name: str) -> str | None:
        """``kernel``, ``userspace`` (a tun whose engine answers), ``dead`` (remains of an engine that has ended) or
        None: no such link, or one that is no WireGuard interface."""

    def wireguard(self, namespace: str, name: str) -> WireguardDriver: ...

    def create(
        self, name: str, *, namespace: str, socket_namespace: str, backend: str, engine: str | None = None
    ) -> None:
        """Make the device: born in socket_namespace, where its UDP socket stays, then moved to namespace.

        Returns once the device answers. On failure nothing is left behind.
        """

    def is_unmoved(self, namespace: str, name: str, *, birthplace: str) -> bool:
        """Whether a run that was killed has left a device of the interface in its birthplace, to be moved yet."""

    def remove_unmoved(self, namespace: str, name: str, *, birthplace: str) -> None:
        """Absent is no error."""

    def delete(self, namespace: str, name: str) -> None:
        """Remove a WireGuard device and, in userspace, its engine and socket; absent is no error."""

    def socket_namespace(self, namespace: str, name: str, *, listen_port: int | None = None) -> str | None:
        """Where the device was born, as far as the host can tell; None: unknown.

        listen_port: the one that was read already; to read it anew takes a dump of the whole device.
        """

    def birthplace_is_gone(self, namespace: str, name: str, *, recorded: str) -> bool:
        """Whether the namespace that the device was born in has ended, or is no longer the one of the name recorded.

        recorded: the name under which it was born, "" where it is not known or was the initial one.
        """

    def engine_unit(self, namespace: str, name: str) -> str | None:
        """The unit of systemd that holds the device's userspace engine; None where there is none."""

    def resolve(self, host: str, *, socket_namespace: str) -> Address:
        """The address of an endpoint's host, resolved as that namespace does (its /etc/netns files)."""

    def public_key(self, private_key: PrivateKey) -> PublicKey:
        """By ``cryptography`` where it is installed, else by ``wg pubkey`` over standard input."""


class Store(t.Protocol):
    """The files that the engine keeps. Adapters: _store (a directory), _memory. Methods raise HostError."""

    def record(self, namespace: str, name: str) -> Record | None:
        """name: empty for the routes and rules of the namespace that belong to no interface."""

    def records(self, namespace: str) -> tuple[Record, ...]:
        """Every interface's record of the namespace, sorted by name."""

    def write_record(self, record: Record) -> None: ...

    def remove_record(self, namespace: str, name: str) -> None: ...

    def snapshot(self, namespace: str, name: str) -> Snapshot | None: ...

    def write_snapshot(self, snapshot: Snapshot) -> None:
        """On the disk before it returns: what follows may be the end of what is in it."""

    def remove_snapshot(self, namespace: str, name: str) -> None:
        """Absent is no error."""

    def private_key(self, path: str) -> PrivateKey | None: ...

    def write_private_key(self, path: str, key: PrivateKey) -> None: ...

    def remove_private_key(self, path: str) -> None: ...

    def locked(self) -> t.ContextManager[None]:
        """Held from reading to verifying, so that two runs at once do not mix, whatever files they keep."""
