# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The peers of a dump side by side (_peer_rows), without a loop over their attributes. Pure."""

from __future__ import annotations

import re
import struct
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._peer_rows import (
    ENDPOINT_HEADS,
    ENDPOINT_SIZES,
    ENTRY,
    NESTED,
    NO_KEEPALIVE,
    NO_SECRET,
    PeerRows,
)

PEER_PUBLIC_KEY, PEER_PRESHARED_KEY, PEER_FLAGS, PEER_ENDPOINT, PEER_KEEPALIVE = 1, 2, 3, 4, 5
PEER_HANDSHAKE, PEER_RX_BYTES, PEER_TX_BYTES, PEER_ALLOWED_IPS = 6, 7, 8, 9
_PEER_VERSION = 10
_KEY_BYTES = 32


def _attribute_form(size: int, number: int, content: bytes) -> bytes:
    """As a regular expression."""
    return re.escape(struct.pack("=HH", 4 + size, number)) + content


# A peer as get_peer() in drivers/net/wireguard/netlink.c writes it. Of one that goes on in the next message the rest
# has its key and its prefixes only. In groups: key, secret and keepalive unless they are all zero, endpoint, prefixes.
_PAD = b"(?:" + re.escape(struct.pack("=HH", 4, 0)) + b")?"
_PEER = re.compile(
    b".." + re.escape(struct.pack("=H", NESTED))
    + _attribute_form(_KEY_BYTES, PEER_PUBLIC_KEY, b"(.{32})")
    + b"(?:"
    + _attribute_form(_KEY_BYTES, PEER_PRESHARED_KEY, rb"(?:\x00{32}|(.{32}))")
    + _attribute_form(16, PEER_HANDSHAKE, b".{16}")
    + _attribute_form(2, PEER_KEEPALIVE, rb"(?:\x00\x00|(..))..")
    + _PAD + _attribute_form(8, PEER_TX_BYTES, b".{8}")
    + _PAD + _attribute_form(8, PEER_RX_BYTES, b".{8}")
    + _attribute_form(4, _PEER_VERSION, b".{4}")
    + b"((?:" + b"|".join(re.escape(ENDPOINT_HEADS[size]) + b".{%d}" % size for size in ENDPOINT_SIZES) + b")?))?"
    + b"(?:.." + re.escape(struct.pack("=H", PEER_ALLOWED_IPS | NESTED)) + b"(" + ENTRY + b"*))?",
    re.DOTALL,
)  # fmt: skip


def rows_of(pieces: t.Iterable[memoryview]) -> PeerRows | None:
    """The peers of a dump side by side. Lengths that do not fit show as something between two peers."""
    columns: tuple[list[t.Any], ...] = ([], [], [], [], [])
    step = len(columns) + 1
    for piece in pieces:
        parts = _PEER.split(piece)
        if any(parts[::step]):
            return None
        for number, column in enumerate(columns, start=1):
            column += parts[number::step]
    keys, secrets, keepalives, endpoints, allowed = columns
    allowed = [b"" if entries is None else entries for entries in allowed]
    secrets = [NO_SECRET if secret is None else secret for secret in secrets]
    keepalives = [NO_KEEPALIVE if interval is None else interval for interval in keepalives]
    found = PeerRows(keys, secrets, endpoints, keepalives, allowed)
    return found if _put_together(found) else None


def _put_together(rows: PeerRows) -> bool:
    """The rest of a peer that went on in the next message joins it. False where it is not right before it."""
    while None in rows.endpoints:
        place = rows.endpoints.index(None)
        if not place or rows.keys[place - 1] != rows.keys[place]:
            return False
        rows.allowed[place - 1] = (rows.allowed[place - 1] or b"") + (rows.allowed[place] or b"")
        for column in t.cast("t.Any", rows):
            del column[place]
    return True
