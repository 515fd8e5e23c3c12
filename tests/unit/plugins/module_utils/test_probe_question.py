# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions as they are written, and who owns an address."""

from __future__ import annotations

import dataclasses
import random

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _probe_question
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PublicKey
from ansible_collections.cryptokey.wireguard.plugins.module_utils._owners import Owners
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    Address,
    Prefix,
    mask,
    parse_address,
    parse_prefix,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._probe_sight import (
    PeerSight,
    Sight,
)

KEYS = [PublicKey(bytes([number]) * 32) for number in range(1, 4)]
SIGHT = Sight(
    "wg0",
    "kernel",
    peers=(
        PeerSight(KEYS[0], "fra1", "fra1", frozenset(map(parse_prefix, ("10.8.0.0/16", "10.7.0.2/32", "fd07::2/128")))),
        PeerSight(KEYS[1], str(KEYS[1]), None, frozenset([parse_prefix("10.9.0.0/16")])),
        PeerSight(KEYS[2], "empty", "empty"),
    ),
    local=frozenset(map(parse_address, ("10.7.0.1", "fd07::1"))),
)


def asked(**arguments):
    return _probe_question.complete(_probe_question.read(arguments), SIGHT)


def test_what_is_not_written_is_not_asked():
    question = asked()
    assert (question.seconds, question.send, question.peer) == (6, False, None)
    assert question.destination is question.source is question.incoming is None


@pytest.mark.parametrize("name", ["fra1", str(KEYS[0])])
def test_a_peer_is_found_by_name_or_key_and_has_an_address(name):
    assert asked(peer=name).destination is None, "nothing is to be sent"
    question = asked(peer=name, send=True)
    assert (question.peer, question.destination) == (KEYS[0], parse_address("10.7.0.2"))
    assert asked(peer=name, send=True, source="fd07::1").destination == parse_address("fd07::2")
    assert asked(peer=name, send=True, destination="10.8.0.1").destination == parse_address("10.8.0.1")


def test_the_incoming_source_is_where_packets_are_sent_to():
    assert asked(incoming_source="10.9.0.1", send=True).destination == parse_address("10.9.0.1")
    assert asked(peer="empty", send=True).destination is None


@pytest.mark.parametrize(
    ("arguments", "path", "reason"),
    [
        ({"seconds": 61}, "seconds", "is not a number of seconds"),
        ({"seconds": 0}, "seconds", "is not a number of seconds"),
        ({"seconds": -1}, "seconds", "is not a number of seconds"),
        ({"destination": "10.0.0.0/8"}, "destination", "is not an IPv4 address"),
        ({"destination": "host.example"}, "destination", "is not an IPv4 address"),
        ({"incoming_source": "::ffff:10.0.0.1"}, "incoming_source", "is an IPv4-mapped IPv6 address"),
        ({"source": "10.7.0.9"}, "source", "is no address of this host's network namespace"),
        ({"source": "10.7.0.1", "destination": "fd07::2"}, "source", "is an IPv4 address, and fd07::2 is not"),
        ({"destination": "10.7.0.2", "incoming_source": "10.7.0.2"}, "destination", "and incoming_source are two"),
        ({"send": True}, "send", "does not say where to send to"),
        ({"peer": "nobody"}, "peer", "is no peer of wg0"),
        ({"peer": str(KEYS[1]), "send": True}, "peer", "has no single address among its AllowedIPs"),
        ({"peer": "fra1", "send": True, "source": ""}, "source", "is not an IPv4 address"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_place(arguments, path, reason):
    with pytest.raises(InvalidInput) as caught:
        asked(**arguments)
    assert caught.value.path == path
    assert caught.value.reason.startswith(reason)


@pytest.mark.parametrize("seed", range(100))
def test_the_longest_prefix_owns_an_address(seed):
    """Against looking at each prefix in turn."""
    draw = random.Random(seed)
    places = {family: [draw.getrandbits(width) for _place in range(3)] for family, width in ((4, 32), (6, 128))}
    prefixes = {
        Prefix(family, mask(family, draw.choice(places[family]), length), length)
        for family, width in ((4, 32), (6, 128))
        for length in (*draw.choices(range(9), k=6), *draw.choices(range(width + 1), k=12))
    }
    lists: list[frozenset[Prefix]] = [frozenset() for _peer in range(3)]
    for prefix in prefixes:
        number = draw.randrange(3)
        lists[number] |= {prefix}
    owners = Owners(lists)
    for family, width in ((4, 32), (6, 128)):
        for _address in range(20):
            near = draw.choice(places[family]) ^ (draw.getrandbits(width) >> draw.randrange(width))
            address = Address(family, near)
            holding = [
                (prefix.length, prefix, number)
                for number, prefixes_of in enumerate(lists)
                for prefix in prefixes_of
                if prefix.contains(address.prefix)
            ]
            expected = max(holding)[1:] if holding else None
            assert owners.find(address) == expected
            length = draw.randrange(width + 1)
            wide = Prefix(family, mask(family, near, length), length)
            both = (prefix.contains(wide) or wide.contains(prefix) for prefix in prefixes)
            assert owners.overlaps(wide) is any(both)


def test_the_last_address_of_a_prefix_is_in_it():
    owners = Owners([[parse_prefix("10.0.0.255/32")]])
    assert owners.overlaps(parse_prefix("10.0.0.0/24"))
    assert not owners.overlaps(parse_prefix("10.0.0.0/25"))
    assert not owners.overlaps(parse_prefix("10.0.1.0/24"))


def test_a_sight_asks_its_peers():
    found = SIGHT.owning_prefix(parse_address("10.7.0.2"))
    assert found == (parse_prefix("10.7.0.2/32"), SIGHT.peers[0])
    assert SIGHT.owner(parse_address("10.6.0.1")) is None
    assert dataclasses.replace(SIGHT, peers=()).owner(parse_address("10.7.0.2")) is None
