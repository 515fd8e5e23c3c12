# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watches one interface for a bounded time, and sends echo requests through it where that was asked for."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import os
import selectors
import socket
import time
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _probe_sockets as sockets
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Address
from ansible_collections.cryptokey.wireguard.plugins.module_utils._probe_packets import (
    HEAD_BYTES,
    IpPacket,
    echo_request,
    parse_echo,
    parse_ip,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._probe_sight import EchoSight
from ansible_collections.cryptokey.wireguard.plugins.module_utils._probe_tally import (
    FIRST_LARGE,
    Tally,
    Totals,
)

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._netns import Worker
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Endpoint

SMALL_BYTES = 84
"""What ping(8) sends."""
AT_LEAST = 3
SETTLE_SECONDS = 0.1
"""What is on its way through the interface when the time is up has come out after this."""
LARGE_SECONDS = 1.0
_FIRST_LADDER = 2000
_STEPS = 16
_LOWEST = {4: 576, 6: 1280}
_SPACING = (0.0, 0.2, 0.2)
_LATER = 1.0
_ATTEMPTS = 3
_READINGS = 8
_CALM_SECONDS = 0.01

Reading = t.TypeVar("Reading")


@dataclasses.dataclass(frozen=True)
class Target:
    """Where to look, and what to send. socket_worker: None where nobody knows the namespace of the socket.

    destination: None sends nothing.  endpoint: of the peer behind it.
    """

    name: str
    worker: Worker
    socket_worker: Worker | None
    port: int
    fwmark: int = 0
    mtu: int = 1420
    seconds: float = 6.0
    destination: Address | None = None
    source: Address | None = None
    endpoint: Endpoint | None = None


class Watch:
    """A context: from entering to leaving, packets are counted. watched: both sides are seen."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.tally = Tally(target.port, identity=int.from_bytes(os.urandom(2), "big"))
        self.watched = False
        self.reach = ""
        self.seconds = 0.0
        self._selector = selectors.DefaultSelector()
        self._outer: socket.socket | None = None
        self._inner: socket.socket | None = None
        self._echo: socket.socket | None = None
        self._sent: set[int] = set()
        self._answered: set[int] = set()
        self._sizes: dict[int, int] = {}
        self._complaint = self._refused = ""
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Watch:
        self._stack.callback(self._selector.close)
        target = self.target
        with contextlib.suppress(OSError):
            # The inner one first: what comes in after the outer one was opened is surely seen inside as well.
            self._inner = self._open(target.worker, lambda: sockets.inner(target.name), self._read_inner)
            if target.socket_worker is not None and target.port:
                self._outer = self._open(target.socket_worker, lambda: sockets.outer(target.port), self._read_outer)
                self.watched = True
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def run(self) -> None:
        """Takes at most the seconds of the target, and two more where long packets are tried."""
        started = time.monotonic()
        if self.target.destination is None:
            self._wait(started + self.target.seconds, lambda: False)
        else:
            self._converse(started + self.target.seconds)
        self._wait(time.monotonic() + SETTLE_SECONDS, lambda: False)
        self.seconds = time.monotonic() - started

    def steady(self, read: t.Callable[[], Reading]) -> tuple[Reading, Totals]:
        """What read returns, and what had come in by then: while it was read nothing did, if that can be had."""
        for _attempt in range(_READINGS):
            self._wait(time.monotonic() + _CALM_SECONDS, lambda: False)
            before, reading = self.tally.totals, read()
            self.drain()
            if self.tally.totals == before:
                return reading, before
        return read(), self.tally.totals

    def drain(self) -> None:
        """Reads what is there already."""
        self._wait(time.monotonic(), lambda: False)
        for watching in (self._outer, self._inner):
            if watching is not None and sockets.missed(watching):
                self.tally.whole = False

    def echo(self) -> EchoSight | None:
        """None where nothing was to be sent."""
        if self.target.destination is None:
            return None
        small = {number for number in self._sent if number < FIRST_LARGE}
        large = {number for number in self._sent if FIRST_LARGE <= number < _FIRST_LADDER}
        sizes = [self._sizes[number] for number in self._answered if number >= _FIRST_LADDER]
        return EchoSight(
            sent=len(small),
            answered=len(small & self._answered),
            seen=self.tally.echoes,
            complaint=self._complaint,
            refused=self._refused if not small else "",
            large_sent=bool(large),
            large_answered=bool(large & self._answered),
            largest=max(sizes, default=None),
        )

    def _converse(self, deadline: float) -> None:
        target = self.target
        destination = t.cast(Address, target.destination)
        try:
            self._echo = self._open(
                target.worker, lambda: sockets.echo(destination.family, target.source), self._read_echo
            )
        except OSError as error:
            self._refused = sockets.why_not_sent(error)
            return
        self._knock()
        self._send_small(deadline)
        if self._answered:
            self._send_large(destination.family)

    def _knock(self) -> None:
        """A datagram that WireGuard ignores; where nothing has the port, ICMP says so."""
        target = self.target
        address = target.endpoint.address if target.endpoint else None
        if target.endpoint is None or address is None or target.socket_worker is None:
            return
        port = target.endpoint.port
        try:
            knocking = self._open(
                target.socket_worker,
                lambda: sockets.datagram(address, port, mark=target.fwmark),
                self._read_knock,
            )
            knocking.send(b"\0")
        except OSError as error:
            self.reach = self.reach or sockets.complaint(error)

    def _send_small(self, deadline: float) -> None:
        number, due = 0, time.monotonic()
        while time.monotonic() < deadline:
            if time.monotonic() >= due:
                number += 1
                self._send(number, SMALL_BYTES)
                due = time.monotonic() + (_SPACING[number] if number < len(_SPACING) else _LATER)
            self._wait(min(due, deadline), self._small_done)
            if self._small_done():
                return

    def _small_done(self) -> bool:
        return len(self._sent) >= AT_LEAST and self._sent <= self._answered

    def _send_large(self, family: int) -> None:
        mtu = self.target.mtu
        if mtu <= SMALL_BYTES:
            return
        large = range(FIRST_LARGE, FIRST_LARGE + _ATTEMPTS)
        for number in large:
            self._send(number, mtu)
        self._wait(time.monotonic() + LARGE_SECONDS, lambda: any(number in self._answered for number in large))
        if self._answered.isdisjoint(large):
            self._send_ladder(_LOWEST[family], mtu)

    def _send_ladder(self, lowest: int, mtu: int) -> None:
        step = max(4, -(-(mtu - lowest) // _STEPS // 4) * 4)
        sizes = range(mtu - step, lowest - 1, -step)
        for number, size in enumerate(sizes, start=_FIRST_LADDER):
            self._send(number, size)
        self._wait(time.monotonic() + LARGE_SECONDS, lambda: _FIRST_LADDER in self._answered)

    def _send(self, number: int, length: int) -> None:
        destination = t.cast(Address, self.target.destination)
        message = echo_request(destination.family, identity=self.tally.identity, sequence=number, length=length)
        self._sizes[number] = length
        try:
            t.cast(socket.socket, self._echo).sendto(message, (str(destination), 0))
            self._sent.add(number)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ENOBUFS):
                self._refused = sockets.why_not_sent(error)

    def _open(
        self, worker: Worker, make: t.Callable[[], socket.socket], reader: t.Callable[[socket.socket], None]
    ) -> socket.socket:
        made = worker.run(make)
        self._stack.callback(made.close)
        self._selector.register(made, selectors.EVENT_READ, reader)
        return made

    def _wait(self, deadline: float, done: t.Callable[[], bool]) -> None:
        """Reads until the deadline, and once at least."""
        while True:
            left = max(0.0, deadline - time.monotonic())
            events = self._selector.select(left)
            for key, _mask in events:
                key.data(key.fileobj)
            if done() or not left:
                return

    def _read_outer(self, watching: socket.socket) -> None:
        for data, kind in _packets(watching, HEAD_BYTES):
            if kind in (sockets.PACKET_HOST, sockets.PACKET_OUTGOING):
                self.tally.outer(data, outgoing=kind == sockets.PACKET_OUTGOING)

    def _read_inner(self, watching: socket.socket) -> None:
        for data, kind in _packets(watching, sockets.INNER_BYTES):
            self.tally.inner(data, outgoing=kind == sockets.PACKET_OUTGOING)

    def _read_echo(self, hearing: socket.socket) -> None:
        for data, address in _datagrams(hearing):
            packet = parse_ip(data) if hearing.family == socket.AF_INET else _as_packet(data, address[0])
            found = parse_echo(packet) if packet is not None else None
            if found is None or found.identity != self.tally.identity:
                continue
            if found.complaint:
                self._complaint = f"{found.reporter} says: {found.complaint}"
            elif found.reporter == self.target.destination:
                self._answered.add(found.sequence)

    def _read_knock(self, knocking: socket.socket) -> None:
        try:
            knocking.recv(1)
        except BlockingIOError:
            return
        except OSError as error:
            self.reach = self.reach or sockets.complaint(error)


_BATCH = 512


def _packets(watching: socket.socket, length: int) -> t.Iterator[tuple[bytes, int]]:
    """(packet, kind) of what is there, a batch at most, so that the other sockets have their turn."""
    with contextlib.suppress(BlockingIOError):
        for _number in range(_BATCH):
            data, address = watching.recvfrom(length)
            yield data, address[2]


def _datagrams(hearing: socket.socket) -> t.Iterator[tuple[bytes, t.Any]]:
    with contextlib.suppress(OSError):
        for _number in range(_BATCH):
            yield hearing.recvfrom(2048)


def _as_packet(data: bytes, text: str) -> IpPacket | None:
    """A raw ICMPv6 socket gives no IP header (RFC 3542, 3)."""
    number = int.from_bytes(socket.inet_pton(socket.AF_INET6, text.partition("%")[0]), "big")
    return IpPacket(Address(6, number), Address(6, 0), 58, len(data) + 40, data)
