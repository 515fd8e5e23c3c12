# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The peers of a declared-state record: a line of text for each, read and written all at once. Pure."""

from __future__ import annotations

import itertools
import json
import typing as t
from json.encoder import encode_basestring_ascii

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PublicKey
from ansible_collections.cryptokey.wireguard.plugins.module_utils._later import Later
from ansible_collections.cryptokey.wireguard.plugins.module_utils._peer_rows import address_of
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Address, parse_address

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared_rows import DeclaredRows

BETWEEN = ",\n"
_AT_ONCE = 256
"""Lines that are compared in one piece."""
_FIELDS = frozenset({"public_key", "name", "endpoint"})
_json = json.JSONEncoder(sort_keys=True).encode


class RecordedPeer(t.NamedTuple):
    """endpoint: the text that was declared, None where none was.  address: what it stood for when it was set."""

    public_key: PublicKey
    name: str | None = None
    endpoint: str | None = None
    address: Address | None = None


class WrittenPeers(Later[RecordedPeer]):
    """As they stand in a file. body: their lines, without what is between brackets and them.

    refused: what is raised where they are none.
    """

    def __init__(self, body: memoryview, refused: t.Callable[[], Exception]) -> None:
        super().__init__(self._load)
        self.body = body
        self._refused = refused

    def _load(self) -> tuple[RecordedPeer, ...]:
        try:
            return tuple(map(_peer, json.loads(b"[" + bytes(self.body) + b"]", object_hook=_value)))
        except (InvalidInput, ValueError, KeyError, TypeError, AttributeError):
            raise self._refused() from None


class DeclaredRecord(Later[RecordedPeer]):
    """As they are to be written, of peers that were declared all at once."""

    def __init__(self, rows: DeclaredRows) -> None:
        super().__init__(self._make, len(rows.keys))
        self.rows = rows
        self._known: tuple[memoryview, bool] | None = None

    def __eq__(self, other: object) -> bool:
        """The same text is the same peers; another one may be, too."""
        if isinstance(other, WrittenPeers) and self.stands_in(other.body):
            return True
        return super().__eq__(other)

    __hash__ = Later.__hash__

    def stands_in(self, body: memoryview) -> bool:
        """Compared piece by piece: the text of thousands of peers is never there as a whole, or twice."""
        if self._known is None or self._known[0] is not body:
            self._known = body, self._stands_in(body)
        return self._known[1]

    def _stands_in(self, body: memoryview) -> bool:
        lines, place, between = self.lines(), 0, ""
        while True:
            some = list(itertools.islice(lines, _AT_ONCE))
            if not some:
                return place == len(body)
            raw = (between + BETWEEN.join(some)).encode("ascii")
            if bytes(body[place : place + len(raw)]) != raw:
                return False
            place, between = place + len(raw), BETWEEN

    def lines(self) -> t.Iterator[str]:
        """By key, each as line() has it."""
        rows = self.rows
        keys, names, endpoints = rows.keys, rows.names, rows.endpoints
        for place in sorted(range(len(keys)), key=rows.peers.keys.__getitem__):
            name, endpoint = names[place], endpoints[place]
            yield (
                f'    {{"address": {_address(endpoint)}, "endpoint": {_quoted(endpoint)}, '
                f'"name": {"null" if name is None else encode_basestring_ascii(name)}, "public_key": "{keys[place]}"}}'
            )

    def _make(self) -> tuple[RecordedPeer, ...]:
        rows = self.rows
        made = (
            RecordedPeer(PublicKey(key), name, endpoint, address_of(where) if where else None)
            for key, name, endpoint, where in zip(rows.peers.keys, rows.names, rows.endpoints, rows.peers.endpoints)
        )
        return tuple(sorted(made))


def _quoted(text: str | None) -> str:
    """Of a text without anything that JSON would write otherwise."""
    return "null" if text is None else f'"{text}"'


def _address(endpoint: str | None) -> str:
    """Of a canonical endpoint."""
    if endpoint is None:
        return "null"
    host = endpoint.rpartition(":")[0]
    return f'"{host[1:-1] if host.startswith("[") else host}"'


def line(peer: RecordedPeer) -> str:
    address = None if peer.address is None else str(peer.address)
    entry = {"public_key": str(peer.public_key), "name": peer.name, "endpoint": peer.endpoint, "address": address}
    return f"    {_json(entry)}"


def _value(entry: dict[str, t.Any]) -> t.Any:
    """A peer as soon as it is read, so that there are never ten thousand mappings beside ten thousand peers."""
    if not entry.keys() >= _FIELDS:
        return entry
    address = entry.get("address")
    return RecordedPeer(
        PublicKey.parse(entry["public_key"]),
        entry["name"],
        entry["endpoint"],
        parse_address(address) if address else None,
    )


def _peer(entry: t.Any) -> RecordedPeer:
    if not isinstance(entry, RecordedPeer):
        raise TypeError("no peer")
    return entry
