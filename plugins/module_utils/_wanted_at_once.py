# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wanted of all peers together, where nothing has to be decided for one of them alone. Pure.

That is so for a device without peers, and where the record has just the peers that are declared: then all endpoints are
to be set, or none is. What comes of it is the same as one by one (test_wanted_at_once.py).
"""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._later import Later
from ansible_collections.cryptokey.wireguard.plugins.module_utils._peer_rows import address_of, arranged
from ansible_collections.cryptokey.wireguard.plugins.module_utils._recorded_peers import DeclaredRecord, WrittenPeers
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Peer

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared import Declared
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared_rows import DeclaredRows
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._observed import Observed
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._peer_rows import PeerRows
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Address
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Device


class WantedPeers(Later[Peer]):
    """declared: as they were declared.  rows: what is to be there; endpoints only where they are to be set."""

    def __init__(self, declared: DeclaredRows, rows: PeerRows, make: t.Callable[[], t.Tuple[Peer, ...]]) -> None:
        super().__init__(make, len(rows.keys))
        self.declared = declared
        self.rows = rows
        self.record = DeclaredRecord(declared)

    def without_endpoints_of(self, there: PeerRows) -> WantedPeers | None:
        """The same, but that an endpoint which is there stays, whichever it is; None where a peer is not there."""
        found = arranged(there, self.rows.keys)
        if found is None:
            return None
        endpoints = [None if theirs else mine for mine, theirs in zip(self.rows.endpoints, found.endpoints)]
        return WantedPeers(self.declared, self.rows._replace(endpoints=endpoints), self._without(endpoints))

    def _without(self, endpoints: t.Sequence[bytes | None]) -> t.Callable[[], t.Tuple[Peer, ...]]:
        return lambda: tuple(
            peer if endpoint else peer._replace(endpoint=None) for peer, endpoint in zip(self, endpoints)
        )

    def addresses(self) -> dict[bytes, Address]:
        """Of the declared endpoints, each once."""
        return {endpoint: address_of(endpoint) for endpoint in set(self.declared.peers.endpoints) if endpoint}


def rows_of(device: Device | None) -> PeerRows | None:
    """The peers that are there side by side; None where they cannot be had so, or where there is no device."""
    return getattr(device.peers, "rows", None) if device is not None else None


def peers_at_once(declared: Declared, observed: Observed) -> WantedPeers | None:
    """None where they have to be looked at one by one."""
    rows = declared.rows
    if rows is None or observed.remembered is not None:
        return None
    there = rows_of(observed.device)
    if there is None and observed.device is not None and len(observed.device.peers):
        return None
    if there is None or not there.keys:
        return _wanted(declared, rows, observed, setting=True)
    recorded = observed.record.peers if observed.record is not None else None
    found = _wanted(declared, rows, observed, setting=declared.enforce_endpoints)
    if not isinstance(recorded, WrittenPeers) or not found.record.stands_in(recorded.body):
        return None
    if not declared.enforce_endpoints and not _all_have_endpoints(rows.peers, there):
        return None
    return found


def _all_have_endpoints(declared: PeerRows, there: PeerRows) -> bool:
    found = arranged(there, declared.keys)
    return found is not None and all(
        theirs for mine, theirs in zip(declared.endpoints, found.endpoints) if mine is not None
    )


def _wanted(declared: Declared, rows: DeclaredRows, observed: Observed, *, setting: bool) -> WantedPeers:
    """setting: endpoints are to be set."""

    def make() -> tuple[Peer, ...]:
        there = {peer.public_key: peer for peer in observed.device.peers} if observed.device else {}
        return tuple(
            peer.as_peer(peer.endpoint if setting else None, there.get(peer.public_key))
            for peer in declared.present_peers
        )

    peers = rows.peers
    return WantedPeers(rows, peers if setting else peers._replace(endpoints=[None] * len(peers.keys)), make)
