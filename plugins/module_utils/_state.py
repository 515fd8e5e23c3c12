# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host has or should have: WireGuard devices, peers, addresses, routes, rules. Plain frozen values.

One rule runs through all of them: absent is not zero. In a *declared* value ``None`` means "leave alone"; an
*observed* value has every field filled in. Configuration and statistics are separate types.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    InvalidInput,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
    PresharedKey,
    PrivateKey,
    PublicKey,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    Address,
    InterfaceAddress,
    Prefix,
    format_number,
    parse_address,
)

OUR_PROTOCOL = 148
"""The route and rule protocol (rtnetlink(7), rtm_protocol) that marks what this collection has made."""

MAIN_TABLE = 254
NAME_BYTES = 15
"""The longest device name: IFNAMSIZ without its final zero byte (linux/if.h)."""


@dataclasses.dataclass(frozen=True, order=True)
class Endpoint:
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


@dataclasses.dataclass(frozen=True)
class Peer:
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


@dataclasses.dataclass(frozen=True)
class PeerStatistics:
    """latest_handshake: seconds since the epoch, None: never.  rx_bytes, tx_bytes: since the peer was made."""

    latest_handshake: float | None
    rx_bytes: int
    tx_bytes: int


@dataclasses.dataclass(frozen=True)
class Device:
    """The WireGuard half of an interface, as a driver reads it. listen_port 0: no socket is bound.

    peers: sorted by public key, each key once.
    """

    private_key: PrivateKey | None
    public_key: PublicKey | None
    listen_port: int
    fwmark: int
    peers: tuple[Peer, ...] = ()


@dataclasses.dataclass(frozen=True)
class Link:
    """The network-device half of an interface. kind: the rtnetlink kind (wireguard, tun, veth ...), "" for hardware.

    statistics: the counters of ip -s link (rx_bytes, rx_packets, rx_errors, rx_frame_errors, tx_errors ...).
    """

    name: str
    index: int
    kind: str
    mtu: int
    up: bool
    addresses: frozenset[InterfaceAddress] = frozenset()
    statistics: t.Mapping[str, int] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Route:
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


def parse_name(text: t.Any, *, what: str = "interface") -> str:
    """A device name as the kernel takes it (dev_valid_name in net/core/dev.c). Raises InvalidInput."""
    if not isinstance(text, str) or not text:
        raise InvalidInput(f"is not an {what} name", value=text)
    size = len(text.encode())
    if size > NAME_BYTES:
        raise InvalidInput(
            f"is {size} bytes long", value=str(text), remedy=f"an {what} name has at most {NAME_BYTES} bytes"
        )
    if text in (".", "..") or any(c in "/:%" or c.isspace() or not c.isprintable() for c in text):
        raise InvalidInput(
            f"is not an {what} name", value=str(text), remedy="use letters, digits, dot, dash and underscore"
        )
    return str(text)


def parse_port(value: t.Any, *, lowest: int = 1) -> int:
    """A UDP port as a number or as ASCII digits."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= 65535:
        raise InvalidInput("is not a port", value=value, remedy=f"use a number from {lowest} to 65535")
    return int(value)


def parse_endpoint(text: t.Any, *, default_port: int | None = None) -> Endpoint:
    """``host:port``, ``1.2.3.4:port`` or ``[2001:db8::1]:port``; the port may be missing only with a default."""
    if not isinstance(text, str) or not text or text != text.strip():
        raise InvalidInput("is not an endpoint", value=text, remedy="write host:port or [IPv6 address]:port")
    host, port = _split_endpoint(text)
    if port is None and default_port is None:
        raise InvalidInput("has no port", value=str(text), remedy="write host:port or [IPv6 address]:port")
    try:
        number = parse_port(default_port if port is None else port)
    except InvalidInput as error:
        raise InvalidInput(
            f"is not an endpoint: {port!r} {error.reason}", value=str(text), remedy=error.remedy
        ) from None
    if ":" in host or (host and all(c in "0123456789." for c in host)):
        try:
            address = parse_address(host)
        except InvalidInput as error:
            raise InvalidInput(
                f"is not an endpoint: {host!r} {error.reason}", value=str(text), remedy=error.remedy
            ) from None
        return Endpoint(format_number(*address), number)
    if not _is_dns_name(host):
        raise InvalidInput(f"is not an endpoint: {host!r} is neither an address nor a DNS name", value=str(text))
    return Endpoint(host.lower(), number)


def _split_endpoint(text: str) -> tuple[str, str | None]:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise InvalidInput("is not an endpoint", value=text, remedy="write [IPv6 address]:port")
        return host, rest[1:] if rest else None
    if text.count(":") > 1:
        try:
            parse_address(text)
        except InvalidInput:
            raise InvalidInput("is not an endpoint", value=text, remedy="write [IPv6 address]:port") from None
        return text, None
    host, colon, port = text.partition(":")
    return host, port if colon else None


def _is_dns_name(host: str) -> bool:
    labels = host.rstrip(".").split(".")
    return bool(host) and len(host) <= 253 and all(
        label and len(label) <= 63 and label.isascii() and label[0] != "-" and label[-1] != "-"
        and all(c.isalnum() or c in "-_" for c in label)
        for label in labels
    )  # fmt: skip
