# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices of ten thousand peers: written in as many messages as it takes, read back as one."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared import (
    declare,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import (
    DeviceUpdate,
    PeerUpdate,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._engine import (
    converge,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._store import (
    FileStore,
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


class Counted:
    """A driver, and what it was told to write."""

    def __init__(self, real: t.Any, written: list[DeviceUpdate]) -> None:
        self._real, self._written = real, written

    def __getattr__(self, name: str) -> t.Any:
        return getattr(self._real, name)

    def write(self, update: DeviceUpdate) -> None:
        self._written.append(update)
        self._real.write(update)


def test_one_more_peer_among_many_is_all_that_is_sent(host, backend, monkeypatch):
    real, written = host.wireguard, []
    monkeypatch.setattr(host, "wireguard", lambda *names: Counted(real(*names), written))
    many = [{"public_key": str(key(number)), "allowed_ips": list(nets(number))} for number in range(1, 301)]
    sent = []
    for declared in (many[:-1], many[:-1], many):
        arguments = {"name": "wg0", "backend": backend, "routing": "off", "peers_policy": "exact", "peers": declared}
        converge(declare({**arguments, "state_directory": "/run/state"}), host=host, store=FileStore("/run/state"))
        sent.append([peer.public_key for update in written for peer in update.peers])
        written.clear()
    assert sent == [sorted(key(number) for number in range(1, 300)), [], [key(300)]]
