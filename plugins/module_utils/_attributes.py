# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Netlink attributes to and from bytes (struct nlattr in linux/netlink.h, struct rtattr in linux/rtnetlink.h). Pure."""

from __future__ import annotations

import struct
import sys

_HEAD = struct.Struct("=HH")
_TYPE_MASK = 0x3FFF


def attributes(data: bytes, start: int) -> dict[int, bytes]:
    """{number: content}; of several with one number the last."""
    found = {}
    end, unpack = len(data), _HEAD.unpack_from
    while start + 4 <= end:
        length, number = unpack(data, start)
        if length < 4:
            break
        found[number & _TYPE_MASK] = data[start + 4 : start + length]
        start += (length + 3) & ~3
    return found


def attribute(number: int, content: bytes) -> bytes:
    """With its padding to four bytes."""
    return _HEAD.pack(4 + len(content), number) + content + bytes(-len(content) % 4)


def integer(raw: bytes | None) -> int:
    """An unsigned integer of any size in host order; absent is 0."""
    return int.from_bytes(raw, sys.byteorder) if raw else 0


def text(raw: bytes | None) -> str | None:
    """A string with its end; absent is None."""
    return None if raw is None else raw.partition(b"\0")[0].decode("utf-8", errors="surrogateescape")
