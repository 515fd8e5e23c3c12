# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a declaration means for the peers that are there: whose endpoint is due, who goes, what is recorded. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PublicKey
from ansible_collections.cryptokey.wireguard.plugins.module_utils._record import RecordedPeer
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Peer
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_at_once import rows_of

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared import Declared
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared_peers import DeclaredPeer
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._observed import Observed
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Address
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_state import Identity


def endpoints_to_set(declared: Declared, observed: Observed) -> dict[PublicKey, DeclaredPeer]:
    """The peers whose endpoint is to be set.

    An endpoint is learned state: a peer that roamed answers only where it was heard last, so setting the declared
    one again cuts it off until it speaks. Under ``learn`` it is set for a new peer, one that has none, one whose
    declared value changed since the record was written, and, where nothing is on record, one that never answered.
    """
    there = {peer.public_key: peer for peer in observed.device.peers} if observed.device else {}
    if observed.remembered is not None and not observed.remembered.replacing:
        there = {}  # its sessions went with the engine, so the last address that it was heard at is worth no more
    asked = {}
    for peer in declared.present_peers:
        if peer.endpoint is not None and (
            declared.enforce_endpoints or _endpoint_is_due(peer, there.get(peer.public_key), observed)
        ):
            asked[peer.public_key] = peer
    return asked


def _endpoint_is_due(peer: DeclaredPeer, current: Peer | None, observed: Observed) -> bool:
    if current is None or current.endpoint is None:
        return True
    recorded = observed.record.peer(peer.public_key) if observed.record else None
    if recorded is None:
        return not observed.has_answered(peer.public_key)
    return recorded.endpoint != str(peer.endpoint)


def gone_peers(declared: Declared, observed: Observed) -> frozenset[PublicKey]:
    rows = rows_of(observed.device)
    if declared.rows is not None and rows is not None:
        left = set(rows.keys).difference(declared.rows.peers.keys) if declared.exact else ()
        return frozenset(map(PublicKey, left))
    there = frozenset(peer.public_key for peer in observed.device.peers) if observed.device else frozenset()
    if not there:
        return there
    if declared.exact and declared.peers is not None:
        return there - {peer.public_key for peer in declared.present_peers}
    return there & declared.absent_keys


def recorded_peers(
    declared: Declared, observed: Observed, gone: frozenset[PublicKey], outer: t.Mapping[bytes, Address]
) -> tuple[RecordedPeer, ...]:
    """The declared peers, and under ``merged`` those of earlier declarations that are still there."""
    recorded = {peer.public_key: peer for peer in observed.record.peers} if observed.record else {}
    there = {peer.public_key for peer in observed.device.peers} if observed.device else set()
    kept = {key: peer for key, peer in recorded.items() if key in there and key not in gone}
    for peer in declared.present_peers:
        endpoint = str(peer.endpoint) if peer.endpoint else None
        key = peer.public_key
        noted = RecordedPeer(key, peer.name, endpoint, outer.get(key))
        if kept.get(key) != noted:
            kept[key] = noted
    return tuple(kept[key] for key in sorted(kept))


def refuse_own_key(declared: Declared, identity: Identity | None) -> None:
    """The device ignores a peer with its own key, and deletes one when it gets that key, both silently."""
    if identity is None or identity.public_key is None:
        return
    if declared.rows is not None and identity.public_key not in declared.rows.peers.keys:
        return
    for peer in declared.present_peers:
        if peer.public_key == identity.public_key:
            raise InvalidInput(
                "is this interface's own public key; WireGuard ignores such a peer silently",
                path=f"{peer.path}.public_key",
                remedy="leave this host out of its own peers",
            )


def refuse_steals(declared: Declared, observed: Observed, gone: frozenset[PublicKey]) -> None:
    """A prefix moves silently to whoever gets it last, so one of a peer that is to stay as it is may not be given."""
    if observed.device is None:
        return
    rows = rows_of(observed.device)
    mine = declared.rows.peers if declared.rows is not None else None
    if (
        rows is not None
        and mine is not None
        and None not in mine.allowed
        and gone.issuperset(set(rows.keys).difference(mine.keys))
    ):
        return
    managed = {peer.public_key for peer in declared.present_peers if peer.allowed_ips is not None}
    names: t.Mapping[PublicKey, str] = observed.record.peer_names if observed.record else {}
    owners = {
        prefix: Peer(peer.public_key, name=names.get(peer.public_key))
        for peer in observed.device.peers
        if peer.public_key not in managed and peer.public_key not in gone
        for prefix in peer.allowed_ips or ()
    }
    for peer in declared.present_peers if owners else ():
        for index, prefix in enumerate(peer.allowed_ips or ()):
            owner = owners.get(prefix)
            if owner is None or owner.public_key == peer.public_key:
                continue
            raise InvalidInput(
                f"belongs to the peer {owner.label}, which this declaration leaves as it is; it would silently lose it",
                path=f"{peer.path}.allowed_ips[{index}]",
                value=str(prefix),
                remedy="declare that peer with its other prefixes, or as absent, or use peers_policy: exact",
            )
