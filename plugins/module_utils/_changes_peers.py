# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps that change peers: first everything that is added, then what is taken away. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import PeerUpdate
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PublicKey
from ansible_collections.cryptokey.wireguard.plugins.module_utils._observed import Observed
from ansible_collections.cryptokey.wireguard.plugins.module_utils._operations import ChangePeer
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Prefix
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Peer
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted import Wanted


def added_or_moved(base: Observed, wanted: Wanted) -> list[ChangePeer]:
    """New peers, new fields, new prefixes. A prefix moves by being given to its new owner, in one pointer store."""
    there = _there(base)
    owners = _owners(base)
    steps = []
    for peer in wanted.peers:
        update = _addition(peer, there.get(peer.public_key))
        if update is None:
            continue
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


def reduced_or_removed(base: Observed, wanted: Wanted) -> list[ChangePeer]:
    """Prefixes that nobody takes over, then whole peers."""
    there = _there(base)
    given = {prefix for peer in wanted.peers for prefix in peer.allowed_ips or ()}
    steps = []
    for peer in wanted.peers:
        current = there.get(peer.public_key)
        if current is None or peer.allowed_ips is None:
            continue
        surplus = tuple(sorted((current.allowed_ips or frozenset()) - peer.allowed_ips - given))
        if surplus:
            update = PeerUpdate(peer.public_key, remove_allowed_ips=surplus)
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
    fields: dict[str, t.Any] = {
        field: value
        for field in ("preshared_key", "endpoint", "persistent_keepalive")
        for value in (getattr(peer, field),)
        if value is not None and value != getattr(current, field)
    }
    new = (peer.allowed_ips or frozenset()) - (current.allowed_ips or frozenset())
    if not fields and not new:
        return None
    return PeerUpdate(peer.public_key, add_allowed_ips=tuple(sorted(new)), **fields)


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


def _owners(base: Observed) -> dict[Prefix, PublicKey]:
    return {prefix: key for key, peer in _there(base).items() for prefix in peer.allowed_ips or ()}


def _label(key: PublicKey, base: Observed, name: str | None = None) -> str:
    recorded = base.record.peer(key) if base.record else None
    return Peer(key, name=name or (recorded.name if recorded else None)).label
