# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a driver writes works with packets, and writing loses none."""

from __future__ import annotations

import time

from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import (
    DeviceUpdate,
    PeerUpdate,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    Prefix,
)
from ansible_collections.cryptokey.wireguard.tests.conformance.devices import (
    add,
    key,
    owned,
    prefixes,
)
from ansible_collections.cryptokey.wireguard.tests.integration.isolation import (
    Pinging,
    Tunnel,
    ping,
)


def test_what_is_written_works_with_packets(place, host, backend, packets):
    tunnel = Tunnel(place, host, backend)
    result = ping("10.0.0.2", namespace="left", count=50)
    packets.sent(result.transmitted)
    assert result.received > 40
    statistics = tunnel.left.driver.read()[1][tunnel.right.public_key]
    assert statistics.rx_bytes > 1000
    assert abs(time.time() - statistics.latest_handshake) < 60


def test_no_packet_is_lost_while_other_prefixes_come_and_go(place, host, backend, packets):
    """The reason for never replacing a list: a prefix that stays must not blink."""
    others = tuple(Prefix(4, (172 << 24) + (16 << 20) + (number << 8), 24) for number in range(1_500))
    tunnel = Tunnel(place, host, backend, prefixes=["10.9.0.0/24"])
    assert ping("10.9.0.1", namespace="left").received
    peer = tunnel.right.public_key
    pinging = Pinging("10.9.0.1", namespace="left", count=1_000)
    rounds = 0
    while pinging.runs:
        tunnel.left.driver.write(DeviceUpdate(peers=(PeerUpdate(peer, add_allowed_ips=others),)))
        tunnel.left.driver.write(DeviceUpdate(peers=(PeerUpdate(peer, remove_allowed_ips=others),)))
        rounds += 1
    result = pinging.result()
    packets.sent(result.transmitted)
    assert rounds > 1
    assert result.lost == 0
    assert owned(tunnel.left.driver)[peer] == {"10.0.0.2/32", "10.9.0.0/24"}


def test_no_packet_is_lost_while_a_prefix_moves_there_and_back(place, host, backend, packets):
    """A peer that does not exist takes a shorter prefix around the one in use, and gives it back."""
    tunnel = Tunnel(place, host, backend, prefixes=["10.9.0.0/24"])
    tunnel.left.driver.write(DeviceUpdate(peers=(add(1), add(2, "10.9.0.0/16"))))
    assert ping("10.9.0.1", namespace="left").received
    pinging = Pinging("10.9.0.1", namespace="left", count=500)
    moves = 0
    while pinging.runs:
        moves += 1
        taker = PeerUpdate(key(moves % 2 + 1), add_allowed_ips=prefixes("10.9.0.0/16"))
        tunnel.left.driver.write(DeviceUpdate(peers=(taker,)))
        time.sleep(0.01)
    result = pinging.result()
    packets.sent(result.transmitted)
    assert moves > 5
    assert result.lost == 0
