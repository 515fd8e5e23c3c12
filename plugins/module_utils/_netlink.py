# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bare rtnetlink(7) socket for what there are thousands of: dumps whose messages stay bytes, many requests at once.

pyroute2 makes a tree of objects out of each message and waits for each answer; for twenty thousand routes that is
minutes. Whatever there are few of goes through it (_rtnetlink).
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import HostError

HEADER = struct.Struct("=IHHII")
REQUEST, ACKNOWLEDGE, DUMP, INTERRUPTED = 0x1, 0x4, 0x300, 0x10
ERROR, DONE = 2, 3
_ATTEMPTS = 10
_AT_ONCE = 64
"""Requests in one message: their answers fit into any receive buffer."""
_BUFFER = 1 << 16
_PATIENCE = 10.0
_ERRNO = struct.Struct("=i")


@contextlib.contextmanager
def opened(what: str) -> t.Iterator[socket.socket]:
    """A socket of the calling thread's network namespace. what: what cannot be done where it fails, for HostError."""
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as handle:
            handle.settimeout(_PATIENCE)
            handle.bind((0, 0))
            yield handle
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise HostError(f"{what}: {reason}", errno=error.errno) from None


def request(kind: int, flags: int, body: bytes, *, sequence: int = 0) -> bytes:
    return HEADER.pack(HEADER.size + len(body), kind, flags | REQUEST, sequence, 0) + body


def messages(data: bytes) -> t.Iterator[tuple[int, int, int, bytes]]:
    """(type, flags, sequence, content) of each message that one call has received."""
    start = 0
    while start + HEADER.size <= len(data):
        length, kind, flags, sequence, _port = HEADER.unpack_from(data, start)
        if length < HEADER.size:
            return
        yield kind, flags, sequence, data[start + HEADER.size : start + length]
        start += (length + 3) & ~3


def received(handle: socket.socket) -> t.Iterator[tuple[int, int, int, bytes]]:
    """The messages of the next answer."""
    return messages(handle.recv(_BUFFER))


def dump(handle: socket.socket, kind: int, body: bytes) -> list[tuple[int, bytes]]:
    """(type, content) of everything of that kind, repeated until nothing changed in between. Raises OSError."""
    for _attempt in range(_ATTEMPTS):
        found = _dump_once(handle, kind, body)
        if found is not None:
            return found
    raise HostError("the routing of this host changes faster than it can be read", remedy="try again later")


def _dump_once(handle: socket.socket, kind: int, body: bytes) -> list[tuple[int, bytes]] | None:
    """None: it was interrupted. It is read to its end in any case, or the rest would be taken for the next answer."""
    handle.send(request(kind, DUMP, body))
    found: list[tuple[int, bytes]] = []
    whole = True
    while True:
        for number, flags, _sequence, content in received(handle):
            whole = whole and not flags & INTERRUPTED
            if number == ERROR:
                raise _error(-_ERRNO.unpack_from(content)[0])
            if number == DONE:
                return found if whole else None
            found.append((number, content))


def change(handle: socket.socket, kind: int, flags: int, bodies: t.Sequence[bytes]) -> list[int]:
    """Each request in its order; the errno of each, 0 where it was done. Stops behind the part with a refused one."""
    results: list[int] = []
    for first in range(0, len(bodies), _AT_ONCE):
        part = bodies[first : first + _AT_ONCE]
        sent = [request(kind, flags | ACKNOWLEDGE, body, sequence=number) for number, body in enumerate(part)]
        handle.send(b"".join(sent))
        answers: dict[int, int] = {}
        while len(answers) < len(part):
            for number, _flags, sequence, content in received(handle):
                if number == ERROR:
                    answers[sequence] = -_ERRNO.unpack_from(content)[0]
        results += [answers.get(number, 0) for number in range(len(part))]
        if any(results[first:]):
            break
    return results


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))
