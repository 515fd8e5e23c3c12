# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The finer points of WG308 and WG315: which source a packet has, and whether an answer to it comes back."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._prover import prove
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._trace import trace

from .fleets import AUTO, Document, gateway, key, mesh, pair
from .rule_helpers import alarms, findings, first, full_tunnel, stack


def unnumbered(**addresses: list[str]) -> Document:
    """wg0 of a has no address, so that the kernel takes one of another device."""
    document = pair()
    first(document)["addresses"] = []
    stack(document).update(addresses=addresses, advertise=[])
    return document


def test_an_unnumbered_tunnel_takes_the_address_of_another_device() -> None:
    (finding,) = findings(unnumbered(eth0=["192.0.2.9/24"]), "WG308")
    assert (finding["host"], finding["interface"], finding["peer"]) == ("a", "wg0", "b")
    assert finding["prefixes"] == ["192.0.2.9/32"]
    assert trace(parse_fleet(unnumbered(eth0=["192.0.2.9/24"])), **finding["witness"])["outcome"] == "source_rejected"


def test_what_the_peer_lists_is_accepted() -> None:
    document = unnumbered(lan0=["10.0.0.1/24"])
    assert findings(document, "WG308") == []


def test_of_several_devices_nobody_knows_which_comes_first() -> None:
    assert findings(unnumbered(eth0=["192.0.2.9/24"], lan0=["10.0.0.1/24"]), "WG308") == []
    (finding,) = findings(unnumbered(eth0=["192.0.2.9/24"], lan0=["10.9.0.1/24"]), "WG308")
    assert "one of 10.9.0.1, 192.0.2.9" in finding["message"]


def test_a_device_that_nobody_describes_may_have_any_address() -> None:
    assert findings(unnumbered(eth0=["192.0.2.9/24"], underlay0=[]), "WG308") == []


def test_the_first_address_of_a_device_is_the_default_source() -> None:
    document = pair()
    first(document)["addresses"] = ["10.0.0.1/32", "10.5.0.1/32"]
    assert findings(document, "WG308") == []


def test_the_gateway_chooses_among_the_addresses_of_a_device() -> None:
    document = pair()
    stack(document).update(addresses={"lan0": ["10.9.0.1/24", "10.8.0.1/24"]}, advertise=[])
    route = {"destination": "10.0.0.2/32", "device": "wg0", "source": "10.8.0.1"}
    stack(document)["routes"] = [route]
    (finding,) = findings(document, "WG308")
    assert finding["prefixes"] == ["10.8.0.1/32"]
    assert "as the route says" in finding["message"]


def test_a_source_of_the_other_family_is_refused_and_changes_nothing() -> None:
    document = pair()
    stack(document)["routes"] = [{"destination": "10.0.0.2/32", "device": "wg0", "source": "fd00::1"}]
    assert findings(document, "WG308") == []
    (finding,) = findings(document, "WG206")
    assert "is of another family" in finding["message"]


def test_a_route_that_decides_nothing_gives_no_source() -> None:
    document = pair()
    stack(document)["routes"] = [
        AUTO,
        {"destination": "10.0.0.2/32", "device": "wg0", "metric": 9, "source": "10.9.9.9"},
    ]
    assert findings(document, "WG308") == []


def test_a_rule_by_source_may_take_the_packet_elsewhere_once_it_has_its_source() -> None:
    document = pair()
    stack(document).update(
        addresses={"eth0": ["192.0.2.9/24"]},
        routes=[{"destination": "10.0.0.2/32", "device": "wg0", "source": "192.0.2.9"},
                {"destination": "0.0.0.0/0", "device": "eth0", "table": "7"}],
        rules=[{"priority": 5, "from": "192.0.2.9/32", "table": "7"}],
    )  # fmt: skip
    assert findings(document, "WG308") == []


def test_ipv6_prefers_the_longest_match_among_the_addresses_of_the_device() -> None:
    document = pair()
    a, b = first(document), first(document, "b")
    a["addresses"] = ["fd00:1::1/64", "fd00:2::1/64"]
    a["peers"][0]["allowed_ips"] = ["fd00:2::2/128"]
    b["addresses"], b["peers"][0]["allowed_ips"] = ["fd00:2::2/128"], ["fd00:2::1/128"]
    a["advertise"], stack(document)["advertise"] = [], []
    assert findings(document, "WG308") == []
    # Both are the stack's own in the network, so what the peer refuses of them is the proof's to tell.
    assert "WG304" in alarms(document)


def test_ipv6_takes_the_source_with_the_label_of_the_destination() -> None:
    document = pair()
    a, b = first(document), first(document, "b")
    a["addresses"] = []
    a["peers"][0]["allowed_ips"] = ["fd00:2::2/128"]
    b["addresses"], b["peers"][0]["allowed_ips"] = ["fd00:2::2/128"], ["2001:db8::1/128"]
    stack(document).update(addresses={"eth0": ["2001:db8::1/64"], "lan0": ["fd00:9::1/64"]}, advertise=[])
    (finding,) = findings(document, "WG308")
    assert finding["prefixes"] == ["fd00:9::1/128"]
    stack(document)["addresses"] = {"eth0": ["2001:db8::1/64", "fe80::1/64"]}
    assert findings(document, "WG308") == []


def test_the_label_counts_more_than_the_longest_match() -> None:
    """Teredo's label is not that of other public addresses, however many bits they share."""
    document = pair()
    a, b = first(document), first(document, "b")
    a["addresses"], a["peers"][0]["allowed_ips"] = [], ["2001:db8::2/128"]
    b["addresses"], b["peers"][0]["allowed_ips"] = ["2001:db8::2/128"], ["2001:0:1::1/128"]
    stack(document).update(addresses={"eth0": ["2001:0:1::1/64"], "lan0": ["2400:cb00::1/64"]}, advertise=[])
    (finding,) = findings(document, "WG308")
    assert finding["prefixes"] == ["2400:cb00::1/128"]


def test_of_a_peer_that_is_not_managed_nobody_knows_what_it_accepts() -> None:
    document = unnumbered(eth0=["192.0.2.9/24"])
    first(document)["peers"][0].update(public_key=key("stranger"), managed=False)
    assert findings(document, "WG308") == []


def test_a_mesh_is_not_asked_pair_by_pair() -> None:
    document = mesh(60)
    for one in document["hosts"].values():
        one["namespaces"][""]["routes"][1] = {**AUTO, "source": "203.0.113.9"}
    found = findings(document, "WG308")
    assert len(found) == 60
    assert all("and 1 more" in finding["message"] for finding in found)


def exit_of(document: Document, **changes: t.Any) -> Document:
    stack(document, "b").update(changes)
    return document


def test_an_exit_that_masquerades_elsewhere_is_told_where() -> None:
    (finding,) = findings(exit_of(full_tunnel(), masquerade=["lan0"]), "WG315")
    assert (finding["host"], finding["peer"], finding["prefixes"]) == ("b", "a", ["10.0.0.1/32"])
    assert "by eth0" in finding["message"]


def test_an_exit_of_a_described_device_that_says_nothing_does_not_masquerade() -> None:
    assert len(findings(exit_of(full_tunnel(), masquerade=None), "WG315")) == 1


def test_an_exit_of_an_undescribed_device_is_an_assumption() -> None:
    document = exit_of(full_tunnel(), masquerade=None, addresses={"eth0": []})
    assert findings(document, "WG315") == []
    assert any("exits of which nobody" in entry["assumption"] for entry in prove(parse_fleet(document)).assumptions)
    settled = prove(parse_fleet(full_tunnel())).assumptions
    assert not any("exits of which nobody" in entry["assumption"] for entry in settled)


def test_a_public_source_may_be_answered() -> None:
    document = exit_of(full_tunnel(), masquerade=[])
    first(document)["addresses"] = ["203.0.113.77/32"]
    first(document, "b")["peers"][0]["allowed_ips"] = ["203.0.113.77/32"]
    assert findings(document, "WG315") == []


def test_whoever_is_in_the_network_of_the_outward_device_is_answered() -> None:
    document = exit_of(full_tunnel(), masquerade=[], addresses={"eth0": ["10.0.0.200/25"]})
    assert len(findings(document, "WG315")) == 1
    stack(document, "b")["addresses"] = {"eth0": ["10.0.0.20/24"]}
    assert findings(document, "WG315") == []


def test_a_list_that_leaves_out_private_ranges_makes_an_exit_too() -> None:
    lists = "0/5 8/7 11/8 12/6 16/4 32/3 64/3 96/3 128/3 160/5 168/6 176/4 193/8 194/7 196/6 200/5 208/4".split()
    lists = [entry.replace("/", ".0.0.0/") for entry in lists]
    assert len(findings(exit_of(full_tunnel("10.0.0.2/32", *lists), masquerade=[]), "WG315")) == 1
    assert findings(exit_of(full_tunnel("10.0.0.2/32", *lists[:4]), masquerade=[]), "WG315") == []


def test_many_clients_of_one_exit_are_one_finding() -> None:
    document = exit_of(full_tunnel(), masquerade=[])
    for number in range(3, 8):
        name = f"c{number}"
        document["hosts"][name] = full_tunnel()["hosts"]["a"]
        first(document, name).update(public_key=key(name), addresses=[f"10.0.0.{number}/32"])
        entry = {**first(document, "b")["peers"][0], "name": name, "public_key": key(name)}
        first(document, "b")["peers"].append({**entry, "allowed_ips": [f"10.0.0.{number}/32"]})
    (finding,) = findings(document, "WG315")
    assert finding["prefixes"] == ["10.0.0.1/32", "10.0.0.3/32", "10.0.0.4/30"]


@pytest.mark.parametrize("document", [pair(), gateway(), mesh(4), full_tunnel()])
def test_a_fleet_in_order_has_no_alarm(document: Document) -> None:
    assert alarms(document) == []
