# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets as a probe reads them: the encrypted ones outside of a tunnel, the plain ones inside, echoes.

The first bytes of a WireGuard message are not encrypted (messages.h in drivers/net/wireguard; whitepaper, 5.4), so
that whoever looks at the UDP socket's packets can tell a handshake from data and from a keepalive, but not what is in
them. Pure: bytes to values.
"""

from __future__ import annotations

import dataclasses
import struct

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Address
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Endpoint

INITIATION, RESPONSE, COOKIE, DATA, KEEPALIVE = "initiation", "response", "cookie", "data", "keepalive"
DATA_OVERHEAD = 32
"""Header and authentication tag of a data message; one without anything else is a keepalive."""

HEAD_BYTES = 128
"""What is looked at of a packet: the longest header, and the part of a message that tells it from every other one."""

_LENGTHS = {1: (INITIATION, 148), 2: (RESPONSE, 92), 3: (COOKIE, 64)}
_DATA_TYPE = 4
_IDENTITY_BYTES = 40
_UDP, _ICMP, _TCP, _ICMP6 = 17, 1, 6, 58
_UNREACHABLE = {_ICMP: 3, _ICMP6: 1}
_PORT_CODES = {_ICMP: 3, _ICMP6: 4}
_ECHO_REPLY = {_ICMP: 0, _ICMP6: 129}
_ECHO_REQUEST = {4: 8, 6: 128}
_GSO_NONE = 0
VNET_HEADER = "=BBHHHH"
VNET_HEADER_BYTES = struct.calcsize(VNET_HEADER)


@dataclasses.dataclass(frozen=True)
class IpPacket:
    """The header of an IP packet. length: of the whole packet in bytes; payload: as much as was captured."""

    source: Address
    destination: Address
    protocol: int
    length: int
    payload: bytes


@dataclasses.dataclass(frozen=True)
class Message:
    """One UDP packet of a WireGuard socket. kind: one of the five above; length: of the UDP payload.

    identity: equal for the same message seen twice, as on a bridge and on its port.
    """

    kind: str
    length: int
    source: Endpoint
    destination: Endpoint
    identity: bytes


@dataclasses.dataclass(frozen=True)
class Unreachable:
    """A router or host says that what was sent to an endpoint did not get there. refused: nothing has that port."""

    reporter: Address
    sender_port: int
    endpoint: Endpoint
    refused: bool


@dataclasses.dataclass(frozen=True)
class Echo:
    """An ICMP echo reply, or the complaint of ``reporter`` about an echo request."""

    identity: int
    sequence: int
    reporter: Address
    complaint: str = ""


def parse_ip(data: bytes) -> IpPacket | None:
    """None: neither IPv4 nor IPv6, or a fragment other than the first. IPv6 extension headers are not looked into."""
    if len(data) >= 20 and data[0] >> 4 == 4:
        length, fragment = struct.unpack_from("!H", data, 2)[0], struct.unpack_from("!H", data, 6)[0]
        source, destination = (int.from_bytes(data[start : start + 4], "big") for start in (12, 16))
        if fragment & 0x1FFF:
            return None
        payload = data[(data[0] & 15) * 4 :]
        return IpPacket(Address(4, source), Address(4, destination), data[9], length, payload)
    if len(data) >= 40 and data[0] >> 4 == 6:
        length, protocol = struct.unpack_from("!H", data, 4)[0] + 40, data[6]
        source, destination = (int.from_bytes(data[start : start + 16], "big") for start in (8, 24))
        payload = data[40:]
        if protocol == 44:  # a fragment header: the first fragment has offset 0
            if len(payload) < 8 or struct.unpack_from("!H", payload, 2)[0] & 0xFFF8:
                return None
            protocol, payload = payload[0], payload[8:]
        return IpPacket(Address(6, source), Address(6, destination), protocol, length, payload)
    return None


def parse_outer(data: bytes) -> Message | Unreachable | None:
    """What a UDP socket's packet, or an ICMP error, has to do with WireGuard; None: nothing."""
    packet = parse_ip(data)
    if packet is None:
        return None
    if packet.protocol == _UDP:
        return _message(packet)
    if packet.protocol in _UNREACHABLE:
        return _unreachable(packet)
    return None


def parse_echo(packet: IpPacket) -> Echo | None:
    """An answer to an echo request, good or bad."""
    data = packet.payload
    if packet.protocol not in _UNREACHABLE or len(data) < 8:
        return None
    if data[0] == _ECHO_REPLY[packet.protocol]:
        identity, sequence = struct.unpack_from("!HH", data, 4)
        return Echo(identity, sequence, packet.source)
    complaint = _complaint(packet.protocol, data[0], data[1])
    inner = parse_ip(data[8:]) if complaint else None
    if inner is None or len(inner.payload) < 8 or inner.payload[0] != _ECHO_REQUEST[inner.source.family]:
        return None
    identity, sequence = struct.unpack_from("!HH", inner.payload, 4)
    return Echo(identity, sequence, packet.source, complaint)


def echo_request(family: int, *, identity: int, sequence: int, length: int) -> bytes:
    """The ICMP message of an echo request whose IP packet has that length. In IPv6 the kernel fills the checksum in."""
    rest = bytes(max(0, length - (20 if family == 4 else 40) - 8))
    head = struct.pack("!BBHHH", _ECHO_REQUEST[family], 0, 0, identity, sequence)
    if family == 6:
        return head + rest
    return struct.pack("!BBHHH", 8, 0, _checksum(head + rest), identity, sequence) + rest


def segments(header: bytes, packet: IpPacket) -> int:
    """How many packets the network stack has put together into this one. header: struct virtio_net_hdr, which a
    packet socket with PACKET_VNET_HDR puts before each packet (packet(7), linux/virtio_net.h)."""
    _flags, kind, _header, size = struct.unpack_from("=BBHH", header)
    if kind == _GSO_NONE or not size:
        return 1
    transport = 8
    if packet.protocol == _TCP and len(packet.payload) > 12:
        transport = (packet.payload[12] >> 4) * 4
    network = 20 if packet.source.family == 4 else 40
    return max(1, -(-(packet.length - network - transport) // size))


def _message(packet: IpPacket) -> Message | None:
    data = packet.payload
    if len(data) < 12:
        return None
    source, destination, length, _checksum_field = struct.unpack_from("!HHHH", data)
    length -= 8
    kind, expected = _LENGTHS.get(data[8], ("", length))
    if data[8] == _DATA_TYPE and length >= DATA_OVERHEAD:
        kind = KEEPALIVE if length == DATA_OVERHEAD else DATA
    if not kind or length != expected or data[9:12] != b"\0\0\0":
        return None
    return Message(
        kind=kind,
        length=length,
        source=Endpoint(str(packet.source), source),
        destination=Endpoint(str(packet.destination), destination),
        identity=data[8 : 8 + _IDENTITY_BYTES] if kind != DATA else data[8:24],
    )


def _unreachable(packet: IpPacket) -> Unreachable | None:
    data = packet.payload
    if len(data) < 8 or data[0] != _UNREACHABLE[packet.protocol]:
        return None
    inner = parse_ip(data[8:])
    if inner is None or inner.protocol != _UDP or len(inner.payload) < 4:
        return None
    sender, port = struct.unpack_from("!HH", inner.payload)
    refused = data[1] == _PORT_CODES[packet.protocol]
    return Unreachable(packet.source, sender, Endpoint(str(inner.destination), port), refused)


def _complaint(protocol: int, kind: int, code: int) -> str:
    """What an ICMP error means, in words (RFC 792, RFC 1812, RFC 4443); empty for what is no error."""
    if protocol == _ICMP:
        if kind == 11:
            return "the packet has gone through too many routers"
        words = {0: "it has no route there", 4: "the packet is too big", 9: "it is prohibited", 10: "it is prohibited",
                 13: "it is prohibited"}  # fmt: skip
        return words.get(code, "it cannot reach it") if kind == 3 else ""
    words = {0: "it has no route there", 1: "it is prohibited", 5: "it is prohibited", 6: "it is prohibited"}
    if kind in (2, 3):
        return "the packet is too big" if kind == 2 else "the packet has gone through too many routers"
    return words.get(code, "it cannot reach it") if kind == 1 else ""


def _checksum(data: bytes) -> int:
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
