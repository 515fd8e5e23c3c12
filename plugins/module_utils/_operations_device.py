# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps on the WireGuard device: made and deleted, its key, port and mark, its peers."""

from __future__ import annotations

import abc
import dataclasses
import typing as t
from typing import TYPE_CHECKING

from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import (
    DeviceUpdate,
    PeerUpdate,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._operation import (
    Operation,
    Site,
)

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._new_peers import NewPeers

if TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PrivateKey


class DeviceOperation(Operation):
    """A step that is one call to the WireGuard device."""

    @property
    @abc.abstractmethod
    def update(self) -> DeviceUpdate:
        """What is sent."""

    def apply(self, site: Site) -> None:
        site.driver.write(self.update)


@dataclasses.dataclass(frozen=True)
class AddPeers(DeviceOperation):
    """Adds all the peers of a device that has none."""

    peers: NewPeers

    @property
    def update(self) -> DeviceUpdate:
        return DeviceUpdate(peers=self.peers)

    def describe(self) -> str:
        more = len(self.peers) - 1
        return self.peers.lines()[0] + (f" and {more} more" if more else "")

    def lines(self) -> list[str]:
        return self.peers.lines()


@dataclasses.dataclass(frozen=True)
class CreateDevice(Operation):
    """again: what became of the one that was declared before; "" where this is the first one."""

    name: str
    namespace: str
    socket_namespace: str
    backend: str
    engine: str | None = None
    again: str = ""

    def describe(self) -> str:
        place = f" in namespace {self.namespace}" if self.namespace else ""
        if self.socket_namespace != self.namespace:
            place += f", socket in {self.socket_namespace or 'the initial namespace'}"
        again = f" again: {self.again}" if self.again else ""
        return f"create interface {self.name} ({self.backend}){place}{again}"

    def apply(self, site: Site) -> None:
        site.host.create(
            self.name,
            namespace=self.namespace,
            socket_namespace=self.socket_namespace,
            backend=self.backend,
            engine=self.engine,
        )


@dataclasses.dataclass(frozen=True)
class RemoveUnmoved(Operation):
    """What a run has left that was killed between making a device and moving it to its namespace."""

    name: str
    namespace: str
    birthplace: str

    def describe(self) -> str:
        place = f"namespace {self.birthplace}" if self.birthplace else "the initial namespace"
        return f"remove from {place} what an interrupted run has left there of {self.name}"

    def apply(self, site: Site) -> None:
        site.host.remove_unmoved(self.namespace, self.name, birthplace=self.birthplace)


@dataclasses.dataclass(frozen=True)
class DeleteDevice(Operation):
    """reason: why it cannot stay although it is to be there again right afterwards, which interrupts its tunnels.

    ended: its engine does not run any more, so that there is nothing left to interrupt.
    """

    name: str
    namespace: str
    reason: str = ""
    ended: bool = False

    def describe(self) -> str:
        if self.ended:
            return f"clear away what the ended userspace engine of {self.name} has left"
        outage = f" to make it again, which interrupts its tunnels: {self.reason}" if self.reason else ""
        return f"delete interface {self.name}{outage}"

    @property
    def disrupts(self) -> str:
        if self.ended:
            return ""
        if self.reason:
            return "all its tunnels, until it is there again and their handshakes are done"
        return "all its tunnels"

    def apply(self, site: Site) -> None:
        site.host.delete(self.namespace, self.name)


@dataclasses.dataclass(frozen=True)
class SetPrivateKey(DeviceOperation):
    """replaces: the device has had another key so far."""

    key: PrivateKey
    public_key: str
    replaces: bool = False

    @property
    def update(self) -> DeviceUpdate:
        return DeviceUpdate(private_key=self.key)

    def describe(self) -> str:
        return f"set private key (public key {self.public_key})"

    @property
    def disrupts(self) -> str:
        return "every tunnel, until its peer knows the new public key and has shaken hands" if self.replaces else ""


@dataclasses.dataclass(frozen=True)
class SetListenPort(DeviceOperation):
    """replaces: the socket has been bound to another port so far."""

    port: int
    replaces: bool = False

    @property
    def update(self) -> DeviceUpdate:
        return DeviceUpdate(listen_port=self.port)

    def describe(self) -> str:
        return f"set listen port {self.port}"

    @property
    def disrupts(self) -> str:
        return "what peers send to the old port, until this host has sent to them" if self.replaces else ""


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
    """Adds a peer, takes one away or changes some of its fields.

    moved: who loses the prefixes that move here.  replaces: the fields that had another value than none so far.
    remade: the engine cannot edit a peer, so that this one and those who lose a prefix to it are made anew.
    """

    peer: PeerUpdate
    label: str
    moved: tuple[tuple[str, str], ...] = ()
    replaces: frozenset[str] = frozenset()
    remade: bool = False

    @property
    def update(self) -> DeviceUpdate:
        return DeviceUpdate(peers=(self.peer,))

    @property
    def disrupts(self) -> str:
        """A new peer, a keepalive, added prefixes and an equal preshared key lose nothing: they say nothing here."""
        if self.peer.action == "remove":
            return "the tunnel to this peer"
        lost = []
        if self.remade:
            owners = sorted({owner for _prefix, owner in self.moved})
            lost.append(f"the tunnel to {' and '.join(['this peer', *owners])}, which this engine has to make anew")
        if self.moved:
            lost.append("answers of the former owner that are under way")
        if self.peer.remove_allowed_ips:
            lost.append(f"what goes to or comes from {', '.join(map(str, self.peer.remove_allowed_ips))}")
        if "endpoint" in self.replaces:
            lost.append("what goes to this peer, if it is not heard at the new endpoint")
        if "preshared_key" in self.replaces:
            lost.append("the tunnel to this peer within three minutes, unless it gets the same preshared key")
        return "; ".join(lost)

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
