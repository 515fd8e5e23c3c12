# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``interface_info`` on each backend, and what ``namespace`` does with interfaces in one."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _netns
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PresharedKey
from ansible_collections.cryptokey.wireguard.tests.integration.module_calls import Calls, changes

PUBLIC = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="


@pytest.fixture
def calls(tmp_path: pathlib.Path) -> Calls:
    return Calls(tmp_path)


def test_every_interface_is_reported_with_what_happened_and_without_secrets(place, backend, calls):
    preshared = PresharedKey.generate()
    peer = {"public_key": PUBLIC, "allowed_ips": ["10.7.0.2/32", "fd07::2"], "persistent_keepalive": 20}
    calls.add("namespace", name="blue")
    calls.add(
        "interface",
        name="wg0",
        backend=backend,
        addresses=["10.7.0.1/24"],
        listen_port=51001,
        fwmark="7",
        peers=[{**peer, "name": "bob", "preshared_key": preshared.reveal(), "endpoint": "192.0.2.9:51820"}],
    )
    calls.add("interface", name="wg0", backend=backend, namespace="blue", peers=[peer], mtu=1380)
    calls.add("interface_info", check=True)
    calls.add("interface_info")
    calls.add("interface_info", namespace="")
    calls.add("interface_info", name="wg0", namespace="blue")
    calls.add("interface_info", name="wg9")
    calls.add("interface_info", namespace="typo")
    results = calls.run()
    checked, everything, initial, blue, nothing, typo = results[3:]
    assert changes(results) == [True, True, True, False, False, False, False, False, "failed"]
    assert typo["msg"].startswith("there is no network namespace 'typo'")
    assert checked["interfaces"] == everything["interfaces"] == initial["interfaces"] + blue["interfaces"]
    assert nothing["interfaces"] == []
    first, second = everything["interfaces"]
    assert (first["name"], first["namespace"], second["name"], second["namespace"]) == ("wg0", "", "wg0", "blue")
    assert (first["listen_port"], first["fwmark"], first["addresses"]) == (51001, 7, ["10.7.0.1/24"])
    assert (second["mtu"], second["up"], second["socket_namespace"], second["declared"]) == (1380, True, "", True)
    assert first["public_key"] == results[1]["public_key"]
    [bob] = first["peers"]
    assert bob == {
        "name": "bob",
        "public_key": PUBLIC,
        "preshared_key": preshared.fingerprint,
        "endpoint": "192.0.2.9:51820",
        "persistent_keepalive": 20,
        "allowed_ips": ["10.7.0.2/32", "fd07::2/128"],
        "latest_handshake_age": None,
        "rx_bytes": bob["rx_bytes"],
        "tx_bytes": bob["tx_bytes"],
    }
    assert second["peers"][0]["name"] is None
    assert second["peers"][0]["preshared_key"] == "none"
    assert first["statistics"]["rejected_source"] == {"packets": 0, "bytes_at_most": None, "exact": True}
    assert preshared.reveal() not in calls.output
    assert preshared.raw.hex() not in calls.output


def test_an_interface_of_somebody_else_is_reported_as_such(place, backend, calls):
    place.host().create("wg5", namespace="", socket_namespace="", backend=backend)
    place.run("ip", "tuntap", "add", "tun0", "mode", "tun")
    calls.add("interface_info")
    [result] = calls.run()
    [found] = result["interfaces"]
    assert (found["name"], found["declared"], found["peers"], found["public_key"]) == ("wg5", False, [], None)


def test_our_interfaces_go_with_their_namespace(place, backend, calls):
    calls.add("namespace", name="blue")
    calls.add("interface", name="wg0", backend=backend, namespace="blue", socket_namespace="blue", listen_port=51001)
    calls.add("interface", name="wg1", backend=backend, namespace="blue")
    calls.both("namespace", name="blue", state="absent")
    calls.add("interface_info")
    results = calls.run()
    assert changes(results) == [True, True, True, True, True, False]
    assert results[4]["actions"] == [
        "remove interface wg0",
        "remove interface wg1",
        "delete network namespace blue",
    ]
    assert results[5]["interfaces"] == []
    kept = sorted(str(path.relative_to(calls.state)) for path in pathlib.Path(calls.state).rglob("*") if path.is_file())
    assert kept == [".lock", "blue/wg0.key", "blue/wg1.key"]


def test_a_namespace_with_the_socket_of_another_ones_interface_is_kept(place, backend, calls):
    for name in ("blue", "red"):
        calls.add("namespace", name=name)
    calls.add("interface", name="wg0", backend=backend, namespace="blue", socket_namespace="red", listen_port=51001)
    calls.add("namespace", name="red", state="absent")
    results = calls.run()
    assert changes(results) == [True, True, True, "failed"]
    assert "the socket of interface wg0 of network namespace 'blue'" in results[3]["msg"]
    assert _netns.names() == ("blue", "red")
