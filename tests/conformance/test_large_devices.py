# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices of ten thousand peers: written in as many messages as it takes, read back as one."""

from __future__ import annotations

from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import (
    DeviceUpdate,
    PeerUpdate,
)
from ansible_collections.cryptokey.wireguard.tests.conformance.devices import (
    add,
    key,
    owned,
    prefixes,
)

PEERS = 10_000


def nets(number: int) -> tuple[str, str]:
    return f"10.{number >> 8}.{number & 255}.0/24", f"fd00:{number + 1:x}::/32"


def test_ten_thousand_peers_are_read_back_as_they_were_written(host, backend):
    """A dump of that size comes in hundreds of messages, some of them ending within a peer."""
    host.create("wg0", namespace="", socket_namespace="", backend=backend)
    device = host.wireguard("", "wg0")
    device.write(DeviceUpdate(peers=tuple(add(number, *nets(number)) for number in range(PEERS))))
    expected = {key(number): set(nets(number)) for number in range(PEERS)}
    assert owned(device) == expected
    device.write(
        DeviceUpdate(
            peers=(
                PeerUpdate(key(9_999), action="remove"),
                PeerUpdate(key(1), add_allowed_ips=prefixes(*nets(9_998)), remove_allowed_ips=prefixes(nets(1)[0])),
            )
        )
    )
    del expected[key(9_999)]
    expected[key(9_998)] = set()
    expected[key(1)] = {nets(1)[1], *nets(9_998)}
    assert owned(device) == expected
