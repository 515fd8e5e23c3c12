# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices in several namespaces: made, found and deleted, their sockets where they were born."""

from __future__ import annotations

import errno

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils import (
    _daemon,
    _host,
    _netns,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import (
    DeviceUpdate,
    PeerUpdate,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    HostError,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
    PrivateKey,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    Endpoint,
)
from ansible_collections.cryptokey.wireguard.tests.conformance.devices import prefixes
from ansible_collections.cryptokey.wireguard.tests.integration.isolation import (
    Tunnel,
    ping,
)
from ansible_collections.cryptokey.wireguard.tests.integration.module_calls import (
    Calls,
    changes,
)


def test_equal_names_in_several_namespaces_are_different_devices(place, host, backend):
    places = ["", place.namespace("blue"), place.namespace("red")]
    for number, namespace in enumerate(places):
        host.create("wg0", namespace=namespace, socket_namespace=namespace, backend=backend)
        host.wireguard(namespace, "wg0").write(DeviceUpdate(fwmark=number + 1))
    host.create("wg0", namespace=place.namespace("green"), socket_namespace="", backend=backend)
    fresh = place.host()
    assert [fresh.wireguard(namespace, "wg0").read()[0].fwmark for namespace in places] == [1, 2, 3]
    assert fresh.wireguard("green", "wg0").read()[0].fwmark == 0
    host.delete("blue", "wg0")
    assert [fresh.backend_of(namespace, "wg0") for namespace in places] == [backend, None, backend]
    assert fresh.backend_of("green", "wg0") == backend


def test_the_socket_stays_in_the_birthplace(place, host, backend, packets):
    """The device in a namespace without any other link, its encrypted packets outside."""
    tunnel = Tunnel(place, host, backend)
    place.namespace("inner")
    host.create("wg0", namespace="inner", socket_namespace="right", backend=backend)
    private = PrivateKey.generate()
    tunnel.left.driver.write(DeviceUpdate(peers=(PeerUpdate(tunnel.right.public_key, action="remove"),)))
    tunnel.left.driver.write(
        DeviceUpdate(
            peers=(
                PeerUpdate(
                    host.public_key(private),
                    action="add",
                    endpoint=Endpoint("192.0.2.2", 51900),
                    add_allowed_ips=prefixes("10.0.0.2/32"),
                ),
            )
        )
    )
    inner = host.wireguard("inner", "wg0")
    inner.write(
        DeviceUpdate(
            private_key=private,
            listen_port=51900,
            peers=(PeerUpdate(tunnel.left.public_key, action="add", add_allowed_ips=prefixes("10.0.0.1/32")),),
        )
    )
    place.run("ip", "-n", "inner", "address", "add", "10.0.0.2/24", "dev", "wg0")
    host.network("inner").set_up("wg0", True)
    assert [link.name for link in host.network("inner").links()] == ["lo", "wg0"]
    assert host.socket_namespace("inner", "wg0") == "right"
    assert host.socket_namespace("right", "wg0") == "right"
    assert ":51900 " in place.run("ss", "-lun", namespace="right").stdout
    assert ":51900 " not in place.run("ss", "-lun", namespace="inner").stdout
    result = ping("10.0.0.2", namespace="left", count=50)
    packets.sent(result.transmitted)
    assert result.received > 40
    assert inner.read()[0].peers[0].endpoint == Endpoint("192.0.2.1", 51821)


def test_a_device_is_deleted_whole_and_absent_is_no_error(place, host, backend):
    place.namespace("blue")
    for namespace in ("", "blue"):
        host.delete(namespace, "wg0")
        host.create("wg0", namespace=namespace, socket_namespace="", backend=backend)
        host.delete(namespace, "wg0")
        host.delete(namespace, "wg0")
        assert host.backend_of(namespace, "wg0") is None
        assert [link.name for link in host.network(namespace).links()] == ["lo"]
    assert [daemon for daemon in _daemon.marked_daemons() if daemon.birthplace == _netns.own_inode()] == []


def test_a_name_that_is_taken_is_refused_and_left_alone(host, backend, device):
    device.write(DeviceUpdate(fwmark=9))
    with pytest.raises(HostError) as caught:
        host.create("wg0", namespace="", socket_namespace="", backend=backend)
    assert caught.value.errno == errno.EEXIST
    assert device.read()[0].fwmark == 9


def test_a_link_of_another_kind_is_no_wireguard_interface(place, host):
    place.run("ip", "tuntap", "add", "tun9", "mode", "tun")
    place.run("ip", "link", "add", "v9", "type", "veth", "peer", "name", "v8")
    assert [host.backend_of("", name) for name in ("tun9", "v9", "lo", "nothing")] == [None] * 4
    with pytest.raises(HostError, match="there is no WireGuard interface tun9"):
        host.wireguard("", "tun9")
    host.delete("", "tun9")
    host.delete("", "v9")
    assert {"tun9", "v9"} <= {link.name for link in host.network("").links()}


def test_a_namespace_that_is_not_there_is_an_error_and_not_made(place, host, backend):
    for namespace, socket_namespace in (("typo", ""), ("", "typo")):
        with pytest.raises(HostError, match="there is no network namespace 'typo'"):
            host.create("wg0", namespace=namespace, socket_namespace=socket_namespace, backend=backend)
    assert host.namespaces() == ()
    assert [link.name for link in host.network("").links()] == ["lo"]


def test_an_interface_whose_birthplace_was_made_anew_is_reported_and_made_again(place, backend, tmp_path):
    """A new namespace of the old name is another one: the interface would reach nobody and nothing would say so."""
    for name in ("inner", "uplink"):
        place.namespace(name)
    calls = Calls(tmp_path)
    declared = {"name": "wg0", "namespace": "inner", "socket_namespace": "uplink", "listen_port": 51900}
    calls.add("interface", backend=backend, **declared)
    calls.add("interface_info", namespace="inner")
    place.run("ip", "netns", "delete", "uplink")
    calls.add("interface_info", namespace="inner")
    calls.both("interface", name="wg0", namespace="inner")
    place.namespace("uplink")
    calls.both("interface", **declared)
    calls.add("interface", **declared)
    calls.add("interface_info", namespace="inner")
    results = calls.run()
    assert changes(results) == [True, False, False, True, "failed", True, True, False, False]
    shown = [results[number]["interfaces"][0] for number in (1, 2, 8)]
    assert [one["socket_namespace_gone"] for one in shown] == [False, True, False]
    assert [one["socket_namespace"] for one in shown] == ["uplink", None, "uplink"]
    assert "has to be made in the network namespace uplink, which does not exist" in results[4]["msg"]
    assert results[6]["actions"][0].endswith("the network namespace that it was born in no longer exists")
    assert results[0]["public_key"] == results[6]["public_key"]
    assert ":51900 " in place.run("ss", "-lun", namespace="uplink").stdout


def test_an_era_ends_with_its_namespace(place, host):
    """The inode is no proof: a new namespace soon gets the one of an old one."""
    place.namespace("blue")
    eras = [host.era(""), host.era("blue"), host.era("blue")]
    assert eras[0] != eras[1] == eras[2]
    _netns.delete("blue")
    place.namespace("blue")
    assert host.era("blue") not in eras
    assert host.era("") == eras[0]


def test_a_device_by_the_name_of_an_unmoved_one_is_not_ours(place, host, backend):
    """In the birthplace, of another kind, and left alone."""
    place.namespace("blue")
    place.run("ip", "link", "add", _host._birth_name("blue", "wg0"), "type", "bridge")
    assert not host.is_unmoved("blue", "wg0", birthplace="")
    host.remove_unmoved("blue", "wg0", birthplace="")
    assert "wgnew-" in place.run("ip", "link").stdout
