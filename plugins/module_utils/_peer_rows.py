# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Peers side by side, one list for each of their fields, compared as a whole. Pure.

A field is the bytes that the kernel has for it (linux/wireguard.h), so that a declaration and a dump are the same where
their bytes are. Whatever is not plain has no rows, and its peers are looked at one by one.
"""

from __future__ import annotations

import re
import socket
import struct
import sys
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Address, format_number

NESTED = 0x8000
NO_SECRET = bytes(32)
NO_KEEPALIVE = bytes(2)
_FAMILIES = {4: int(socket.AF_INET), 6: int(socket.AF_INET6)}


class PeerRows(t.NamedTuple):
    """The same place in each list is the same peer. None: not declared; a device has everything.

    keys: 32 bytes.  secrets: 32 bytes, NO_SECRET where there is none.  keepalives: two bytes.
    endpoints: WGPEER_A_ENDPOINT with its header, empty where there is none.
    allowed: the entries of WGPEER_A_ALLOWEDIPS; of a declaration in the order of canonical().
    """

    keys: t.List[bytes]
    secrets: t.List[t.Optional[bytes]]
    endpoints: t.List[t.Optional[bytes]]
    keepalives: t.List[t.Optional[bytes]]
    allowed: t.List[t.Optional[bytes]]


def _starts(number: int, size: int) -> dict[str, bytes]:
    """What stands before the address of an entry, by the text of its length ("": of one address)."""
    form = struct.Struct("=HHHHBxxxHHHxxHH")
    width = 8 * size
    head = (24 + size, NESTED, 5, 3)
    starts = {str(length): form.pack(*head, length, 6, 1, number, 4 + size, 2) for length in range(width + 1)}
    return {**starts, "": starts[str(width)]}


STARTS = {4: _starts(_FAMILIES[4], 4), 6: _starts(_FAMILIES[6], 16)}
_ADDRESS = 24
_LENGTH = 8
ENTRY = (
    b"(?:"
    + b"|".join(
        re.escape(struct.pack("=HH", _ADDRESS + size, NESTED)) + b".{%d}" % (_ADDRESS - 4 + size) for size in (4, 16)
    )
    + b")"
)
_ENTRIES = re.compile(ENTRY, re.DOTALL)
ENDPOINT_SIZES = (16, 28)
"""Of struct sockaddr_in and sockaddr_in6."""
ENDPOINT_HEADS = {size: struct.pack("=HH", 4 + size, 4) for size in ENDPOINT_SIZES}


def order(entry: t.Any) -> tuple[int, bytes, int]:
    """The one of Prefix: family, address, length."""
    return len(entry), entry[_ADDRESS:], entry[_LENGTH]


def canonical(entries: bytes) -> bytes:
    """The kernel has them in the order in which they came."""
    return b"".join(sorted(_ENTRIES.findall(entries), key=order))


def prefix_texts(entries: bytes) -> list[str]:
    """In the order of canonical()."""
    found = []
    for entry in sorted(_ENTRIES.findall(entries), key=order):
        raw = entry[_ADDRESS:]
        family = 4 if len(raw) == 4 else 6
        found.append(f"{format_number(family, int.from_bytes(raw, 'big'))}/{entry[_LENGTH]}")
    return found


def endpoint_start(port: int, family: int) -> bytes:
    """What stands before the address of an endpoint: header, family in host order, port in network order."""
    size = ENDPOINT_SIZES[family == 6]
    start = ENDPOINT_HEADS[size] + struct.pack("=H", _FAMILIES[family]) + struct.pack(">H", port)
    return start if family == 4 else start + bytes(4)


def address_of(endpoint: bytes) -> Address:
    if len(endpoint) == 4 + ENDPOINT_SIZES[0]:
        return Address(4, int.from_bytes(endpoint[8:12], "big"))
    return Address(6, int.from_bytes(endpoint[12:28], "big"))


def endpoint_text(endpoint: bytes) -> str | None:
    """None where the peer has none."""
    port = int.from_bytes(endpoint[6:8], "big") if endpoint else 0
    if not port:
        return None
    address = address_of(endpoint)
    return f"{address}:{port}" if address.family == 4 else f"[{address}]:{port}"


def keepalive(seconds: int) -> bytes:
    return seconds.to_bytes(2, sys.byteorder)


def are_there(wanted: PeerRows, there: PeerRows) -> bool:
    """Whether each wanted peer has all that is wanted of it. False also where only a closer look would tell."""
    found = arranged(there, wanted.keys)
    return found is not None and (
        _have(wanted.secrets, found.secrets)
        and _have(wanted.endpoints, found.endpoints)
        and _have(wanted.keepalives, found.keepalives)
        and all(
            mine is None or mine == theirs or mine == canonical(theirs or b"")
            for mine, theirs in zip(wanted.allowed, found.allowed)
        )
    )


def _have(wanted: t.Sequence[bytes | None], there: t.Sequence[bytes | None]) -> bool:
    return wanted == there or all(mine is None or mine == theirs for mine, theirs in zip(wanted, there))


def arranged(rows: PeerRows, keys: t.Sequence[bytes]) -> PeerRows | None:
    """The peers of these keys in their order; None where one is missing."""
    if rows.keys == keys:
        return rows
    places = {key: place for place, key in enumerate(rows.keys)}
    try:
        chosen = [places[key] for key in keys]
    except KeyError:
        return None
    return PeerRows(*([column[place] for place in chosen] for column in t.cast("t.Any", rows)))
