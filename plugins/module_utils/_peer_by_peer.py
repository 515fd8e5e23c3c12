# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of peers for an engine that cannot edit one: the peer is removed and added anew, one to a request. Pure.

Some engines know no ``update_only``: they end when a peer that they have is set again, give a prefix to its new owner
but leave it in the old one's list, and let the fields of one peer leak into the next one of the same request
(boringtun 0.7, src/device/api.rs). A whole peer alone in its request is safe with every engine; its session is lost.
"""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import (
    DeviceUpdate,
    PeerUpdate,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
    PresharedKey,
    PublicKey,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    Device,
    Peer,
)

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Prefix


def requests(device: Device, updates: t.Iterable[PeerUpdate]) -> t.Iterator[DeviceUpdate]:
    """What to send, in order. Nothing where the device is already as the updates want it."""
    peers = {peer.public_key: peer for peer in device.peers}
    owners = {prefix: peer.public_key for peer in device.peers for prefix in peer.allowed_ips or ()}
    for update in updates:
        for key, peer in _touched(peers, owners, update).items():
            if key in peers:
                yield _alone(PeerUpdate(key, action="remove"))
                for prefix in peers.pop(key).allowed_ips or ():
                    if owners.get(prefix) == key:
                        del owners[prefix]
            if peer is not None:
                yield _alone(_whole(peer))
                peers[key] = peer
                owners.update(dict.fromkeys(peer.allowed_ips or (), key))


def _touched(
    peers: t.Mapping[PublicKey, Peer], owners: t.Mapping[Prefix, PublicKey], update: PeerUpdate
) -> dict[PublicKey, Peer | None]:
    """What the update makes of the peers that it changes; None: gone.

    The former owners of a prefix come first: made again after its new owner, they would take it back.
    """
    key = update.public_key
    current = peers.get(key)
    if update.action == "remove":
        return {key: None} if current is not None else {}
    if current is None and update.action != "add":
        return {}
    losing = {owners[prefix] for prefix in update.add_allowed_ips if owners.get(prefix, key) != key}
    given = frozenset(update.add_allowed_ips)
    touched: dict[PublicKey, Peer | None] = {}
    for other in sorted(losing):
        kept = (peers[other].allowed_ips or frozenset()) - given
        touched[other] = peers[other]._replace(allowed_ips=kept)
    wanted = _updated(current or Peer(key), update)
    if wanted != current:
        touched[key] = wanted
    return touched


def _updated(peer: Peer, update: PeerUpdate) -> Peer:
    kept = (peer.allowed_ips or frozenset()) - frozenset(update.remove_allowed_ips)
    keepalive = update.persistent_keepalive
    return peer._replace(
        preshared_key=update.preshared_key or peer.preshared_key or PresharedKey.none(),
        endpoint=update.endpoint or peer.endpoint,
        persistent_keepalive=(peer.persistent_keepalive or 0) if keepalive is None else keepalive,
        allowed_ips=kept | frozenset(update.add_allowed_ips),
    )


def _whole(peer: Peer) -> PeerUpdate:
    secret = peer.preshared_key
    return PeerUpdate(
        peer.public_key,
        action="add",
        preshared_key=None if secret is None or secret.is_zero else secret,
        endpoint=peer.endpoint,
        persistent_keepalive=peer.persistent_keepalive or None,
        add_allowed_ips=tuple(sorted(peer.allowed_ips or ())),
    )


def _alone(update: PeerUpdate) -> DeviceUpdate:
    return DeviceUpdate(peers=(update,))
