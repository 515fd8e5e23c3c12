# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bare netlink(7) socket: dumps whose messages stay bytes, and many requests at once.

pyroute2 makes a tree of objects out of each message and waits for each answer; for twenty thousand routes that is
minutes. And to import its sockets alone takes longer than to look at a whole interface. So everything is read here, and
written what there are thousands of; the few other changes go through pyroute2 (_rtnetlink).
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import HostError

HEADER = struct.Struct("=IHHII")
REQUEST, ACKNOWLEDGE, DUMP, INTERRUPTED = 0x1, 0x4, 0x300, 0x10
GENERIC = 16
"""NETLINK_GENERIC, the protocol of families that have a name."""
REPLACE, EXCLUSIVE, CREATE = 0x100, 0x200, 0x400
"""Of a request for something new.  INTERRUPTED: NLM_F_DUMP_INTR, the data changed under the dump (linux/netlink.h)."""
ERROR, DONE = 2, 3
_ATTEMPTS = 10
_AT_ONCE = 64
"""Requests in one message: their answers fit into any receive buffer."""
_BUFFER = 1 << 16
_PATIENCE = 10.0
_ERRNO = struct.Struct("=i")
_REMEDIES = {
    errno.EPERM: "it takes root (CAP_NET_ADMIN in the namespace)",
    errno.EACCES: "it takes root (CAP_NET_ADMIN in the namespace)",
    errno.EOPNOTSUPP: "this kernel does not support it",
}


@contextlib.contextmanager
def opened(what: str, protocol: int = socket.NETLINK_ROUTE) -> t.Iterator[socket.socket]:
    """A socket of the calling thread's network namespace. what: what cannot be done where it fails, for HostError."""
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol) as handle:
            handle.settimeout(_PATIENCE)
            handle.bind((0, 0))
            yield handle
    except OSError as error:
        if error.errno:
            raise refused(what, error.errno) from None
        raise HostError(f"{what}: {error}") from None


def refused(what: str, number: int) -> HostError:
    """what: what cannot be done.  number: the errno."""
    return HostError(f"{what}: {os.strerror(number)}", remedy=_REMEDIES.get(number, ""), errno=number)


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


def ask(handle: socket.socket, kind: int, body: bytes) -> bytes | None:
    """The one message that answers a request; None where there is no such thing (ENODEV, ENOENT). Raises OSError."""
    handle.send(request(kind, 0, body))
    for number, _flags, _sequence, content in received(handle):
        if number != ERROR:
            return content
        refusal = -_ERRNO.unpack_from(content)[0]
        if refusal not in (errno.ENODEV, errno.ENOENT):
            raise _error(refusal)
    return None


def dump(
    handle: socket.socket, kind: int, body: bytes, *, of: str = "the routing of this host"
) -> list[tuple[int, bytes]]:
    """(type, content) of everything of that kind, repeated until nothing changed in between. Raises OSError."""
    for _attempt in range(_ATTEMPTS):
        found = _dump_once(handle, kind, body)
        if found is not None:
            return found
    raise HostError(f"{of} changes faster than it can be read", remedy="try again later")


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
                _refuse_incomplete(content)
                return found if whole else None
            found.append((number, content))


def _refuse_incomplete(content: bytes) -> None:
    """What ends a dump says as well whether it was one (netlink_dump_done() in net/netlink/af_netlink.c)."""
    result = _ERRNO.unpack_from(content)[0] if len(content) >= _ERRNO.size else 0
    if result < 0:
        raise _error(-result)


def dump_once(handle: socket.socket, kind: int, body: bytes) -> list[bytes] | None:
    """The contents alone; None: what is read has changed in between. Raises OSError."""
    found = _dump_once(handle, kind, body)
    return None if found is None else [content for _kind, content in found]


def acknowledged(handle: socket.socket, kind: int, body: bytes, flags: int = 0) -> None:
    """One request that is done when this returns. Raises OSError."""
    handle.send(request(kind, ACKNOWLEDGE | flags, body))
    for number, _flags, _sequence, content in received(handle):
        refusal = -_ERRNO.unpack_from(content)[0] if number == ERROR else 0
        if refusal:
            raise _error(refusal)


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
