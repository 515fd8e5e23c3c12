# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps that change peers: first everything that is added, then what is taken away. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import PeerUpdate
from ansible_collections.cryptokey.wireguard.plugins.module_utils._new_peers import NewPeers
from ansible_collections.cryptokey.wireguard.plugins.module_utils._operations import AddPeers, ChangePeer
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Peer
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_at_once import WantedPeers, rows_of

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PublicKey
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._observed import Observed
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Prefix
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_state import Wanted


def added_or_moved(base: Observed, wanted: Wanted) -> list[ChangePeer | AddPeers]:
    """New peers, new fields, new prefixes. A prefix moves by being given to its new owner, in one pointer store."""
    if isinstance(wanted.peers, WantedPeers) and not _has_peers(base):
        return [AddPeers(_new_peers(wanted.peers, base))] if len(wanted.peers) else []
    there = _there(base)
    owners: dict[Prefix, PublicKey] | None = None
    steps: list[ChangePeer | AddPeers] = []
    for peer in wanted.peers:
        update = _addition(peer, there.get(peer.public_key))
        if update is None:
            continue
        owners = _owners(there) if owners is None else owners
        moved = tuple(
            (str(prefix), _label(owners[prefix], base))
            for prefix in update.add_allowed_ips
            if owners.get(prefix, peer.public_key) != peer.public_key
        )
        replaces = _replaced(update, there.get(peer.public_key))
        label = _label(peer.public_key, base, peer.name)
        remade = not base.edits_peers and (peer.public_key in there or bool(moved))
        steps.append(ChangePeer(update, label=label, moved=moved, replaces=replaces, remade=remade))
    return steps


def _has_peers(base: Observed) -> bool:
    rows = rows_of(base.device)
    return bool(rows.keys if rows is not None else base.device is not None and len(base.device.peers))


def _new_peers(peers: WantedPeers, base: Observed) -> NewPeers:
    nameless = base.record is not None and None in peers.declared.names
    names = base.record.peer_names if base.record is not None and nameless else {}
    return NewPeers(peers, names, lambda: tuple(update for update in map(_new, peers) if update is not None))


def _new(peer: Peer) -> PeerUpdate | None:
    return _addition(peer, None)


def reduced_or_removed(base: Observed, wanted: Wanted) -> list[ChangePeer]:
    """Prefixes that nobody takes over, then whole peers."""
    if not _has_peers(base):
        return []
    there = _there(base)
    given: frozenset[Prefix] | None = None
    steps = []
    for peer in wanted.peers:
        current = there.get(peer.public_key)
        if current is None or peer.allowed_ips is None:
            continue
        surplus = (current.allowed_ips or frozenset()) - peer.allowed_ips
        if not surplus:
            continue
        given = _given(wanted) if given is None else given
        if surplus - given:
            update = PeerUpdate(peer.public_key, remove_allowed_ips=tuple(sorted(surplus - given)))
            label = _label(peer.public_key, base, peer.name)
            steps.append(ChangePeer(update, label=label, remade=not base.edits_peers))
    for key in sorted(wanted.gone_peers & set(there)):
        steps.append(ChangePeer(PeerUpdate(key, action="remove"), label=_label(key, base)))
    return steps


def _addition(peer: Peer, current: Peer | None) -> PeerUpdate | None:
    """Only the fields that differ; None where nothing does."""
    if current is None:
        secret = peer.preshared_key
        return PeerUpdate(
            peer.public_key,
            action="add",
            preshared_key=None if secret is not None and secret.is_zero else secret,
            endpoint=peer.endpoint,
            persistent_keepalive=peer.persistent_keepalive or None,
            add_allowed_ips=tuple(sorted(peer.allowed_ips or ())),
        )
    secret = _changed(peer.preshared_key, current.preshared_key)
    endpoint = _changed(peer.endpoint, current.endpoint)
    keepalive = _changed(peer.persistent_keepalive, current.persistent_keepalive)
    new = (peer.allowed_ips or frozenset()) - (current.allowed_ips or frozenset())
    if not new and secret is endpoint is keepalive is None:
        return None
    return PeerUpdate(
        peer.public_key,
        preshared_key=secret,
        endpoint=endpoint,
        persistent_keepalive=keepalive,
        add_allowed_ips=tuple(sorted(new)),
    )


def _changed(wanted: t.Any, current: t.Any) -> t.Any:
    """What is to be sent of a field; None: nothing."""
    return None if wanted is None or wanted == current else wanted


def _replaced(update: PeerUpdate, current: Peer | None) -> frozenset[str]:
    """Of the fields whose change a peer has to follow, those that have been something else so far.

    A preshared key counts also where it is the first one: a session without it ends just so.
    """
    if current is None:
        return frozenset()
    endpoint = {"endpoint"} if update.endpoint is not None and current.endpoint is not None else set()
    return frozenset(endpoint | ({"preshared_key"} if update.preshared_key is not None else set()))


def _there(base: Observed) -> dict[PublicKey, Peer]:
    return {peer.public_key: peer for peer in base.device.peers} if base.device else {}


def _owners(there: t.Mapping[PublicKey, Peer]) -> dict[Prefix, PublicKey]:
    return {prefix: key for key, peer in there.items() for prefix in peer.allowed_ips or ()}


def _given(wanted: Wanted) -> frozenset[Prefix]:
    return frozenset(prefix for peer in wanted.peers for prefix in peer.allowed_ips or ())


def _label(key: PublicKey, base: Observed, name: str | None = None) -> str:
    recorded = base.record.peer(key) if base.record else None
    return Peer(key, name=name or (recorded.name if recorded else None)).label
