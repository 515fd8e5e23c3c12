# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host has or should have: WireGuard devices, peers, addresses, routes, rules. Plain frozen values;
those of which there are thousands are named tuples, which take half the memory and are compared without Python.

One rule runs through all of them: absent is not zero. In a *declared* value ``None`` means "leave alone"; an
*observed* value has every field filled in. Configuration and statistics are separate types.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _device_name
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    InvalidInput,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    Address,
    InterfaceAddress,
    Prefix,
    parse_address,
)

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
        PresharedKey,
        PrivateKey,
        PublicKey,
    )

OUR_PROTOCOL = 148
"""The route and rule protocol (rtnetlink(7), rtm_protocol) that marks what this collection has made."""

MAIN_TABLE = 254
LOCAL_TABLE = 255
TABLES = {"default": 253, "main": MAIN_TABLE, "local": LOCAL_TABLE}
"""The names that every system has (rt_tables in ip-route(8))."""

ROUTE_TYPES = ("unicast", "blackhole", "unreachable", "prohibit", "throw")
DEFAULT_METRIC = {4: 0, 6: 1024}
"""What the kernel shows for a route without a metric: IP6_RT_PRIO_USER in IPv6 (linux/ipv6_route.h)."""


class Endpoint(t.NamedTuple):
    """Where a peer's outer packets go. host: a DNS name or an address without brackets; port: 1 to 65535."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def address(self) -> Address | None:
        """The address, or None while the host is a DNS name."""
        try:
            return parse_address(self.host)
        except InvalidInput:
            return None


class Peer(t.NamedTuple):
    """One peer of a device.

    endpoint: observed: the one in use, None where the peer has none; its host is then always an address.
    preshared_key: PresharedKey.none() where there is none.  persistent_keepalive: seconds, 0 is off.
    allowed_ips: a set, since WireGuard keeps no order.  name: for people only, never on the device.
    """

    public_key: PublicKey
    name: str | None = None
    preshared_key: PresharedKey | None = None
    endpoint: Endpoint | None = None
    persistent_keepalive: int | None = None
    allowed_ips: frozenset[Prefix] | None = None

    @property
    def label(self) -> str:
        return f"{self.name} ({self.public_key.short})" if self.name else str(self.public_key)


class PeerStatistics(t.NamedTuple):
    """latest_handshake: seconds since the epoch, None: never.  rx_bytes, tx_bytes: since the peer was made."""

    latest_handshake: float | None
    rx_bytes: int
    tx_bytes: int


@dataclasses.dataclass(frozen=True)
class Device:
    """The WireGuard half of an interface, as a driver reads it. listen_port 0: no socket is bound.

    private_key: None also where it has one that its engine hides; there is a public_key then.
    peers: sorted by public key, each key once.
    """

    private_key: PrivateKey | None
    public_key: PublicKey | None
    listen_port: int
    fwmark: int
    peers: t.Sequence[Peer] = ()

    @property
    def has_key(self) -> bool:
        return self.private_key is not None or self.public_key is not None

    @property
    def hides_key(self) -> bool:
        return self.private_key is None and self.public_key is not None

    def has(self, private_key: PrivateKey, public_key: PublicKey | None) -> bool:
        """Whether that is its key; public_key belongs to the private one, None where nobody knows."""
        return public_key == self.public_key if self.hides_key else private_key == self.private_key


@dataclasses.dataclass(frozen=True)
class Link:
    """The network-device half of an interface. kind: the rtnetlink kind (wireguard, tun, veth ...), "" for hardware.

    carrier: False where the device itself says that it can send nothing.
    statistics: the counters of ip -s link (rx_bytes, rx_packets, rx_errors, rx_frame_errors, tx_errors ...).
    address_order: the IPv4 ones as the kernel has them; the first of a prefix is the source that its route prefers.
    """

    name: str
    index: int
    kind: str
    mtu: int
    up: bool
    carrier: bool = True
    addresses: frozenset[InterfaceAddress] = frozenset()
    statistics: t.Mapping[str, int] = dataclasses.field(default_factory=dict)
    address_order: tuple[InterfaceAddress, ...] = dataclasses.field(default=(), compare=False)


class Route(t.NamedTuple):
    """One route. type: unicast, blackhole, unreachable, prohibit or throw; device None: the type needs none.

    metric: as the kernel shows it (IPv4 0 where none was given, IPv6 1024).  protocol: who made it.
    """

    destination: Prefix
    table: int = MAIN_TABLE
    metric: int = 0
    type: str = "unicast"
    device: str | None = None
    gateway: Address | None = None
    source: Address | None = None
    protocol: int = OUR_PROTOCOL

    @property
    def identity(self) -> tuple[t.Any, ...]:
        """What the kernel tells two routes apart by: a second one with the same identity is refused (EEXIST)."""
        return (self.destination, self.table, self.metric)

    def __str__(self) -> str:
        words = [] if self.type == "unicast" else [self.type]
        words.append(str(self.destination))
        words += ["via", str(self.gateway)] if self.gateway else []
        words += ["dev", self.device] if self.device else []
        words += [] if self.table == MAIN_TABLE else ["table", str(self.table)]
        words += ["metric", str(self.metric)] if self.metric else []
        words += ["src", str(self.source)] if self.source else []
        return " ".join(words)


@dataclasses.dataclass(frozen=True)
class Rule:
    """One policy rule of one family (ip-rule(8)). source, destination None: all; table: where it looks up."""

    family: int
    priority: int
    table: int
    source: Prefix | None = None
    destination: Prefix | None = None
    iif: str | None = None
    fwmark: int | None = None
    invert: bool = False
    suppress_prefixlength: int | None = None
    protocol: int = OUR_PROTOCOL

    def __str__(self) -> str:
        words = [f"IPv{self.family}", f"{self.priority}:"]
        words += ["not"] if self.invert else []
        words += ["from", str(self.source or "all")]
        words += ["to", str(self.destination)] if self.destination else []
        words += ["iif", self.iif] if self.iif else []
        words += ["fwmark", hex(self.fwmark)] if self.fwmark is not None else []
        words += ["lookup", str(self.table)]
        words += (
            ["suppress_prefixlength", str(self.suppress_prefixlength)] if self.suppress_prefixlength is not None else []
        )
        return " ".join(words)


@dataclasses.dataclass(frozen=True)
class Way:
    """What the routing table answers for one destination, all rules considered.

    device: where packets leave, None where they do not.  kind: unicast, local, unreachable, prohibit or blackhole.
    """

    device: str | None
    kind: str = "unicast"


def parse_name(text: t.Any) -> str:
    """A device name as the kernel takes it. Raises InvalidInput."""
    if not isinstance(text, str):
        raise InvalidInput("is not the name of an interface", value=text)
    reason = _device_name.why_invalid(text)
    if reason:
        raise InvalidInput(reason, value=str(text), remedy="use 1 to 15 letters, digits, dots, dashes and underscores")
    return str(text)
