# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import random
import typing as t

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _peers, _topology
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._host_config import host_config
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._plan import make_plan
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._reader import InvalidInventory
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.inventories import (
    CountedHostvars,
    fleet,
    inventories,
    public_keys,
)


def planned(network: t.Any, members: t.Any, **more: t.Any) -> dict[str, t.Any]:
    hostvars = fleet(network, members)
    return make_plan(hostvars, hostvars, public_keys=public_keys(hostvars), **more)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(inventories())
def test_every_intended_flow_of_any_topology_is_proved(inventory: tuple[dict[str, t.Any], dict[str, t.Any]]) -> None:
    plan = planned(*inventory)
    assert [one for one in plan["findings"] if one["severity"] != "info"] == []
    assert plan["proof"]["verdict"] == "proved"
    assert plan["proof"]["pairs"] == plan["proof"]["delivered"] == len(inventory[1]) * (len(inventory[1]) - 1)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(inventories(), inventories())
def test_two_networks_on_the_same_hosts_are_proved(
    one: tuple[dict[str, t.Any], dict[str, t.Any]], other: tuple[dict[str, t.Any], dict[str, t.Any]]
) -> None:
    """The second one with addresses, ports and names of its own; only the first has exits, for a stack has one.

    What uses an exit sends the outer packets of the other network through it too, and is told of the MTU (WG801).
    """
    text = json.dumps(other)
    for mine, theirs in (("10.77.", "10.88."), ("fd77:", "fd88:"), ("192.168.", "172.20."), ("fd00:", "fd01:")):
        text = text.replace(mine, theirs)
    network, members = json.loads(text.replace("phone", "tablet"))
    networks = {
        "corp": {"interface": "wg0", **one[0]},
        "lab": {"interface": "wg1", "listen_port": 51821, **network},
    }
    hostvars: dict[str, t.Any] = {}
    for name, found in (("corp", one[1]), ("lab", members)):
        for host, options in found.items():
            if name == "lab":
                options.pop("exit", None)
            joined = hostvars.setdefault(host, {"wireguard_networks": networks, "wireguard": {}})
            joined["wireguard"][name] = options
    plan = make_plan(hostvars, hostvars, public_keys=public_keys(hostvars, "corp", "lab"))
    nested = {host for host, options in one[1].items() if "exit" in options}
    serious = [finding for finding in plan["findings"] if finding["severity"] != "info"]
    assert [one for one in serious if one["rule"] != "WG801" or one["host"] not in nested] == []
    assert plan["proof"]["verdict"] == "proved"


def test_two_hosts_on_one_lan_dial_each_other_there() -> None:
    """From the inventory to what the module gets: each of the two sees the other's address in the LAN."""
    members = {
        "lan1": {"addresses": ["10.77.0.1"], "endpoint": {"default": "203.0.113.10:4001", "office": "192.168.1.1"}},
        "lan2": {"addresses": ["10.77.0.2"], "endpoint": {"default": None, "office": "192.168.1.2"}},
        "far": {"addresses": ["10.77.0.3"], "endpoint": "198.51.100.3"},
    }
    forwarded = {"": {"port_forwards": [{"port": 4001, "to_port": 51820}]}}
    lan1 = {"group_names": ["office"], "wireguard_stacks": forwarded}
    hostvars = fleet({}, members, lan1=lan1, lan2={"group_names": ["office"]})
    plan = make_plan(hostvars, hostvars, public_keys=public_keys(hostvars))
    assert plan["proof"]["verdict"] == "proved"
    seen = {
        (host, peer["name"]): (peer.get("endpoint"), peer["persistent_keepalive"])
        for host in hostvars
        for peer in host_config(plan, host)[0]["peers"]
    }
    assert seen == {
        ("lan1", "lan2"): ("192.168.1.2:51820", 0),
        ("lan2", "lan1"): ("192.168.1.1:51820", 0),
        ("far", "lan1"): ("203.0.113.10:4001", 0),
        ("far", "lan2"): (None, 0),
        ("lan1", "far"): ("198.51.100.3:51820", 0),
        ("lan2", "far"): ("198.51.100.3:51820", 25),
    }


def test_the_proof_notices_next_hops_that_are_not_symmetric(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ring with an arbitrary tie-break between equally long ways, as a planner easily has it."""
    names = "abcdef"
    members = {name: {"addresses": [f"10.77.0.{n}"], "endpoint": f"203.0.113.{n}"} for n, name in enumerate(names, 1)}
    ring = {"topology": "links", "links": [list(pair) for pair in zip(names, names[1:] + "a", strict=True)]}
    assert planned(ring, members)["proof"]["verdict"] == "proved"
    monkeypatch.setattr(_topology, "link_number", lambda *_link: 0)
    assert planned(ring, members)["proof"]["verdict"] == "refuted"


def test_the_proof_notices_prefixes_that_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    members = {f"s{n}": {"addresses": [f"10.77.0.{n}"], "endpoint": f"203.0.113.{n}"} for n in (1, 2, 3)}
    network = {"topology": "hub", "hubs": ["s1"]}
    monkeypatch.setattr(_peers, "_texts", lambda prefixes: [str(prefix) for prefix in sorted(prefixes)][:2])
    assert planned(network, members)["proof"]["verdict"] == "refuted"


def shuffled(value: t.Any, order: random.Random) -> t.Any:
    if isinstance(value, dict):
        entries = list(value.items())
        order.shuffle(entries)
        return {name: shuffled(entry, order) for name, entry in entries}
    return value


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(inventories(), st.integers())
def test_the_same_inventory_in_another_order_gives_the_same_bytes(
    inventory: tuple[dict[str, t.Any], dict[str, t.Any]], seed: int
) -> None:
    hostvars = fleet(*inventory)
    order = random.Random(seed)
    hosts = list(hostvars)
    order.shuffle(hosts)
    one = make_plan(hostvars, sorted(hosts), public_keys=public_keys(hostvars))
    other = make_plan(shuffled(hostvars, order), hosts, public_keys=shuffled(public_keys(hostvars), order))
    assert json.dumps(one) == json.dumps(other)


MEMBERS = {
    "fra1": {"addresses": ["10.77.0.1"], "endpoint": "203.0.113.10", "advertise": ["192.168.10.0/24"]},
    "nyc1": {"addresses": ["10.77.0.2"], "endpoint": "203.0.113.20"},
    "ams1": {"addresses": ["10.77.0.3"]},
}


def test_a_plan_holds_what_the_format_says_and_json_takes_it() -> None:
    plan = planned({}, MEMBERS)
    assert sorted(plan) == [
        "assumptions", "expectations", "findings", "fleet", "ignored", "matrix", "proof", "removals", "summary",
        "traces", "version",
    ]  # fmt: skip
    assert json.loads(json.dumps(plan)) == plan
    assert plan["summary"]["networks"] == {"corp": 3}
    assert plan["summary"]["changes"] is None
    assert plan["proof"]["assumptions"] == len(plan["assumptions"])


def test_each_host_is_read_once() -> None:
    hostvars = CountedHostvars(fleet({}, MEMBERS))
    make_plan(hostvars, ["fra1", "nyc1", "ams1"])
    assert sorted(hostvars.reads) == ["ams1", "fra1", "nyc1"]


def test_a_mistake_in_a_value_is_a_finding_with_its_place_and_leaves_nothing_proved() -> None:
    plan = planned({}, {**MEMBERS, "nyc1": {**MEMBERS["nyc1"], "addresses": ["10.77.0.2", "10.77.0.300"]}})
    (finding,) = plan["findings"]
    assert (finding["rule"], finding["severity"], finding["host"]) == ("WG206", "error", "nyc1")
    assert (finding["interface"], finding["namespace"], finding["prefixes"]) == ("wg0", "", ["10.77.0.300"])
    assert finding["message"].startswith("wireguard.corp.addresses[1] of host nyc1: '10.77.0.300' is not an IPv4")
    assert plan["proof"]["verdict"] == "unproven"
    assert plan["summary"]["errors"] == 1


def test_host_bits_are_a_warning_and_cleared() -> None:
    plan = planned({}, {**MEMBERS, "fra1": {**MEMBERS["fra1"], "advertise": ["192.168.10.1/24"]}})
    (finding,) = plan["findings"]
    assert (finding["rule"], finding["severity"]) == ("WG205", "warning")
    assert plan["fleet"]["hosts"]["fra1"]["namespaces"][""]["advertise"] == ["192.168.10.0/24"]
    assert plan["proof"]["verdict"] == "proved"


def test_a_missing_key_is_a_finding_and_the_peer_stays() -> None:
    hostvars = fleet({}, MEMBERS)
    keys = public_keys(hostvars)
    del keys["nyc1"]
    plan = make_plan(hostvars, hostvars, public_keys=keys)
    assert [(one["rule"], one["host"]) for one in plan["findings"]] == [("WG109", "nyc1")]
    assert "nyc1" in [peer["name"] for peer in plan["fleet"]["peer_groups"]["corp"]]


@pytest.mark.parametrize("where", ["folder", "inventory"])
def test_a_bad_key_is_one_finding_and_not_also_a_missing_one(where: str) -> None:
    hostvars = fleet({}, {**MEMBERS, "nyc1": {**MEMBERS["nyc1"], "public_key": "not-a-key"}})
    keys = public_keys(hostvars)
    keys["nyc1"] = {"corp": "not-a-key"} if where == "folder" else {}
    if where == "folder":
        del hostvars["nyc1"]["wireguard"]["corp"]["public_key"]
    plan = make_plan(hostvars, hostvars, public_keys=keys)
    assert [(one["rule"], one["host"]) for one in plan["findings"]] == [("WG101", "nyc1")]
    assert "not-a-key" not in json.dumps(plan)


def test_a_bad_key_of_an_external_peer_is_one_finding() -> None:
    external = {"anna": {"via": "fra1", "addresses": ["10.77.9.1"], "public_key": "not-a-key"}}
    plan = planned({"external_peers": external}, MEMBERS)
    assert [one["rule"] for one in plan["findings"]] == ["WG101"]


def test_a_long_interface_name_is_one_finding_however_many_hosts_have_it() -> None:
    plan = planned({"interface": "wireguard-of-corp"}, MEMBERS)
    assert [one["rule"] for one in plan["findings"]] == ["WG609"]
    assert plan["findings"][0]["message"].startswith(
        "wireguard_networks.corp.interface: 'wireguard-of-corp' is 17 bytes"
    )


def test_a_prefix_given_to_two_members_is_refused_with_both_owners_and_the_winner() -> None:
    plan = planned({}, {**MEMBERS, "nyc1": {**MEMBERS["nyc1"], "advertise": ["192.168.10.0/24"]}})
    (finding,) = [one for one in plan["findings"] if one["rule"] == "WG201"]
    assert finding["prefixes"] == ["192.168.10.0/24"]
    assert "fra1" in finding["message"]
    assert "nyc1 wins" in finding["message"]
    assert plan["proof"]["verdict"] == "refuted"


def test_an_unreadable_inventory_is_no_plan() -> None:
    with pytest.raises(InvalidInventory, match="adresses of host fra1: is not an option"):
        planned({}, {**MEMBERS, "fra1": {**MEMBERS["fra1"], "adresses": []}})


def test_a_declared_intent_is_judged() -> None:
    expect = [
        {"from": {"host": "ams1"}, "to": {"prefix": "192.168.10.0/24"}, "reach": True},
        {"from": {"host": "ams1"}, "to": {"host": "nyc1"}, "reach": False},
    ]
    plan = planned({"expect": expect}, MEMBERS)
    assert [entry["holds"] for entry in plan["expectations"]] == [True, False]
    assert [one["rule"] for one in plan["findings"]] == ["WG002"]


def test_what_changes_is_told_against_the_previous_plan() -> None:
    before = planned({}, MEMBERS)
    assert planned({}, MEMBERS, previous=before)["summary"]["changes"] == []
    moved = {
        **MEMBERS,
        "fra1": {**MEMBERS["fra1"], "advertise": []},
        "nyc1": {**MEMBERS["nyc1"], "advertise": ["192.168.10.0/24"]},
    }
    changes = planned({}, moved, previous=before)["summary"]["changes"]
    told = {(one["action"], one["row"], one["peer"], one["before"] or one["after"]) for one in changes if one["row"]}
    row = "corp (shared by 2 interfaces)"
    assert ("remove", row, "fra1", "192.168.10.0/24") in told
    assert ("add", row, "nyc1", "192.168.10.0/24") in told


# wireguard_ignore

NESTED = {**MEMBERS, "nyc1": {**MEMBERS["nyc1"], "advertise": ["192.168.10.128/25"]}}


def ignoring(entries: t.Any, members: t.Any = None, hosts: t.Any = ("fra1", "nyc1", "ams1")) -> dict[str, t.Any]:
    hostvars = fleet({}, members or NESTED, **{host: {"wireguard_ignore": entries} for host in hosts})
    return make_plan(hostvars, hostvars, public_keys=public_keys(hostvars))


def rules(findings: t.Any) -> list[tuple[str, str]]:
    return [(one["rule"], one["host"]) for one in findings]


def test_what_is_ignored_is_kept_apart_with_its_reason() -> None:
    before = rules(ignoring([])["findings"])
    assert ("WG605", "nyc1") in before
    plan = ignoring([{"rule": "WG605", "host": "nyc1", "reason": "a lab inside the site"}])
    assert rules(plan["findings"]) == [one for one in before if one != ("WG605", "nyc1")]
    assert [(one["rule"], one["reason"]) for one in plan["ignored"]] == [("WG605", "a lab inside the site")]
    assert plan["summary"]["ignored"] == 1


@pytest.mark.parametrize(
    ("entry", "hosts", "ignored"),
    [
        ({"rule": "WG605"}, ("fra1", "nyc1", "ams1"), True),
        ({"rule": "WG605"}, ("nyc1",), True),
        ({"rule": "WG605"}, ("fra1",), False),
        ({"rule": "WG605", "host": "nyc1"}, ("fra1",), True),
        ({"rule": "WG605", "peer": "fra1"}, ("nyc1",), True),
        ({"rule": "WG605", "peer": "ams1"}, ("nyc1",), False),
        ({"rule": "WG605", "interface": "wg7"}, ("nyc1",), False),
        ({"rule": "WG605", "prefix": "192.168.10.128/25"}, ("nyc1",), True),
        ({"rule": "WG605", "prefix": "192.168.99.0/24"}, ("nyc1",), False),
    ],
)
def test_an_entry_holds_where_it_says(entry: t.Any, hosts: t.Any, ignored: bool) -> None:
    plan = ignoring([{**entry, "reason": "tested"}], hosts=hosts)
    assert (("WG605", "nyc1") in rules(plan["ignored"])) is ignored


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ("WG605", "wireguard_ignore of host ams1: 'WG605' is a text where a list is expected"),
        (["WG605"], r"wireguard_ignore\[0\] of host ams1: is a text where a mapping is expected"),
        ([{"rule": "WG605"}], r"wireguard_ignore\[0\] of host ams1: needs a rule and a reason"),
        (
            [{"rule": "WG666", "reason": "x"}],
            r"wireguard_ignore\[0\].rule of host ams1: 'WG666' is not a rule; did you mean",
        ),
        (
            [{"rule": "WG605", "host": "nyc2", "reason": "x"}],
            "'nyc2' is not a host of this inventory; did you mean nyc1",
        ),
        ([{"rule": "WG605", "hosts": [], "reason": "x"}], "hosts of host ams1: is not an option; did you mean host"),
    ],
)
def test_a_bad_entry_is_named_once(entries: t.Any, message: str) -> None:
    with pytest.raises(InvalidInventory, match=message) as caught:
        ignoring(entries)
    assert len({problem.host for problem in caught.value.problems}) == 1


def test_a_value_that_could_not_be_read_cannot_be_ignored() -> None:
    members = {**MEMBERS, "nyc1": {**MEMBERS["nyc1"], "addresses": ["10.77.0.2", "10.77.0.300"]}}
    plan = ignoring([{"rule": "WG206", "reason": "never mind"}], members)
    assert rules(plan["findings"]) == [("WG206", "nyc1")]


def test_host_bits_can_be_ignored_because_they_are_cleared() -> None:
    members = {**MEMBERS, "nyc1": {**MEMBERS["nyc1"], "advertise": ["10.5.5.5/24"]}}
    assert ignoring([{"rule": "WG205", "reason": "copied"}], members)["findings"] == []
