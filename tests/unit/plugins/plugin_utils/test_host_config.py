# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
import json
import typing as t

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.cryptokey.wireguard.plugins.module_utils._argspec import interface as interface_spec
from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared import declare
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PresharedKey
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._host_config import host_config
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._plan import make_plan
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.inventories import (
    fleet,
    inventories,
    key,
    public_keys,
)

SECRET = "a long random text that only the fleet knows"
MEMBERS: dict[str, t.Any] = {
    "fra1": {"addresses": ["fd77::1", "10.77.0.1"], "endpoint": "203.0.113.10", "advertise": ["192.168.10.0/24"]},
    "nyc1": {"addresses": ["10.77.0.2"], "endpoint": "nyc1.example.net:4000"},
    "ams1": {"addresses": ["10.77.0.3/24"]},
}
ANNA = {"anna": {"via": "fra1", "addresses": ["10.77.9.1"], "public_key": key("anna")}}


def planned(network: t.Any, members: t.Any = None) -> dict[str, t.Any]:
    hostvars = fleet(network, members or MEMBERS)
    return make_plan(hostvars, hostvars, public_keys=public_keys(hostvars))


def config(network: t.Any, host: str, members: t.Any = None, secret: t.Optional[str] = SECRET) -> t.Any:
    (found,) = host_config(planned(network, members), host, fleet_secret=secret)
    return found


def test_an_interface_is_written_out_with_what_is_declared_and_nothing_else() -> None:
    assert config({}, "fra1") == {
        "name": "wg0",
        "namespace": "",
        "socket_namespace": "",
        "state": "present",
        "addresses": ["fd77::1/128", "10.77.0.1/32"],  # as declared: the first is the preferred source
        "listen_port": 51820,
        "routing": "auto",
        "table": "main",
        "metric": 0,
        "routes": [],
        "rules": [],
        "forwarding": {"ipv4": True},
        "full_tunnel": False,
        "rp_filter": {},
        "masquerade": {},
        "clamp_mss": False,
        "open_port": "off",
        "peers_policy": "exact",
        "peers": [
            {
                "name": "ams1",
                "public_key": key("corp ams1"),
                "allowed_ips": ["10.77.0.3/32"],
                "persistent_keepalive": 0,
            },
            {
                "name": "nyc1",
                "public_key": key("corp nyc1"),
                "endpoint": "nyc1.example.net:4000",
                "allowed_ips": ["10.77.0.2/32"],
                "persistent_keepalive": 0,
            },
        ],
    }


def test_options_of_the_network_and_of_the_membership_reach_the_module() -> None:
    network = {
        "mtu": 1380,
        "backend": "userspace",
        "routing": {"table": 200, "metric": 5, "fwmark": 51820, "rules": [{"priority": 9, "table": 200}]},
    }
    more = {
        "private_key_file": "/etc/wireguard/corp.key",
        "userspace_engine": "boringtun",
        "mtu": 1300,
        "namespace": "blue",
    }
    found = config(network, "nyc1", {**MEMBERS, "nyc1": {**MEMBERS["nyc1"], **more}})
    expected = {
        "mtu": 1300,
        "backend": "userspace",
        "table": "200",
        "metric": 5,
        "fwmark": 51820,
        "rules": [{"priority": 9, "table": "200"}],
        "private_key_file": "/etc/wireguard/corp.key",
        "userspace_engine": "boringtun",
        "namespace": "blue",
    }
    assert {name: found.get(name) for name in expected} == expected


def test_what_an_earlier_plan_declared_is_taken_back() -> None:
    """The module keeps these from run to run where a task does not name them."""
    found = config({"forwarding": "unmanaged", "routing": False}, "fra1")
    taken_back = {"forwarding": {}, "rules": [], "routes": [], "table": "main", "metric": 0, "routing": "off"}
    assert {name: found[name] for name in taken_back} == taken_back


def test_who_cannot_be_dialled_keeps_alive_and_has_no_endpoint() -> None:
    found = {peer["name"]: peer for peer in config({}, "ams1")["peers"]}
    assert {name: peer["persistent_keepalive"] for name, peer in found.items()} == {"fra1": 25, "nyc1": 25}
    assert "endpoint" not in {peer["name"]: peer for peer in config({}, "nyc1")["peers"]}["ams1"]


@pytest.mark.parametrize("topology", [{}, {"topology": "hub", "hubs": ["fra1"]}])
def test_peers_are_those_that_the_prover_sees(topology: t.Any) -> None:
    plan = planned({**topology, "external_peers": ANNA})
    model = Model.of(parse_fleet(plan["fleet"]))
    for interface in model.interfaces:
        seen = {peer.name: model.cryptokey(interface).count_prefixes() for peer in interface.peers}
        written = host_config(plan, interface.host)[0]["peers"]
        assert set(seen) <= {peer["name"] for peer in written}
        assert sum(len(peer["allowed_ips"]) for peer in written) == model.cryptokey(interface).count_prefixes()


def test_a_spoke_gets_the_set_without_what_it_owns() -> None:
    members = {**MEMBERS, "ams1": {**MEMBERS["ams1"], "advertise": ["192.168.30.0/24"]}}
    (hub,) = config({"topology": "hub", "hubs": ["nyc1"]}, "ams1", members)["peers"]
    assert hub["allowed_ips"] == ["10.77.0.1/32", "10.77.0.2/32", "192.168.10.0/24", "fd77::1/128"]


def test_derived_preshared_keys_are_the_same_from_both_ends_and_differ_between_pairs() -> None:
    network = {"preshared_keys": "derived"}
    keys = {(host, peer["name"]): peer["preshared_key"] for host in MEMBERS for peer in config(network, host)["peers"]}
    assert all(keys[a, b] == keys[b, a] for a, b in keys)
    assert len(set(keys.values())) == 3
    other = config({**network, "preshared_epoch": 2}, "fra1")["peers"][0]["preshared_key"]
    assert other != keys["fra1", "ams1"]


def test_a_plan_holds_no_secret() -> None:
    plan = planned({"preshared_keys": "derived"})
    secrets = {peer["preshared_key"] for peer in host_config(plan, "fra1", fleet_secret=SECRET)[0]["peers"]}
    assert not any(secret in json.dumps(plan) for secret in {*secrets, SECRET})


def test_preshared_keys_are_left_alone_unless_none_is_declared() -> None:
    assert not any("preshared_key" in peer for peer in config({}, "fra1", secret=None)["peers"])
    cleared = config({"preshared_keys": "none"}, "fra1", secret=None)["peers"]
    assert {peer["preshared_key"] for peer in cleared} == {PresharedKey.none().reveal()}


def test_an_external_peer_has_a_derived_key_only_if_it_asks_for_one() -> None:
    network = {"preshared_keys": "derived", "external_peers": ANNA}
    by_name = {peer["name"]: peer for peer in config(network, "fra1")["peers"]}
    assert "preshared_key" not in by_name["anna"]
    asked = {"preshared_keys": "derived", "external_peers": {"anna": {**ANNA["anna"], "preshared_keys": "derived"}}}
    assert "preshared_key" in {peer["name"]: peer for peer in config(asked, "fra1")["peers"]}["anna"]


@pytest.mark.parametrize("secret", [None, ""])
def test_a_missing_fleet_secret_is_named(secret: t.Optional[str]) -> None:
    with pytest.raises(InvalidInput, match="wireguard_fleet_secret: is needed"):
        config({"preshared_keys": "derived"}, "fra1", secret=secret)


def test_a_peer_without_a_known_key_is_refused_and_not_left_out() -> None:
    hostvars = fleet({}, MEMBERS)
    keys = public_keys(hostvars)
    del keys["nyc1"]
    plan = make_plan(hostvars, hostvars, public_keys=keys)
    with pytest.raises(InvalidInput, match=r"hosts.fra1.interfaces.wg0.peers.nyc1.public_key: is not known"):
        host_config(plan, "fra1")


def test_a_membership_that_has_ended_is_a_removal() -> None:
    members = {**MEMBERS, "ams1": {"state": "absent", "namespace": "blue"}}
    assert host_config(planned({}, members), "ams1") == [{"name": "wg0", "namespace": "blue", "state": "absent"}]


def test_a_host_that_the_plan_does_not_know_has_nothing() -> None:
    assert host_config(planned({}), "elsewhere") == []


def test_a_fleet_document_will_do() -> None:
    plan = planned({})
    assert host_config(plan["fleet"], "fra1") == host_config(plan, "fra1")


def test_what_is_no_plan_is_refused() -> None:
    with pytest.raises(InvalidInput, match="has no hosts"):
        host_config({"plan": 1}, "fra1")


def test_the_plan_is_not_changed_by_what_is_done_to_the_arguments() -> None:
    plan = planned({"routing": {"rules": [{"priority": 9, "table": 200}]}})
    before = copy.deepcopy(plan)
    (found,) = host_config(plan, "fra1")
    found["rules"][0]["priority"] = 1
    found["addresses"].clear()
    found["peers"][0]["allowed_ips"].clear()
    found["forwarding"].clear()
    assert plan == before


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(inventories(), st.booleans())
def test_the_interface_module_accepts_whatever_is_written_out(inventory: t.Any, routed: bool) -> None:
    network, members = inventory
    rules = [{"priority": 9, "to": "10.0.0.0/8", "table": 200, "fwmark": "0xca6c", "suppress_prefixlength": 0}]
    routing: t.Any = {"table": 200, "metric": 7, "fwmark": 7, "rules": rules} if routed else False
    hostvars = fleet({**network, "preshared_keys": "derived", "routing": routing, "mtu": 1420}, members)
    plan = make_plan(hostvars, hostvars, public_keys=public_keys(hostvars))
    for host in hostvars:
        (arguments,) = host_config(plan, host, fleet_secret=SECRET)
        validated = ArgumentSpecValidator(interface_spec()).validate(arguments)
        assert validated.error_messages == []
        declared = declare(validated.validated_parameters)
        assert len(declared.peers or ()) == len(arguments["peers"])
        assert declared.warnings == ()


def test_an_entry_of_its_own_replaces_the_shared_one() -> None:
    views = {"default": "203.0.113.10", "ams1": "10.0.0.10"}
    found = config({}, "ams1", {**MEMBERS, "fra1": {**MEMBERS["fra1"], "endpoint": views}})["peers"]
    assert [(peer["name"], peer.get("endpoint")) for peer in found] == [
        ("fra1", "10.0.0.10:51820"),
        ("nyc1", "nyc1.example.net:4000"),
    ]


def test_a_document_that_was_written_by_hand_is_taken_as_well() -> None:
    """Without names, with a set on top of a list, and with peers that own what the set holds."""
    peer = {"public_key": key("b"), "allowed_ips": ["10.9.0.0/16"], "allowed_ips_set": "all"}
    document = {
        "version": 1,
        "hosts": {
            "a": {
                "namespaces": {"": {"advertise": ["192.168.1.0/24"]}},
                "interfaces": [
                    {"name": "wg0", "public_key": key("a"), "addresses": ["10.0.0.1/24"], "peers": [peer]},
                    {"name": "wg1", "public_key": key("c"), "addresses": ["10.0.1.1"]},
                ],
            }
        },
        "prefix_sets": {"all": ["10.0.0.1/32", "10.0.0.2/32", "10.0.1.1/32", "192.168.1.0/24", "192.168.2.0/24"]},
    }
    parse_fleet(document)
    one, other = host_config(document, "a")
    assert one["peers"] == [
        {
            "name": key("b"),
            "public_key": key("b"),
            "persistent_keepalive": 0,
            "allowed_ips": ["10.0.0.2/32", "10.9.0.0/16", "192.168.2.0/24"],
        }
    ]
    assert (one["routing"], other["peers"]) == ("off", [])


def laughs() -> t.Any:
    """A list that stands for a thousand million values, as YAML's aliases make it."""
    value: t.Any = ["ha"]
    for _level in range(30):
        value = [value, value]
    return value


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1 << 20_000, "interfaces[0].peers[0].endpoint: (a huge number) is too long for a number"),
        (laughs(), "stands for more than 20,000,000 values; look for YAML aliases of aliases in it"),
    ],
    ids=["huge", "laughs"],
)
def test_a_plan_with_what_nobody_can_write_out_is_refused(value: t.Any, words: str) -> None:
    plan = planned({})
    for row in plan["fleet"]["peer_groups"].values():
        for peer in row:
            peer["endpoint"] = value
    with pytest.raises(InvalidInput) as caught:
        host_config(plan, "fra1")
    assert words in str(caught.value)
