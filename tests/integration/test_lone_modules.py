# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules peer, route and rule: create, again, modify, again, delete, delete what is gone; and what is foreign."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _lone_routing
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import HostError
from ansible_collections.cryptokey.wireguard.plugins.module_utils._memory import Faults
from ansible_collections.cryptokey.wireguard.plugins.module_utils._store import FileStore
from ansible_collections.cryptokey.wireguard.tests.integration.interface_calls import KEY_A, Faulty
from ansible_collections.cryptokey.wireguard.tests.integration.isolation import Place, isolated
from ansible_collections.cryptokey.wireguard.tests.integration.module_calls import Calls, changes

ANNA = "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0="
BEN = "gN65BkIKy1eCE9pP1wdc8ROUtkHLF2PfAqYdyYBz6EA="
PRESHARED = "gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIA="
LIFE = [True, True, False, False, True, True, False, False, True, True, False, False]


@pytest.fixture
def place() -> t.Iterator[Place]:
    with isolated() as here:
        here.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "cable")
        here.run("ip", "link", "set", "cable", "up")
        here.run("ip", "address", "add", "192.0.2.1/24", "dev", "eth0")
        here.run("ip", "link", "set", "eth0", "up")
        yield here


@pytest.fixture
def calls(tmp_path: pathlib.Path) -> Calls:
    return Calls(tmp_path)


def live(calls: Calls, module: str, first: dict[str, t.Any], second: dict[str, t.Any], gone: dict[str, t.Any]) -> t.Any:
    for arguments in (first, first, second, second, {**gone, "state": "absent"}, {**gone, "state": "absent"}):
        calls.both(module, **arguments)
    results = calls.run()
    assert changes(results) == LIFE, [result.get("msg") for result in results]
    for foreseen, done in zip(results[::2], results[1::2], strict=True):
        assert (foreseen["actions"], foreseen["diff"]) == (done["actions"], done["diff"])
    return results


@pytest.mark.parametrize("namespace", ["", "blue"])
def test_a_route_goes_through_its_whole_life(place: Place, calls: Calls, namespace: str) -> None:
    if namespace:
        place.namespace(namespace)
        place.run("ip", "link", "set", "eth0", "netns", namespace)
        place.run("ip", "-n", namespace, "address", "add", "192.0.2.1/24", "dev", "eth0")
        place.run("ip", "-n", namespace, "link", "set", "eth0", "up")
    asked = {"destination": "203.0.113.0/24", "device": "eth0", "gateway": "192.0.2.254", "namespace": namespace}
    results = live(calls, "route", asked, {**asked, "gateway": "192.0.2.253"}, {**asked, "gateway": "192.0.2.9"})
    assert results[1]["actions"] == ["add route 203.0.113.0/24 via 192.0.2.254 dev eth0"]
    assert results[5]["diff"] == {
        "before": "203.0.113.0/24 via 192.0.2.254 dev eth0\n",
        "after": "203.0.113.0/24 via 192.0.2.253 dev eth0\n",
    }
    assert "203.0.113" not in place.run("ip", "route", namespace=namespace).stdout
    assert not list(pathlib.Path(calls.state).rglob("*.record"))


def test_routes_of_other_types_tables_and_families(place: Place, calls: Calls) -> None:
    calls.both("route", destination="10.77.0.0/16", type="unreachable", metric=4000)
    calls.both("route", destination="fd77::/48", device="eth0", table="77")
    calls.both("route", destination="10.77.0.9/16", type="unreachable", metric=4000)
    results = calls.run()
    assert changes(results) == [True, True, True, True, False, False]
    assert "host bits set; taken as 10.77.0.0/16" in str(results[4]["warnings"])
    assert "unreachable 10.77.0.0/16 proto 148 metric 4000" in place.run("ip", "route").stdout
    assert "fd77::/48 dev eth0 proto 148" in place.run("ip", "-6", "route", "show", "table", "77").stdout


def test_a_route_that_somebody_else_made_is_left_alone(place: Place, calls: Calls) -> None:
    place.run("ip", "route", "add", "203.0.113.0/24", "via", "192.0.2.7")
    before = place.run("ip", "route").stdout
    calls.both("route", destination="203.0.113.0/24", device="eth0", gateway="192.0.2.8")
    calls.both("route", destination="203.0.113.0/24", device="eth0", state="absent")
    results = calls.run()
    assert changes(results) == ["failed"] * 4
    assert all("this collection did not make it (protocol 3)" in result["msg"] for result in results)
    assert place.run("ip", "route").stdout == before


def test_what_an_interface_declared_is_left_to_it_and_the_other_way_round(place: Place, calls: Calls) -> None:
    interface = {"name": "wg0", "private_key": KEY_A, "peers_policy": "exact"}
    peer = {"public_key": ANNA, "allowed_ips": ["10.1.0.0/16"]}
    calls.add("interface", **interface, peers=[peer])
    calls.add("route", destination="10.1.0.0/16", device="wg0", state="absent")
    calls.add("route", destination="10.2.0.0/16", device="wg0")
    calls.add("rule", priority=900, table="77")
    calls.add("interface", **interface, peers=[{**peer, "allowed_ips": ["10.3.0.0/16"]}])
    results = calls.run()
    assert changes(results) == [True, "failed", True, True, True]
    assert "the interface wg0 has declared it" in results[1]["msg"]
    routes = place.run("ip", "route", "show", "dev", "wg0").stdout
    assert "10.2.0.0/16" in routes
    assert "10.1.0.0/16" not in routes
    calls.add("interface", name="wg0", state="absent")
    assert changes(calls.run()) == [True]
    assert "900:" in place.run("ip", "rule").stdout


def test_a_rule_goes_through_its_whole_life(place: Place, calls: Calls) -> None:
    asked = {"priority": 1000, "from": "192.168.40.0/24", "table": "400"}
    for arguments in (asked, asked, {**asked, "state": "absent"}, {**asked, "state": "absent"}):
        calls.both("rule", **arguments)
    results = calls.run()
    assert changes(results) == [True, True, False, False, True, True, False, False]
    assert results[1]["actions"] == ["add rule IPv4 1000: from 192.168.40.0/24 lookup 400"]
    assert "1000:" not in place.run("ip", "rule").stdout


def test_a_rule_without_addresses_is_one_of_each_family(place: Place, calls: Calls) -> None:
    calls.both("rule", priority=1000, fwmark="0x10", invert=True, table="400", suppress_prefixlength=0)
    assert len(calls.run()[1]["actions"]) == 2
    for family in ("-4", "-6"):
        shown = place.run("ip", family, "rule").stdout
        assert "not from all fwmark 0x10 lookup 400 suppress_prefixlength 0 proto 148" in shown


def test_a_rule_that_somebody_else_made_is_left_alone(place: Place, calls: Calls) -> None:
    place.run("ip", "rule", "add", "priority", "1000", "from", "192.168.40.0/24", "table", "400")
    calls.both("rule", priority=1000, table="400", state="absent", **{"from": "192.168.40.0/24"})
    assert changes(calls.run()) == ["failed"] * 2
    assert "1000:" in place.run("ip", "rule").stdout


def test_a_peer_goes_through_its_whole_life(place: Place, calls: Calls) -> None:
    ben = {"public_key": BEN, "allowed_ips": ["10.77.200.2/32"], "endpoint": "192.0.2.9:51820"}
    calls.add("interface", name="wg0", private_key=KEY_A, listen_port=51820, peers=[ben])
    calls.run()
    asked = {"interface": "wg0", "name": "anna", "public_key": ANNA, "allowed_ips": ["10.77.200.1/32"]}
    more = {**asked, "allowed_ips": ["10.77.200.1/32", "10.78.0.0/16"], "preshared_key": PRESHARED}
    results = live(calls, "peer", asked, more, asked)
    assert "add peer anna (TrMvSoP4): +10.77.200.1/32" in results[1]["actions"]
    assert "add route 10.77.200.1/32 dev wg0" in results[1]["actions"]
    assert "10.77.200.2" in place.run("wg", "show", "wg0", "allowed-ips").stdout
    assert "10.77.200.1" not in place.run("ip", "route").stdout
    assert PRESHARED not in calls.output
    calls.add("interface", name="wg0", private_key=KEY_A, listen_port=51820, peers=[ben])
    assert changes(calls.run()) == [False]


def test_on_an_interface_of_somebody_else_the_peer_is_all_that_is_touched(place: Place, calls: Calls) -> None:
    place.host().create("wg0", namespace="", socket_namespace="", backend=place.host().backends()[0])
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


def test_a_peer_that_is_refused(place: Place, calls: Calls) -> None:
    calls.add("interface", name="wg0", private_key=KEY_A, peers=[{"public_key": BEN, "allowed_ips": ["10.1.0.0/16"]}])
    calls.run()
    good = {"interface": "wg0", "public_key": ANNA}
    for wrong in (
        {"allowed_ips": ["10.1.0.0/16"]},
        {"allowed_ips": ["10.1.0.0/33"]},
        {"endpoint": "192.0.2.1"},
        {"public_key": KEY_A[:-1]},
        {"persistent_keepalive": 70000},
        {"interface": "wg1"},
        {"interface": "eth0"},
        {"interface": "much-too-long-a-name"},
        {"namespace": "nowhere"},
    ):
        calls.add("peer", **{**good, **wrong})
    calls.add("peer", interface="wg1", public_key=ANNA, state="absent")
    calls.add("peer", check=True, interface="wg1", public_key=ANNA)
    results = calls.run()
    assert changes(results) == ["failed"] * 9 + [False, True]
    expected = [
        "allowed_ips[0]: '10.1.0.0/16' belongs to the peer", "allowed_ips[0]: '10.1.0.0/33' has no valid prefix length",
        "endpoint: '192.0.2.1' has no port", "public_key: this is not a public key", "persistent_keepalive: ",
        "there is no WireGuard interface wg1", "eth0 is there, but it is no WireGuard interface", "interface: ",
        "the network namespace nowhere does not exist",
    ]  # fmt: skip
    messages = [result["msg"] for result in results[:9]]
    assert [text for text, message in zip(expected, messages, strict=True) if text not in message] == []
    assert "there is no WireGuard interface wg1" in str(results[10]["warnings"])


@pytest.mark.parametrize(
    ("module", "arguments", "path"),
    [
        ("route", {"destination": "10.0.0.0/33", "device": "eth0"}, "destination"),
        ("route", {"destination": "10.0.0.0/8"}, "device"),
        ("route", {"destination": "10.0.0.0/8", "device": "much-too-long-a-name"}, "device"),
        ("route", {"destination": "10.0.0.0/8", "device": "eth0", "gateway": "fd00::1"}, "gateway"),
        ("route", {"destination": "10.0.0.0/8", "type": "blackhole", "device": "eth0"}, "device"),
        ("route", {"destination": "10.0.0.0/8", "device": "eth0", "table": "local"}, "table"),
        ("route", {"destination": "10.0.0.0/8", "device": "eth0", "metric": -1}, "metric"),
        ("route", {"destination": "10.0.0.0/8", "device": "eth0", "source": "10.0.0.300"}, "source"),
        ("route", {"destination": "10.0.0.0/8", "device": "eth0", "namespace": "a/b"}, "namespace"),
        ("rule", {"priority": 0}, "priority"),
        ("rule", {"priority": 32766}, "priority"),
        ("rule", {"priority": 5, "from": "10.0.0.0/8", "to": "fd00::/8"}, "to"),
        ("rule", {"priority": 5, "fwmark": "big"}, "fwmark"),
        ("rule", {"priority": 5, "table": "vpn"}, "table"),
        ("rule", {"priority": 5, "suppress_prefixlength": 129}, "suppress_prefixlength"),
    ],
)
def test_bad_arguments_are_refused_with_their_path(
    place: Place, calls: Calls, module: str, arguments: dict[str, t.Any], path: str
) -> None:
    calls.both(module, **arguments)
    for result in calls.run():
        assert result["failed"]
        assert result["msg"].startswith(f"{path}: ")


@pytest.mark.parametrize("late", [False, True], ids=["before it takes effect", "after it took effect"])
def test_a_failure_at_any_step_leaves_everything_as_it_was(place: Place, tmp_path: pathlib.Path, late: bool) -> None:
    asked = {"destination": "203.0.113.0/24", "device": "eth0", "gateway": "192.0.2.254"}
    store = FileStore(str(tmp_path))

    def converge(faults: Faults, **changed: t.Any) -> str:
        request = _lone_routing.request_route({**asked, **changed})
        host = Faulty(place.host(), "host", faults)
        try:
            _lone_routing.converge(request, host=host, store=Faulty(store, "store", faults), check=False)
        except HostError as error:
            return str(error)
        return ""

    def picture() -> tuple[str, t.Any]:
        return place.run("ip", "route").stdout, store.record("", "")

    failed = 0
    for before, change in (({}, {"gateway": "192.0.2.253"}), ({}, {"state": "absent"}), ({"state": "absent"}, {})):
        for number in range(1, 5):
            assert not converge(Faults(), **before)
            was, faults = picture(), Faults()
            faults.arm(number, late=late)
            said = converge(faults, **change)
            assert not said or "What was there before has been restored" in said
            assert not said or picture() == was
            failed += bool(said)
    assert failed >= 6
