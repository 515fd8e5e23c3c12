# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A device as the kernel dumps it, for tests: after get_peer() in its drivers/net/wireguard/netlink.c."""

from __future__ import annotations

import socket
import struct
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Device, Peer

FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
NESTED = 0x8000


def attribute(number: int, content: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(content), number) + content + bytes(-len(content) % 4)


def dump(device: Device, *, room: int = 400, backwards: bool = False, padded: bool = True) -> list[bytes]:
    """The messages. room: bytes of peers in each, so that some go on in the next one.

    backwards: prefixes in another order.  padded: before what has 64 bits, as on machines that need it.
    """
    head = attribute(2, b"wg0\0") + attribute(6, struct.pack("=H", device.listen_port))
    head += attribute(7, struct.pack("=I", device.fwmark))
    if device.private_key is not None:
        head += attribute(3, device.private_key.raw)
    if device.public_key is not None:
        head += attribute(4, device.public_key)
    messages: list[list[bytes]] = [[]]
    for peer in device.peers:
        entries = [_entry(prefix) for prefix in sorted(peer.allowed_ips or (), reverse=backwards)]
        fields = _fields(peer, padded=padded)
        while True:
            used = sum(map(len, messages[-1]))
            fitting = max(0, (room - used - len(fields) - 48) // 44)
            now, entries = entries[:fitting], entries[fitting:]
            content = fields + (attribute(9 | NESTED, b"".join(now)) if now else b"")
            messages[-1].append(attribute(NESTED, content))
            if not entries:
                break
            messages.append([])
            fields = attribute(1, peer.public_key)
    return [
        struct.pack("=BBH", 0, 1, 0) + head + (attribute(8 | NESTED, b"".join(peers)) if peers else b"")
        for peers in messages
    ]


def _fields(peer: Peer, *, padded: bool) -> bytes:
    pad = attribute(0, b"") if padded else b""
    fields = attribute(1, peer.public_key)
    fields += attribute(2, peer.preshared_key.raw if peer.preshared_key else bytes(32))
    fields += attribute(6, struct.pack("=qq", 0, 0)) + attribute(5, struct.pack("=H", peer.persistent_keepalive or 0))
    fields += pad + attribute(8, struct.pack("=Q", 7)) + pad + attribute(7, struct.pack("=Q", 9))
    fields += attribute(10, struct.pack("=I", 1))
    if peer.endpoint is not None:
        family = 6 if ":" in peer.endpoint.host else 4
        raw = socket.inet_pton(FAMILIES[family], peer.endpoint.host)
        start = struct.pack("=H", FAMILIES[family]) + struct.pack(">H", peer.endpoint.port)
        fields += attribute(4, start + (raw + bytes(8) if family == 4 else bytes(4) + raw + bytes(4)))
    return fields


def _entry(prefix: t.Any) -> bytes:
    family = FAMILIES[prefix.family]
    raw = prefix.network.to_bytes(4 if prefix.family == 4 else 16, "big")
    length = attribute(3, struct.pack("=B", prefix.length))
    return attribute(NESTED, length + attribute(1, struct.pack("=H", family)) + attribute(2, raw))
