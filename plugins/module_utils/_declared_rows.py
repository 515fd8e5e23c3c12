# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The declared peers of an interface checked all at once, where all of them are plain; see _declared_peers. Pure.

None of this decides that something is wrong: what is not plain is read entry by entry, and refused there by its path.
"""

from __future__ import annotations

import binascii
import operator
import socket
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._peer_rows import (
    NO_SECRET,
    STARTS,
    PeerRows,
    endpoint_start,
    keepalive,
    order,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import WIDTH

_KEY_TEXT = 44
_AT_ONCE = 512
"""Keys that are decoded together."""
_MAPPED_HEAD = bytes(10) + b"\xff\xff"
_IPV4, _IPV6 = int(socket.AF_INET), int(socket.AF_INET6)
# What may not be set in an address, by the text of the prefix length.
_HOST_BITS = {
    family: {str(length): (1 << (width - length)) - 1 for length in range(width)} for family, width in WIDTH.items()
}
_KEEPALIVE_HIGHEST = 65535

Entries = t.Sequence[t.Mapping[str, t.Any]]


class NotPlain(Exception):
    """An entry that has to be looked at by itself."""


class DeclaredRows(t.NamedTuple):
    """peers: as bytes.  The others are texts for people, where they are known: canonical, a peer's prefixes sorted."""

    peers: PeerRows
    names: t.List[t.Optional[str]]
    keys: t.List[str]
    endpoints: t.List[t.Optional[str]]
    allowed: t.List[t.Optional[t.List[str]]]


def declared_rows(entries: Entries) -> DeclaredRows | None:
    """None where not all of them are plain, or where one key or prefix is there twice."""
    try:
        return _rows(entries)
    except (NotPlain, TypeError, ValueError, KeyError, AttributeError, OSError):
        return None


def _rows(entries: Entries) -> DeclaredRows:
    if any(entry.get("state") == "absent" for entry in entries):
        raise NotPlain
    key_texts = [entry["public_key"] for entry in entries]
    keys = _keys(key_texts)
    if len(set(keys)) != len(keys) or NO_SECRET in keys:
        raise NotPlain
    names = [entry.get("name") or None for entry in entries]
    if not "".join([name for name in names if name]).isprintable():
        raise NotPlain
    endpoints = _Endpoints()
    reached = [endpoints.read(entry.get("endpoint")) for entry in entries]
    prefixes = _Prefixes()
    allowed = [prefixes.read(entry.get("allowed_ips")) for entry in entries]
    prefixes.check()
    peers = PeerRows(
        keys,
        _secrets([entry.get("preshared_key") for entry in entries]),
        reached,
        [_keepalive(entry.get("persistent_keepalive")) for entry in entries],
        allowed,
    )
    return DeclaredRows(peers, names, key_texts, endpoints.texts, prefixes.texts)


def _keys(texts: list[str]) -> list[bytes]:
    """43 characters are 32 bytes and two bits, which are zero where the text is canonical. Decoded are all in one."""
    return [key for first in range(0, len(texts), _AT_ONCE) for key in _some_keys(texts[first : first + _AT_ONCE])]


def _some_keys(texts: list[str]) -> list[bytes]:
    together = "".join(texts)
    size = _KEY_TEXT
    if set(map(len, texts)) != {size} or together[size - 1 :: size] != "=" * len(texts):
        raise NotPlain
    raw = binascii.a2b_base64(together.replace("=", "A"))
    # Characters that mean nothing are left out in decoding, so that there would be less.
    if together.count("=") != len(texts) or len(raw) != 33 * len(texts) or any(raw[32::33]):
        raise NotPlain
    return [raw[start : start + 32] for start in range(0, len(raw), 33)]


def _secrets(texts: list[str | None]) -> list[bytes | None]:
    given = [text for text in texts if text]
    if not given and texts.count(None) == len(texts):
        return [None] * len(texts)
    found = iter(_keys(given))
    return [None if text is None else next(found) if text else NO_SECRET for text in texts]


def _keepalive(seconds: t.Any) -> bytes | None:
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not 0 <= seconds <= _KEEPALIVE_HIGHEST:
        raise NotPlain
    return keepalive(seconds)


class _Endpoints:
    """Addresses alone: what a name stands for is not known here."""

    def __init__(self) -> None:
        self.texts: list[str | None] = []
        self._starts: dict[str, tuple[bytes, bytes]] = {}

    def read(self, text: str | None) -> bytes | None:
        if text is None:
            self.texts.append(None)
            return None
        host, _colon, port = text.rpartition(":")
        start = self._starts.get(port) or self._port(port)
        if ":" not in host:
            # What inet_pton(3) takes of IPv4 has no other form.
            self.texts.append(text)
            return start[0] + socket.inet_pton(_IPV4, host) + bytes(8)
        if not (host.startswith("[") and host.endswith("]")):
            raise NotPlain
        raw = socket.inet_pton(_IPV6, host[1:-1])
        if raw.startswith(_MAPPED_HEAD):
            raise NotPlain
        self.texts.append(f"[{socket.inet_ntop(_IPV6, raw)}]:{port}")
        return start[1] + raw + bytes(4)

    def _port(self, text: str) -> tuple[bytes, bytes]:
        if not (text.isascii() and text.isdigit() and len(text) <= 5 and text[0] != "0" and int(text) <= 65535):
            raise NotPlain
        self._starts[text] = endpoint_start(int(text), 4), endpoint_start(int(text), 6)
        return self._starts[text]


class _Prefixes:
    def __init__(self) -> None:
        self.texts: list[list[str] | None] = []
        self._hashes: list[int] = []

    def read(self, listed: t.Sequence[str] | None) -> bytes | None:
        if listed is None:
            self.texts.append(None)
            return None
        found = []
        canonical = isinstance(listed, list)
        for text in listed:
            head, slash, tail = text.partition("/")
            family = 6 if ":" in head else 4
            raw = socket.inet_pton(_IPV6 if family == 6 else _IPV4, head)
            host_bits = _HOST_BITS[family].get(tail) if slash else None
            if (host_bits and int.from_bytes(raw, "big") & host_bits) or (slash and not tail):
                raise NotPlain
            if family == 6:
                if raw.startswith(_MAPPED_HEAD):
                    raise NotPlain
                canonical = canonical and socket.inet_ntop(_IPV6, raw) == head
            canonical = canonical and bool(slash)
            found.append(STARTS[family][tail] + raw)
        if len(found) > 1 and not (len(found) == 2 and len(found[0]) < len(found[1])):  # mostly one of each family
            ordered = sorted(found, key=order)
            canonical = canonical and ordered == found
            found = ordered
        self._hashes += map(hash, found)
        self.texts.append(t.cast("list[str]", listed) if canonical else None)
        return b"".join(found)

    def check(self) -> None:
        """One owner per prefix. Numbers take less memory than prefixes; two that are equal by chance are a doubt."""
        self._hashes.sort()
        if any(map(operator.eq, self._hashes, self._hashes[1:])):
            raise NotPlain
        self._hashes.clear()
