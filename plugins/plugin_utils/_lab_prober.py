# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends echo requests from many namespaces at once and notes which are answered (RFC 792, RFC 4443).

A socket belongs to the network namespace in which it was opened (network_namespaces(7)), so one process that visits
each namespace once can measure them all, without a process, a file or a clock of its own in any of them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import os
import selectors
import socket
import struct
import time
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab_visit import Visit

_REQUEST = {4: 8, 6: 128}
_REPLY = {4: 0, 6: 129}
_PROTOCOL = {4: socket.IPPROTO_ICMP, 6: socket.IPPROTO_ICMPV6}
_FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
_ICMP_FILTER = 1  # the same option number at SOL_RAW (raw(7)) and at IPPROTO_ICMPV6 (RFC 3542, 3.2)
_SOL_RAW = 255
_PAYLOAD = struct.Struct("!QI")

_BURST = 32
_BURST_PAUSE = 0.01
_FINAL_ROUNDS = 3
_ROUND_SECONDS = 0.7


@dataclasses.dataclass(kw_only=True)
class Probe:
    """One cell. network: the path of the namespace it starts in. expected: whether the answer is waited for.

    sent: requests that the kernel took; refused: why it did not take one (the name of the error), if so.
    """

    network: str
    family: int
    source: str
    destination: str
    expected: bool
    sent: int = 0
    answered: bool = False
    refused: str = ""


def measure(probes: list[Probe], *, patience: float = 30.0) -> None:
    """Fills in the probes. First those that should be answered, until they are or patience (seconds) is over, so that
    every tunnel has had its handshake; then everything still unanswered, several times, so that a blocked cell is
    blocked and not just early."""
    prober = _Prober(probes)
    try:
        deadline = time.monotonic() + patience
        while (waiting := prober.unanswered(expected=True)) and time.monotonic() < deadline:
            prober.round(waiting)
        for _round in range(_FINAL_ROUNDS):
            prober.round(prober.unanswered())
    finally:
        prober.close()


class _Prober:
    def __init__(self, probes: list[Probe]) -> None:
        self._probes = probes
        self._nonce = int.from_bytes(os.urandom(8), "big")
        self._selector = selectors.DefaultSelector()
        self._sockets: dict[tuple[str, str], socket.socket] = {}
        self._indices: dict[tuple[str, str], dict[int, Probe]] = {}
        try:
            with Visit() as visit:
                for number, probe in enumerate(sorted(probes, key=lambda probe: probe.network)):
                    self._prepare(probe, number, visit)
        except BaseException:
            self.close()
            raise

    def _prepare(self, probe: Probe, number: int, visit: Visit) -> None:
        place = (probe.network, probe.source)
        if place not in self._sockets:
            visit.go(probe.network)
            self._sockets[place] = _open_socket(probe)
            self._selector.register(self._sockets[place], selectors.EVENT_READ, place)
        self._indices.setdefault(place, {})[number] = probe

    def unanswered(self, *, expected: bool | None = None) -> list[Probe]:
        return [
            probe for probe in self._probes if not probe.answered and (expected is None or probe.expected == expected)
        ]

    def round(self, probes: list[Probe]) -> None:
        """One request each, in bursts that a userspace engine can follow, then time for the answers."""
        numbers = {id(probe): number for entries in self._indices.values() for number, probe in entries.items()}
        for start in range(0, len(probes), _BURST):
            for probe in probes[start : start + _BURST]:
                self._send(probe, numbers[id(probe)])
            self._receive(_BURST_PAUSE)
        deadline = time.monotonic() + _ROUND_SECONDS
        while (left := deadline - time.monotonic()) > 0 and not all(probe.answered for probe in probes):
            self._receive(left)

    def _send(self, probe: Probe, number: int) -> None:
        packet = _request(probe.family, self._nonce, number)
        try:
            self._sockets[(probe.network, probe.source)].sendto(packet, (probe.destination, 0))
        except OSError as error:
            # An earlier ICMP error may be reported here; only an error of this very look-up repeats itself.
            probe.refused = errno.errorcode.get(error.errno or 0, str(error.errno))
        else:
            probe.sent += 1

    def _receive(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            for key, _events in self._selector.select(left):
                self._read(t.cast("socket.socket", key.fileobj), key.data)

    def _read(self, channel: socket.socket, place: tuple[str, str]) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                try:
                    packet, sender = channel.recvfrom(2048)
                except BlockingIOError:
                    raise
                except OSError:
                    continue
                self._note(packet, sender[0], place)

    def _note(self, packet: bytes, sender: str, place: tuple[str, str]) -> None:
        """The kernel has seen to it that the packet came to the socket's own address."""
        family = 6 if ":" in place[1] else 4
        message = packet if family == 6 else packet[(packet[0] & 15) * 4 :]
        if len(message) < 8 + _PAYLOAD.size or message[0] != _REPLY[family]:
            return
        nonce, number = _PAYLOAD.unpack_from(message, 8)
        probe = self._indices[place].get(number)
        if nonce == self._nonce and probe is not None and sender.partition("%")[0] == probe.destination:
            probe.answered = True

    def close(self) -> None:
        for channel in self._sockets.values():
            channel.close()
        self._selector.close()


def _open_socket(probe: Probe) -> socket.socket:
    channel = socket.socket(_FAMILY[probe.family], socket.SOCK_RAW, _PROTOCOL[probe.family])
    try:
        channel.setblocking(False)
        # Only echo replies: a set bit is a message that does not pass.
        if probe.family == 4:
            channel.setsockopt(_SOL_RAW, _ICMP_FILTER, struct.pack("=I", 0xFFFFFFFF & ~(1 << _REPLY[4])))
        else:
            words = [0xFFFFFFFF] * 8
            words[_REPLY[6] >> 5] &= ~(1 << (_REPLY[6] & 31))
            channel.setsockopt(socket.IPPROTO_ICMPV6, _ICMP_FILTER, struct.pack("=8I", *words))
        channel.bind((probe.source, 0))
    except BaseException:
        channel.close()
        raise
    return channel


def _request(family: int, nonce: int, number: int) -> bytes:
    """The kernel fills in the checksum of ICMPv6 (RFC 3542, 3.1); that of ICMP is ours."""
    identifier = (nonce ^ (number >> 16)) & 0xFFFF
    body = struct.pack("!HH", identifier, number & 0xFFFF) + _PAYLOAD.pack(nonce, number)
    checksum = _checksum(bytes([_REQUEST[family], 0, 0, 0]) + body) if family == 4 else 0
    return struct.pack("!BBH", _REQUEST[family], 0, checksum) + body


def _checksum(data: bytes) -> int:
    """RFC 1071; the length is even."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
