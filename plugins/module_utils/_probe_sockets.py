# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sockets of a probe: one that sees the packets outside of a tunnel, one for those inside, echoes, a datagram.

Made in the thread that is in the namespace they are for; read from any thread. All of them need CAP_NET_RAW.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import socket
import struct
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._probe_packets import (
    HEAD_BYTES,
    VNET_HEADER_BYTES,
)

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Address

PACKET_OUTGOING = 4
PACKET_HOST = 0
_ETH_P_ALL = 3
_SOL_PACKET = 263
_PACKET_STATISTICS = 6
_PACKET_VNET_HDR = 15
_SO_ATTACH_FILTER = 26
_SO_RCVBUFFORCE = 33
_SO_MARK = 36
_SOL_RAW = 255
_FILTER = 1
_MTU_DISCOVER = {4: (socket.IPPROTO_IP, 10), 6: (socket.IPPROTO_IPV6, 23)}
_PMTUDISC_PROBE = 3
_BUFFER_BYTES = 8 << 20
_ECHO_TYPES = {4: (0, 3, 11), 6: (1, 2, 3, 129)}
_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
INNER_BYTES = VNET_HEADER_BYTES + HEAD_BYTES

_LDB, _LDH, _LDBX, _LDHX, _LDX_HEADER, _SHIFT, _JEQ, _RETURN = 0x30, 0x28, 0x50, 0x48, 0xB1, 0x74, 0x15, 0x06
Instruction = t.Tuple[int, int, str, str]


def outer(port: int) -> socket.socket:
    """Sees UDP packets of that port and ICMP's unreachable of every device, from their IP headers on (packet(7)).

    Python binds to a named device only. So the socket is open to all of them from the start, and what it takes before
    it has its filter is thrown away.
    """
    made = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, socket.htons(_ETH_P_ALL))
    try:
        _attach(made, _program(port))
        _prepare(made)
        with contextlib.suppress(BlockingIOError):
            while made.recv(1):
                pass
        missed(made)
    except OSError:
        made.close()
        raise
    return made


def inner(name: str) -> socket.socket:
    """Sees what goes into a device and comes out of it, each with a struct virtio_net_hdr before it."""
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
    try:
        made.setsockopt(_SOL_PACKET, _PACKET_VNET_HDR, 1)
        _prepare(made)
        made.bind((name, _ETH_P_ALL))
    except OSError:
        made.close()
        raise
    return made


def missed(packet_socket: socket.socket) -> int:
    """How many packets did not fit into its buffer since the last call."""
    _packets, drops = struct.unpack("=II", packet_socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
    return int(drops)


def echo(family: int, source: Address | None) -> socket.socket:
    """Sends ICMP echo requests that are not fragmented, and gets only answers and complaints."""
    protocol = socket.IPPROTO_ICMP if family == 4 else socket.IPPROTO_ICMPV6
    made = socket.socket(_FAMILIES[family], socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
    try:
        made.setblocking(False)
        level, option = _MTU_DISCOVER[family]
        made.setsockopt(level, option, _PMTUDISC_PROBE)
        _take_only(made, family)
        if source is not None:
            made.bind((str(source), 0))
    except OSError:
        made.close()
        raise
    return made


def datagram(address: Address, port: int, *, mark: int) -> socket.socket:
    """A connected UDP socket, to be told what ICMP says about that port; routed like the tunnel's own packets."""
    made = socket.socket(_FAMILIES[address.family], socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    try:
        made.setblocking(False)
        if mark:
            made.setsockopt(socket.SOL_SOCKET, _SO_MARK, mark)
        made.connect((str(address), port))
    except OSError:
        made.close()
        raise
    return made


def complaint(error: OSError) -> str:
    """What an error of a connected UDP socket says about the other end: refused, unreachable or nothing."""
    if error.errno == errno.ECONNREFUSED:
        return "refused"
    if error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.EPERM, errno.ENOPROTOOPT):
        return "unreachable"
    return ""


def why_not_sent(error: OSError) -> str:
    return os.strerror(error.errno or 0)


def _prepare(made: socket.socket) -> None:
    made.setblocking(False)
    with contextlib.suppress(OSError):
        made.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)


def _take_only(made: socket.socket, family: int) -> None:
    """A bit that is set keeps the type out (raw(7); linux/icmpv6.h, struct icmp6_filter)."""
    words = [0xFFFFFFFF] * (1 if family == 4 else 8)
    for kind in _ECHO_TYPES[family]:
        words[kind // 32] &= ~(1 << kind % 32) & 0xFFFFFFFF
    level = _SOL_RAW if family == 4 else socket.IPPROTO_ICMPV6
    made.setsockopt(level, _FILTER, struct.pack(f"={len(words)}I", *words))


def _attach(made: socket.socket, program: bytes) -> None:
    """struct sock_fprog (linux/filter.h)."""
    code = ctypes.create_string_buffer(program, len(program))
    made.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", len(program) // 8, ctypes.addressof(code)))


def _program(port: int) -> bytes:
    """Classic BPF: the kernel drops what is neither of that port nor ICMP's unreachable, so that a busy host does not
    have to look at every packet. What is taken is cut to the length that is looked at."""
    ports4: list[Instruction] = [(_LDHX, 0, "", ""), (_JEQ, port, "take", ""), (_LDHX, 2, "", "")]
    ports6: list[Instruction] = [(_LDH, 40, "", ""), (_JEQ, port, "take", ""), (_LDH, 42, "", "")]
    fragment6: list[Instruction] = [(_LDH, 48, "", ""), (_JEQ, port, "take", ""), (_LDH, 50, "", "")]
    last: Instruction = (_JEQ, port, "take", "leave")
    blocks: dict[str, list[Instruction]] = {
        "start": [(_LDB, 0, "", ""), (_SHIFT, 4, "", ""), (_JEQ, 4, "v4", ""), (_JEQ, 6, "v6", "leave")],
        "v4": [(_LDX_HEADER, 0, "", ""), (_LDB, 9, "", ""), (_JEQ, 1, "icmp4", ""), (_JEQ, 17, "udp4", "leave")],
        "icmp4": [(_LDBX, 0, "", ""), (_JEQ, 3, "take", "leave")],
        "udp4": [*ports4, last],
        "v6": [(_LDB, 6, "", ""), (_JEQ, 58, "icmp6", ""), (_JEQ, 44, "frag6", ""), (_JEQ, 17, "udp6", "leave")],
        "icmp6": [(_LDB, 40, "", ""), (_JEQ, 1, "take", "leave")],
        "frag6": [(_LDB, 40, "", ""), (_JEQ, 17, "fragudp6", "leave")],
        "fragudp6": [*fragment6, last],
        "udp6": [*ports6, last],
        "take": [(_RETURN, HEAD_BYTES, "", "")],
        "leave": [(_RETURN, 0, "", "")],
    }
    places: dict[str, int] = {}
    code: list[Instruction] = []
    for name, block in blocks.items():
        places[name] = len(code)
        code += block

    def jump(index: int, target: str) -> int:
        return places[target] - index - 1 if target else 0

    return b"".join(
        struct.pack("=HBBI", operation, jump(index, yes), jump(index, no), value)
        for index, (operation, value, yes, no) in enumerate(code)
    )
