# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exits that nobody manages: what gets there, what is let in from there, and what has to be assumed."""

from __future__ import annotations

import copy
import ipaddress
import typing as t

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ansible_collections.cryptokey.wireguard.plugins.module_utils._argspec import interface as interface_spec
from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared import declare
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _exits
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._host_config import host_config
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._plan import make_plan
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._prover import prove
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._reader import InvalidInventory
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._picture import draw
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._words import headline
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rules import check
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._trace import trace
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._trace_text import render
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._what_if import what_if
from ansible_collections.cryptokey.wireguard.tests.oracle.simulator import Simulator
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.inventories import (
    fleet,
    inventories,
    key,
    public_keys,
)

DEFAULTS = ["0.0.0.0/0", "::/0"]
VPN = {"via": "gw", "public_key": key("vpn"), "endpoint": "198.51.100.9:51820", "advertise": DEFAULTS}
LEDGER = "external exits pass on what they get"


def member(number: int, **options: t.Any) -> dict[str, t.Any]:
    return {"addresses": [f"10.77.0.{number}", f"fd77::{number}"], "endpoint": f"203.0.113.{number}", **options}


MEMBERS = {"gw": member(1), "hub": member(2), "lap": member(3, exit="vpn"), "desk": member(4)}
TOPOLOGIES: dict[str, t.Any] = {
    "mesh": {},
    "its speaker is the hub": {"topology": "hub", "hubs": ["gw"]},
    "behind a hub": {"topology": "hub", "hubs": ["hub"]},
    "links": {"topology": "links", "links": [["lap", "desk"], ["desk", "hub"], ["hub", "gw"]]},
}


def planned(network: t.Any = None, members: t.Any = None, vpn: t.Any = None, **variables: t.Any) -> dict[str, t.Any]:
    network = {"external_peers": {"vpn": {**VPN, **(vpn or {})}}, **(network or {})}
    hostvars = fleet(network, members or MEMBERS, **variables)
    return make_plan(hostvars, hostvars, public_keys=public_keys(hostvars))


def with_default(plan: dict[str, t.Any]) -> dict[str, list[str]]:
    """By host, the peers that have a default route there."""
    found: dict[str, list[str]] = {}
    for host in plan["fleet"]["hosts"]:
        for peer in host_config(plan, host)[0]["peers"]:
            if set(DEFAULTS) & set(peer["allowed_ips"]):
                found.setdefault(host, []).append(peer["name"])
    return found


def ledger(plan: dict[str, t.Any]) -> dict[str, list[str]]:
    return {one["assumption"]: one["hosts"] for one in plan["assumptions"] if one["assumption"].startswith(LEDGER)}


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_the_users_packets_get_there_and_the_answers_come_back(topology: str) -> None:
    plan = planned(TOPOLOGIES[topology])
    assert plan["findings"] == []
    assert plan["proof"]["verdict"] == "proved"
    assert [(one["to"], one["holds"]) for one in plan["expectations"]] == [("0.0.0.0/0, ::/0 behind peer vpn", True)]
    assert ledger(plan) == {f"{LEDGER}, from whatever source, and send the answers back: vpn": ["gw"]}
    for source, destination in (("10.77.0.3", "198.51.100.77"), ("fd77::3", "2001:db8::7")):
        found = trace(parse_fleet(plan["fleet"]), host="lap", source=source, destination=destination)
        assert (found["outcome"], found["at"]["host"], found["blockers"]) == ("unmanaged_peer", "gw", [])
        assert (found["back"]["outcome"], found["back"]["at"]["host"], found["back"]["peer"]) == (
            "delivered",
            "lap",
            "vpn",
        )
        for host in ("gw", "hub", "desk"):
            address = plan["fleet"]["hosts"][host]["interfaces"][0]["addresses"][":" in source].split("/")[0]
            own = trace(parse_fleet(plan["fleet"]), host=host, source=address, destination=destination)
            assert (own["outcome"], own["at"]["host"]) == ("exits", host)


def test_who_speaks_to_it_and_uses_it_needs_nobody_between() -> None:
    members = {**MEMBERS, "desk": member(4, exit="vpn")}
    assert with_default(planned({}, members)) == {"desk": ["gw"], "lap": ["gw"], "gw": ["vpn"]}
    both = planned({}, members, {"via": ["gw", "desk"]})
    assert with_default(both) == {"desk": ["vpn"], "lap": ["gw"], "gw": ["vpn"]}
    alone = planned({}, {**MEMBERS, "lap": member(3)} | {"desk": member(4, exit="vpn")}, {"via": ["gw", "desk"]})
    assert with_default(alone) == {"desk": ["vpn"]}
    for plan in (both, alone):
        assert (plan["findings"], plan["proof"]["verdict"]) == ([], "proved")


def test_an_exit_that_nobody_has_chosen_is_silent() -> None:
    plan = planned({}, {**MEMBERS, "lap": member(3)})
    assert (with_default(plan), plan["findings"], plan["expectations"], ledger(plan)) == ({}, [], [], {})


def test_only_those_on_the_way_are_told_to_forward() -> None:
    hosts = planned()["fleet"]["hosts"]
    forwarding = {name: host["namespaces"][""].get("forwarding") for name, host in hosts.items()}
    assert forwarding == {"gw": {"ipv4": True, "ipv6": True}, "hub": None, "lap": None, "desk": None}


def test_the_arrangement_is_that_of_any_full_tunnel() -> None:
    plan = planned()
    (lap,), (gw,) = host_config(plan, "lap"), host_config(plan, "gw")
    assert (lap["full_tunnel"], lap["fwmark"], lap["table"]) == (True, 51820, "51820")
    assert (gw["full_tunnel"], gw.get("fwmark")) == (False, None)
    assert gw["rules"][-1] == {"priority": 32765, "iif": "wg0", "table": "51820"}
    for host in MEMBERS:
        for arguments in host_config(plan, host):
            validated = ArgumentSpecValidator(interface_spec()).validate(arguments)
            assert validated.error_messages == []
            assert declare(validated.validated_parameters).warnings == ()


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("broken", ["rules", "default", "forwarding"])
def test_the_proof_notices_what_is_missing(monkeypatch: pytest.MonkeyPatch, topology: str, broken: str) -> None:
    if broken == "rules":
        monkeypatch.setattr(_exits, "_with_rules", lambda routing, _rules: routing)
    if broken == "default":
        monkeypatch.setattr(_exits.Exits, "defaults", lambda *_place: [])
    network = {**TOPOLOGIES[topology], **({"forwarding": "unmanaged"} if broken == "forwarding" else {})}
    plan = planned(network)
    assert plan["proof"]["verdict"] == "refuted"
    assert "WG001" in [finding["rule"] for finding in plan["findings"]]


def test_an_answer_that_the_source_check_drops_refutes() -> None:
    """Of two peers the one that has the longer prefix is the only one that may send from there."""
    document = copy.deepcopy(planned()["fleet"])
    (interface,) = document["hosts"]["gw"]["interfaces"]
    thief = {"name": "phone", "public_key": key("phone"), "managed": False, "allowed_ips": ["198.18.0.0/15"]}
    interface["peers"].append(thief)
    found = parse_fleet(document)
    assert prove(found).verdict == "refuted"
    (told,) = [one for one in check(found) if one["rule"] == "WG001"]
    assert "ends with unmanaged_peer at gw on wg0" in told["message"]
    assert "take the prefix of 198.18.0.0 out of the AllowedIPs of phone" in told["hint"]
    # Whatever it steals is left out of the intent: then all that is meant gets there.
    document["networks"]["corp"]["expect"][0]["to"]["except"].append("198.18.0.0/15")
    assert prove(parse_fleet(document)).verdict == "proved"
    interface["peers"][-2]["allowed_ips"] = ["0.0.0.0/1", "128.0.0.0/2", "::/0"]
    assert prove(parse_fleet(document)).verdict == "refuted"


def test_another_peer_of_the_same_kind_is_not_the_one_that_is_meant() -> None:
    document = copy.deepcopy(planned()["fleet"])
    (interface,) = document["hosts"]["gw"]["interfaces"]
    vpn = next(peer for peer in interface["peers"] if peer["name"] == "vpn")
    vpn["name"] = "another"
    assert prove(parse_fleet(document)).verdict == "refuted"
    vpn.update(name="vpn", managed=None)
    assert prove(parse_fleet(document)).verdict == "refuted"


APART = {"topology": "links", "links": [], "exit": "vpn"}


def test_members_that_are_apart_may_even_have_the_same_address() -> None:
    members = {"anna": {"addresses": ["10.2.0.2"]}, "ben": {"addresses": ["10.2.0.2"]}}
    plan = planned(APART, members, {"via": ["anna", "ben"], "addresses": ["10.2.0.1"]})
    assert plan["findings"] == []
    assert (plan["proof"]["verdict"], plan["proof"]["pairs"]) == ("proved", 0)
    assert [(one["network"], one["from"]) for one in plan["expectations"]] == [
        ("corp/anna", "host anna"), ("corp/ben", "host ben")]  # fmt: skip
    for host in members:
        (peer,) = host_config(plan, host)[0]["peers"]
        assert peer["allowed_ips"] == ["0.0.0.0/0", "10.2.0.1/32"]
    (picture,) = draw(plan)
    assert [(node.name, node.kind) for node in picture.nodes] == [
        ("anna", "host"), ("ben", "host"), ("vpn", "external")]  # fmt: skip
    assert picture.links == ((0, 2), (1, 2))


def test_the_verdict_of_members_that_are_apart_speaks_of_their_intents() -> None:
    members = {"anna": {"addresses": ["10.2.0.2"]}, "ben": {"addresses": ["10.2.0.2"]}}
    kind, what = headline(planned(APART, members, {"via": ["anna", "ben"]}))
    assert kind.startswith("PROVED under")
    assert what == "2 of 2 intents met"


def test_intents_of_the_user_hold_for_members_that_are_apart() -> None:
    members = {"anna": {"addresses": ["10.2.0.2"]}, "ben": {"addresses": ["10.2.0.3"]}}
    deny = {"from": {"host": "anna"}, "to": {"network": "corp"}, "reach": False}
    plan = planned({**APART, "expect": [deny]}, members, {"via": ["anna", "ben"]})
    assert [one["holds"] for one in plan["expectations"]] == [True, True, True]


def test_addresses_of_members_that_are_apart_are_kept() -> None:
    network = {**APART, "pool": ["10.2.0.0/24"], "external_peers": {"vpn": {**VPN, "via": ["anna", "ben"]}}}
    hostvars = fleet(network, {"anna": {}, "ben": {}})
    before = make_plan(hostvars, hostvars, public_keys=public_keys(hostvars))
    held = [host["interfaces"][0]["addresses"][0].split("/")[0] for host in before["fleet"]["hosts"].values()]
    hostvars = fleet(network, {"anna": {}, "ben": {}})
    before["fleet"]["hosts"]["anna"]["interfaces"][0]["addresses"] = ["10.2.0.77/32"]
    after = make_plan(hostvars, hostvars, public_keys=public_keys(hostvars), previous=before)
    assert after["fleet"]["hosts"]["anna"]["interfaces"][0]["addresses"] == ["10.2.0.77/32"] != [held[0]]
    assert not [one for one in after["findings"] if one["rule"] == "WG602"]


def test_nobody_apart_uses_an_exit_that_does_not_know_him() -> None:
    members = {"anna": {"addresses": ["10.2.0.2"]}, "ben": {"addresses": ["10.2.0.3"]}}
    peers = {"vpn": {**VPN, "via": "anna"}, "other": {**VPN, "via": "ben", "public_key": key("other")}}
    with pytest.raises(
        InvalidInventory, match=r"wireguard.corp.exit of host ben: 'vpn' is not reached: network corp has"
    ):
        planned({**APART, "external_peers": peers}, members)


def chained(**options: t.Any) -> dict[str, t.Any]:
    """A gateway that is the exit of others and itself behind a provider, by a tunnel that translates."""
    networks = {"corp": {"interface": "wg0"}, "vpn": {"external_peers": {"vpn": VPN}}}
    gateway = {
        "corp": {**member(1, advertise=["0.0.0.0/0"]), "fwmark": 51821},
        "vpn": {"addresses": ["10.64.0.2"], "exit": "vpn", "listen_port": 51821, "masquerade": ["wg-vpn"], **options},
    }
    joined = {"gw": gateway, "lap": {"corp": {"addresses": ["10.77.0.3"], "exit": "gw"}}}
    hostvars = {name: {"wireguard_networks": networks, "wireguard": found} for name, found in joined.items()}
    return make_plan(hostvars, hostvars, public_keys=public_keys(hostvars, "corp", "vpn"))


def test_an_exit_of_ours_may_itself_be_behind_one() -> None:
    plan = chained()
    assert plan["findings"] == []
    assert plan["proof"]["verdict"] == "proved"
    assert [(one["network"], one["holds"]) for one in plan["expectations"]] == [("corp", True), ("vpn", True)]
    text = render(trace(parse_fleet(plan["fleet"]), host="lap", source="10.77.0.3", destination="192.0.2.1"))
    assert "→ wg-vpn → peer vpn (AllowedIPs 0.0.0.0/0), outside this fleet" in text
    assert "vpn → 10.77.0.3   (src 192.0.2.1)" in text


def test_translation_on_a_tunnel_is_not_modelled_where_the_fleet_is_meant() -> None:
    network = {"topology": "hub", "hubs": ["hub"]}
    plan = planned(network, {**MEMBERS, "hub": member(2, masquerade=["wg0"])})
    assert plan["proof"]["verdict"] == "unproven"
    assert "WG003" in [finding["rule"] for finding in plan["findings"]]


def beside_a_server(**options: t.Any) -> list[dict[str, t.Any]]:
    """WG705 of a host that others dial and that is behind a provider."""
    networks = {"corp": {"interface": "wg0"}, "vpn": {"external_peers": {"vpn": VPN}}}
    joined: dict[str, t.Any] = {
        "corp": {"addresses": ["10.77.0.1"], "endpoint": "203.0.113.1", **options},
        "vpn": {"addresses": ["10.64.0.2", "fd64::2"], "exit": "vpn", "listen_port": 51821},
    }
    described = {"": {"addresses": {"eth0": ["203.0.113.1/24"]}, "routes": [
        {"destination": "0.0.0.0/0", "device": "eth0", "gateway": "203.0.113.254"}]}}  # fmt: skip
    hostvars = {
        "gw": {"wireguard": joined, "wireguard_stacks": described},
        "lap": {"wireguard": {"corp": {"addresses": ["10.77.0.2"]}}},
    }
    hostvars = {name: {**found, "wireguard_networks": networks} for name, found in hostvars.items()}
    plan = make_plan(hostvars, hostvars, public_keys=public_keys(hostvars, "corp", "vpn"))
    return [one for one in plan["findings"] if one["rule"] == "WG705"]


def test_a_host_that_others_dial_answers_by_the_underlay() -> None:
    """Road warriors have no endpoint that could be routed: only a mark keeps the answers out of the tunnel."""
    (told,) = beside_a_server()
    assert (told["host"], told["interface"]) == ("gw", "wg0")
    assert told["hint"].startswith("give wg0 and wg-vpn the same fwmark")
    assert beside_a_server(fwmark=51821) == []


def test_what_is_lost_while_the_exit_is_down() -> None:
    document = planned()["fleet"]
    for down in ({"hosts_down": ["vpn"]}, {"links_down": [("gw", "vpn")]}, {"links_down": [("vpn", "gw")]}):
        found = what_if(parse_fleet(document), **t.cast("t.Any", down))
        assert [(one["to"], one["after"]) for one in found["intents"]] == [("0.0.0.0/0, ::/0 behind peer vpn", False)]
        assert (found["lost"]["pairs"], found["remaining"]["pairs"]) == (0, 12)
    with pytest.raises(InvalidInput, match="'vpm' is not a host of this fleet"):
        what_if(parse_fleet(document), hosts_down=["vpm"])
    with pytest.raises(InvalidInput, match="is no link"):
        what_if(parse_fleet(document), links_down=[("lap", "vpn")])


def test_the_order_of_a_change_keeps_the_way_to_the_exit() -> None:
    before = planned({}, None, {"via": ["gw", "desk"]})
    network = {"external_peers": {"vpn": {**VPN, "via": ["desk", "gw"]}}}
    hostvars = fleet(network, MEMBERS)
    after = make_plan(hostvars, hostvars, public_keys=public_keys(hostvars), previous=before)
    (told,) = [one for one in after["findings"] if one["rule"] == "WG902"]
    assert "desk; then lap; then gw" in told["hint"]


def test_a_relay_cannot_pass_on_to_two_of_them() -> None:
    peers = {"vpn": VPN, "other": {**VPN, "public_key": key("other")}}
    plan = planned({"external_peers": peers}, {**MEMBERS, "desk": member(4, exit="other")})
    told = [one for one in plan["findings"] if one["rule"] == "WG208" and one["path"]]
    assert [one["host"] for one in told] == ["gw", "gw"]
    assert "has to pass the default route of IPv4 on to other and to vpn" in told[0]["message"]


def test_the_neighbours_of_who_only_passes_on_make_it_no_exit() -> None:
    described = {"wireguard_stacks": {"": {"addresses": {"eth0": ["203.0.113.1/24"]}, "routes": [
        {"destination": "0.0.0.0/0", "device": "eth0", "gateway": "203.0.113.254"},
        {"destination": "::/0", "device": "eth0"}]}}}  # fmt: skip
    plan = planned({}, MEMBERS, gw=described)
    assert [one["rule"] for one in plan["findings"]] == []


def test_an_intent_of_an_external_peer_names_it_at_one_end_only() -> None:
    document = planned()["fleet"]
    intent = document["networks"]["corp"]["expect"][0]
    for entry in (
        {"from": intent["to"], "to": {"host": "lap"}},
        {"from": intent["from"], "to": {"peer": "vpn"}},
        {"from": intent["from"], "to": {"peer": "vpn", "host": "gw", "beyond": ["0.0.0.0/0"]}},
    ):
        document["networks"]["corp"]["expect"] = [entry]
        with pytest.raises(InvalidInput, match=r"cannot send|needs beyond"):
            parse_fleet(document)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(inventories(), st.data())
def test_an_independent_simulator_sees_what_gets_there(inventory: t.Any, data: st.DataObject) -> None:
    """Whoever has chosen it hands everything to it, by whatever way; nobody else does."""
    network, members = inventory
    assume(not any("exit" in options for options in members.values()))
    # A spoke of a supernet cannot have peers of its own inside it.
    gateways = network["hubs"] if network.get("supernet") else sorted(members)
    via = data.draw(st.lists(st.sampled_from(gateways), min_size=1, max_size=2, unique=True))
    for options in members.values():
        options["advertise"] = [text for text in options["advertise"] if text not in DEFAULTS]
        if data.draw(st.booleans()):
            options["exit"] = "vpn"
    network["external_peers"]["vpn"] = {**VPN, "via": via}
    hostvars = fleet(network, members)
    plan = make_plan(hostvars, hostvars, public_keys=public_keys(hostvars))
    assume(not [one for one in plan["findings"] if one["severity"] == "error"])
    assert plan["proof"]["verdict"] == "proved"
    simulator = Simulator(plan["fleet"])
    for name, options in members.items():
        (device,) = plan["fleet"]["hosts"][name]["interfaces"]
        for text in device["addresses"]:
            family = 6 if ":" in text else 4
            own, outside = (
                _number(one) for one in (text.split("/")[0], "198.18.0.7" if family == 4 else "2001:db8::7")
            )
            found = simulator.send(name, device["namespace"], family, own, outside, ingress="lo")
            if "exit" not in options:
                assert found["outcome"] in ("exits", "no_route")
                assert found["at"]["host"] == name
                continue
            assert found["outcome"] == "unmanaged_peer"
            speaking = {via[0], *(one for one in via if "exit" in members[one])}
            assert found["at"]["host"] in ({name} if name in speaking else speaking)


def _number(text: str) -> int:
    return int(ipaddress.ip_address(text))
