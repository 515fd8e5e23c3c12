# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking single AllowedIPs away from a peer, the same for every backend. Pure.

Implementations before Linux 6.16 and wireguard-go 20250522 have no word for it. There the prefix moves to a peer that
nobody knows, and that peer is removed in the same message: a move is one pointer store, so no other prefix blinks.
"""

from __future__ import annotations

import dataclasses
import errno
import os
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import (
    DeviceUpdate,
    PeerUpdate,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    HostError,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
    LENGTH,
    PublicKey,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._new_peers import NewPeers
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Prefix

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Device

AT_ONCE = 500
"""Prefixes that one message moves away: well below a netlink attribute's 65,535 bytes."""

Removals = t.Mapping[PublicKey, t.Tuple[Prefix, ...]]


def without_removals(update: DeviceUpdate) -> DeviceUpdate:
    """The part of the update that every implementation understands."""
    if not wants_removal(update):
        return update
    peers = []
    for peer in update.peers:
        rest = peer._replace(remove_allowed_ips=())
        if not peer.remove_allowed_ips or rest != PeerUpdate(peer.public_key):
            peers.append(rest)
    return dataclasses.replace(update, peers=tuple(peers))


def is_empty(update: DeviceUpdate) -> bool:
    return update == DeviceUpdate()


def wants_removal(update: DeviceUpdate) -> bool:
    return not isinstance(update.peers, NewPeers) and any(peer.remove_allowed_ips for peer in update.peers)


def removals(update: DeviceUpdate, device: Device) -> Removals:
    """What is to go and is still there. A prefix that another peer owns by now is left to that peer."""
    owned = {peer.public_key: peer.allowed_ips or frozenset() for peer in device.peers}
    wanted: dict[PublicKey, dict[Prefix, None]] = {}
    for peer in update.peers:
        found = dict.fromkeys(p for p in peer.remove_allowed_ips if p in owned.get(peer.public_key, ()))
        wanted.setdefault(peer.public_key, {}).update(found)
    return {key: tuple(prefixes) for key, prefixes in wanted.items() if prefixes}


def by_throw_away_peer(wanted: Removals) -> t.Iterator[DeviceUpdate]:
    """Updates that must each be sent as one message."""
    prefixes = [prefix for owned in wanted.values() for prefix in owned]
    for start in range(0, len(prefixes), AT_ONCE):
        nobody = PublicKey(os.urandom(LENGTH))
        taker = PeerUpdate(nobody, action="add", add_allowed_ips=tuple(prefixes[start : start + AT_ONCE]))
        yield DeviceUpdate(peers=(taker, PeerUpdate(nobody, action="remove")))


class Remover:
    """Takes prefixes away in the implementation's own words, and by throw-away peers once it has refused these."""

    def __init__(self, in_own_words: t.Callable[[Removals], None], *, send: t.Callable[[DeviceUpdate], None]) -> None:
        """in_own_words: raises HostError with EINVAL where there are none.  send: an update as one message."""
        self._in_own_words = in_own_words
        self._send = send
        self._has_words: bool | None = None

    def remove(self, wanted: Removals) -> None:
        if not wanted or self._removed_in_own_words(wanted):
            return
        for update in by_throw_away_peer(wanted):
            self._send(update)

    def _removed_in_own_words(self, wanted: Removals) -> bool:
        if self._has_words is not False:
            try:
                self._in_own_words(wanted)
                self._has_words = True
            except HostError as error:
                if error.errno != errno.EINVAL or self._has_words:
                    raise
                self._has_words = False
        return self._has_words
