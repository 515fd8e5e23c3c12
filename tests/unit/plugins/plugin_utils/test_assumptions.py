# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The assumption ledger: each entry where it belongs, once, and not where the document settles it."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _rules
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._prover import prove

from .fleets import Document, gateway, mesh, pair, peer
from .rule_helpers import first, full_tunnel, stack

WORDS = {
    "return": "hosts in the networks behind a gateway",
    "filter": "no packet filter drops",
    "underlay": "an underlay that nobody describes",
    "names": "endpoint names resolve",
    "nat": "address translation (1:1 NAT",
    "mtu": "the paths between endpoints",
    "external": "peers that are not managed",
}


def ledger(document: Document) -> dict[str, dict[str, t.Any]]:
    """The entries by a short name, in their order."""
    entries = prove(parse_fleet(document)).assumptions
    found = {name: entry for entry in entries for name, words in WORDS.items() if words in entry["assumption"]}
    assert len(found) == len(entries)
    assert all(entry["settle"] and set(entry) == {"assumption", "settle", "hosts"} for entry in entries)
    assert all(entry["hosts"] == sorted(set(entry["hosts"])) for entry in entries)
    assert list(found) == [name for name in WORDS if name in found]
    return found


def test_the_hosts_of_a_lan_need_a_route_back() -> None:
    assert ledger(gateway())["return"]["hosts"] == ["b"]
    assert "return" not in ledger(pair())


def test_a_lan_that_sees_only_the_gateways_address_needs_no_route() -> None:
    document = gateway()
    stack(document, "b")["masquerade"] = ["lan0"]
    assert "return" not in ledger(document)
    stack(document, "b")["masquerade"] = ["eth0"]
    assert ledger(document)["return"]["hosts"] == ["b"]


def test_a_network_that_is_only_the_host_itself_has_nobody_in_it() -> None:
    document = gateway()
    stack(document, "b")["addresses"] = {"lo": ["192.168.7.1/32"]}
    stack(document, "b")["advertise"] = ["192.168.7.1/32"]
    first(document)["peers"][0]["allowed_ips"] = ["10.0.0.2/32", "192.168.7.1/32"]
    assert "return" not in ledger(document)


@pytest.mark.parametrize("value", [False, [], {}])
def test_a_document_may_say_that_nothing_filters(value: t.Any) -> None:
    document = pair()
    for name in "ab":
        stack(document, name).update(firewall=value, nat=value)
    assert "filter" not in ledger(document)
    assert prove(parse_fleet(document)).verdict == "proved"
    del stack(document, "b")["nat"]
    assert ledger(document)["filter"]["hosts"] == ["b"]
    stack(document, "b")["masquerade"] = []
    assert "filter" not in ledger(document)


def test_a_filter_that_is_declared_is_no_assumption_but_a_finding() -> None:
    document = pair()
    for name in "ab":
        stack(document, name).update(firewall=[{"drop": "all"}], nat=False)
    assert "filter" not in ledger(document)
    findings = _rules.check(parse_fleet(document))
    assert {finding["rule"] for finding in findings if finding["severity"] != "info"} == {"WG003"}


def test_an_underlay_that_nobody_describes() -> None:
    document = pair()
    assert ledger(document)["underlay"]["hosts"] == ["a", "b"]
    stack(document)["addresses"] = {"eth0": ["198.51.100.9/24"]}
    stack(document, "b")["routes"].append({"destination": "0.0.0.0/0", "device": "eth0"})
    assert "underlay" not in ledger(document)
    first(document)["socket_namespace"] = "outside"
    assert ledger(document)["underlay"]["hosts"] == ["a"]


def test_names_are_those_of_who_dials_them() -> None:
    document = pair()
    first(document, "b")["peers"][0]["endpoint"] = "198.51.100.9:51820"
    assert ledger(document)["names"] == {
        "assumption": "endpoint names resolve to the right host",
        "settle": "getent hosts b.example.net",
        "hosts": ["a"],
    }
    first(document)["peers"][0]["endpoint"] = "198.51.100.8:51820"
    assert "names" not in ledger(document)


def test_many_names_are_counted() -> None:
    entry = ledger(mesh(30))["names"]
    assert entry["settle"] == "getent hosts h0000.example.net   # and so on for all 30 names"
    assert len(entry["hosts"]) == 30


def dialled(address: str, *own: str) -> Document:
    document = pair()
    first(document)["peers"][0]["endpoint"] = f"{address}:51820"
    stack(document, "b").update(addresses={"eth0": list(own)}, advertise=[])
    return document


def test_an_endpoint_that_nobody_has_is_translated_somewhere() -> None:
    entry = ledger(dialled("203.0.113.5", "192.168.1.5/24"))["nat"]
    assert "leads 203.0.113.5 to b" in entry["assumption"]
    assert entry["hosts"] == ["b"]


@pytest.mark.parametrize("own", [("203.0.113.5/24",), (), ("2001:db8::5/64",)])
def test_an_endpoint_that_its_host_has_or_could_have_is_not(own: tuple[str, ...]) -> None:
    assert "nat" not in ledger(dialled("203.0.113.5", *own))


@pytest.mark.parametrize(
    ("forward", "assumed"),
    [
        ({}, False),
        ({"address": "203.0.113.5"}, False),
        ({"address": "203.0.113.6"}, True),
        ({"port": 51821}, True),
        ({"protocol": "tcp"}, True),
    ],
)
def test_a_port_forward_that_is_declared_is_not_assumed(forward: Document, assumed: bool) -> None:
    document = dialled("203.0.113.5", "192.168.1.5/24")
    first(document, "b")["listen_port"] = 51820
    stack(document, "b")["port_forwards"] = [{"protocol": "udp", "port": 51820, "to_port": 51820, **forward}]
    assert ("nat" in ledger(document)) == assumed


def test_an_endpoint_that_another_host_has_is_another_matter() -> None:
    document = dialled("203.0.113.5", "192.168.1.5/24")
    stack(document).update(addresses={"eth0": ["203.0.113.5/24"]}, advertise=[])
    assert "nat" not in ledger(document)


@pytest.mark.parametrize(
    ("endpoint", "mtu", "size"),
    [
        ("203.0.113.5:1", None, "1500"),
        ("203.0.113.5:1", 1420, "1480"),
        ("[2001:db8::5]:1", None, "1500"),
        ("b.example.net:1", 1300, "1380"),
        ("203.0.113.5:1", 1280, "1340"),
        ("[2001:db8::5]:1", 1200, None),
    ],
)
def test_the_path_carries_what_the_tunnels_send(endpoint: str, mtu: int | None, size: str | None) -> None:
    document = pair()
    first(document)["peers"][0]["endpoint"] = endpoint
    first(document, "b")["peers"][0]["endpoint"] = None
    for name in "ab":
        first(document, name)["mtu"] = mtu
    entry = ledger(document).get("mtu")
    assert (entry is None) == (size is None)
    if entry is not None:
        assert f"outer packets of {size} bytes" in entry["assumption"]
        assert entry["hosts"] == ["a"]
        header = 28 if endpoint.startswith("2") else 48
        assert f"-s {int(size or 0) - header} " in entry["settle"]


def test_peers_that_are_not_managed_are_named_or_counted() -> None:
    document = pair()
    for number in range(6):
        first(document)["peers"].append(peer(f"p{number}", f"10.0.1.{number}/32", endpoint=None, managed=False))
    assert ledger(document)["external"]["assumption"].endswith("to match: p0, p1, p2, p3 and 2 more")


def test_the_verdict_counts_them() -> None:
    proof = prove(parse_fleet(full_tunnel()))
    assert proof.summary()["assumptions"] == len(proof.assumptions)
