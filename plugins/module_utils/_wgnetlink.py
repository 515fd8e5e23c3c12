# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The changes of a WireGuard device to the bytes of generic netlink (linux/wireguard.h). Pure.

Written with struct because of size: an attribute's length field ends at 65,535 bytes, so a large update has to be cut
into messages.
"""

from __future__ import annotations

import struct
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._attributes import attribute
from ansible_collections.cryptokey.wireguard.plugins.module_utils._dumped_rows import (
    PEER_ALLOWED_IPS,
    PEER_ENDPOINT,
    PEER_FLAGS,
    PEER_KEEPALIVE,
    PEER_PRESHARED_KEY,
    PEER_PUBLIC_KEY,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    InvalidInput,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import LENGTH, PublicKey
from ansible_collections.cryptokey.wireguard.plugins.module_utils._new_peers import NewPeers
from ansible_collections.cryptokey.wireguard.plugins.module_utils._peer_rows import NO_KEEPALIVE, NO_SECRET
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import WIDTH, Prefix
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wgnetlink_dump import (
    DEVICE_FWMARK,
    DEVICE_LISTEN_PORT,
    DEVICE_NAME,
    DEVICE_PEERS,
    DEVICE_PRIVATE_KEY,
    FAMILIES,
    PREFIX_ADDRESS,
    PREFIX_FAMILY,
    PREFIX_FLAGS,
    PREFIX_LENGTH,
    VERSION,
)

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import (
        DeviceUpdate,
        PeerUpdate,
    )
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Endpoint

SET_DEVICE = 1

MESSAGE_BYTES = 32768

_ATTRIBUTE_HEADER = 4
_NESTED = 0x8000

_PEER_REMOVE_ME = 1
_PEER_UPDATE_ONLY = 4
_PREFIX_REMOVE_ME = 1

# As this module writes it: family, address, length.
_ENTRIES = {
    4: (struct.Struct("=HHHHHxxHH4sHHBxxx"), FAMILIES[4], 4),
    6: (struct.Struct("=HHHHHxxHH16sHHBxxx"), FAMILIES[6], 16),
}
_PEER_HEAD = struct.Struct("=HH32sHHI")
# The same within the header of the peer.
_PEER_BYTES = 4 + _PEER_HEAD.size
_PEER_START = struct.Struct("=HHHH32sHHI").pack
_NESTED_START = struct.Struct("=HH").pack


def set_requests(name: str, update: DeviceUpdate, *, limit: int = MESSAGE_BYTES) -> t.Iterator[bytes]:
    """The messages that carry an update, in order, each at most limit bytes long.

    Peers keep their order. A peer whose prefixes do not fit goes on in the next message, as an update of a peer that
    is there by then.
    """
    start = _header(SET_DEVICE) + _name(name)
    head = start + _device_fields(update)
    pieces: list[bytes] = []
    room = limit - len(head) - _ATTRIBUTE_HEADER
    for piece in _pieces(update.peers, limit // 2):
        if pieces and len(piece) > room:
            yield head + attribute(DEVICE_PEERS | _NESTED, b"".join(pieces))
            head, pieces, room = start, [], limit - len(start) - _ATTRIBUTE_HEADER
        pieces.append(piece)
        room -= len(piece)
    yield head + (attribute(DEVICE_PEERS | _NESTED, b"".join(pieces)) if pieces else b"")


def removal_requests(name: str, wanted: t.Mapping[PublicKey, t.Sequence[Prefix]]) -> t.Iterator[bytes]:
    """Single prefixes taken away by WGALLOWEDIP_F_REMOVE_ME: Linux 6.16 and later, EINVAL before."""
    per_message = MESSAGE_BYTES // 64
    start = _header(SET_DEVICE) + _name(name)
    for key, prefixes in wanted.items():
        for first in range(0, len(prefixes), per_message):
            entries = b"".join(_prefix(prefix, _PREFIX_REMOVE_ME) for prefix in prefixes[first : first + per_message])
            content = _peer_key(key, _PEER_UPDATE_ONLY) + attribute(PEER_ALLOWED_IPS | _NESTED, entries)
            yield start + attribute(DEVICE_PEERS | _NESTED, attribute(_NESTED, content))


def _device_fields(update: DeviceUpdate) -> bytes:
    fields = b""
    if update.private_key is not None:
        fields += attribute(DEVICE_PRIVATE_KEY, update.private_key.raw)
    if update.listen_port is not None:
        fields += attribute(DEVICE_LISTEN_PORT, struct.pack("=H", update.listen_port))
    if update.fwmark is not None:
        fields += attribute(DEVICE_FWMARK, struct.pack("=I", update.fwmark))
    return fields


def _pieces(peers: t.Sequence[PeerUpdate], limit: int) -> t.Iterator[bytes]:
    if isinstance(peers, NewPeers):
        return _new_pieces(peers, limit)
    return (piece for peer in peers for piece in _peer_pieces(peer, limit))


def _new_pieces(peers: NewPeers, limit: int) -> t.Iterator[bytes]:
    """Of peers that stand side by side as bytes. One with too many prefixes goes the other way."""
    head, nested, rows = _PEER_START, _NESTED_START, peers.rows
    for place, (key, secret, endpoint, interval, entries) in enumerate(zip(*t.cast("t.Any", rows))):
        fields = attribute(PEER_PRESHARED_KEY, secret) if secret not in (None, NO_SECRET) else b""
        fields += endpoint or b""
        fields += attribute(PEER_KEEPALIVE, interval) if interval not in (None, NO_KEEPALIVE) else b""
        more = entries or b""
        if len(more) > limit:
            yield from _peer_pieces(peers[place], limit)
            continue
        size = _PEER_BYTES + len(fields) + (4 + len(more) if more else 0)
        start = head(size, _NESTED, 4 + LENGTH, PEER_PUBLIC_KEY, key, 8, PEER_FLAGS, 0)
        yield start + fields + (nested(4 + len(more), PEER_ALLOWED_IPS | _NESTED) + more if more else b"")


def _peer_pieces(peer: PeerUpdate, limit: int) -> t.Iterator[bytes]:
    """The peer as one nested attribute, or as several where its prefixes take more than limit bytes."""
    if peer.action == "remove":
        yield attribute(_NESTED, _peer_key(peer.public_key, _PEER_REMOVE_ME))
        return
    content = _peer_key(peer.public_key, _PEER_UPDATE_ONLY if peer.action == "update" else 0) + _peer_fields(peer)
    per_piece = limit // 40
    first = b"".join(_prefix(prefix) for prefix in peer.add_allowed_ips[:per_piece])
    yield attribute(_NESTED, content + (attribute(PEER_ALLOWED_IPS | _NESTED, first) if first else b""))
    for start in range(per_piece, len(peer.add_allowed_ips), per_piece):
        more = b"".join(_prefix(prefix) for prefix in peer.add_allowed_ips[start : start + per_piece])
        content = _peer_key(peer.public_key, _PEER_UPDATE_ONLY)
        yield attribute(_NESTED, content + attribute(PEER_ALLOWED_IPS | _NESTED, more))


def _peer_key(key: PublicKey, flags: int) -> bytes:
    return _PEER_HEAD.pack(4 + LENGTH, PEER_PUBLIC_KEY, key.raw, 8, PEER_FLAGS, flags)


def _peer_fields(peer: PeerUpdate) -> bytes:
    fields = b""
    if peer.preshared_key is not None:
        fields += attribute(PEER_PRESHARED_KEY, peer.preshared_key.raw)
    if peer.endpoint is not None:
        fields += attribute(PEER_ENDPOINT, _socket_address(peer.endpoint))
    if peer.persistent_keepalive is not None:
        fields += attribute(PEER_KEEPALIVE, struct.pack("=H", peer.persistent_keepalive))
    return fields


def _prefix(prefix: Prefix, flags: int = 0) -> bytes:
    """An entry of WGPEER_A_ALLOWEDIPS, all of it at once."""
    form, number, address_bytes = _ENTRIES[prefix.family]
    size = form.size + (8 if flags else 0)
    address = prefix.network.to_bytes(address_bytes, "big")
    entry = form.pack(
        *(size, _NESTED, 6, PREFIX_FAMILY, number, 4 + address_bytes, PREFIX_ADDRESS, address),
        *(5, PREFIX_LENGTH, prefix.length),
    )
    return entry + (attribute(PREFIX_FLAGS, struct.pack("=I", flags)) if flags else b"")


def _socket_address(endpoint: Endpoint) -> bytes:
    """struct sockaddr_in or sockaddr_in6: the family in host order, the port in network order."""
    address = endpoint.address
    if address is None:
        raise InvalidInput("is not an address", value=endpoint.host)
    raw = address.number.to_bytes(WIDTH[address.family] // 8, "big")
    if address.family == 4:
        return struct.pack("=H", FAMILIES[4]) + struct.pack(">H", endpoint.port) + raw + bytes(8)
    return struct.pack("=H", FAMILIES[6]) + struct.pack(">HI", endpoint.port, 0) + raw + bytes(4)


def _header(command: int) -> bytes:
    """struct genlmsghdr."""
    return struct.pack("=BBH", command, VERSION, 0)


def _name(name: str) -> bytes:
    return attribute(DEVICE_NAME, name.encode() + b"\0")
