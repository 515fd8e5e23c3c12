# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single prefixes taken away: what is sent, and what is left to its new owner."""

from __future__ import annotations

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _removal
from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import (
    DeviceUpdate,
    PeerUpdate,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import HostError
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PublicKey
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    Prefix,
    parse_prefix,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    Device,
    Peer,
)

ONE, TWO = PublicKey(b"\1" * 32), PublicKey(b"\2" * 32)
TEN, ELEVEN = parse_prefix("10.0.0.0/8"), parse_prefix("11.0.0.0/8")


def device(**owned):
    keys = {"one": ONE, "two": TWO}
    peers = tuple(Peer(keys[name], allowed_ips=frozenset(prefixes)) for name, prefixes in owned.items())
    return Device(private_key=None, public_key=None, listen_port=0, fwmark=0, peers=peers)


def test_the_rest_of_an_update_is_what_it_was():
    removal = PeerUpdate(ONE, remove_allowed_ips=(TEN,))
    both = PeerUpdate(TWO, persistent_keepalive=5, remove_allowed_ips=(TEN,))
    bare = PeerUpdate(ONE, action="add")
    update = DeviceUpdate(fwmark=7, peers=(removal, both, bare))
    assert _removal.without_removals(update) == DeviceUpdate(
        fwmark=7, peers=(PeerUpdate(TWO, persistent_keepalive=5), bare)
    )
    assert _removal.is_empty(_removal.without_removals(DeviceUpdate(peers=(removal,))))


def test_only_what_the_peer_still_owns_is_taken():
    update = DeviceUpdate(peers=(PeerUpdate(ONE, remove_allowed_ips=(TEN, ELEVEN)),))
    assert _removal.removals(update, device(one=[TEN], two=[ELEVEN])) == {ONE: (TEN,)}
    assert _removal.removals(update, device(two=[TEN, ELEVEN])) == {}


def test_a_peer_that_is_named_twice_loses_what_both_entries_say():
    update = DeviceUpdate(
        peers=(
            PeerUpdate(ONE, remove_allowed_ips=(TEN,)),
            PeerUpdate(ONE, remove_allowed_ips=(ELEVEN,)),
            PeerUpdate(ONE, persistent_keepalive=5),
        )
    )
    assert _removal.removals(update, device(one=[TEN, ELEVEN])) == {ONE: (TEN, ELEVEN)}


class Implementation:
    """Remembers what it was asked. number: the errno it answers its own words with, 0 for success."""

    def __init__(self, number=0):
        self.number = number
        self.asked = []
        self.remover = _removal.Remover(self.take, send=lambda _update: self.asked.append("throw-away peer"))

    def take(self, wanted):
        self.asked.append("own words")
        if self.number:
            raise HostError("refused", errno=self.number)


def test_an_implementation_is_asked_once_whether_it_has_a_word_for_it():
    old = Implementation(errno.EINVAL)
    old.remover.remove({ONE: (TEN,)})
    old.remover.remove({ONE: (ELEVEN,)})
    assert old.asked == ["own words", "throw-away peer", "throw-away peer"]
    new = Implementation()
    new.remover.remove({ONE: (TEN,)})
    new.remover.remove({})
    assert new.asked == ["own words"]


def test_a_refusal_that_is_no_lack_of_words_stays_one():
    with pytest.raises(HostError):
        Implementation(errno.EPERM).remover.remove({ONE: (TEN,)})
    changed = Implementation()
    changed.remover.remove({ONE: (TEN,)})
    changed.number = errno.EINVAL
    with pytest.raises(HostError):
        changed.remover.remove({ONE: (TEN,)})


@given(st.integers(1, 3 * _removal.AT_ONCE))
def test_each_message_takes_its_prefixes_and_the_peer_that_took_them(count):
    prefixes = tuple(Prefix(4, (10 << 24) + number, 32) for number in range(count))
    updates = list(_removal.by_throw_away_peer({ONE: prefixes[:1], TWO: prefixes[1:]}))
    taken = []
    nobodies = set()
    for update in updates:
        taker, remover = update.peers
        assert (taker.action, remover.action) == ("add", "remove")
        assert taker.public_key == remover.public_key
        assert 0 < len(taker.add_allowed_ips) <= _removal.AT_ONCE
        taken += taker.add_allowed_ips
        nobodies.add(taker.public_key)
    assert tuple(taken) == prefixes
    assert len(nobodies) == len(updates)
    assert not nobodies & {ONE, TWO}
