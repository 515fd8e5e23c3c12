# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The WireGuard attributes of generic netlink (linux/wireguard.h) to and from bytes. Pure.

Written with struct because of size: an attribute's length field ends at 65,535 bytes, so a large update has to be cut
into messages, and a large device comes back in pieces that have to be put together again.
"""

from __future__ import annotations

import contextlib
import operator
import socket
import struct
import sys
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import (
    DeviceUpdate,
    PeerUpdate,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    InvalidInput,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
    LENGTH,
    PresharedKey,
    PrivateKey,
    PublicKey,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    WIDTH,
    Prefix,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    Device,
    Endpoint,
    Peer,
    PeerStatistics,
)

FAMILY_NAME = "wireguard"
VERSION = 1
GET_DEVICE = 0
SET_DEVICE = 1

MESSAGE_BYTES = 32768

_ATTRIBUTE_HEADER = 4
_NESTED = 0x8000
_TYPE_MASK = 0x3FFF

_DEVICE_NAME, _DEVICE_PRIVATE_KEY, _DEVICE_PUBLIC_KEY = 2, 3, 4
_DEVICE_LISTEN_PORT, _DEVICE_FWMARK, _DEVICE_PEERS = 6, 7, 8
_PEER_PUBLIC_KEY, _PEER_PRESHARED_KEY, _PEER_FLAGS, _PEER_ENDPOINT, _PEER_KEEPALIVE = 1, 2, 3, 4, 5
_PEER_HANDSHAKE, _PEER_RX_BYTES, _PEER_TX_BYTES, _PEER_ALLOWED_IPS = 6, 7, 8, 9
_PREFIX_FAMILY, _PREFIX_ADDRESS, _PREFIX_LENGTH, _PREFIX_FLAGS = 1, 2, 3, 4

_PEER_REMOVE_ME = 1
_PEER_UPDATE_ONLY = 4
_PREFIX_REMOVE_ME = 1

_FAMILIES = {4: int(socket.AF_INET), 6: int(socket.AF_INET6)}
_NUMBERS = {number: family for family, number in _FAMILIES.items()}

_HEAD = struct.Struct("=HH")
# An entry of WGPEER_A_ALLOWEDIPS as get_allowedips() in drivers/net/wireguard/netlink.c writes it: its own header, then
# length, family and address, each padded to four bytes. By its size: (what stands before the address, the family).
_BEFORE_LENGTH = struct.pack("=HH", 5, _PREFIX_LENGTH)
_FORMS = {
    28: (struct.pack("=HHHxxHH", 6, _PREFIX_FAMILY, _FAMILIES[4], 8, _PREFIX_ADDRESS), 4),
    40: (struct.pack("=HHHxxHH", 6, _PREFIX_FAMILY, _FAMILIES[6], 20, _PREFIX_ADDRESS), 6),
}
# As this module writes it: family, address, length.
_ENTRIES = {
    4: (struct.Struct("=HHHHHxxHH4sHHBxxx"), _FAMILIES[4], 4),
    6: (struct.Struct("=HHHHHxxHH16sHHBxxx"), _FAMILIES[6], 16),
}
_FAMILY, _PORT = struct.Struct("=H"), struct.Struct(">H")
_PEER_HEAD = struct.Struct("=HH32sHHI")
_PADDING = (b"", bytes(3), bytes(2), bytes(1))
_ZERO = bytes(LENGTH)
_NO_PRESHARED_KEY = PresharedKey.none()

Statistics = t.Dict[PublicKey, PeerStatistics]
_SILENT = PeerStatistics(latest_handshake=None, rx_bytes=0, tx_bytes=0)
_FIRST = operator.itemgetter(0)


def family_request() -> bytes:
    """CTRL_CMD_GETFAMILY by name (linux/genetlink.h)."""
    return struct.pack("=BBH", 3, 1, 0) + _attribute(2, FAMILY_NAME.encode() + b"\0")


def family_of(answer: bytes) -> int:
    """CTRL_ATTR_FAMILY_ID of the answer."""
    return next(_integer(content) for number, content in _attributes(answer, 4) if number == 1)


def get_request(name: str) -> bytes:
    return _header(GET_DEVICE) + _name(name)


def set_requests(name: str, update: DeviceUpdate, *, limit: int = MESSAGE_BYTES) -> t.Iterator[bytes]:
    """The messages that carry an update, in order, each at most limit bytes long.

    Peers keep their order. A peer whose prefixes do not fit goes on in the next message, as an update of a peer that
    is there by then.
    """
    start = _header(SET_DEVICE) + _name(name)
    head = start + _device_fields(update)
    pieces: list[bytes] = []
    room = limit - len(head) - _ATTRIBUTE_HEADER
    for piece in (piece for peer in update.peers for piece in _peer_pieces(peer, limit // 2)):
        if pieces and len(piece) > room:
            yield head + _attribute(_DEVICE_PEERS | _NESTED, b"".join(pieces))
            head, pieces, room = start, [], limit - len(start) - _ATTRIBUTE_HEADER
        pieces.append(piece)
        room -= len(piece)
    yield head + (_attribute(_DEVICE_PEERS | _NESTED, b"".join(pieces)) if pieces else b"")


def removal_requests(name: str, wanted: t.Mapping[PublicKey, t.Sequence[Prefix]]) -> t.Iterator[bytes]:
    """Single prefixes taken away by WGALLOWEDIP_F_REMOVE_ME: Linux 6.16 and later, EINVAL before."""
    per_message = MESSAGE_BYTES // 64
    start = _header(SET_DEVICE) + _name(name)
    for key, prefixes in wanted.items():
        for first in range(0, len(prefixes), per_message):
            entries = b"".join(_prefix(prefix, _PREFIX_REMOVE_ME) for prefix in prefixes[first : first + per_message])
            content = _peer_key(key, _PEER_UPDATE_ONLY) + _attribute(_PEER_ALLOWED_IPS | _NESTED, entries)
            yield start + _attribute(_DEVICE_PEERS | _NESTED, _attribute(_NESTED, content))


def parse(messages: t.Iterable[bytes]) -> tuple[Device, Statistics]:
    """One device out of the messages of a dump; a peer that goes on in the next message is put together."""
    fields: dict[int, bytes] = {}
    gathered = _Gathered()
    for message in messages:
        for number, value in _attributes(message, 4):
            if number == _DEVICE_PEERS:
                gathered.add(value)
            else:
                fields.setdefault(number, value)
    private = fields.get(_DEVICE_PRIVATE_KEY, b"")
    public = fields.get(_DEVICE_PUBLIC_KEY, b"")
    device = Device(
        private_key=PrivateKey(private) if any(private) else None,
        public_key=PublicKey(public) if any(public) else None,
        listen_port=_integer(fields.get(_DEVICE_LISTEN_PORT)),
        fwmark=_integer(fields.get(_DEVICE_FWMARK)),
        peers=gathered.sorted_peers(),
    )
    return device, gathered.statistics


class _Gathered:
    """The peers of a dump. Values at once, not the bytes of all side by side: those would be most of the memory."""

    def __init__(self) -> None:
        self.statistics: Statistics = {}
        self._peers: dict[bytes, Peer] = {}
        # What the later messages add to a peer that does not fit into one.
        self._more: dict[bytes, list[Prefix]] = {}

    def add(self, data: bytes) -> None:
        """The peers of one message."""
        for start, end in _entries(data):
            values = _values(data, start, end)
            raw = values.get(_PEER_PUBLIC_KEY, b"")
            prefixes = _prefixes(values.get(_PEER_ALLOWED_IPS, b""))
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
    secret = values.get(_PEER_PRESHARED_KEY, _ZERO)
    return Peer(
        key,
        None,
        _NO_PRESHARED_KEY if secret == _ZERO else PresharedKey(secret),
        _endpoint_of(values.get(_PEER_ENDPOINT, b"")),
        _integer(values.get(_PEER_KEEPALIVE)),
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
            family = _NUMBERS.get(_integer(values.get(_PREFIX_FAMILY)), 0)
            if family:
                found.append(_prefix_of(family, values[_PREFIX_ADDRESS], values[_PREFIX_LENGTH][0]))
        start += (size + 3) & ~3
    return found


def _prefix_of(family: int, address: bytes, length: int) -> Prefix:
    host_bits = WIDTH[family] - length
    return Prefix(family, int.from_bytes(address, "big") >> host_bits << host_bits, length)


def _statistics(values: t.Mapping[int, bytes]) -> PeerStatistics:
    handshake = values.get(_PEER_HANDSHAKE, b"")
    received, sent = _integer(values.get(_PEER_RX_BYTES)), _integer(values.get(_PEER_TX_BYTES))
    if not (received or sent or any(handshake)):
        return _SILENT
    seconds, part = 0, 0
    with contextlib.suppress(struct.error):
        seconds, part = struct.unpack("=qq", handshake)
    return PeerStatistics(
        latest_handshake=seconds + part / 1e9 if seconds or part else None, rx_bytes=received, tx_bytes=sent
    )


def _device_fields(update: DeviceUpdate) -> bytes:
    fields = b""
    if update.private_key is not None:
        fields += _attribute(_DEVICE_PRIVATE_KEY, update.private_key.raw)
    if update.listen_port is not None:
        fields += _attribute(_DEVICE_LISTEN_PORT, struct.pack("=H", update.listen_port))
    if update.fwmark is not None:
        fields += _attribute(_DEVICE_FWMARK, struct.pack("=I", update.fwmark))
    return fields


def _peer_pieces(peer: PeerUpdate, limit: int) -> t.Iterator[bytes]:
    """The peer as one nested attribute, or as several where its prefixes take more than limit bytes."""
    if peer.action == "remove":
        yield _attribute(_NESTED, _peer_key(peer.public_key, _PEER_REMOVE_ME))
        return
    content = _peer_key(peer.public_key, _PEER_UPDATE_ONLY if peer.action == "update" else 0) + _peer_fields(peer)
    per_piece = limit // 40
    first = b"".join(_prefix(prefix) for prefix in peer.add_allowed_ips[:per_piece])
    yield _attribute(_NESTED, content + (_attribute(_PEER_ALLOWED_IPS | _NESTED, first) if first else b""))
    for start in range(per_piece, len(peer.add_allowed_ips), per_piece):
        more = b"".join(_prefix(prefix) for prefix in peer.add_allowed_ips[start : start + per_piece])
        content = _peer_key(peer.public_key, _PEER_UPDATE_ONLY)
        yield _attribute(_NESTED, content + _attribute(_PEER_ALLOWED_IPS | _NESTED, more))


def _peer_key(key: PublicKey, flags: int) -> bytes:
    return _PEER_HEAD.pack(4 + LENGTH, _PEER_PUBLIC_KEY, key.raw, 8, _PEER_FLAGS, flags)


def _peer_fields(peer: PeerUpdate) -> bytes:
    fields = b""
    if peer.preshared_key is not None:
        fields += _attribute(_PEER_PRESHARED_KEY, peer.preshared_key.raw)
    if peer.endpoint is not None:
        fields += _attribute(_PEER_ENDPOINT, _socket_address(peer.endpoint))
    if peer.persistent_keepalive is not None:
        fields += _attribute(_PEER_KEEPALIVE, struct.pack("=H", peer.persistent_keepalive))
    return fields


def _prefix(prefix: Prefix, flags: int = 0) -> bytes:
    """An entry of WGPEER_A_ALLOWEDIPS, all of it at once."""
    form, number, address_bytes = _ENTRIES[prefix.family]
    size = form.size + (8 if flags else 0)
    address = prefix.network.to_bytes(address_bytes, "big")
    entry = form.pack(
        *(size, _NESTED, 6, _PREFIX_FAMILY, number, 4 + address_bytes, _PREFIX_ADDRESS, address),
        *(5, _PREFIX_LENGTH, prefix.length),
    )
    return entry + (_attribute(_PREFIX_FLAGS, struct.pack("=I", flags)) if flags else b"")


def _socket_address(endpoint: Endpoint) -> bytes:
    """struct sockaddr_in or sockaddr_in6: the family in host order, the port in network order."""
    address = endpoint.address
    if address is None:
        raise InvalidInput("is not an address", value=endpoint.host)
    raw = address.number.to_bytes(WIDTH[address.family] // 8, "big")
    if address.family == 4:
        return struct.pack("=H", _FAMILIES[4]) + struct.pack(">H", endpoint.port) + raw + bytes(8)
    return struct.pack("=H", _FAMILIES[6]) + struct.pack(">HI", endpoint.port, 0) + raw + bytes(4)


def _endpoint_of(raw: bytes) -> Endpoint | None:
    if len(raw) < 16:
        return None
    number = _FAMILY.unpack_from(raw)[0]
    port = _PORT.unpack_from(raw, 2)[0]
    if number not in _NUMBERS or not port:
        return None
    address = raw[4:8] if _NUMBERS[number] == 4 else raw[8:24]
    return Endpoint(socket.inet_ntop(number, address), port)


def _header(command: int) -> bytes:
    """struct genlmsghdr."""
    return struct.pack("=BBH", command, VERSION, 0)


def _name(name: str) -> bytes:
    return _attribute(_DEVICE_NAME, name.encode() + b"\0")


def _attribute(number: int, content: bytes) -> bytes:
    """struct nlattr with its padding to four bytes."""
    size = len(content)
    return _HEAD.pack(4 + size, number) + content + _PADDING[size & 3]


def _attributes(data: bytes, start: int) -> t.Iterator[tuple[int, bytes]]:
    """(number, content) of each attribute; what nobody knows is for the caller to skip."""
    for first, end in _entries(data, start):
        yield _HEAD.unpack_from(data, first - _ATTRIBUTE_HEADER)[1] & _TYPE_MASK, data[first:end]


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


def _integer(raw: bytes | None) -> int:
    """An unsigned integer of any size in host order; absent is 0."""
    return int.from_bytes(raw, sys.byteorder) if raw else 0
