# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole peers, one to a request, come to what the updates come to on an engine that can edit them."""

from __future__ import annotations

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _peer_by_peer
from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import (
    DeviceUpdate,
    PeerUpdate,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
    PresharedKey,
    PrivateKey,
    PublicKey,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._memory import (
    MemoryHost,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    parse_prefix,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    Device,
    Endpoint,
    Peer,
)

KEYS = [PublicKey(bytes([number]) * 32) for number in range(1, 5)]
PREFIXES = [parse_prefix(text) for text in ("10.0.0.0/8", "10.1.0.0/16", "fd00::/8", "10.1.1.1/32")]
PRIVATE = PrivateKey(b"\7" * 32)

SOME = st.lists(st.sampled_from(PREFIXES), unique=True, max_size=3).map(tuple)
UPDATES = st.builds(
    PeerUpdate,
    st.sampled_from(KEYS),
    action=st.sampled_from(["add", "add", "update", "remove"]),
    preshared_key=st.sampled_from([None, PresharedKey.none(), PresharedKey(b"\5" * 32)]),
    endpoint=st.sampled_from([None, Endpoint("192.0.2.1", 1), Endpoint("2001:db8::1", 2)]),
    persistent_keepalive=st.sampled_from([None, 0, 25]),
    add_allowed_ips=SOME,
    remove_allowed_ips=SOME,
).filter(lambda update: not set(update.add_allowed_ips) & set(update.remove_allowed_ips))


class Limited:
    """An engine that ends where a peer is set that it has, and leaves a moved prefix in the old owner's list, too."""

    def __init__(self) -> None:
        self.peers: dict[PublicKey, Peer] = {}

    def send(self, request: DeviceUpdate) -> None:
        assert dataclasses.replace(request, peers=()) == DeviceUpdate()
        (update,) = request.peers
        if update.action == "remove":
            del self.peers[update.public_key]
            return
        assert update.action == "add"
        assert update.public_key not in self.peers, "it would end now"
        assert not update.remove_allowed_ips
        self.peers[update.public_key] = Peer(
            update.public_key,
            preshared_key=update.preshared_key or PresharedKey.none(),
            endpoint=update.endpoint,
            persistent_keepalive=update.persistent_keepalive or 0,
            allowed_ips=frozenset(update.add_allowed_ips),
        )

    def device(self) -> Device:
        return Device(PRIVATE, None, 0, 0, peers=tuple(self.peers[key] for key in sorted(self.peers)))


@given(st.lists(st.lists(UPDATES, max_size=5), max_size=3))
def test_both_ways_lead_to_the_same_peers(batches):
    host = MemoryHost()
    host.create("wg0", namespace="", socket_namespace="", backend="userspace")
    editing, limited = host.wireguard("", "wg0"), Limited()
    for updates in batches:
        editing.write(DeviceUpdate(peers=tuple(updates)))
        for request in _peer_by_peer.requests(limited.device(), updates):
            limited.send(request)
        assert limited.device().peers == editing.device.peers


def test_a_peer_that_is_as_wanted_keeps_its_session():
    peer = Peer(KEYS[0], preshared_key=PresharedKey.none(), persistent_keepalive=0, allowed_ips=frozenset(PREFIXES[:1]))
    device = Device(PRIVATE, None, 0, 0, peers=(peer,))
    same = PeerUpdate(
        KEYS[0], persistent_keepalive=0, add_allowed_ips=(PREFIXES[0],), remove_allowed_ips=(PREFIXES[1],)
    )
    assert list(_peer_by_peer.requests(device, [same, PeerUpdate(KEYS[1], action="remove"), PeerUpdate(KEYS[2])])) == []
