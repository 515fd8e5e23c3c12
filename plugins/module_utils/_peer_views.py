# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Peers as people see them, all at once: of a device that has just those that were declared. Pure.

Texts that the declaration has are not made again. What comes of it is the same as one by one (_view.peer_views).
"""

from __future__ import annotations

import functools
import operator
import sys
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PresharedKey
from ansible_collections.cryptokey.wireguard.plugins.module_utils._peer_rows import (
    NO_SECRET,
    arranged,
    endpoint_text,
    prefix_texts,
)

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared_rows import DeclaredRows
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._peer_rows import PeerRows

View = t.Dict[str, t.Any]


def views_at_once(declared: DeclaredRows, there: PeerRows) -> list[View] | None:
    """Sorted as peer_views() does it; None where somebody else is there, too. The names are the recorded ones."""
    found = arranged(there, declared.peers.keys)
    if found is None or len(there.keys) != len(declared.keys):
        return None
    seconds = functools.lru_cache(maxsize=None)(_seconds)
    fingerprint = functools.lru_cache(maxsize=None)(_fingerprint)
    views = [
        {
            "name": name,
            "public_key": key,
            "preshared_key": fingerprint(secret),
            "endpoint": endpoint if where == theirs else endpoint_text(theirs or b""),
            "persistent_keepalive": seconds(interval),
            "allowed_ips": listed if listed is not None and mine == entries else prefix_texts(entries or b""),
        }
        for name, key, endpoint, where, listed, mine, secret, theirs, interval, entries in zip(
            declared.names, declared.keys, declared.endpoints, declared.peers.endpoints, declared.allowed,
            declared.peers.allowed, found.secrets, found.endpoints, found.keepalives, found.allowed,
        )
    ]  # fmt: skip
    names = declared.names
    # Without one that is missing or there twice the names alone decide.
    views.sort(key=_place if None in names or len(set(names)) < len(names) else operator.itemgetter("name"))
    return views


def _place(view: View) -> tuple[bool, str, str]:
    return view["name"] is None, view["name"] or "", view["public_key"]


def _seconds(raw: bytes) -> int:
    return int.from_bytes(raw, sys.byteorder)


def _fingerprint(secret: bytes) -> str:
    return "none" if secret == NO_SECRET else PresharedKey(secret).fingerprint
