# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The finer points of WG403, WG404 and WG405: tunnels inside tunnels, relays that send back, outer sources."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._trace import trace

from .fleets import AUTO, Document, fleet, gateway, host, hub, interface, mesh, pair, peer, star
from .rule_helpers import OUT, findings, first, stack


def onion(*inside: str) -> Document:
    """wg0 of a leads to what is given; the endpoints of wg1 are 192.0.2.3 and 192.0.2.4."""
    return fleet(
        a=host(
            interface("a", ["10.0.0.1/32"], peer("b", "10.0.0.2/32", *inside, endpoint="192.0.2.2:1")),
            interface(
                "a2",
                ["10.1.0.1/32"],
                peer("c", "10.1.0.3/32", endpoint="192.0.2.3:1"),
                peer("d", "10.1.0.4/32", endpoint="192.0.2.4:1"),
                name="wg1",
                network="lab",
            ),
            addresses={"eth0": ["198.51.100.1/24"]},
            routes=[OUT, AUTO, {**AUTO, "device": "wg1"}],
        )
    )


def test_an_endpoint_inside_another_tunnel_is_information() -> None:
    (finding,) = findings(onion("192.0.2.3/32"), "WG403")
    assert (finding["severity"], finding["interface"], finding["peer"]) == ("info", "wg1", "c")
    assert "192.0.2.3:1 of c of wg1 of a goes through the tunnel wg0" in finding["message"]
    assert findings(onion(), "WG403") == []


def test_several_endpoints_in_one_tunnel_are_one_finding() -> None:
    (finding,) = findings(onion("192.0.2.3/32", "192.0.2.4/32"), "WG403")
    assert "the endpoints 192.0.2.3:1 of c, 192.0.2.4:1 of d" in finding["message"]


def test_a_mark_that_keeps_the_endpoint_outside_counts() -> None:
    document = onion("192.0.2.3/32")
    document["hosts"]["a"]["interfaces"][1]["fwmark"] = 7
    stack(document)["rules"] = [{"priority": 5, "fwmark": 7, "table": "9"}]
    stack(document)["routes"].append({**OUT, "table": "9"})
    assert findings(document, "WG403") == []


def test_a_circle_is_an_error_and_not_also_information() -> None:
    document = onion("192.0.2.3/32")
    document["hosts"]["a"]["interfaces"][1]["peers"][0]["allowed_ips"].append("192.0.2.2/32")
    assert findings(document, "WG403") == []
    assert len(findings(document, "WG402")) == 2


def sent_back() -> Document:
    """The relay a gives c's address to b, which sends it to a."""
    document = star()
    b, c = first(document)["peers"]
    b["allowed_ips"].append("10.0.0.3/32")
    c["allowed_ips"] = ["10.0.0.9/32"]
    return document


def test_a_relay_that_sends_back_is_told_with_a_packet() -> None:
    (finding,) = findings(sent_back(), "WG404")
    assert (finding["host"], finding["peer"], finding["prefixes"]) == ("a", "b", ["10.0.0.3/32"])
    traced = trace(parse_fleet(sent_back()), **finding["witness"])
    assert [hop["host"] for hop in traced["hops"]][:3] == ["b", "a", "b"]


def test_what_goes_round_for_ever_is_a_loop_instead() -> None:
    document = sent_back()
    stack(document, "b")["forwarding"] = {"ipv4": True}
    # b is rejected by itself: the source is its own address; a LAN behind it is what goes round.
    stack(document, "b").update(addresses={"lan0": ["10.9.0.1/24"]}, advertise=["10.9.0.0/24"])
    for one in ("a", "c"):
        first(document, one)["peers"][0]["allowed_ips"].append("10.9.0.0/24")
    first(document, "b")["peers"][0]["allowed_ips"].append("10.9.0.0/24")
    assert findings(document, "WG401")


def test_a_peer_that_keeps_its_own_at_home_is_never_sent_back() -> None:
    for document in (star(), gateway(), mesh(4), hub(6)):
        assert findings(document, "WG404") == []


def test_a_relay_that_does_not_forward_sends_nothing_back() -> None:
    document = sent_back()
    stack(document)["forwarding"] = {"ipv4": False}
    assert findings(document, "WG404") == []


def test_what_nobody_owns_may_go_to_and_fro() -> None:
    document = sent_back()
    for name in ("a", "b"):
        first(document, name)["peers"][0]["allowed_ips"] += ["10.99.0.0/24"]
    (finding,) = findings(document, "WG404")
    assert finding["prefixes"] == ["10.0.0.3/32"]


def test_a_lan_that_its_own_host_routes_into_the_tunnel_comes_back() -> None:
    document = gateway()
    stack(document)["forwarding"] = {"ipv4": True}
    stack(document, "b").update(addresses={"lan0": []}, forwarding={"ipv4": False})
    first(document, "b")["peers"][0]["allowed_ips"].append("192.168.7.0/24")
    document["hosts"]["c"] = host(interface("c", ["10.0.0.3/32"], peer("a", "10.0.0.1/32")))
    stack(document, "b")["routes"].append({"destination": "192.168.7.0/24", "device": "wg0"})
    assert [finding["prefixes"] for finding in findings(document, "WG404")] == [["192.168.7.0/24"]]


def with_source(source: str | None = "10.0.0.1", **route: t.Any) -> Document:
    document = pair()
    first(document)["peers"][0]["endpoint"] = "192.0.2.20:51820"
    stack(document).update(
        addresses={"eth0": ["198.51.100.9/24"]}, routes=[AUTO, {**OUT, "source": source, **route}], advertise=[]
    )
    return document


def test_an_outer_packet_with_the_address_of_a_tunnel() -> None:
    (finding,) = findings(with_source(), "WG405")
    assert (finding["host"], finding["peer"], finding["prefixes"]) == ("a", "b", ["10.0.0.1/32"])
    assert "an address of the tunnel wg0" in finding["message"]
    assert findings(with_source("198.51.100.9"), "WG405") == []
    assert findings(with_source(None), "WG405") == []


def test_only_the_route_to_an_endpoint_matters() -> None:
    assert findings(with_source(destination="203.0.113.0/24"), "WG405") == []
    document = with_source()
    first(document)["peers"][0]["endpoint"] = "b.example.net:51820"
    assert findings(document, "WG405") == []


def test_an_address_that_another_device_has_too_is_no_tunnel_only_one() -> None:
    document = with_source()
    stack(document)["addresses"]["lo"] = ["10.0.0.1/32"]
    assert findings(document, "WG405") == []


def test_a_device_without_an_address_lends_that_of_the_tunnel() -> None:
    document = with_source(None)
    stack(document)["addresses"] = {"eth0": ["2001:db8::9/64"]}
    (finding,) = findings(document, "WG405")
    assert finding["hint"] == "give eth0 an IPv4 address of its own"
    stack(document)["addresses"]["lan0"] = ["192.168.7.1/24"]
    assert findings(document, "WG405") == []


def test_the_birthplace_decides() -> None:
    document = with_source()
    document["hosts"]["a"]["namespaces"]["blue"] = {"routes": [OUT], "addresses": {"eth1": ["198.51.100.7/24"]}}
    first(document)["socket_namespace"] = "blue"
    assert findings(document, "WG405") == []


@pytest.mark.parametrize("document", [mesh(5), hub(5)])
def test_shared_rows_are_no_trouble(document: Document) -> None:
    for rule in ("WG403", "WG404", "WG405"):
        assert findings(document, rule) == []
