# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a probe counts, and how many refused packets follow from it."""

from __future__ import annotations

import dataclasses
import random

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils import (
    _probe_tally,
    _rejected,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import parse_address
from ansible_collections.cryptokey.wireguard.plugins.module_utils._probe_packets import (
    VNET_HEADER_BYTES,
    echo_request,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._probe_tally import (
    Tally,
    Totals,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._rejected import (
    NONE,
    UNKNOWN,
    Books,
    Rejected,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Endpoint
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.module_utils.test_probe_packets import (
    ip,
    message,
    udp,
)

PLAIN = bytes(VNET_HEADER_BYTES)
THERE = Endpoint("192.0.2.1", 51820)


def outer(tally, kind, length, *, number=0, ports=(51820, 51821), outgoing=False):
    data = bytearray(message(kind, length))
    data[8:16] = number.to_bytes(8, "big")
    tally.outer(ip(4, 17, udp(bytes(data), ports=ports)), outgoing=outgoing)


def test_messages_are_counted_by_endpoint_kind_and_direction():
    tally = Tally(51821, identity=1)
    outer(tally, 1, 148)
    outer(tally, 4, 128, number=1)
    outer(tally, 4, 128, number=2)
    outer(tally, 4, 32, number=3)
    outer(tally, 3, 64)
    outer(tally, 2, 92, ports=(51821, 51820), outgoing=True)
    assert tally.totals == Totals(148 + 256 + 32, 148 + 32, 2, 0, 0, 0)
    seen = tally.traffic(THERE)
    assert seen.received == {"initiation": 1, "data": 2, "keepalive": 1, "cookie": 1}
    assert tally.traffic(Endpoint("192.0.2.2", 51820)).sent == {"response": 1}
    assert tally.traffic(None) == tally.traffic(Endpoint("192.0.2.9", 1))
    assert tally.strangers({THERE}, "initiation") == {}
    assert tally.strangers(set(), "initiation") == {THERE: 1}


def test_the_same_message_on_a_bridge_and_its_port_is_one():
    tally = Tally(51821, identity=1)
    for number in (1, 1, 2, 1):
        outer(tally, 4, 128, number=number)
    assert tally.totals.outer_packets == 2


def test_packets_of_other_ports_are_not_ours():
    tally = Tally(51821, identity=1)
    outer(tally, 4, 128, ports=(51820, 9))
    outer(tally, 4, 128, ports=(9, 51821), outgoing=True)
    assert tally.totals == Totals(0, 0, 0, 0, 0, 0)


def test_packets_inside_are_counted_by_address():
    tally = Tally(51821, identity=7)
    tally.inner(PLAIN + ip(4, 17, udp(b"x" * 72)), outgoing=False)
    tally.inner(PLAIN + ip(4, 17, udp(b"x")), outgoing=True)
    for identity, sequence in ((7, 1), (7, 1001), (8, 1)):
        request = echo_request(4, identity=identity, sequence=sequence, length=84)
        tally.inner(PLAIN + ip(4, 1, b"\0" + request[1:]), outgoing=False)
    assert tally.sources == {parse_address("192.0.2.1"): 4}
    assert tally.destinations == {parse_address("192.0.2.2"): 1}
    assert tally.totals == Totals(0, 0, 0, 100 + 3 * 84, 4, 4)
    assert tally.echoes == 1, "short ones of our own"
    assert tally.whole
    tally.inner(PLAIN + b"\x11", outgoing=False)
    assert not tally.whole


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(_probe_tally, "DISTINCT", 3)
    monkeypatch.setattr(_probe_tally, "REMEMBERED", 2)
    tally = Tally(51821, identity=1)
    for number in range(9):
        outer(tally, 4, 128, number=number, ports=(number + 1, 51821))
        assert len(tally._known) <= 2
    assert sum(bool(tally.traffic(Endpoint("192.0.2.1", number + 1)).received) for number in range(9)) == 3
    assert not tally.whole


@pytest.mark.parametrize(
    ("peers", "device", "packets", "expected"),
    [
        (0, 0, 0, NONE),
        (148 + 32 + 3 * 128, 3 * 84, 3, Rejected(None, 148 + 32 + 3 * 12, False)),
        (3 * 116, 3 * 84, 3, NONE),
        (3 * 116 + 63, 3 * 84, 3, NONE),
        (3 * 116 + 64, 3 * 84, 3, Rejected(None, 64, False)),
        (100, 3 * 84, 3, UNKNOWN),
    ],
)
def test_totals_of_an_engine_give_a_bound(peers, device, packets, expected):
    assert _rejected.bounded(peers, device_bytes=device, device_packets=packets) == expected


@pytest.mark.parametrize("seed", range(200))
def test_double_entry_is_exact_and_the_bound_holds(seed):
    """Random traffic, counted as wireguard-go and the tun do."""
    draw = random.Random(seed)
    handshakes, keepalives = draw.randrange(3), draw.randrange(4)
    lengths = [(draw.randrange(20, 1421), draw.random() < 0.3) for _packet in range(draw.randrange(30))]
    data = [(32 + -(-length // 16) * 16, length, refused) for length, refused in lengths]
    overhead = handshakes * 148 + keepalives * 32
    passed = [length for _outside, length, refused in data if not refused]
    refused_bytes = sum(outside for outside, _length, refused in data if refused)
    books = Books(
        peer_bytes=overhead + sum(outside for outside, _length, _refused in data),
        device_bytes=sum(passed),
        device_packets=len(passed),
        seen=Totals(
            overhead + sum(outside for outside, _length, _refused in data), overhead, len(data),
            sum(passed), len(passed), len(passed),
        ),
        peers=1,
        whole=True,
    )  # fmt: skip
    refused = len(data) - len(passed)
    assert _rejected.during(books) == Rejected(refused, None, True)
    for blind in (
        dataclasses.replace(books, whole=False),
        dataclasses.replace(books, seen=books.seen._replace(outer_bytes=books.seen.outer_bytes + 1)),
        dataclasses.replace(books, seen=books.seen._replace(inner_reads=books.seen.inner_reads + 1)),
    ):
        found = _rejected.during(blind)
        assert not found.exact or (found.packets == 0 == refused)
        assert found.packets is not None or found.bytes_at_most >= refused_bytes
        assert refused or not found.likely, "no false alarm"


def test_packets_that_were_put_together_outside_make_no_exact_number():
    """A network card, or the kernel (UDP GRO), may hand several messages over as one."""
    seen = Totals(3 * 128, 0, 1, 3 * 84, 3, 3)
    books = Books(3 * 128, device_bytes=3 * 84, device_packets=3, seen=seen, peers=1, whole=True)
    assert _rejected.during(books) == NONE, "12 bytes of padding are less than a packet"
    more = dataclasses.replace(books, peer_bytes=5 * 128, seen=seen._replace(outer_bytes=5 * 128, outer_packets=2))
    assert _rejected.during(more) == Rejected(None, 5 * 128 - 3 * 116, False)


def test_the_kernel_is_believed():
    assert _rejected.counted_by_kernel({"rx_frame_errors": 3}) == Rejected(3, None, True)
    assert _rejected.counted_by_kernel({}) == NONE
    assert Rejected(3, None, True).likely
    assert not UNKNOWN.likely
    assert Rejected(None, 9, False, suspected=True).view() == {"packets": None, "bytes_at_most": 9, "exact": False}
