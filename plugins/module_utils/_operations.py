# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be done to an interface, one frozen value per kind of step: it says what it does, and does it.

An operation touches the host only through the ports. describe() is one line for people and never holds a secret.
"""

from __future__ import annotations

import abc
import dataclasses
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import (
    DeviceUpdate,
    Host,
    Network,
    PeerUpdate,
    Store,
    WireguardDriver,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PrivateKey
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    InterfaceAddress,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._record import Record
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    Route,
    Rule,
)


@dataclasses.dataclass(frozen=True)
class Site:
    """Where operations take place: one interface of one host."""

    host: Host
    store: Store
    namespace: str
    name: str

    @property
    def network(self) -> Network:
        return self.host.network(self.namespace)

    @property
    def driver(self) -> WireguardDriver:
        return self.host.wireguard(self.namespace, self.name)


class Operation(abc.ABC):
    """One step. bookkeeping: a step that only notes what follows and is not worth a line."""

    bookkeeping: t.ClassVar[bool] = False

    @abc.abstractmethod
    def describe(self) -> str:
        """What it does, in one line for people."""

    @abc.abstractmethod
    def apply(self, site: Site) -> None:
        """Do it. Raises HostError."""


class DeviceOperation(Operation):
    """A step that is one call to the WireGuard device."""

    @property
    @abc.abstractmethod
    def update(self) -> DeviceUpdate:
        """What is sent."""

    def apply(self, site: Site) -> None:
        site.driver.write(self.update)


@dataclasses.dataclass(frozen=True)
class CreateDevice(Operation):
    name: str
    namespace: str
    socket_namespace: str
    backend: str
    engine: str | None = None

    def describe(self) -> str:
        place = f" in namespace {self.namespace}" if self.namespace else ""
        if self.socket_namespace != self.namespace:
            place += f", socket in {self.socket_namespace or 'the initial namespace'}"
        return f"create interface {self.name} ({self.backend}){place}"

    def apply(self, site: Site) -> None:
        site.host.create(
            self.name,
            namespace=self.namespace,
            socket_namespace=self.socket_namespace,
            backend=self.backend,
            engine=self.engine,
        )


@dataclasses.dataclass(frozen=True)
class DeleteDevice(Operation):
    """reason: why it cannot stay although it is to be there again right afterwards, which interrupts its tunnels."""

    name: str
    namespace: str
    reason: str = ""

    def describe(self) -> str:
        outage = f" to make it again, which interrupts its tunnels: {self.reason}" if self.reason else ""
        return f"delete interface {self.name}{outage}"

    def apply(self, site: Site) -> None:
        site.host.delete(self.namespace, self.name)


@dataclasses.dataclass(frozen=True)
class SetPrivateKey(DeviceOperation):
    key: PrivateKey
    public_key: str

    @property
    def update(self) -> DeviceUpdate:
        return DeviceUpdate(private_key=self.key)

    def describe(self) -> str:
        return f"set private key (public key {self.public_key})"


@dataclasses.dataclass(frozen=True)
class SetListenPort(DeviceOperation):
    port: int

    @property
    def update(self) -> DeviceUpdate:
        return DeviceUpdate(listen_port=self.port)

    def describe(self) -> str:
        return f"set listen port {self.port}"


@dataclasses.dataclass(frozen=True)
class SetFwmark(DeviceOperation):
    fwmark: int

    @property
    def update(self) -> DeviceUpdate:
        return DeviceUpdate(fwmark=self.fwmark)

    def describe(self) -> str:
        return f"set fwmark {self.fwmark:#x}" if self.fwmark else "clear fwmark"


@dataclasses.dataclass(frozen=True)
class ChangePeer(DeviceOperation):
    """Adds a peer, takes one away or changes some of its fields. moved: who loses the prefixes that move here."""

    peer: PeerUpdate
    label: str
    moved: tuple[tuple[str, str], ...] = ()

    @property
    def update(self) -> DeviceUpdate:
        return DeviceUpdate(peers=(self.peer,))

    def describe(self) -> str:
        if self.peer.action == "remove":
            return f"remove peer {self.label}"
        origin = dict(self.moved)
        details = [
            f"+{prefix}" + (f" (from {origin[str(prefix)]})" if str(prefix) in origin else "")
            for prefix in self.peer.add_allowed_ips
        ]
        details += [f"-{prefix}" for prefix in self.peer.remove_allowed_ips]
        details += [f"endpoint {self.peer.endpoint}"] if self.peer.endpoint else []
        keepalive, secret = self.peer.persistent_keepalive, self.peer.preshared_key
        details += [f"keepalive {keepalive or 'off'}"] if keepalive is not None else []
        details += [f"preshared key {secret.fingerprint}"] if secret is not None else []
        verb = "add" if self.peer.action == "add" else "change"
        return f"{verb} peer {self.label}" + (f": {', '.join(details)}" if details else "")


@dataclasses.dataclass(frozen=True)
class SetMtu(Operation):
    name: str
    mtu: int

    def describe(self) -> str:
        return f"set MTU {self.mtu}"

    def apply(self, site: Site) -> None:
        site.network.set_mtu(self.name, self.mtu)


@dataclasses.dataclass(frozen=True)
class SetUp(Operation):
    name: str
    up: bool = True

    def describe(self) -> str:
        return f"set interface {self.name} {'up' if self.up else 'down'}"

    def apply(self, site: Site) -> None:
        site.network.set_up(self.name, self.up)


@dataclasses.dataclass(frozen=True)
class AddAddress(Operation):
    name: str
    address: InterfaceAddress

    def describe(self) -> str:
        return f"add address {self.address}"

    def apply(self, site: Site) -> None:
        site.network.add_address(self.name, self.address)


@dataclasses.dataclass(frozen=True)
class RemoveAddress(Operation):
    """keep: what has to be there afterwards. The kernel drops the other addresses of the same IPv4 prefix along with
    its primary one (promote_secondaries in the kernel's ip-sysctl document), so they are put back at once.
    """

    name: str
    address: InterfaceAddress
    keep: frozenset[InterfaceAddress] = frozenset()

    def describe(self) -> str:
        return f"remove address {self.address}"

    def apply(self, site: Site) -> None:
        network = site.network
        network.remove_address(self.name, self.address)
        link = network.link(self.name) if self.keep else None
        for address in sorted(self.keep - link.addresses) if link else ():
            network.add_address(self.name, address)


@dataclasses.dataclass(frozen=True)
class AddRoute(Operation):
    route: Route

    def describe(self) -> str:
        return f"add route {self.route}"

    def apply(self, site: Site) -> None:
        site.network.add_route(self.route)


@dataclasses.dataclass(frozen=True)
class ReplaceRoute(Operation):
    old: Route
    new: Route

    def describe(self) -> str:
        return f"replace route {self.old} by {self.new}"

    def apply(self, site: Site) -> None:
        site.network.replace_route(self.old, self.new)


@dataclasses.dataclass(frozen=True)
class RemoveRoute(Operation):
    route: Route

    def describe(self) -> str:
        return f"remove route {self.route}"

    def apply(self, site: Site) -> None:
        site.network.remove_route(self.route)


@dataclasses.dataclass(frozen=True)
class AddRule(Operation):
    rule: Rule

    def describe(self) -> str:
        return f"add rule {self.rule}"

    def apply(self, site: Site) -> None:
        site.network.add_rule(self.rule)


@dataclasses.dataclass(frozen=True)
class RemoveRule(Operation):
    rule: Rule

    def describe(self) -> str:
        return f"remove rule {self.rule}"

    def apply(self, site: Site) -> None:
        site.network.remove_rule(self.rule)


@dataclasses.dataclass(frozen=True)
class SetForwarding(Operation):
    family: int
    on: bool

    def describe(self) -> str:
        return f"switch IPv{self.family} forwarding {'on' if self.on else 'off'}"

    def apply(self, site: Site) -> None:
        site.network.set_forwarding(self.family, self.on)


@dataclasses.dataclass(frozen=True)
class WriteKeyFile(Operation):
    """made: the key is new."""

    path: str
    key: PrivateKey
    made: bool = False

    def describe(self) -> str:
        return f"{'make a private key in' if self.made else 'write the private key to'} {self.path}"

    def apply(self, site: Site) -> None:
        site.store.write_private_key(self.path, self.key)


@dataclasses.dataclass(frozen=True)
class RemoveKeyFile(Operation):
    path: str

    def describe(self) -> str:
        return f"remove the private key file {self.path}"

    def apply(self, site: Site) -> None:
        site.store.remove_private_key(self.path)


@dataclasses.dataclass(frozen=True)
class WriteRecord(Operation):
    record: Record

    def describe(self) -> str:
        return "record what is declared"

    def apply(self, site: Site) -> None:
        site.store.write_record(self.record)


@dataclasses.dataclass(frozen=True)
class ClaimOwnership(WriteRecord):
    """Notes the routes, rules and switches before they are made: an interrupted run leaves nothing that nobody owns."""

    bookkeeping = True


@dataclasses.dataclass(frozen=True)
class RemoveRecord(Operation):
    def describe(self) -> str:
        return "forget what was declared"

    def apply(self, site: Site) -> None:
        site.store.remove_record(site.namespace, site.name)


def batches(operations: t.Iterable[Operation]) -> t.Iterator[tuple[Operation, ...]]:
    """Neighbouring changes of peers together: they go to the device in one call, the others alone."""
    peers: list[Operation] = []
    for operation in operations:
        if isinstance(operation, ChangePeer):
            peers.append(operation)
            continue
        if peers:
            yield tuple(peers)
            peers = []
        yield (operation,)
    if peers:
        yield tuple(peers)


def execute(batch: t.Sequence[Operation], site: Site) -> None:
    """Apply what batches() put together."""
    if len(batch) == 1:
        batch[0].apply(site)
        return
    site.driver.write(
        DeviceUpdate(peers=tuple(operation.peer for operation in batch if isinstance(operation, ChangePeer)))
    )
