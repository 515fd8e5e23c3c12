# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The finer points of WG701 to WG705: full tunnels, and what leaks past them."""

from __future__ import annotations

import pytest

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._full_tunnels import find_full_tunnels
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model

from .fleets import AUTO, Document, mesh, pair
from .rule_helpers import BYPASS, DIVERT, OUT, alarms, findings, first, full_tunnel, stack

SIX = {"destination": "::/0", "device": "eth0", "gateway": "2001:db8::1"}
HALVES = ("0.0.0.0/1", "128.0.0.0/1")


def tunnels(document: Document) -> list[tuple[str, int]]:
    return [(str(one.stack), one.family) for one in find_full_tunnels(Model.of(parse_fleet(document)))]


@pytest.mark.parametrize("allowed_ips", [("0.0.0.0/0",), HALVES, ("0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/2")])
def test_a_full_tunnel_takes_most_of_the_internet(allowed_ips: tuple[str, ...]) -> None:
    assert tunnels(full_tunnel(*allowed_ips)) == [("a", 4)]


def test_what_is_no_full_tunnel() -> None:
    assert tunnels(full_tunnel("0.0.0.0/1")) == []
    assert tunnels(full_tunnel("10.0.0.0/8")) == []
    assert tunnels(pair()) == tunnels(mesh(3)) == []
    document = full_tunnel()
    stack(document)["rules"][1] = {"priority": 100, "from": "10.0.0.0/24", "table": "51820"}
    assert tunnels(document) == []


def test_the_usual_full_tunnel_is_in_order() -> None:
    assert alarms(full_tunnel()) == []


def six(**route: str) -> Document:
    document = full_tunnel()
    stack(document)["addresses"]["eth0"].append("2001:db8::9/64")
    stack(document)["routes"].append({**SIX, **route})
    return document


def test_the_other_family_leaves_outside() -> None:
    (finding,) = findings(six(), "WG701")
    assert (finding["host"], finding["interface"], finding["prefixes"]) == ("a", "wg0", ["::/0"])


def test_the_other_family_is_stopped_or_not_there() -> None:
    document = six()
    stack(document)["routes"][-1] = {"destination": "::/0", "type": "unreachable"}
    assert findings(document, "WG701") == []
    stack(document)["routes"].pop()
    assert findings(document, "WG701") == []
    document = six()
    stack(document)["ipv6"] = False
    assert findings(document, "WG701") == []


def test_a_made_up_underlay_may_not_have_the_other_family() -> None:
    document = six()
    stack(document)["addresses"] = {"eth0": []}
    assert findings(document, "WG701") == []


def test_a_full_tunnel_of_ipv6_leaks_ipv4() -> None:
    document = six()
    stack(document)["rules"] = [BYPASS, {**DIVERT}]
    first(document)["peers"][0]["allowed_ips"] = ["::/0"]
    first(document)["addresses"].append("fd00::1/128")
    (finding,) = findings(document, "WG701")
    assert finding["prefixes"] == ["0.0.0.0/0"]


def halves(*routes: Document, endpoint: str = "192.0.2.20:51820") -> Document:
    document = full_tunnel(*HALVES)
    stack(document).update(rules=[], routes=[OUT, AUTO, *routes])
    first(document)["peers"][0]["endpoint"] = endpoint
    first(document)["fwmark"] = 0
    return document


def test_the_halves_take_the_tunnels_own_packets() -> None:
    (finding,) = findings(halves(), "WG702")
    assert (finding["interface"], finding["peer"]) == ("wg0", "b")
    assert findings(halves({**OUT, "destination": "192.0.2.0/24"}), "WG702") == []


def test_halves_by_routes_of_their_own_are_halves_too() -> None:
    document = halves()
    stack(document)["routes"] = [OUT, *({"destination": half, "device": "wg0"} for half in HALVES)]
    assert len(findings(document, "WG702")) == 1


def test_an_endpoint_by_name_is_caught_where_no_public_address_is_left_out() -> None:
    name = "b.example.net:51820"
    # It could be a neighbour in the public network that eth0 is connected to.
    assert findings(halves(endpoint=name), "WG702") == []
    document = halves(endpoint=name)
    stack(document)["addresses"] = {"eth0": ["192.168.1.9/24"]}
    assert len(findings(document, "WG702")) == 1
    assert findings(halves({**OUT, "destination": "192.0.2.20/32"}, endpoint=name), "WG702") == []
    assert findings(halves(SIX, endpoint=name), "WG702") == []
    stack(document)["routes"].append({"destination": "172.16.0.0/12", "device": "eth0"})
    assert len(findings(document, "WG702")) == 1
    stack(document)["routes"].append({**OUT, "destination": "203.0.113.0/24"})
    assert findings(document, "WG702") == []


def test_a_whole_default_or_a_mark_is_another_matter() -> None:
    document = halves()
    first(document)["peers"][0]["allowed_ips"] = ["0.0.0.0/0"]
    stack(document)["routes"] = [AUTO]
    assert findings(document, "WG702") == []
    assert len(findings(document, "WG402")) == 1
    assert findings(full_tunnel(*HALVES), "WG702") == []
    document = halves()
    first(document)["socket_namespace"] = "outside"
    assert findings(document, "WG702") == []


def with_dns(*servers: str) -> Document:
    document = full_tunnel()
    first(document)["dns"] = list(servers)
    return document


@pytest.mark.parametrize(
    ("server", "outside"),
    [
        ("198.51.100.1", True),
        ("10.0.0.2", False),
        ("9.9.9.9", False),
        ("10.0.0.1", False),
        ("127.0.0.53", False),
        ("::1", False),
        ("corp.example.net", False),
        ("2620:fe::fe", True),
    ],
)
def test_name_servers(server: str, outside: bool) -> None:
    assert bool(findings(with_dns(server), "WG703")) == outside


def test_a_name_server_that_nothing_leads_to() -> None:
    (finding,) = findings(with_dns("2620:fe::fe"), "WG703")
    assert "ends with no_route" in finding["message"]
    assert finding["prefixes"] == ["2620:fe::fe/128"]


def test_a_split_tunnel_brings_its_name_server_along() -> None:
    document = pair()
    first(document)["dns"] = ["10.0.0.2"]
    assert findings(document, "WG703") == []
    first(document)["dns"] = ["10.0.0.53"]
    assert len(findings(document, "WG703")) == 1


def test_what_is_neither_an_address_nor_a_domain_is_told() -> None:
    (finding,) = findings(with_dns("10.0.0.256", "example.net"), "WG206")
    assert "10.0.0.256" in finding["message"]


def without_address(**addresses: list[str]) -> Document:
    document = full_tunnel()
    first(document)["addresses"] = ["fd00::1/128"]
    stack(document).update(advertise=[], addresses={"eth0": ["198.51.100.9/24"], **addresses})
    return document


def test_a_full_tunnel_needs_an_address_of_its_family() -> None:
    (finding,) = findings(without_address(), "WG704")
    assert (finding["host"], finding["interface"], finding["prefixes"]) == ("a", "wg0", ["0.0.0.0/0"])
    assert findings(full_tunnel(), "WG704") == []


def test_a_source_that_the_peer_accepts_will_do() -> None:
    document = without_address()
    stack(document)["routes"][1]["source"] = "10.0.0.1"
    assert findings(document, "WG704") == []
    stack(document)["routes"][1]["source"] = "10.0.0.9"
    assert len(findings(document, "WG704")) == 1


def test_a_full_tunnel_that_takes_the_neighbours_is_told_with_one_of_them() -> None:
    document = full_tunnel()
    stack(document)["rules"] = [DIVERT]
    (finding,) = findings(document, "WG705")
    assert finding["prefixes"] == ["198.51.100.0/24"]
    assert finding["witness"]["destination"] == "198.51.100.1"
    assert "connected to by eth0" in finding["message"]


def test_several_networks_of_several_devices() -> None:
    document = full_tunnel()
    stack(document)["addresses"].update(lan0=["192.168.7.1/24", "192.168.8.1/24"], lan1=["10.44.0.1/32"])
    stack(document)["advertise"] = []
    assert findings(document, "WG705") == []
    stack(document)["rules"] = [DIVERT]
    assert [finding["prefixes"] for finding in findings(document, "WG705")] == [
        ["192.168.7.0/24", "192.168.8.0/24"],
        ["198.51.100.0/24"],
    ]


def managed(address: str | None, **management: str) -> Document:
    document = full_tunnel()
    document["hosts"]["a"]["management"] = {"address": address, **management}
    return document


def test_the_way_back_to_ansible() -> None:
    document = managed("198.51.100.9")
    # 198.51.100.0/24 is public, but not all of the internet is its neighbour.
    (finding,) = findings(document, "WG705")
    assert finding["prefixes"] == ["198.51.100.9/32"]
    assert "Ansible reaches a at 198.51.100.9" in finding["message"]
    stack(document)["rules"].append({"priority": 50, "from": "198.51.100.9/32", "table": "main"})
    assert findings(document, "WG705") == []


@pytest.mark.parametrize("address", ["10.0.0.1", "203.0.113.50", "a.example.net", None, "2001:db8::9"])
def test_a_management_address_of_which_nothing_is_known(address: str | None) -> None:
    assert findings(managed(address), "WG705") == []


def test_a_private_management_address_or_another_namespace_tells_nothing() -> None:
    document = managed("192.168.1.9")
    stack(document)["addresses"]["eth0"] = ["192.168.1.9/24"]
    stack(document)["advertise"] = []
    assert findings(document, "WG705") == []
    assert findings(managed("198.51.100.9", namespace="blue"), "WG705") == []
