# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._derive import Derivation, derive
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._host_config import expanded_peers
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._inventory import read_inventory
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.inventories import (
    fleet,
    key,
    numbered,
    public_keys,
)


def derived(network: t.Any, members: t.Any, **variables: t.Any) -> Derivation:
    hostvars = fleet(network, members, **variables)
    derivation = derive(read_inventory(hostvars, hostvars, public_keys=public_keys(hostvars)))
    parse_fleet(derivation.fleet)
    return derivation


def interface(derivation: Derivation, host: str) -> t.Any:
    (found,) = derivation.fleet["hosts"][host]["interfaces"]
    return found


def stack(derivation: Derivation, host: str, namespace: str = "") -> t.Any:
    return derivation.fleet["hosts"][host]["namespaces"][namespace]


def peers(derivation: Derivation, host: str) -> dict[str, t.Any]:
    """Every peer of the host by name, written out."""
    return {peer["name"]: peer for peer in expanded_peers(derivation.fleet, host, interface(derivation, host))}


A, B, C = ({"addresses": [f"10.77.0.{n}", f"fd77::{n}"]} for n in (1, 2, 3))
DIALLED = {"endpoint": "203.0.113.10"}


# Mesh


def test_a_mesh_is_one_shared_row() -> None:
    found = derived({}, {"a": {**A, **DIALLED}, "b": {**B, **DIALLED}, "c": {**C, **DIALLED}})
    assert list(found.fleet["peer_groups"]) == ["corp"]
    assert [peer["name"] for peer in found.fleet["peer_groups"]["corp"]] == ["a", "b", "c"]
    assert all(interface(found, host)["peer_group"] == "corp" for host in "abc")
    assert not any("peers" in interface(found, host) for host in "abc")
    assert list(peers(found, "b")) == ["a", "c"]
    assert peers(found, "b")["a"]["allowed_ips"] == ["10.77.0.1/32", "fd77::1/128"]


def test_a_mesh_of_one_has_no_peers() -> None:
    found = derived({}, {"a": A})
    assert found.fleet["peer_groups"] == {}
    assert peers(found, "a") == {}


def test_only_who_cannot_be_dialled_keeps_the_way_open() -> None:
    found = derived({}, {"a": {**A, **DIALLED}, "b": {**B, **DIALLED}, "nat": C})
    assert {name: peer.get("persistent_keepalive", 0) for name, peer in peers(found, "nat").items()} == {
        "a": 25,
        "b": 25,
    }
    assert {name: peer.get("persistent_keepalive", 0) for name, peer in peers(found, "a").items()} == {"b": 0, "nat": 0}


def test_a_declared_keepalive_wins() -> None:
    found = derived(
        {}, {"a": {**A, **DIALLED}, "nat": {**B, "persistent_keepalive": 7}, "quiet": {**C, "persistent_keepalive": 0}}
    )
    assert peers(found, "nat")["a"]["persistent_keepalive"] == 7
    assert "persistent_keepalive" not in peers(found, "quiet")["a"]
    assert "persistent_keepalive" not in peers(found, "nat")["quiet"]


def test_an_endpoint_without_port_has_the_port_that_its_host_listens_on() -> None:
    members = {"a": {**A, "endpoint": "2001:db8::1", "listen_port": 4000}, "b": {**B, "endpoint": "203.0.113.1:99"}}
    found = derived({"listen_port": 5000}, members)
    assert peers(found, "b")["a"]["endpoint"] == "[2001:db8::1]:4000"
    assert peers(found, "a")["b"]["endpoint"] == "203.0.113.1:99"
    assert interface(found, "b")["listen_port"] == 5000


def test_an_endpoint_may_depend_on_who_looks() -> None:
    views = {"default": "203.0.113.10", "lan": "10.0.0.10", "b": "10.9.9.9:9", "c": None}
    members = {
        "a": {**A, "endpoint": views},
        "b": {**B, **DIALLED},
        "c": {**C, **DIALLED},
        "d": {"addresses": ["10.77.0.4"], **DIALLED},
        "e": {"addresses": ["10.77.0.5"], **DIALLED},
    }
    groups = {host: {"group_names": ["lan"]} for host in "bd"}
    found = derived({}, members, **groups)
    seen = {host: peers(found, host)["a"].get("endpoint") for host in "bcde"}
    assert seen == {"b": "10.9.9.9:9", "c": None, "d": "10.0.0.10:51820", "e": "203.0.113.10:51820"}
    # c cannot dial a, so a has to keep the way to c open, and nobody else has to.
    assert peers(found, "a")["c"]["persistent_keepalive"] == 25
    assert "persistent_keepalive" not in peers(found, "a")["b"]
    assert interface(found, "e")["peer_group"] == interface(found, "d")["peer_group"]


def test_a_view_that_many_have_becomes_a_row_of_its_own() -> None:
    members = numbered(40)
    members["h0000"]["endpoint"] = {"default": "203.0.113.10", "lan": "10.0.0.10"}
    members["h0001"]["endpoint"] = {"default": "203.0.113.11", "lan": "10.0.0.11"}
    members["h0002"]["endpoint"] = {"default": "203.0.113.12", "lan": "10.0.0.12"}
    groups = {f"h{i:04}": {"group_names": ["lan"]} for i in range(20, 40)}
    found = derived({}, members, **groups)
    assert sorted(found.fleet["peer_groups"]) == ["corp", "corp/view-2"]
    assert {interface(found, host)["peer_group"] for host in groups} == {"corp/view-2"}
    assert peers(found, "h0021")["h0002"]["endpoint"] == "10.0.0.12:51820"
    assert peers(found, "h0011")["h0002"]["endpoint"] == "203.0.113.12:51820"
    assert len(peers(found, "h0021")) == 39


def test_a_mesh_of_a_thousand_hosts_is_derived_in_about_a_second_and_stays_small() -> None:
    members = numbered(1000)
    for number in range(0, 1000, 10):
        del members[f"h{number:04}"]["endpoint"]
    hostvars = fleet({"preshared_keys": "derived"}, members)
    keys = public_keys(hostvars)
    found = derive(read_inventory(hostvars, hostvars, public_keys=keys))
    rows = found.fleet["peer_groups"]
    assert sorted(rows) == ["corp", "corp/keepalive-25"]
    assert sum(map(len, rows.values())) == 2000
    assert len(json.dumps(found.fleet)) < 1_200_000


# Hubs and links


HUB = {"topology": "hub", "hubs": ["hub"]}


def test_a_spoke_is_one_line_with_a_set() -> None:
    found = derived(HUB, {"hub": {**A, **DIALLED}, "s1": {**B, "advertise": ["192.168.2.0/24"]}, "s2": C})
    (line,) = interface(found, "s1")["peers"]
    assert (line["name"], line["allowed_ips"], line["allowed_ips_set"]) == ("hub", [], "corp")
    assert peers(found, "s1")["hub"]["allowed_ips"] == ["10.77.0.1/32", "10.77.0.3/32", "fd77::1/128", "fd77::3/128"]
    assert "192.168.2.0/24" in peers(found, "s2")["hub"]["allowed_ips"]
    assert peers(found, "hub")["s1"]["allowed_ips"] == ["10.77.0.2/32", "192.168.2.0/24", "fd77::2/128"]


def test_ten_thousand_spokes_stay_proportional() -> None:
    members = numbered(10_000)
    hostvars = fleet({"topology": "hub", "hubs": ["h0000"]}, members)
    found = derive(read_inventory(hostvars, hostvars))
    assert len(json.dumps(found.fleet)) < 12_000_000


def test_relays_and_gateways_forward_what_they_carry() -> None:
    members = {
        "hub": {**A, **DIALLED},
        "s1": {"addresses": ["10.77.0.2"], "advertise": ["192.168.2.0/24"]},
        "s2": {"addresses": ["10.77.0.3"]},
    }
    found = derived(HUB, members)
    # Only the hub itself has IPv6, so there is no IPv6 to forward.
    assert stack(found, "hub")["forwarding"] == {"ipv4": True}
    assert interface(found, "hub")["options"]["forwarding"] == {"ipv4": True}
    assert stack(found, "s1")["forwarding"] == {"ipv4": True}
    assert "forwarding" not in stack(found, "s2")
    assert "options" not in interface(found, "s2")


def test_forwarding_is_left_alone_where_it_is_unmanaged() -> None:
    described = {"wireguard_stacks": {"": {"forwarding": {"ipv4": False}}}}
    members = {"hub": {**A, **DIALLED}, "s1": B, "s2": C}
    managed = derived(HUB, members, hub=described)
    unmanaged = derived({**HUB, "forwarding": "unmanaged"}, members, hub=described)
    assert stack(managed, "hub")["forwarding"] == {"ipv4": True, "ipv6": True}
    assert stack(unmanaged, "hub")["forwarding"] == {"ipv4": False}
    assert "options" not in interface(unmanaged, "hub")


# External peers


EXTERNAL = {"anna": {"via": "a", "addresses": ["10.77.9.1", "10.77.9.16/28"], "public_key": key("anna")}}


def test_an_external_peer_is_reached_through_its_member() -> None:
    found = derived({"external_peers": EXTERNAL}, {"a": {**A, **DIALLED}, "b": {**B, **DIALLED}})
    assert peers(found, "a")["anna"]["managed"] is False
    assert peers(found, "a")["anna"]["allowed_ips"] == ["10.77.9.1/32", "10.77.9.16/28"]
    assert peers(found, "b")["a"]["allowed_ips"] == ["10.77.0.1/32", "10.77.9.1/32", "10.77.9.16/28", "fd77::1/128"]
    assert "anna" not in peers(found, "b")
    assert stack(found, "a")["forwarding"] == {"ipv4": True}


def test_a_spoke_does_not_expect_its_own_external_peer_from_the_hub() -> None:
    external = {"anna": {**EXTERNAL["anna"], "via": "s1"}}
    found = derived({**HUB, "external_peers": external}, {"hub": {**A, **DIALLED}, "s1": B, "s2": C})
    assert not set(peers(found, "s1")["hub"]["allowed_ips"]) & set(peers(found, "s1")["anna"]["allowed_ips"])
    assert "10.77.9.1/32" in peers(found, "hub")["s1"]["allowed_ips"]
    assert "10.77.9.1/32" in peers(found, "s2")["hub"]["allowed_ips"]
    assert stack(found, "s1")["forwarding"] == {"ipv4": True}


def test_an_external_site_that_can_be_dialled_is_dialled() -> None:
    site = {
        "via": "b",
        "addresses": ["10.77.9.1"],
        "endpoint": "192.0.2.7:4444",
        "preshared_keys": "derived",
        "kind": "site",
    }
    found = derived({"external_peers": {"partner": site}}, {"a": {**A, **DIALLED}, "b": B})
    partner = peers(found, "b")["partner"]
    assert partner["endpoint"] == "192.0.2.7:4444"
    assert partner["persistent_keepalive"] == 25
    assert partner["preshared_key_id"] == "corp/1"


# Backups, devices that roam, short lists


HUBS = {"topology": "hub", "hubs": ["h1", "h2"]}
BEHIND = {"h1": {**A, **DIALLED}, "h2": {**B, "endpoint": "203.0.113.20"}, "s1": C}


def test_a_spoke_and_its_backup_know_each_other_without_any_prefix() -> None:
    found = derived(HUBS, BEHIND)
    backup = peers(found, "s1")["h2"]
    assert (backup["allowed_ips"], backup["persistent_keepalive"], backup["options"]) == ([], 25, {"standby": True})
    assert (peers(found, "h2")["s1"]["allowed_ips"], "endpoint" in peers(found, "h2")["s1"]) == ([], False)
    assert "10.77.0.2/32" in peers(found, "s1")["h1"]["allowed_ips"]


def test_another_order_moves_prefixes_and_nothing_else() -> None:
    before, after = derived(HUBS, BEHIND), derived(HUBS, {**BEHIND, "s1": {**C, "hubs": ["h2"]}})
    for one, other in (("h1", "h2"), ("h2", "h1")):
        mine, theirs = peers(before, "s1")[one], peers(after, "s1")[one]
        changed = {key for key in mine.keys() | theirs.keys() if mine.get(key) != theirs.get(key)}
        # The hub that is first has its prefixes as a shared set.
        assert changed == {"allowed_ips", "allowed_ips_set", "options"}
        assert peers(before, "s1")[other]["allowed_ips"] != peers(after, "s1")[other]["allowed_ips"]


def test_a_backup_that_nobody_could_dial_is_left_out() -> None:
    found = derived(HUBS, {"h1": {**A, **DIALLED}, "h2": B, "s1": C, "s2": {"addresses": ["10.77.0.4"], **DIALLED}})
    assert list(peers(found, "s1")) == ["h1"]
    assert list(peers(found, "s2")) == ["h1", "h2"]


def test_a_device_that_roams_is_known_at_its_second_member() -> None:
    external = {"anna": {**EXTERNAL["anna"], "via": ["a", "b"]}}
    members = {"a": {**A, **DIALLED}, "b": {**B, **DIALLED}}
    found = derived({"external_peers": external}, members)
    assert peers(found, "a")["anna"]["allowed_ips"] == ["10.77.9.1/32", "10.77.9.16/28"]
    assert (peers(found, "b")["anna"]["allowed_ips"], peers(found, "b")["anna"]["managed"]) == ([], False)
    members["a"] = {"state": "absent"}
    alone = derived({"external_peers": external}, {**members, "c": C})
    assert peers(alone, "b")["anna"]["allowed_ips"] == ["10.77.9.1/32", "10.77.9.16/28"]


def test_prefixes_are_united_where_the_union_is_exact() -> None:
    members = {
        "h1": {**A, **DIALLED},
        "h2": {**B, "endpoint": "203.0.113.20", "advertise": ["10.1.0.0/24", "10.1.1.0/24", "10.1.3.0/24"]},
        "s1": {"addresses": ["10.77.0.6"], "hubs": ["h2"]},
        "s2": {"addresses": ["10.77.0.7"], "hubs": ["h2"]},
    }
    found = derived(HUBS, members)
    assert peers(found, "h1")["h2"]["allowed_ips"] == [
        "10.1.0.0/23", "10.1.3.0/24", "10.77.0.2/32", "10.77.0.6/31", "fd77::2/128"
    ]  # fmt: skip
    assert stack(found, "h2")["advertise"] == ["10.1.0.0/23", "10.1.3.0/24"]


# Stacks, namespaces, routing


def test_an_undescribed_underlay_is_one_device_and_one_assumption() -> None:
    found = derived({}, {"a": {**A, **DIALLED}, "b": {**B, **DIALLED}})
    assert stack(found, "a")["addresses"] == {"underlay0": []}
    assert stack(found, "a")["routes"][:2] == [
        {"destination": "0.0.0.0/0", "device": "underlay0"},
        {"destination": "::/0", "device": "underlay0"},
    ]
    assert [entry["hosts"] for entry in found.assumptions] == [["a", "b"]]


def test_a_described_underlay_is_taken_as_it_stands() -> None:
    routes = [{"destination": "0.0.0.0/0", "device": "eth0", "gateway": "203.0.113.1"}]
    described = {"": {"addresses": {"eth0": ["203.0.113.10/24"], "lan0": ["192.168.1.1/24"]}, "routes": routes}}
    found = derived({}, {"a": {**A, "advertise": ["192.168.1.0/24"]}, "b": B}, a={"wireguard_stacks": described})
    assert stack(found, "a")["addresses"] == {"eth0": ["203.0.113.10/24"], "lan0": ["192.168.1.1/24"]}
    assert stack(found, "a")["routes"] == [*routes, {"destination": "allowed_ips", "device": "wg0"}]
    assert stack(found, "a")["advertise"] == ["192.168.1.0/24"]
    assert all("a" not in entry["hosts"] for entry in found.assumptions)


def test_default_routes_are_assumed_by_the_one_device_that_leads_outside() -> None:
    described = {"": {"addresses": {"eth0": ["203.0.113.10/24"], "lan0": ["192.168.1.1/24"]}}}
    found = derived({}, {"a": {**A, "advertise": ["192.168.1.0/24"]}, "b": B}, a={"wireguard_stacks": described})
    assert {"destination": "0.0.0.0/0", "device": "eth0"} in stack(found, "a")["routes"]
    assert "underlay0" not in stack(found, "a")["addresses"]
    assert any(entry["assumption"].endswith("by eth0 of a") for entry in found.assumptions)


def test_an_advertised_prefix_without_a_device_gets_one_and_an_assumption() -> None:
    described = {"": {"addresses": {"lan0": ["192.168.1.1/24"]}}}
    member = {**A, "advertise": ["192.168.1.0/25", "192.168.2.0/24"]}
    found = derived({}, {"a": member, "b": B}, a={"wireguard_stacks": described})
    assert stack(found, "a")["addresses"]["lan1"] == []
    assert {"destination": "192.168.2.0/24", "device": "lan1"} in stack(found, "a")["routes"]
    assert any("192.168.2.0/24 of a" in entry["assumption"] for entry in found.assumptions)
    assert not any("192.168.1.0/25" in entry["assumption"] for entry in found.assumptions)


def test_a_device_may_live_apart_from_its_socket() -> None:
    found = derived(
        {}, {"a": {**A, **DIALLED, "namespace": "blue"}, "b": {**B, "namespace": "red", "socket_namespace": "red"}}
    )
    assert stack(found, "a", "blue") == {"routes": [{"destination": "allowed_ips", "device": "wg0"}]}
    assert "underlay0" in stack(found, "a", "")["addresses"]
    assert "underlay0" in stack(found, "b", "red")["addresses"]
    assert interface(found, "b")["socket_namespace"] == "red"


def test_routing_options_reach_the_stack() -> None:
    rules = [{"priority": 100, "to": "10.77.0.0/16", "table": 200}]
    found = derived({"routing": {"table": 200, "metric": 50, "fwmark": "0xca6c", "rules": rules}}, {"a": A, "b": B})
    assert stack(found, "a")["routes"][-1] == {
        "destination": "allowed_ips",
        "device": "wg0",
        "table": "200",
        "metric": 50,
    }
    assert stack(found, "a")["rules"] == [{"priority": 100, "to": "10.77.0.0/16", "table": "200"}]
    assert interface(found, "a")["fwmark"] == 0xCA6C
    assert interface(found, "a")["routes"] == "auto"


def test_the_user_may_route_himself() -> None:
    found = derived({"routing": False}, {"a": A, "b": B})
    assert interface(found, "a")["routes"] == "off"
    assert not any(route["destination"] == "allowed_ips" for route in stack(found, "a")["routes"])


def test_several_networks_in_one_stack_keep_what_they_advertise_apart() -> None:
    networks = {"corp": {"interface": "wg0"}, "db": {"interface": "wg1", "listen_port": 51821}}
    memberships = {
        "a": {"corp": {**A, **DIALLED, "advertise": ["192.168.1.0/24"]}, "db": {"addresses": ["10.88.0.1"], **DIALLED}},
        "b": {"corp": B},
        "c": {"db": {"addresses": ["10.88.0.3"]}},
    }
    hostvars = {host: {"wireguard_networks": networks, "wireguard": joined} for host, joined in memberships.items()}
    found = derive(read_inventory(hostvars, hostvars, public_keys=public_keys(hostvars, "corp", "db")))
    by_network = {one["network"]: one for one in found.fleet["hosts"]["a"]["interfaces"]}
    assert "advertise" not in by_network["corp"]
    assert by_network["db"]["advertise"] == []
    peers_of_c = expanded_peers(found.fleet, "c", interface(found, "c"))
    assert [peer["allowed_ips"] for peer in peers_of_c] == [["10.88.0.1/32"]]


# Leaving


def test_a_membership_that_has_ended_is_a_removal_and_nobodys_peer() -> None:
    members = {"a": {**A, **DIALLED}, "b": {**B, **DIALLED}, "c": {"state": "absent", "namespace": "blue"}}
    found = derived({}, members)
    assert "c" not in found.fleet["hosts"]
    assert found.removals == {"c": [{"name": "wg0", "namespace": "blue"}]}
    assert list(peers(found, "a")) == ["b"]


def test_an_interface_that_another_membership_has_taken_over_is_not_removed() -> None:
    networks = {"old": {"interface": "wg0"}, "new": {"interface": "wg0"}}
    memberships = {"old": {"state": "absent"}, "new": {"addresses": ["10.0.0.1"]}}
    hostvars = {"a": {"wireguard_networks": networks, "wireguard": memberships}}
    assert derive(read_inventory(hostvars, hostvars)).removals == {}


def test_groups_of_intents_become_hosts() -> None:
    expect = [{"from": {"group": "lab"}, "to": {"host": "a"}, "reach": False}]
    found = derived({"expect": expect, "pool": ["10.77.0.0/16"]}, {"a": A, "b": B}, b={"group_names": ["lab"]})
    assert found.fleet["networks"]["corp"] == {
        "pool": ["10.77.0.0/16"],
        "expect": [{"from": {"group": "lab", "hosts": ["b"]}, "to": {"host": "a"}, "reach": False}],
    }


def test_the_management_address_is_kept_if_it_is_one() -> None:
    found = derived({}, {"a": A, "b": B}, a={"ansible_host": "203.0.113.10"}, b={"ansible_host": "b.example.net"})
    assert found.fleet["hosts"]["a"]["management"] == {"address": "203.0.113.10", "namespace": ""}
    assert "management" not in found.fleet["hosts"]["b"]
