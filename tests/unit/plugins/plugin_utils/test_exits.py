# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Full tunnels: who has the default route, what leads there, and what does not go together."""

from __future__ import annotations

import ipaddress
import time
import typing as t

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from hypothesis import HealthCheck, given, settings

from ansible_collections.cryptokey.wireguard.plugins.module_utils._argspec import interface as interface_spec
from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared import declare
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _exits
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._host_config import host_config
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._plan import make_plan
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._reader import InvalidInventory
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._trace import trace
from ansible_collections.cryptokey.wireguard.tests.oracle.simulator import Simulator
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.inventories import (
    fleet,
    inventories,
    numbered,
    public_keys,
)

DEFAULTS = {"0.0.0.0/0", "::/0"}


def member(number: int, **options: t.Any) -> dict[str, t.Any]:
    return {"addresses": [f"10.77.0.{number}", f"fd77::{number}"], "endpoint": f"203.0.113.{number}", **options}


MEMBERS = {
    "fra1": member(1, advertise=["0.0.0.0/0", "::/0"]),
    "nyc1": member(2),
    "lap1": member(3, exit="fra1"),
    "desk1": member(4),
}
TOPOLOGIES: dict[str, t.Any] = {
    "mesh": {},
    "the exit is the hub": {"topology": "hub", "hubs": ["fra1"]},
    "behind a hub": {"topology": "hub", "hubs": ["nyc1"]},
    "links": {"topology": "links", "links": [["lap1", "desk1"], ["desk1", "nyc1"], ["nyc1", "fra1"]]},
}


def planned(network: t.Any = None, members: t.Any = None, **variables: t.Any) -> dict[str, t.Any]:
    hostvars = fleet(network or {}, members or MEMBERS, **variables)
    return make_plan(hostvars, hostvars, public_keys=public_keys(hostvars))


def has_default(plan: dict[str, t.Any]) -> dict[str, list[str]]:
    """By host, the peers that have a default route there."""
    found: dict[str, list[str]] = {}
    for host in plan["fleet"]["hosts"]:
        for peer in host_config(plan, host)[0]["peers"]:
            if DEFAULTS & set(peer["allowed_ips"]):
                found.setdefault(host, []).append(peer["name"])
    return found


def ends(plan: dict[str, t.Any], host: str, destination: str) -> tuple[str, str]:
    address = plan["fleet"]["hosts"][host]["interfaces"][0]["addresses"][1 if ":" in destination else 0]
    found = trace(parse_fleet(plan["fleet"]), host=host, source=address.split("/")[0], destination=destination)
    return found["outcome"], found["at"]["host"]


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_the_chosen_member_leaves_by_the_exit_and_nobody_else_does(topology: str) -> None:
    plan = planned(TOPOLOGIES[topology])
    assert plan["findings"] == []
    assert plan["proof"]["verdict"] == "proved"
    for destination in ("198.51.100.7", "2001:db8::7"):
        assert ends(plan, "lap1", destination) == ("exits", "fra1")
        for host in ("nyc1", "desk1", "fra1"):
            assert ends(plan, host, destination) == ("exits", host)
    assert [entry["holds"] for entry in plan["expectations"]] == [True]


def test_only_who_is_on_the_way_has_the_default_route() -> None:
    assert has_default(planned()) == {"lap1": ["fra1"]}
    assert has_default(planned(TOPOLOGIES["behind a hub"])) == {"lap1": ["nyc1"], "nyc1": ["fra1"]}
    assert has_default(planned(TOPOLOGIES["links"])) == {"lap1": ["desk1"], "desk1": ["nyc1"], "nyc1": ["fra1"]}


def test_a_network_may_have_an_exit_for_everybody_and_a_member_another_opinion() -> None:
    members = {**MEMBERS, "desk1": member(4, exit=False)}
    assert has_default(planned({"exit": "fra1"}, members)) == {"nyc1": ["fra1"], "lap1": ["fra1"]}
    members["nyc1"] = member(2, advertise=["0.0.0.0/0"])
    members["desk1"] = member(4, exit="nyc1")
    plan = planned({"exit": "fra1"}, members)
    assert has_default(plan) == {"lap1": ["fra1"], "desk1": ["nyc1"]}
    assert ends(plan, "desk1", "198.51.100.7") == ("exits", "nyc1")
    assert ends(plan, "desk1", "2001:db8::7") == ("exits", "desk1")


def test_the_users_arrangement_is_that_of_wg_quick() -> None:
    (lap,) = host_config(planned(), "lap1")
    assert (lap["table"], lap["fwmark"], lap["routing"]) == ("51820", 51820, "auto")
    assert (lap["full_tunnel"], lap["rules"]) == (True, [])
    (interface,) = planned()["fleet"]["hosts"]["lap1"]["interfaces"]
    assert interface["options"]["rules"] == [
        {"priority": 32764, "table": "main", "suppress_prefixlength": 0},
        {"priority": 32765, "fwmark": 51820, "invert": True, "table": "51820"},
    ]


def test_who_only_passes_on_keeps_its_own_default_route() -> None:
    (hub,) = host_config(planned(TOPOLOGIES["behind a hub"]), "nyc1")
    assert "fwmark" not in hub
    assert hub["full_tunnel"] is False
    assert hub["rules"] == [
        {"priority": 32763, "table": "main", "suppress_prefixlength": 0},
        {"priority": 32764, "table": "51820", "suppress_prefixlength": 0},
        {"priority": 32765, "iif": "wg0", "table": "51820"},
    ]


def test_declared_marks_tables_and_rules_are_used() -> None:
    mine = {"priority": 100, "to": "192.0.2.0/24", "table": "main"}
    (lap,) = host_config(planned({"routing": {"table": 200, "fwmark": 7, "rules": [mine]}}), "lap1")
    assert (lap["table"], lap["fwmark"]) == ("200", 7)
    assert (lap["full_tunnel"], lap["rules"]) == (True, [mine])


def test_a_port_that_is_the_number_of_a_kernels_table_is_not_used_as_one() -> None:
    (lap,) = host_config(planned({}, {**MEMBERS, "lap1": member(3, exit="fra1", listen_port=254)}), "lap1")
    assert lap["table"] == str(254 + 65536)


def test_a_namespace_whose_only_way_out_is_the_tunnel_needs_no_rules() -> None:
    plan = planned({}, {**MEMBERS, "lap1": member(3, exit="fra1", namespace="sealed")})
    (lap,) = host_config(plan, "lap1")
    assert (lap["table"], lap["rules"], plan["proof"]["verdict"]) == ("main", [], "proved")
    described = {"wireguard_stacks": {"sealed": {"addresses": {"veth0": ["192.168.1.2/24"]}, "routes": [
        {"destination": "0.0.0.0/0", "device": "veth0"}]}}}  # fmt: skip
    plan = planned({}, {**MEMBERS, "lap1": member(3, exit="fra1", namespace="sealed")}, lap1=described)
    assert host_config(plan, "lap1")[0]["table"] == "51820"
    assert plan["proof"]["verdict"] == "proved"


def test_the_lan_of_a_full_tunnel_host_stays_where_it_is() -> None:
    described = {"wireguard_stacks": {"": {"addresses": {"eth0": ["192.168.178.3/24"]}, "routes": [
        {"destination": "0.0.0.0/0", "device": "eth0", "gateway": "192.168.178.1"},
        {"destination": "172.16.5.0/24", "device": "eth0", "gateway": "192.168.178.2"}]}}}  # fmt: skip
    plan = planned({}, MEMBERS, lap1=described)
    assert plan["proof"]["verdict"] == "proved"
    for destination in ("192.168.178.9", "172.16.5.5"):
        assert ends(plan, "lap1", destination) == ("exits", "lap1")
    assert ends(plan, "lap1", "172.16.6.6") == ("exits", "fra1")


def test_the_exit_forwards_and_what_nobody_describes_is_told() -> None:
    plan = planned()
    stack = plan["fleet"]["hosts"]["fra1"]["namespaces"][""]
    assert stack["forwarding"] == {"ipv4": True, "ipv6": True}
    assert stack["masquerade"] == ["underlay0"]
    texts = [one["assumption"] for one in plan["assumptions"]]
    assert any("leaves the fleet at fra1 is translated" in text for text in texts)
    assert any("reverse path filter of lap1" in text for text in texts)
    assert "0.0.0.0/0" not in str(stack.get("advertise"))


def test_an_exit_without_a_way_out_is_refuted() -> None:
    described = {"wireguard_stacks": {"": {"addresses": {"eth0": ["203.0.113.1/24"]}, "routes": []}}}
    plan = planned({}, MEMBERS, fra1=described)
    assert plan["proof"]["verdict"] == "refuted"
    assert "WG001" in [finding["rule"] for finding in plan["findings"]]


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("broken", ["rules", "default", "forwarding"])
def test_the_proof_notices_what_is_missing(monkeypatch: pytest.MonkeyPatch, topology: str, broken: str) -> None:
    """The derivation is broken on purpose: the prover must not take its word for anything."""
    if broken == "rules":
        monkeypatch.setattr(_exits, "_with_rules", lambda routing, _rules: routing)
    if broken == "default":
        monkeypatch.setattr(_exits.Exits, "defaults", lambda *_place: [])
    network = {**TOPOLOGIES[topology], **({"forwarding": "unmanaged"} if broken == "forwarding" else {})}
    assert planned(network)["proof"]["verdict"] == "refuted"


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(inventories())
def test_an_independent_simulator_sees_the_packets_leave_and_the_answers_come_back(inventory: t.Any) -> None:
    network, members = inventory
    plan = planned(network, members)
    hosts = plan["fleet"]["hosts"]
    simulator = Simulator(plan["fleet"])
    for name, options in members.items():
        taken = {text for text in members.get(options.get("exit"), {}).get("advertise", []) if text in DEFAULTS}
        (device,) = hosts[name]["interfaces"]
        for text in device["addresses"]:
            own = ipaddress.ip_interface(text)
            outside = ipaddress.ip_address("198.51.100.7" if own.version == 4 else "2001:db8::7")
            place = name, device["namespace"], own.version
            found = simulator.send(*place, int(own.ip), int(outside), ingress="lo")
            if ("0.0.0.0/0" if own.version == 4 else "::/0") not in taken:
                # In a namespace without another way out there is none; nobody may leave by an exit unasked.
                assert found["outcome"] in ("exits", "no_route")
                assert found["at"]["host"] == name
                continue
            assert (found["outcome"], found["at"]["host"]) == ("exits", options["exit"])
            answer = (options["exit"], "", own.version, int(outside), int(own.ip))
            back = simulator.send(*answer, ingress=found["at"]["device"])
            assert (back["outcome"], back["at"]["host"]) == ("delivered", name)


def test_a_relay_cannot_pass_on_in_two_directions() -> None:
    members = {**MEMBERS, "nyc1": member(2, advertise=["0.0.0.0/0"]), "desk1": member(4, exit="nyc1"), "hub": member(5)}
    plan = planned({"topology": "hub", "hubs": ["hub"]}, members)
    told = [finding for finding in plan["findings"] if finding["rule"] == "WG208"]
    assert [finding["host"] for finding in told] == ["hub"]
    assert "has to pass the default route of IPv4 on to" in told[0]["message"]


def test_an_exit_cannot_pass_on_to_another_one() -> None:
    members = {**MEMBERS, "nyc1": member(2, advertise=["0.0.0.0/0"]), "desk1": member(4, exit="nyc1")}
    plan = planned({"topology": "hub", "hubs": ["nyc1"]}, members)
    told = [finding for finding in plan["findings"] if finding["rule"] == "WG208"]
    assert [finding["host"] for finding in told] == ["nyc1"]
    assert "its own way out" in told[0]["message"]


def test_an_exit_that_takes_another_family_is_refused() -> None:
    members = {**MEMBERS, "fra1": member(1, advertise=["::/0"]), "lap1": {"addresses": ["10.77.0.3"], "exit": "fra1"}}
    with pytest.raises(InvalidInventory, match=r"wireguard.corp.exit of host lap1: 'fra1' takes IPv6 only"):
        planned({}, members)


def test_two_full_tunnels_in_one_namespace_are_refused() -> None:
    networks = {"corp": {"interface": "wg0"}, "home": {"interface": "wg1", "listen_port": 51821}}
    exits = {name: member(number, advertise=["0.0.0.0/0"]) for number, name in ((1, "corp"), (2, "home"))}
    users = {"corp": member(3, exit="a"), "home": {**member(4), "exit": "a"}}
    hostvars = {
        name: {"wireguard_networks": networks, "wireguard": joined} for name, joined in (("a", exits), ("lap1", users))
    }
    with pytest.raises(InvalidInventory, match=r"wireguard.home.exit of host lap1: 'a' is a second way out of one"):
        make_plan(hostvars, hostvars, public_keys=public_keys(hostvars, "corp", "home"))
    users["home"]["namespace"] = "sealed"
    plan = make_plan(hostvars, hostvars, public_keys=public_keys(hostvars, "corp", "home"))
    assert plan["proof"]["verdict"] == "proved"


def test_whoever_routes_himself_gets_the_default_in_allowed_ips_and_nothing_else() -> None:
    plan = planned({"routing": False})
    (lap,) = host_config(plan, "lap1")
    assert (lap["routing"], lap["rules"]) == ("off", [])
    assert has_default(plan) == {"lap1": ["fra1"]}
    assert plan["proof"]["verdict"] == "refuted"


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_the_interface_module_takes_it(topology: str) -> None:
    plan = planned(TOPOLOGIES[topology])
    for host in MEMBERS:
        (arguments,) = host_config(plan, host)
        validated = ArgumentSpecValidator(interface_spec()).validate(arguments)
        assert validated.error_messages == []
        assert declare(validated.validated_parameters).warnings == ()


@pytest.mark.parametrize("network", [{}, {"topology": "hub", "hubs": ["h0000"]}])
def test_three_hundred_full_tunnels_are_planned_in_seconds(network: t.Any) -> None:
    members = numbered(300)
    members["h0001"]["advertise"] = ["0.0.0.0/0"]
    started = time.process_time()
    plan = planned({**network, "exit": "h0001"}, members)
    assert time.process_time() - started < 15
    assert plan["proof"]["verdict"] == "proved"
    assert plan["findings"] == []
