# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host gets a new key pair while its peers talk to it, in three steps that the engine makes on two hosts.

The peers add its new key without a prefix; it changes its key; the peers give the prefixes to the new key and drop the
old one. Until the last step the old session still carries what the peers send.
"""

from __future__ import annotations

import time
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _public_key
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PrivateKey
from ansible_collections.cryptokey.wireguard.tests.conformance.mesh import (
    PUBLIC_KEYS,
    Declaration,
    declaration,
    mesh,
)
from ansible_collections.cryptokey.wireguard.tests.integration.interface_calls import SECRET, apply
from ansible_collections.cryptokey.wireguard.tests.integration.stacks import (
    Ping,
    Stack,
    echo_requests,
)

NEW_KEY = str(_public_key.of(PrivateKey.parse(SECRET)))


@pytest.fixture
def fleet(backend: str) -> t.Iterator[list[Stack]]:
    with mesh() as hosts:
        yield hosts


def peer_of(number: int, *, old: bool, new: str) -> Declaration:
    """What a peer is told of the second host. new: ``absent``, ``waits`` (without a prefix) or ``owns``."""
    declared = declaration(number)
    [theirs] = [peer for peer in declared["peers"] if peer["public_key"] == PUBLIC_KEYS[1]]
    others = [peer for peer in declared["peers"] if peer is not theirs]
    second = {**theirs, "name": "host2, new key", "public_key": NEW_KEY}
    peers = [theirs] if old else []
    if new != "absent":
        peers.append(second if new == "owns" else {**second, "allowed_ips": []})
    return {**declared, "peers": [*others, *peers]}


def test_what_is_sent_to_a_host_whose_key_is_rotated_arrives(fleet, packets):
    peers = (0, 2)
    already = echo_requests(fleet[1])
    pings = [Ping(fleet[number], "10.7.0.2", count=2_500, interval=0.002) for number in peers]
    time.sleep(0.5)
    for number in peers:
        assert fleet[number].call(apply, peer_of(number, old=True, new="waits"))[0]
    began = time.monotonic()
    assert fleet[1].call(apply, {**declaration(1), "private_key": SECRET})[0]
    for number in peers:
        assert fleet[number].call(apply, peer_of(number, old=False, new="owns"))[0]
    seconds = time.monotonic() - began
    runs = all(ping.runs for ping in pings)
    results = [ping.result() for ping in pings]
    sent = sum(result[0] for result in results)
    packets.sent(sent)
    assert runs, "the change took longer than the traffic"
    assert echo_requests(fleet[1]) - already == sent
    for ping in pings:
        # Its answers come by the new session at once, and the peer drops them until the new key owns the source.
        late = ping.unanswered
        assert late == list(range(late[0], late[-1] + 1)) if late else True
        assert len(late) <= seconds / 0.002 + 50
    for number in peers:
        assert fleet[number].call(apply, peer_of(number, old=False, new="owns")) == (False, [])
