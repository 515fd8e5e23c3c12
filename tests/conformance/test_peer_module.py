# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``peer`` on each backend: one peer of an interface, merged into whatever else is there."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.cryptokey.wireguard.tests.integration.interface_calls import KEY_A
from ansible_collections.cryptokey.wireguard.tests.integration.isolation import Place
from ansible_collections.cryptokey.wireguard.tests.integration.module_calls import Calls, changes, live

ANNA = "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0="
BEN = "gN65BkIKy1eCE9pP1wdc8ROUtkHLF2PfAqYdyYBz6EA="
PRESHARED = "gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIA="


@pytest.fixture
def calls(tmp_path: pathlib.Path) -> Calls:
    return Calls(tmp_path)


def test_a_peer_goes_through_its_whole_life(place: Place, backend: str, calls: Calls) -> None:
    ben = {"public_key": BEN, "allowed_ips": ["10.77.200.2/32"], "endpoint": "192.0.2.9:51820"}
    calls.add("interface", name="wg0", backend=backend, private_key=KEY_A, listen_port=51820, peers=[ben])
    calls.run()
    asked = {"interface": "wg0", "name": "anna", "public_key": ANNA, "allowed_ips": ["10.77.200.1/32"]}
    more = {**asked, "allowed_ips": ["10.77.200.1/32", "10.78.0.0/16"], "preshared_key": PRESHARED}
    results = live(calls, "peer", asked, more, asked)
    assert "add peer anna (TrMvSoP4): +10.77.200.1/32" in results[1]["actions"]
    assert "add route 10.77.200.1/32 dev wg0" in results[1]["actions"]
    assert "10.77.200.2" in place.run("wg", "show", "wg0", "allowed-ips").stdout
    assert "10.77.200.1" not in place.run("ip", "route").stdout
    assert PRESHARED not in calls.output
    calls.add("interface", name="wg0", backend=backend, private_key=KEY_A, listen_port=51820, peers=[ben])
    assert changes(calls.run()) == [False]


def test_on_an_interface_of_somebody_else_the_peer_is_all_that_is_touched(
    place: Place, backend: str, calls: Calls
) -> None:
    place.host().create("wg0", namespace="", socket_namespace="", backend=backend)
    place.run("wg", "set", "wg0", "listen-port", "51999", "peer", BEN, "allowed-ips", "10.1.0.0/16")
    before = [place.run("ip", *what).stdout for what in (("route",), ("rule",), ("address", "show", "wg0"))]
    asked = {"interface": "wg0", "public_key": ANNA, "allowed_ips": ["10.2.0.0/16"]}
    live(calls, "peer", asked, {**asked, "persistent_keepalive": 25}, asked)
    after = [place.run("ip", *what).stdout for what in (("route",), ("rule",), ("address", "show", "wg0"))]
    assert after == before
    assert place.run("wg", "show", "wg0", "private-key").stdout.strip() == "(none)"
    assert place.run("wg", "show", "wg0", "listen-port").stdout.strip() == "51999"
    assert not list(pathlib.Path(calls.state).rglob("*.json"))
    assert not list(pathlib.Path(calls.state).rglob("*.key"))


def test_a_peer_that_is_refused(place: Place, backend: str, calls: Calls) -> None:
    calls.add(
        "interface",
        name="wg0",
        backend=backend,
        private_key=KEY_A,
        peers=[{"public_key": BEN, "allowed_ips": ["10.1.0.0/16"]}],
    )
    calls.run()
    good = {"interface": "wg0", "public_key": ANNA}
    for wrong in (
        {"allowed_ips": ["10.1.0.0/16"]},
        {"allowed_ips": ["10.1.0.0/33"]},
        {"endpoint": "192.0.2.1"},
        {"public_key": KEY_A[:-1]},
        {"persistent_keepalive": 70000},
        {"interface": "wg1"},
        {"interface": "lo"},
        {"interface": "much-too-long-a-name"},
        {"namespace": "nowhere"},
    ):
        calls.add("peer", **{**good, **wrong})
    calls.add("peer", interface="wg1", public_key=ANNA, state="absent")
    calls.add("peer", check=True, interface="wg1", public_key=ANNA)
    results = calls.run()
    assert changes(results) == ["failed"] * 9 + [False, True]
    expected = [
        "allowed_ips[0]: '10.1.0.0/16' belongs to the peer",
        "allowed_ips[0]: '10.1.0.0/33' has no valid prefix length",
        "endpoint: '192.0.2.1' has no port",
        "public_key: this is not a public key",
        "persistent_keepalive: ",
        "there is no WireGuard interface wg1",
        "lo is there, but it is no WireGuard interface",
        "interface: ",
        "the network namespace nowhere does not exist",
    ]
    messages = [result["msg"] for result in results[:9]]
    assert [text for text, message in zip(expected, messages, strict=True) if text not in message] == []
    assert "there is no WireGuard interface wg1" in str(results[10]["warnings"])
