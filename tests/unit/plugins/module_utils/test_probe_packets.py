# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets as a probe reads them, made byte by byte from the documents that describe them."""

from __future__ import annotations

import socket
import struct

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _probe_packets as packets
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import parse_address
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Endpoint

PAIRS = {4: ("192.0.2.1", "192.0.2.2"), 6: ("fd00::1", "fd00::2")}
UDP, TCP = 17, 6
ICMP = {4: 1, 6: 58}


def ip(family, protocol, payload, *, fragment=0, length=None):
    """RFC 791, RFC 8200. fragment: offset in units of eight bytes."""
    source, destination = (socket.inet_pton(*pair) for pair in (
        (socket.AF_INET if family == 4 else socket.AF_INET6, text) for text in PAIRS[family]))  # fmt: skip
    size = len(payload) if length is None else length
    if family == 4:
        return (
            struct.pack("!BBHHHBBH", 0x45, 0, 20 + size, 0, fragment, 64, protocol, 0) + source + destination + payload
        )
    return struct.pack("!IHBB", 6 << 28, size, protocol, 64) + source + destination + payload


def udp(payload, *, ports=(51820, 51821)):
    return struct.pack("!HHHH", *ports, 8 + len(payload), 0) + payload


def message(kind, length):
    return struct.pack("<I", kind) + bytes(range(60)) + bytes(length)[: length - 64] if length > 64 else (
        struct.pack("<I", kind) + bytes(length - 4))  # fmt: skip


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize(
    ("number", "length", "kind"),
    [
        (1, 148, "initiation"), (2, 92, "response"), (3, 64, "cookie"), (4, 32, "keepalive"), (4, 128, "data"),
        (1, 147, None), (2, 148, None), (4, 31, None), (5, 148, None), (0x0104, 128, None),
    ],
)  # fmt: skip
def test_wireguard_messages_are_told_by_type_and_length(family, number, length, kind):
    found = packets.parse_outer(ip(family, UDP, udp(message(number, length))))
    if kind is None:
        assert found is None
        return
    source, destination = PAIRS[family]
    assert (found.kind, found.length) == (kind, length)
    assert (found.source, found.destination) == (Endpoint(source, 51820), Endpoint(destination, 51821))


def test_the_length_is_the_one_on_the_wire_and_not_what_was_captured():
    whole = ip(4, UDP, udp(message(4, 1452)))
    found = packets.parse_outer(whole[: packets.HEAD_BYTES])
    assert (found.kind, found.length) == ("data", 1452)


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("refused", [True, False])
def test_who_says_that_an_endpoint_is_unreachable(family, refused):
    kind = {4: 3, 6: 1}[family]
    code = {4: 3, 6: 4}[family] if refused else 1
    inner = ip(family, UDP, udp(message(1, 148)))
    found = packets.parse_outer(ip(family, ICMP[family], struct.pack("!BBHI", kind, code, 0, 0) + inner))
    source, destination = PAIRS[family]
    assert found == packets.Unreachable(parse_address(source), 51820, Endpoint(destination, 51821), refused)


def test_later_fragments_say_nothing_and_first_ones_do():
    data = udp(message(4, 1452))
    assert packets.parse_outer(ip(4, UDP, data[:1000], fragment=0x2000)).length == 1452
    assert packets.parse_ip(ip(4, UDP, data, fragment=100)) is None
    first, later = struct.pack("!BBHI", UDP, 0, 1, 7), struct.pack("!BBHI", UDP, 0, 8, 7)
    assert packets.parse_outer(ip(6, 44, first + data)).length == 1452
    assert packets.parse_ip(ip(6, 44, later + data)) is None


@pytest.mark.parametrize("data", [b"", b"\x45", b"\x60" * 39, b"\x15" * 60, bytes(60)])
def test_what_is_no_ip_packet_is_nothing(data):
    assert packets.parse_ip(data) is None
    assert packets.parse_outer(data) is None


@pytest.mark.parametrize("cut", range(60))
def test_no_packet_is_too_short_to_be_looked_at(cut):
    for family in (4, 6):
        for whole in (
            ip(family, UDP, udp(message(1, 148))),
            ip(family, ICMP[family], struct.pack("!BBHI", {4: 3, 6: 1}[family], 1, 0, 0) + ip(family, UDP, udp(b"x"))),
        ):
            packets.parse_outer(whole[:cut])
            found = packets.parse_ip(whole[:cut])
            assert found is None or packets.parse_echo(found) is None


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("length", [84, 85, 1420])
def test_an_echo_request_has_its_length_and_its_answer_is_known_again(family, length):
    request = packets.echo_request(family, identity=7, sequence=1001, length=length)
    assert len(request) + {4: 20, 6: 40}[family] == length
    if family == 4:
        padded = request + bytes(len(request) % 2)
        total = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
        assert (total & 0xFFFF) + (total >> 16) == 0xFFFF, "RFC 1071"
    answer = bytes([{4: 0, 6: 129}[family]]) + request[1:]
    found = packets.parse_echo(packets.parse_ip(ip(family, ICMP[family], answer)))
    assert found == packets.Echo(7, 1001, parse_address(PAIRS[family][0]))
    assert packets.parse_echo(packets.parse_ip(ip(family, ICMP[family], request))) is None


@pytest.mark.parametrize(
    ("family", "kind", "code", "words"),
    [
        (4, 3, 0, "it has no route there"), (4, 3, 1, "it cannot reach it"), (4, 3, 4, "the packet is too big"),
        (4, 3, 13, "it is prohibited"), (4, 11, 0, "the packet has gone through too many routers"), (4, 5, 0, None),
        (6, 1, 0, "it has no route there"), (6, 1, 1, "it is prohibited"), (6, 1, 4, "it cannot reach it"),
        (6, 2, 0, "the packet is too big"), (6, 3, 0, "the packet has gone through too many routers"),
        (6, 135, 0, None),
    ],
)  # fmt: skip
def test_complaints_about_echoes_are_put_in_words(family, kind, code, words):
    request = ip(family, ICMP[family], packets.echo_request(family, identity=7, sequence=2, length=84))
    answer = ip(family, ICMP[family], struct.pack("!BBHI", kind, code, 0, 0) + request)
    found = packets.parse_echo(packets.parse_ip(answer))
    assert (found.complaint, found.identity) == (words, 7) if words else found is None


@pytest.mark.parametrize("family", [4, 6])
def test_packets_that_were_put_together_are_counted_by_their_parts(family):
    """struct virtio_net_hdr: flags, gso_type, hdr_len, gso_size, csum_start, csum_offset (linux/virtio_net.h)."""
    none = struct.pack(packets.VNET_HEADER, 0, 0, 0, 0, 0, 0)
    some = struct.pack(packets.VNET_HEADER, 0, 5, 0, 1200, 0, 0)
    tcp = bytes(12) + b"\x80" + bytes(7)  # a header of 32 bytes
    for protocol, head, header in ((UDP, bytes(8), 8), (TCP, tcp, 32)):
        for data, parts in ((1, 1), (1200, 1), (1201, 2), (12000, 10)):
            packet = packets.parse_ip(ip(family, protocol, head, length=header + data))
            assert packets.segments(some, packet) == parts
            assert packets.segments(none, packet) == 1
