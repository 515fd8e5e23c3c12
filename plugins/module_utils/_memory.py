# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host in memory: the ports of _driver and _store as WireGuard and Linux behave, for tests and experiments.

It reproduces what the engine has to cope with: prefixes that move silently, a peer with the own key that is ignored,
routes refused because one like it exists, connected routes, secondary addresses that vanish with their primary one.
Every change is counted and can be made to fail, before or after its effect.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    HostError,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
    PresharedKey,
    PrivateKey,
    PublicKey,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._memory_firewall import MemoryFirewall
from ansible_collections.cryptokey.wireguard.plugins.module_utils._memory_network import (
    MemoryNetwork,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    Device,
    Peer,
    PeerStatistics,
)

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import (
        DeviceUpdate,
        PeerUpdate,
    )
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Address
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._record import Record
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._snapshot import Snapshot

FIRST_RANDOM_PORT = 40000
ENGINES = ("wireguard-go",)


def public_key_of(private_key: PrivateKey) -> PublicKey:
    """Some public key that belongs to that private key and no other. Not Curve25519, so that no library is needed."""
    return PublicKey(hashlib.sha256(b"public" + private_key.raw).digest())


class Faults:
    """Counts the changes and makes chosen ones fail.

    at: which change fails, counted from 1; 0: none.  late: it takes effect all the same.  lasting: later ones, too.
    """

    def __init__(self) -> None:
        self.at = 0
        self.late = False
        self.lasting = False
        self.count = 0
        self.log: list[str] = []

    def arm(self, at: int, *, late: bool = False, lasting: bool = False) -> None:
        self.at, self.late, self.lasting, self.count = at, late, lasting, 0
        self.log = []

    @contextlib.contextmanager
    def change(self, what: str) -> t.Iterator[None]:
        """Around every change."""
        self.count += 1
        self.log.append(what)
        fails = self.at and (self.count == self.at or (self.lasting and self.count > self.at))
        if fails and not self.late:
            raise HostError(f"fault at change {self.count} ({what})", errno=errno.EIO)
        yield
        if fails:
            raise HostError(f"fault after change {self.count} ({what})", errno=errno.EIO)


class MemoryDriver:
    """One WireGuard device."""

    def __init__(self, host: MemoryHost, backend: str, birthplace: str | None) -> None:
        self.host = host
        self.backend = backend
        self.birthplace = birthplace
        self.device = Device(private_key=None, public_key=None, listen_port=0, fwmark=0)
        self.statistics: dict[PublicKey, PeerStatistics] = {}
        self.edits = True

    def edits_peers(self) -> bool:
        return self.edits

    def read(self) -> tuple[Device, t.Mapping[PublicKey, PeerStatistics]]:
        none = PeerStatistics(latest_handshake=None, rx_bytes=0, tx_bytes=0)
        return self.device, {peer.public_key: self.statistics.get(peer.public_key, none) for peer in self.device.peers}

    def write(self, update: DeviceUpdate) -> None:
        with self.host.faults.change(f"write {_fields(update)}"):
            self._write(update)

    def _write(self, update: DeviceUpdate) -> None:
        if update.private_key is not None:
            key = public_key_of(update.private_key)
            peers = tuple(peer for peer in self.device.peers if peer.public_key != key)
            self.device = dataclasses.replace(self.device, private_key=update.private_key, public_key=key, peers=peers)
        if update.listen_port is not None:
            port = update.listen_port or self.host.random_port()
            self.host.claim_port(port, self)
            self.device = dataclasses.replace(self.device, listen_port=port)
        if update.fwmark is not None:
            self.device = dataclasses.replace(self.device, fwmark=update.fwmark)
        for peer in update.peers:
            self._write_peer(peer)

    def _write_peer(self, update: PeerUpdate) -> None:
        peers = {peer.public_key: peer for peer in self.device.peers}
        key = update.public_key
        if key == self.device.public_key or (key not in peers and update.action != "add"):
            return
        if update.action == "remove":
            del peers[key]
        else:
            peers[key] = _merged(peers.get(key) or _new_peer(key), update)
            for other in set(peers) - {key}:
                kept = (peers[other].allowed_ips or frozenset()) - frozenset(update.add_allowed_ips)
                peers[other] = peers[other]._replace(allowed_ips=kept)
        self.device = dataclasses.replace(self.device, peers=tuple(peers[key] for key in sorted(peers)))


def _new_peer(key: PublicKey) -> Peer:
    return Peer(key, preshared_key=PresharedKey.none(), persistent_keepalive=0, allowed_ips=frozenset())


def _merged(peer: Peer, update: PeerUpdate) -> Peer:
    kept = (peer.allowed_ips or frozenset()) - frozenset(update.remove_allowed_ips)
    keepalive = update.persistent_keepalive
    return peer._replace(
        preshared_key=update.preshared_key or peer.preshared_key,
        endpoint=update.endpoint or peer.endpoint,
        persistent_keepalive=peer.persistent_keepalive if keepalive is None else keepalive,
        allowed_ips=kept | frozenset(update.add_allowed_ips),
    )


def _fields(update: DeviceUpdate) -> str:
    names = [name for name in ("private_key", "listen_port", "fwmark") if getattr(update, name) is not None]
    return " ".join(names + [f"{peer.action} {peer.public_key.short}" for peer in update.peers])


class MemoryHost:
    """Namespaces, devices and names. installed: the backends that it can make; names: what DNS answers."""

    def __init__(self, *namespaces: str, installed: tuple[str, ...] = ("kernel", "userspace")) -> None:
        self.faults = Faults()
        self.installed = installed
        self.names: dict[str, Address] = {}
        self.devices: dict[tuple[str, str], MemoryDriver] = {}
        self.dead: set[tuple[str, str]] = set()
        self.units: dict[tuple[str, str], str] = {}
        self.networks = {name: self._network(name) for name in ("", *namespaces)}
        self.firewalls = {name: MemoryFirewall(name, self.faults) for name in ("", *namespaces)}
        self._ports = FIRST_RANDOM_PORT
        self.boot = 1
        self.unmoved: set[tuple[str, str, str]] = set()

    def _network(self, namespace: str) -> MemoryNetwork:
        return MemoryNetwork(namespace, self.faults, after_up=lambda name: self._bind(namespace, name))

    def _bind(self, namespace: str, name: str) -> None:
        """A device that comes up without a port gets a random one."""
        driver = self.devices.get((namespace, name))
        if driver is not None and driver.device.listen_port == 0:
            driver.device = dataclasses.replace(driver.device, listen_port=self.random_port())

    def check_tools(self) -> None:
        return None

    def namespaces(self) -> tuple[str, ...]:
        return tuple(sorted(name for name in self.networks if name))

    def era(self, namespace: str) -> str:
        return f"{self.boot}/{namespace}"

    def network(self, namespace: str) -> MemoryNetwork:
        if namespace not in self.networks:
            raise HostError(f"there is no network namespace {namespace!r}")
        return self.networks[namespace]

    def firewall(self, namespace: str) -> MemoryFirewall:
        self.network(namespace)
        return self.firewalls[namespace]

    def backends(self, engine: str | None = None) -> tuple[str, ...]:
        unknown = engine is not None and engine not in ENGINES
        return tuple(backend for backend in self.installed if backend != "userspace" or not unknown)

    def backend_of(self, namespace: str, name: str) -> str | None:
        if (namespace, name) in self.dead:
            return "dead"
        driver = self.devices.get((namespace, name))
        return driver.backend if driver else None

    def wireguard(self, namespace: str, name: str) -> MemoryDriver:
        return self.devices[namespace, name]

    def create(
        self, name: str, *, namespace: str, socket_namespace: str, backend: str, engine: str | None = None
    ) -> None:
        with self.faults.change(f"create {name}"):
            network = self.network(namespace)
            self.network(socket_namespace)
            if backend not in self.backends(engine):
                raise HostError(f"{backend} is not available")
            if network.link(name):
                raise HostError(f"{name} is there already", errno=errno.EEXIST)
            self.dead.discard((namespace, name))
            self.unmoved.discard((namespace, name, socket_namespace))
            self.devices[namespace, name] = MemoryDriver(self, backend, socket_namespace)
            network.make_link(name, kind="wireguard" if backend == "kernel" else "tun")

    def is_unmoved(self, namespace: str, name: str, *, birthplace: str) -> bool:
        return (namespace, name, birthplace) in self.unmoved

    def remove_unmoved(self, namespace: str, name: str, *, birthplace: str) -> None:
        with self.faults.change(f"remove unmoved {name}"):
            self.unmoved.discard((namespace, name, birthplace))

    def delete(self, namespace: str, name: str) -> None:
        with self.faults.change(f"delete {name}"):
            self.dead.discard((namespace, name))
            self.devices.pop((namespace, name), None)
            self.network(namespace).drop_link(name)

    def kill(self, namespace: str, name: str) -> None:
        """The userspace engine ends: tun, addresses and routes go with it, its socket file stays."""
        self.devices.pop((namespace, name))
        self.network(namespace).drop_link(name)
        self.dead.add((namespace, name))

    def restart(self, namespace: str, name: str) -> None:
        """The userspace engine ends and its supervisor starts it again: an empty device by the old name."""
        driver = self.devices[namespace, name]
        driver.device = Device(private_key=None, public_key=None, listen_port=0, fwmark=0)
        driver.statistics = {}
        self.network(namespace).drop_link(name)
        self.network(namespace).make_link(name, kind="tun")

    def end_namespace(self, namespace: str) -> None:
        """Its devices go with it; those that were born in it and moved elsewhere stay."""
        self.networks.pop(namespace)
        for (place, name), driver in list(self.devices.items()):
            if place == namespace:
                del self.devices[place, name]
            elif driver.birthplace == namespace:
                driver.birthplace = None

    def socket_namespace(self, namespace: str, name: str, *, listen_port: int | None = None) -> str | None:
        del listen_port  # the twin knows without it
        driver = self.devices.get((namespace, name))
        return driver.birthplace if driver else None

    def birthplace_is_gone(self, namespace: str, name: str, *, recorded: str) -> bool:
        driver = self.devices.get((namespace, name))
        ended = driver is not None and driver.birthplace is None
        return ended and (self.backend_of(namespace, name) == "kernel" or bool(recorded))

    def engine_unit(self, namespace: str, name: str) -> str | None:
        return self.units.get((namespace, name))

    def resolve(self, host: str, *, socket_namespace: str) -> Address:
        self.network(socket_namespace)
        if host not in self.names:
            raise HostError(f"{host} is unknown")
        return self.names[host]

    def public_key(self, private_key: PrivateKey) -> PublicKey:
        return public_key_of(private_key)

    def random_port(self) -> int:
        self._ports += 1
        return self._ports

    def claim_port(self, port: int, driver: MemoryDriver) -> None:
        for other in self.devices.values():
            if other is not driver and other.birthplace == driver.birthplace and other.device.listen_port == port:
                raise HostError(f"UDP port {port} is in use", errno=errno.EADDRINUSE)


class MemoryStore:
    """Records and keys in dictionaries; shares the faults of its host."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.kept: dict[tuple[str, str], Record] = {}
        self.keys: dict[str, PrivateKey] = {}
        self.snapshots: dict[tuple[str, str], Snapshot] = {}

    def record(self, namespace: str, name: str) -> Record | None:
        return self.kept.get((namespace, name))

    def records(self, namespace: str) -> tuple[Record, ...]:
        return tuple(self.kept[identity] for identity in sorted(self.kept) if identity[0] == namespace and identity[1])

    def write_record(self, record: Record) -> None:
        with self.faults.change("write record"):
            self.kept[record.namespace, record.name] = record

    def remove_record(self, namespace: str, name: str) -> None:
        with self.faults.change("remove record"):
            self.kept.pop((namespace, name), None)

    def snapshot(self, namespace: str, name: str) -> Snapshot | None:
        return self.snapshots.get((namespace, name))

    def write_snapshot(self, snapshot: Snapshot) -> None:
        with self.faults.change("write snapshot"):
            self.snapshots[snapshot.namespace, snapshot.name] = snapshot

    def remove_snapshot(self, namespace: str, name: str) -> None:
        with self.faults.change("remove snapshot"):
            self.snapshots.pop((namespace, name), None)

    def private_key(self, path: str) -> PrivateKey | None:
        return self.keys.get(path)

    def write_private_key(self, path: str, key: PrivateKey) -> None:
        with self.faults.change("write private key"):
            self.keys[path] = key

    def remove_private_key(self, path: str) -> None:
        with self.faults.change("remove private key"):
            self.keys.pop(path, None)

    def locked(self) -> t.ContextManager[None]:
        return contextlib.nullcontext()
