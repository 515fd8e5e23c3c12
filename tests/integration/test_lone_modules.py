# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules route and rule: create, again, modify, again, delete, delete what is gone; and what is foreign."""

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
from ansible_collections.cryptokey.wireguard.tests.integration.module_calls import Calls, changes, live

ANNA = "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0="
BEN = "gN65BkIKy1eCE9pP1wdc8ROUtkHLF2PfAqYdyYBz6EA="


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
