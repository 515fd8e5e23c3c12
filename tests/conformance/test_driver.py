# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a driver writes is there, what it does not write stays, and what it reads is all there is."""

from __future__ import annotations

import errno
import os

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _birthplace
from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import (
    DeviceUpdate,
    PeerUpdate,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    HostError,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
    PresharedKey,
    PrivateKey,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    Prefix,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    Endpoint,
    Peer,
)
from ansible_collections.cryptokey.wireguard.tests.conformance.devices import (
    add,
    key,
    owned,
    peers,
    prefixes,
)


def test_every_field_is_written_and_read_back(host, device, backend):
    private, preshared = PrivateKey.generate(), PresharedKey.generate()
    assert device.backend == backend == host.backend_of("", "wg0")
    device.write(
        DeviceUpdate(
            private_key=private,
            listen_port=51999,
            fwmark=0xCAFE,
            peers=(
                add(
                    2,
                    "10.0.0.0/8",
                    "0.0.0.0/0",
                    "fd00::/8",
                    "::/0",
                    preshared_key=preshared,
                    endpoint=Endpoint("2001:db8::1", 51821),
                    persistent_keepalive=25,
                ),
                add(1, "192.0.2.1/32", endpoint=Endpoint("192.0.2.9", 1)),
            ),
        )
    )
    found, statistics = device.read()
    assert found.private_key == private
    assert found.public_key == host.public_key(private)
    assert (found.listen_port, found.fwmark) == (51999, 0xCAFE)
    assert found.peers == (
        Peer(
            key(1),
            preshared_key=PresharedKey.none(),
            endpoint=Endpoint("192.0.2.9", 1),
            persistent_keepalive=0,
            allowed_ips=frozenset(prefixes("192.0.2.1/32")),
        ),
        Peer(
            key(2),
            preshared_key=preshared,
            endpoint=Endpoint("2001:db8::1", 51821),
            persistent_keepalive=25,
            allowed_ips=frozenset(prefixes("10.0.0.0/8", "0.0.0.0/0", "fd00::/8", "::/0")),
        ),
    )
    assert set(statistics) == {key(1), key(2)}
    assert statistics[key(1)].latest_handshake is None


def test_a_fresh_device_is_empty(device):
    found, statistics = device.read()
    assert (found.private_key, found.public_key, found.fwmark, found.peers) == (None, None, 0, ())
    assert statistics == {}


def test_what_is_not_set_stays(device):
    preshared = PresharedKey.generate()
    device.write(
        DeviceUpdate(
            private_key=PrivateKey.generate(),
            listen_port=51999,
            fwmark=7,
            peers=(
                add(
                    1, "10.1.0.0/16", preshared_key=preshared, endpoint=Endpoint("192.0.2.9", 1), persistent_keepalive=9
                ),
                add(2, "10.2.0.0/16"),
            ),
        )
    )
    before = device.read()[0]
    device.write(DeviceUpdate(peers=(PeerUpdate(key(2), persistent_keepalive=3),)))
    device.write(DeviceUpdate(peers=(PeerUpdate(key(1)),)))
    device.write(DeviceUpdate())
    after = device.read()[0]
    assert after.peers[1].persistent_keepalive == 3
    assert (after.private_key, after.listen_port, after.fwmark) == (before.private_key, 51999, 7)
    assert after.peers[0] == before.peers[0]


def test_fields_are_taken_back_by_zero(device):
    device.write(
        DeviceUpdate(fwmark=7, peers=(add(1, preshared_key=PresharedKey.generate(), persistent_keepalive=25),))
    )
    device.write(
        DeviceUpdate(fwmark=0, peers=(PeerUpdate(key(1), preshared_key=PresharedKey.none(), persistent_keepalive=0),))
    )
    found = device.read()[0]
    assert found.fwmark == 0
    assert found.peers[0].preshared_key == PresharedKey.none()
    assert found.peers[0].persistent_keepalive == 0


def test_an_update_makes_no_peer_and_a_removal_needs_none(device):
    device.write(
        DeviceUpdate(peers=(PeerUpdate(key(1), persistent_keepalive=5, add_allowed_ips=prefixes("10.0.0.0/8")),))
    )
    device.write(DeviceUpdate(peers=(PeerUpdate(key(1), action="remove"),)))
    assert peers(device) == {}
    device.write(DeviceUpdate(peers=(add(1, "10.0.0.0/8"), add(2, "10.2.0.0/16"))))
    device.write(DeviceUpdate(peers=(PeerUpdate(key(1), action="remove"),)))
    assert owned(device) == {key(2): {"10.2.0.0/16"}}


def test_a_prefix_moves_to_whoever_adds_it(device):
    device.write(DeviceUpdate(peers=(add(1, "10.1.0.0/16", "10.3.0.0/16"), add(2, "10.2.0.0/16"))))
    device.write(DeviceUpdate(peers=(PeerUpdate(key(2), add_allowed_ips=prefixes("10.1.0.0/16")),)))
    assert owned(device) == {key(1): {"10.3.0.0/16"}, key(2): {"10.1.0.0/16", "10.2.0.0/16"}}


def test_single_prefixes_are_removed_and_nothing_is_left_behind(device):
    device.write(DeviceUpdate(peers=(add(1, "10.1.0.0/16", "10.3.0.0/16", "fd00::/8"), add(2, "10.2.0.0/16"))))
    device.write(
        DeviceUpdate(
            peers=(
                PeerUpdate(key(1), remove_allowed_ips=prefixes("10.1.0.0/16", "fd00::/8", "10.2.0.0/16", "1.0.0.0/8")),
                PeerUpdate(key(2), persistent_keepalive=5),
            )
        )
    )
    assert owned(device) == {key(1): {"10.3.0.0/16"}, key(2): {"10.2.0.0/16"}}
    assert peers(device)[key(2)].persistent_keepalive == 5
    device.write(DeviceUpdate(peers=(PeerUpdate(key(1), remove_allowed_ips=prefixes("10.3.0.0/16")),)))
    assert owned(device) == {key(1): set(), key(2): {"10.2.0.0/16"}}


def test_a_prefix_that_moves_in_the_same_update_is_not_lost(device):
    device.write(DeviceUpdate(peers=(add(1, "10.1.0.0/16"), add(2))))
    device.write(
        DeviceUpdate(
            peers=(
                PeerUpdate(key(1), remove_allowed_ips=prefixes("10.1.0.0/16")),
                PeerUpdate(key(2), add_allowed_ips=prefixes("10.1.0.0/16")),
            )
        )
    )
    assert owned(device) == {key(1): set(), key(2): {"10.1.0.0/16"}}


def test_many_peers_and_many_prefixes_of_one_peer(device):
    many = tuple(add(number, f"10.{number >> 8}.{number & 255}.0/24") for number in range(2_000))
    one = PeerUpdate(
        key(5_000),
        action="add",
        add_allowed_ips=tuple(Prefix(6, (0xFD << 120) + (number << 64), 64) for number in range(5_000)),
    )
    device.write(DeviceUpdate(peers=(*many, one)))
    found = peers(device)
    assert len(found) == 2_001
    assert found[key(1_999)].allowed_ips == frozenset(prefixes("10.7.207.0/24"))
    assert found[key(5_000)].allowed_ips == frozenset(one.add_allowed_ips)
    device.write(DeviceUpdate(peers=(PeerUpdate(key(5_000), remove_allowed_ips=one.add_allowed_ips[1:]),)))
    found = peers(device)
    assert found[key(5_000)].allowed_ips == {one.add_allowed_ips[0]}
    assert len(found) == 2_001


def test_more_prefixes_are_removed_than_one_request_can_hold(device):
    """An engine without a word for it hangs up in the middle of the request."""
    many = tuple(Prefix(4, (10 << 24) + (number << 8), 24) for number in range(20_000))
    device.write(DeviceUpdate(peers=(PeerUpdate(key(1), action="add", add_allowed_ips=many),)))
    device.write(DeviceUpdate(peers=(PeerUpdate(key(1), remove_allowed_ips=many[1:]),)))
    assert owned(device) == {key(1): {"10.0.0.0/24"}}


def test_a_port_that_is_taken_is_refused_and_the_old_one_kept(place, host, backend):
    for name in ("wg0", "wg1"):
        host.create(name, namespace="", socket_namespace="", backend=backend)
        host.network("").set_up(name, True)
    first, second = (host.wireguard("", name) for name in ("wg0", "wg1"))
    first.write(DeviceUpdate(private_key=PrivateKey.generate(), listen_port=51001))
    second.write(DeviceUpdate(private_key=PrivateKey.generate(), listen_port=51002))
    with pytest.raises(HostError, match="UDP port 51001 is in use") as caught:
        second.write(DeviceUpdate(listen_port=51001))
    assert caught.value.errno == errno.EADDRINUSE
    assert second.read()[0].listen_port == 51002
    assert ":51002 " in place.run("ss", "-lun").stdout
    second.write(DeviceUpdate(listen_port=51003))
    assert second.read()[0].listen_port == 51003


def test_the_same_port_again_does_not_touch_the_socket(place, device):
    device.write(DeviceUpdate(private_key=PrivateKey.generate(), listen_port=51001))
    before = _birthplace._sockets_on(51001)
    assert before
    device.write(DeviceUpdate(listen_port=51001))
    assert _birthplace._sockets_on(51001) == before
    device.write(DeviceUpdate(listen_port=51002))
    assert _birthplace._sockets_on(51002) != before


def test_a_private_key_is_never_on_a_command_line_or_in_an_environment(place, host, backend, device):
    private = PrivateKey.generate()
    device.write(DeviceUpdate(private_key=private))
    host.public_key(private)
    secrets = (private.reveal().encode(), private.raw.hex().encode())
    for pid in filter(str.isdigit, os.listdir("/proc")):
        for name in ("cmdline", "environ"):
            try:
                with open(f"/proc/{pid}/{name}", "rb") as handle:
                    content = handle.read()
            except OSError:
                continue
            assert not any(secret in content for secret in secrets)
