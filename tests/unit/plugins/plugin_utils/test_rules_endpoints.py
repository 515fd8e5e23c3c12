# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WG502 to WG504 and WG508 to WG510: the finer points."""

from __future__ import annotations

import ipaddress
import random
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._prover import prove

from .fleets import AUTO, Document, host, hub, interface, mesh, pair, peer
from .rule_findings import found, places

DEFAULT = {"destination": "0.0.0.0/0", "device": "eth0"}
DEFAULT6 = {"destination": "::/0", "device": "eth0"}


def dialling(endpoint: str | None, **target: t.Any) -> Document:
    """a dials b at an endpoint. target: options of b's interface."""
    document = pair()
    document["hosts"]["a"]["interfaces"][0]["peers"][0]["endpoint"] = endpoint
    document["hosts"]["b"]["interfaces"][0].update(target)
    return document


def stack(document: Document, name: str, **options: t.Any) -> Document:
    document["hosts"][name]["namespaces"][""].update(options)
    return document


@pytest.mark.parametrize(
    ("endpoint", "port", "told"),
    [
        ("192.0.2.2:51820", 51820, False),
        ("192.0.2.2:4000", 51820, True),
        ("b.example.net:4000", 51820, True),
        ("[2001:db8::2]:4000", 51820, True),
        ("192.0.2.2:4000", None, False),
        ("192.0.2.2:4000", 0, False),
        (None, 51820, False),
    ],
)
def test_the_port_of_an_endpoint(endpoint: str | None, port: int | None, told: bool) -> None:
    assert places(dialling(endpoint, listen_port=port), "WG502") == ([("b", "a")] if told else [])


@pytest.mark.parametrize(
    ("forward", "explains"),
    [
        ({"port": 4000, "to_port": 51820}, True),
        ({"protocol": "udp", "address": "192.0.2.2", "port": 4000, "to_port": 51820}, True),
        ({"port": 4000, "to_address": "10.1.1.2", "to_port": 51820}, True),
        ({"protocol": "tcp", "port": 4000, "to_port": 51820}, False),
        ({"address": "192.0.2.99", "port": 4000, "to_port": 51820}, False),
        ({"port": 4001, "to_port": 51820}, False),
        ({"port": 4000}, False),
        ({"port": 4000, "to_port": 51821}, False),
        ({"port": 4000, "to_address": "10.1.1.3", "to_port": 51820}, False),
    ],
)
def test_a_port_forward_explains_another_port_if_it_leads_there(forward: Document, explains: bool) -> None:
    document = dialling("192.0.2.2:4000", listen_port=51820)
    stack(document, "b", addresses={"eth0": ["10.1.1.2/24"]}, port_forwards=[forward])
    assert bool(found(document, "WG502")) is not explains


def test_a_router_of_the_fleet_forwards_only_to_where_it_says() -> None:
    document = dialling("192.0.2.2:4000", listen_port=51820)
    document["hosts"]["router"] = host(addresses={"eth0": ["192.0.2.2/24"]})
    stack(document, "b", addresses={"eth0": ["10.1.1.2/24"]})
    stack(document, "router", port_forwards=[{"port": 4000, "to_port": 51820}])
    assert places(document, "WG502") == [("b", "a")]
    stack(document, "router", port_forwards=[{"port": 4000, "to_address": "10.1.1.2", "to_port": 51820}])
    assert found(document, "WG502") == []
    assert found(document, "WG503") == []


def test_a_name_may_be_any_address_that_is_forwarded() -> None:
    document = dialling("b.example.net:4000", listen_port=51820)
    stack(document, "b", port_forwards=[{"address": "192.0.2.7", "port": 4000, "to_port": 51820}])
    assert found(document, "WG502") == []


def test_a_wrong_port_in_a_shared_row_is_one_finding_with_all_who_dial() -> None:
    document = mesh(7)
    for one in document["hosts"].values():
        one["interfaces"][0]["listen_port"] = 51821
    for entry in document["peer_groups"]["corp"][1:]:
        entry["endpoint"] = entry["endpoint"].replace(":51820", ":51821")
    (finding,) = found(document, "WG502")
    assert finding["host"] == "h0000"
    assert finding["message"].startswith("h0001, h0002, h0003, h0004 and 2 more dial wg0 of h0000 at h0000.example.net")


def test_who_has_an_entry_of_its_own_does_not_dial_what_stands_in_the_row() -> None:
    document = mesh(3)
    document["hosts"]["h0000"]["interfaces"][0]["listen_port"] = 4000
    for name in ("h0001", "h0002"):
        own = {**document["peer_groups"]["corp"][0], "endpoint": "h0000.example.net:4000"}
        document["hosts"][name]["interfaces"][0]["peers"] = [own]
    assert found(document, "WG502") == []
    document["hosts"]["h0002"]["interfaces"][0]["peers"] = []
    assert [finding["message"].split(" dials")[0] for finding in found(document, "WG502")] == ["h0002"]


def test_the_address_of_another_host_is_told_with_its_owner() -> None:
    document = stack(dialling("192.0.2.3:51820"), "b", addresses={"eth0": ["192.0.2.2/24"]})
    document["hosts"]["c"] = host(addresses={"eth0": ["192.0.2.3/24"]})
    (finding,) = found(document, "WG503")
    assert (finding["host"], finding["peer"]) == ("b", "a")
    assert "which is an address of c" in finding["message"]
    stack(document, "b", addresses={"eth0": ["192.0.2.2/24", "192.0.2.3/32"]})
    assert found(document, "WG503") == []


def test_another_namespace_of_the_same_host_is_the_same_host() -> None:
    document = dialling("192.0.2.3:51820")
    document["hosts"]["b"]["namespaces"]["blue"] = {"addresses": {"eth1": ["192.0.2.3/24"]}}
    assert found(document, "WG503") == []


def test_a_private_address_may_exist_at_two_sites() -> None:
    document = dialling("192.168.1.7:51820")
    document["hosts"]["c"] = host(addresses={"eth0": ["192.168.1.7/24"]})
    assert found(document, "WG503") == []
    stack(document, "b", addresses={"eth0": ["192.168.2.2/24"]})
    assert places(document, "WG503") == [("b", "a")]


def test_loopback_addresses_belong_to_everybody() -> None:
    document = stack(dialling("127.0.0.1:51820"), "b", addresses={"eth0": ["192.0.2.2/24"]})
    document["hosts"]["c"] = host(addresses={"lo": ["127.0.0.1/8"]})
    assert found(document, "WG503") == []


def test_an_address_that_nobody_has_is_an_assumption_not_a_finding() -> None:
    document = stack(dialling("198.51.100.2:51820"), "b", addresses={"eth0": ["192.0.2.2/24"]})
    assert found(document, "WG503") == []
    (told,) = [one for one in prove(parse_fleet(document)).assumptions if "1:1 NAT" in one["assumption"]]
    assert told["hosts"] == ["b"]
    stack(document, "b", addresses={"eth0": ["198.51.100.2/24"]})
    assert not [one for one in prove(parse_fleet(document)).assumptions if "1:1 NAT" in one["assumption"]]


@pytest.mark.parametrize(("port", "told"), [(0, True), (None, False), (51820, False)])
def test_a_random_port_that_is_dialled(port: int | None, told: bool) -> None:
    assert places(dialling("192.0.2.2:51820", listen_port=port), "WG508") == ([("b", "a")] if told else [])
    assert found(dialling(None, listen_port=port), "WG508") == []


def test_names_are_one_note_per_network() -> None:
    assert places(dialling("192.0.2.2:51820"), "WG509") == [("a", "b")]
    (finding,) = found(mesh(6), "WG509")
    assert finding["severity"] == "info"
    assert finding["message"].startswith("6 endpoints of network corp are names (h0000.example.net, ")
    document = dialling("192.0.2.2:51820")
    document["hosts"]["b"]["interfaces"][0]["peers"] = [peer("phone", "10.0.0.9/32", managed=False)]
    assert places(document, "WG509") == [("b", "phone")]


@pytest.mark.parametrize(
    ("options", "endpoint", "told"),
    [
        ({"addresses": {"eth0": ["192.0.2.1/24"]}}, "[2001:db8::2]:51820", True),
        ({"addresses": {"eth0": ["192.0.2.1/24"]}}, "192.0.2.2:51820", False),
        ({"addresses": {"eth0": ["192.0.2.1/24"]}}, "b.example.net:51820", False),
        ({"addresses": {"eth0": ["192.0.2.1/24", "2001:db8::1/64"]}}, "[2001:db8::2]:51820", False),
        ({"addresses": {"eth0": ["192.0.2.1/24", "fe80::1/64"]}}, "[2001:db8::2]:51820", True),
        ({"addresses": {"eth0": ["2001:db8::1/64"]}}, "192.0.2.2:51820", True),
        ({"routes": [DEFAULT, AUTO]}, "[2001:db8::2]:51820", True),
        ({"routes": [DEFAULT, DEFAULT6, AUTO]}, "[2001:db8::2]:51820", False),
        ({}, "[2001:db8::2]:51820", False),
        ({"ipv6": False}, "[2001:db8::2]:51820", True),
        ({"ipv6": False}, "192.0.2.2:51820", False),
        ({"addresses": {"lan0": ["10.9.0.1/24"]}, "advertise": ["10.9.0.0/24"]}, "[2001:db8::2]:51820", False),
        ({"addresses": {"lo": ["198.51.100.9/32"]}}, "[2001:db8::2]:51820", False),
    ],
)
def test_the_family_of_an_endpoint(options: Document, endpoint: str, told: bool) -> None:
    document = stack(dialling(endpoint), "a", **options)
    assert places(document, "WG504") == ([("a", "b")] if told else [])


def test_the_stack_of_the_socket_sends_not_the_one_of_the_device() -> None:
    document = stack(dialling("[2001:db8::2]:51820"), "a", addresses={"eth0": ["192.0.2.1/24"]})
    document["hosts"]["a"]["namespaces"]["outside"] = {"addresses": {"eth1": ["2001:db8::1/64"]}}
    assert places(document, "WG504") == [("a", "b")]
    document["hosts"]["a"]["interfaces"][0]["socket_namespace"] = "outside"
    assert found(document, "WG504") == []


NEAR = {"eth0": ["198.51.100.1/24"]}


@pytest.mark.parametrize(
    ("routes", "mark", "rules", "told"),
    [
        ([AUTO], 0, [], True),
        ([], 0, [], True),
        (None, 0, [], False),
        ([DEFAULT, AUTO], 0, [], False),
        ([{"destination": "192.0.2.0/24", "device": "eth0"}, AUTO], 0, [], False),
        ([{"destination": "192.0.3.0/24", "device": "eth0"}, AUTO], 0, [], True),
        ([DEFAULT, {"destination": "192.0.2.2/32", "type": "blackhole"}, AUTO], 0, [], True),
        ([DEFAULT, {"destination": "192.0.2.0/24", "type": "unreachable"}, AUTO], 0, [], True),
        ([{**DEFAULT, "table": "100"}, AUTO], 0, [], True),
        ([{**DEFAULT, "table": "100"}, AUTO], 0, [{"priority": 10, "table": "100"}], False),
        ([{**DEFAULT, "table": "100"}, AUTO], 0, [{"priority": 10, "fwmark": 7, "table": "100"}], True),
        ([{**DEFAULT, "table": "100"}, AUTO], 7, [{"priority": 10, "fwmark": 7, "table": "100"}], False),
        ([{**DEFAULT, "table": "100"}, AUTO], 0, [{"priority": 10, "to": "192.0.2.0/24", "table": "100"}], False),
        ([DEFAULT, AUTO], 0, [{"priority": 10, "suppress_prefixlength": 0, "table": "main"}], False),
        ([{**DEFAULT, "table": "100"}, AUTO], 0, [{"priority": 10, "to": "192.0.3.0/24", "table": "100"}], True),
    ],
)
def test_the_way_to_an_endpoint(routes: list[Document] | None, mark: int, rules: list[Document], told: bool) -> None:
    document = stack(dialling("192.0.2.2:51820"), "a", addresses=NEAR, routes=routes, rules=rules)
    document["hosts"]["a"]["interfaces"][0]["fwmark"] = mark
    assert places(document, "WG510") == ([("a", "b")] if told else [])


def test_a_rule_that_suppresses_the_default_route_leaves_no_way() -> None:
    routes = [DEFAULT, {**AUTO, "table": "100"}]
    rules = [{"priority": 32765, "suppress_prefixlength": 0, "table": "main"}]
    document = stack(dialling("192.0.2.2:51820"), "a", addresses=NEAR, routes=routes, rules=rules)
    assert found(document, "WG510") == []
    # The default rule for main comes last and would still find it, were there not an error route before.
    stack(document, "a", routes=[*routes, {"destination": "0.0.0.0/0", "type": "prohibit", "table": "100"}])
    stack(document, "a", rules=[*rules, {"priority": 32765, "table": "100"}])
    assert places(document, "WG510") == [("a", "b")]


def test_an_underlay_that_nobody_describes_may_lead_anywhere() -> None:
    assert found(dialling("192.0.2.2:51820"), "WG510") == []
    lan = {"addresses": {"lan0": ["10.9.0.1/24"]}, "advertise": ["10.9.0.0/24"], "routes": [AUTO]}
    assert found(stack(dialling("192.0.2.2:51820"), "a", **lan), "WG510") == []


def test_a_mesh_with_one_host_that_lacks_a_route_is_told_at_that_host() -> None:
    document = mesh(5)
    for number, entry in enumerate(document["peer_groups"]["corp"]):
        entry["endpoint"] = f"198.51.100.{number + 1}:51820"
    assert found(document, "WG510") == []
    stack(document, "h0003", routes=[AUTO])
    (finding,) = found(document, "WG510")
    assert finding["host"] == "h0003"
    assert finding["message"].startswith(
        "wg0 of h0003 dials h0000 at 198.51.100.1:51820, h0001 at 198.51.100.2:51820 and 2 more"
    )


def test_ways_are_those_of_the_routing_table() -> None:
    """Against ipaddress: which endpoints of a shared row lie in no prefix of the stack."""
    for seed in range(60):
        dice = random.Random(seed)
        document = mesh(6)
        numbers = dice.sample(range(64), 6)
        for number, entry in zip(numbers, document["peer_groups"]["corp"], strict=True):
            entry["endpoint"] = f"198.51.100.{number}:51820"
        for name in document["hosts"]:
            routes = [
                {
                    "destination": str(
                        ipaddress.ip_network((f"198.51.100.{dice.randrange(64)}", length), strict=False)
                    ),
                    "device": "eth0",
                }
                for length in dice.choices([26, 27, 28, 29, 30], k=dice.randrange(4))
            ]
            for one in routes:
                if dice.random() < 0.2:
                    one.update(type="blackhole", device=None)
            routes = list({one["destination"]: one for one in routes}.values())
            stack(document, name, routes=[*routes, AUTO], addresses={"eth0": ["203.0.113.1/24"]})
        told = {finding["host"]: finding["message"] for finding in found(document, "WG510")}
        for name, one in document["hosts"].items():
            ways = [route for route in one["namespaces"][""]["routes"] if route["destination"] != "allowed_ips"]
            lost = 0
            for number, entry in zip(numbers, document["peer_groups"]["corp"], strict=True):
                address = ipaddress.ip_address(f"198.51.100.{number}")
                holding = [
                    (ipaddress.ip_network(route["destination"]).prefixlen, route.get("type", "unicast"))
                    for route in ways
                    if address in ipaddress.ip_network(route["destination"])
                ]
                lost += entry["name"] != name and (not holding or max(holding)[1] != "unicast")
            assert (name in told) == bool(lost), (seed, name)


def test_hub_and_spokes_with_names_say_nothing_but_the_note() -> None:
    document = hub(5)
    assert {rule for rule in ("WG502", "WG503", "WG504", "WG508", "WG510") if found(document, rule)} == set()
    assert places(document, "WG509") == [("hub", "s0000")]


def test_the_pair_without_an_underlay_is_silent() -> None:
    document = pair()
    document["hosts"]["a"]["interfaces"].append(interface("x", ["10.5.0.1/32"], name="wg1", network="lab"))
    assert {rule for rule in ("WG502", "WG503", "WG504", "WG508", "WG510") if found(document, rule)} == set()
