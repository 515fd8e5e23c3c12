# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel says of a WireGuard device over generic netlink (linux/wireguard.h), from bytes. Pure.

Written with struct because of size: a large device comes in pieces that have to be put together.
"""

from __future__ import annotations

import collections.abc
import contextlib
import functools
import operator
import socket
import struct
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._attributes import attribute, attributes, integer
from ansible_collections.cryptokey.wireguard.plugins.module_utils._dumped_rows import (
    PEER_ALLOWED_IPS,
    PEER_ENDPOINT,
    PEER_HANDSHAKE,
    PEER_KEEPALIVE,
    PEER_PRESHARED_KEY,
    PEER_PUBLIC_KEY,
    PEER_RX_BYTES,
    PEER_TX_BYTES,
    rows_of,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
    LENGTH,
    PresharedKey,
    PrivateKey,
    PublicKey,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._later import Later
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import WIDTH, Prefix
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    Device,
    Endpoint,
    Peer,
    PeerStatistics,
)

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._peer_rows import PeerRows

FAMILY_NAME = "wireguard"
VERSION = 1
GET_DEVICE = 0

DEVICE_NAME, DEVICE_PRIVATE_KEY, DEVICE_PUBLIC_KEY = 2, 3, 4
DEVICE_LISTEN_PORT, DEVICE_FWMARK, DEVICE_PEERS = 6, 7, 8
PREFIX_FAMILY, PREFIX_ADDRESS, PREFIX_LENGTH, PREFIX_FLAGS = 1, 2, 3, 4
FAMILIES = {4: int(socket.AF_INET), 6: int(socket.AF_INET6)}

_ATTRIBUTE_HEADER = 4
_TYPE_MASK = 0x3FFF
_NUMBERS = {number: family for family, number in FAMILIES.items()}

_HEAD = struct.Struct("=HH")
# An entry of WGPEER_A_ALLOWEDIPS as get_allowedips() in drivers/net/wireguard/netlink.c writes it: its own header, then
# length, family and address, each padded to four bytes. By its size: (what stands before the address, the family).
_BEFORE_LENGTH = struct.pack("=HH", 5, PREFIX_LENGTH)
_FORMS = {
    28: (struct.pack("=HHHxxHH", 6, PREFIX_FAMILY, FAMILIES[4], 8, PREFIX_ADDRESS), 4),
    40: (struct.pack("=HHHxxHH", 6, PREFIX_FAMILY, FAMILIES[6], 20, PREFIX_ADDRESS), 6),
}
_FAMILY, _PORT = struct.Struct("=H"), struct.Struct(">H")
_ZERO = bytes(LENGTH)
_NO_PRESHARED_KEY = PresharedKey.none()

Statistics = t.Mapping[PublicKey, PeerStatistics]
_SILENT = PeerStatistics(latest_handshake=None, rx_bytes=0, tx_bytes=0)
_FIRST = operator.itemgetter(0)


def family_request() -> bytes:
    """CTRL_CMD_GETFAMILY by name (linux/genetlink.h)."""
    return struct.pack("=BBH", 3, 1, 0) + attribute(2, FAMILY_NAME.encode() + b"\0")


def family_of(answer: bytes) -> int:
    """CTRL_ATTR_FAMILY_ID of the answer."""
    return integer(attributes(answer, 4)[1])


def get_request(name: str) -> bytes:
    return struct.pack("=BBH", GET_DEVICE, VERSION, 0) + attribute(DEVICE_NAME, name.encode() + b"\0")


def parse(messages: t.Iterable[bytes]) -> tuple[Device, Statistics]:
    """One device out of the messages of a dump; a peer that goes on in the next message is put together."""
    fields: dict[int, bytes] = {}
    pieces: list[memoryview] = []
    for message in messages:
        for start, end in _entries(message, 4):
            number = _number_before(message, start)
            if number == DEVICE_PEERS:
                pieces.append(memoryview(message)[start:end])
            else:
                fields.setdefault(number, message[start:end])
    private = fields.get(DEVICE_PRIVATE_KEY, b"")
    public = fields.get(DEVICE_PUBLIC_KEY, b"")
    dumped = _Dumped(pieces)
    device = Device(
        private_key=PrivateKey(private) if any(private) else None,
        public_key=PublicKey(public) if any(public) else None,
        listen_port=integer(fields.get(DEVICE_LISTEN_PORT)),
        fwmark=integer(fields.get(DEVICE_FWMARK)),
        peers=DumpedPeers(dumped),
    )
    return device, LaterStatistics(dumped)


class _Dumped:
    """The messages, and what is made of them when it is asked for."""

    def __init__(self, pieces: t.Sequence[memoryview]) -> None:
        self._pieces = pieces

    @functools.cached_property
    def gathered(self) -> _Gathered:
        gathered = _Gathered()
        for piece in self._pieces:
            gathered.add(bytes(piece))
        return gathered

    def sorted_peers(self) -> tuple[Peer, ...]:
        return self.gathered.sorted_peers()

    @functools.cached_property
    def rows(self) -> PeerRows | None:
        return rows_of(self._pieces)


class DumpedPeers(Later[Peer]):
    """Sorted by key."""

    def __init__(self, dumped: _Dumped) -> None:
        super().__init__(dumped.sorted_peers)
        self._dumped = dumped

    @property
    def rows(self) -> PeerRows | None:
        """Side by side, in the order of the kernel; None where a peer does not look as expected."""
        return self._dumped.rows


class LaterStatistics(collections.abc.Mapping):
    """{public key: PeerStatistics}"""

    def __init__(self, dumped: _Dumped) -> None:
        self._dumped = dumped

    def __getitem__(self, key: PublicKey) -> PeerStatistics:
        return self._dumped.gathered.statistics[key]

    def __iter__(self) -> t.Iterator[PublicKey]:
        return iter(self._dumped.gathered.statistics)

    def __len__(self) -> int:
        return len(self._dumped.gathered.statistics)


class _Gathered:
    """The peers of a dump. Values at once, not the bytes of all side by side: those would be most of the memory."""

    def __init__(self) -> None:
        self.statistics: dict[PublicKey, PeerStatistics] = {}
        self._peers: dict[bytes, Peer] = {}
        # What the later messages add to a peer that does not fit into one.
        self._more: dict[bytes, list[Prefix]] = {}

    def add(self, data: bytes) -> None:
        """The peers of one message."""
        for start, end in _entries(data):
            values = _values(data, start, end)
            raw = values.get(PEER_PUBLIC_KEY, b"")
            prefixes = _prefixes(values.get(PEER_ALLOWED_IPS, b""))
            if raw in self._peers:
                self._more.setdefault(raw, []).extend(prefixes)
            elif len(raw) == LENGTH:
                key = PublicKey(raw)
                self._peers[key] = _peer_of(key, values, prefixes)
                self.statistics[key] = _statistics(values)

    def sorted_peers(self) -> tuple[Peer, ...]:
        for raw, prefixes in self._more.items():
            peer = self._peers[raw]
            self._peers[raw] = peer._replace(allowed_ips=(peer.allowed_ips or frozenset()).union(prefixes))
        return tuple(sorted(self._peers.values(), key=_FIRST))


def _peer_of(key: PublicKey, values: t.Mapping[int, bytes], prefixes: t.Iterable[Prefix]) -> Peer:
    secret = values.get(PEER_PRESHARED_KEY, _ZERO)
    return Peer(
        key,
        None,
        _NO_PRESHARED_KEY if secret == _ZERO else PresharedKey(secret),
        _endpoint_of(values.get(PEER_ENDPOINT, b"")),
        integer(values.get(PEER_KEEPALIVE)),
        frozenset(prefixes),
    )


def _prefixes(data: bytes) -> list[Prefix]:
    """Nearly all entries look alike, so the two forms that the kernel writes are read in one go."""
    found = []
    start, end = 0, len(data)
    while start + _ATTRIBUTE_HEADER <= end:
        size, _number = _HEAD.unpack_from(data, start)
        if size < _ATTRIBUTE_HEADER:
            break
        head, family = _FORMS.get(size, (b"", 0))
        if head and data[start + 4 : start + 8] == _BEFORE_LENGTH and data[start + 12 : start + 24] == head:
            found.append(_prefix_of(family, data[start + 24 : start + size], data[start + 8]))
        else:
            values = _values(data, start + _ATTRIBUTE_HEADER, start + size)
            family = _NUMBERS.get(integer(values.get(PREFIX_FAMILY)), 0)
            if family:
                found.append(_prefix_of(family, values[PREFIX_ADDRESS], values[PREFIX_LENGTH][0]))
        start += (size + 3) & ~3
    return found


def _prefix_of(family: int, address: bytes, length: int) -> Prefix:
    host_bits = WIDTH[family] - length
    return Prefix(family, int.from_bytes(address, "big") >> host_bits << host_bits, length)


def _statistics(values: t.Mapping[int, bytes]) -> PeerStatistics:
    handshake = values.get(PEER_HANDSHAKE, b"")
    received, sent = integer(values.get(PEER_RX_BYTES)), integer(values.get(PEER_TX_BYTES))
    if not (received or sent or any(handshake)):
        return _SILENT
    seconds, part = 0, 0
    with contextlib.suppress(struct.error):
        seconds, part = struct.unpack("=qq", handshake)
    return PeerStatistics(
        latest_handshake=seconds + part / 1e9 if seconds or part else None, rx_bytes=received, tx_bytes=sent
    )


def _endpoint_of(raw: bytes) -> Endpoint | None:
    if len(raw) < 16:
        return None
    number = _FAMILY.unpack_from(raw)[0]
    port = _PORT.unpack_from(raw, 2)[0]
    if number not in _NUMBERS or not port:
        return None
    address = raw[4:8] if _NUMBERS[number] == 4 else raw[8:24]
    return Endpoint(socket.inet_ntop(number, address), port)


def _number_before(data: bytes, content: int) -> int:
    """Of the attribute whose content starts there."""
    return int(_HEAD.unpack_from(data, content - _ATTRIBUTE_HEADER)[1]) & _TYPE_MASK


def _entries(data: bytes, start: int = 0) -> t.Iterator[tuple[int, int]]:
    """From where to where the content of each attribute goes."""
    size, unpack = len(data), _HEAD.unpack_from
    while start + 4 <= size:
        length, _number = unpack(data, start)
        if length < 4:
            return
        yield start + 4, min(start + length, size)
        start += (length + 3) & ~3


def _values(data: bytes, start: int, end: int) -> dict[int, bytes]:
    """{number: content} of the attributes between two places. One loop for itself: it is gone through for each peer."""
    found = {}
    unpack = _HEAD.unpack_from
    while start + 4 <= end:
        length, number = unpack(data, start)
        if length < 4:
            break
        found[number & _TYPE_MASK] = data[start + 4 : min(start + length, end)]
        start += (length + 3) & ~3
    return found
