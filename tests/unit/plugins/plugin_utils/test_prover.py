# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof on small fleets whose answer is known, and its promises on any fleet."""

from __future__ import annotations

import itertools
import typing as t

import netaddr
import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _rules
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._prover import prove, reachability

from .fleets import Document, fleet, gateway, host, interface, mesh, pair, peer, star


def outcome(document: Document, name: str, source: str, destination: str) -> tuple[str, tuple[str, str, str | None]]:
    """The one rectangle that holds the packet."""
    found = [
        piece
        for piece in reachability(parse_fleet(document), host=name)
        if netaddr.IPAddress(source) in netaddr.IPSet(piece["sources"])
        and netaddr.IPAddress(destination) in netaddr.IPSet(piece["destinations"])
    ]
    assert len(found) == 1
    at = found[0]["at"]
    return found[0]["outcome"], (at["host"], at["namespace"], at["device"])


def edited(document: Document, *changes: tuple[tuple[t.Any, ...], t.Any]) -> Document:
    for path, value in changes:
        place: t.Any = document
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value
    return document


STACK_A = ("hosts", "a", "namespaces", "")
STACK_B = ("hosts", "b", "namespaces", "")
PEER_OF_A = ("hosts", "a", "interfaces", 0, "peers", 0)
PEER_OF_B = ("hosts", "b", "interfaces", 0, "peers", 0)


@pytest.mark.parametrize(
    ("changes", "destination", "expected"),
    [
        ([], "10.0.0.2", ("delivered", ("b", "", None))),
        ([], "10.0.0.1", ("delivered", ("a", "", None))),
        ([], "10.0.0.3", ("no_route", ("a", "", None))),
        (
            [((*STACK_A, "routes"), [{"destination": "0.0.0.0/0", "device": "wg0"}])],
            "10.0.0.3",
            ("no_peer", ("a", "", "wg0")),
        ),
        (
            [((*STACK_A, "routes"), [{"destination": "0.0.0.0/0", "device": "eth0"}])],
            "10.0.0.2",
            ("exits", ("a", "", "eth0")),
        ),
        (
            [((*STACK_A, "routes"), [{"destination": "10.0.0.0/8", "type": "prohibit"}])],
            "10.0.0.2",
            ("prohibit", ("a", "", None)),
        ),
        ([((*PEER_OF_A, "public_key"), "A" * 42 + "E=")], "10.0.0.2", ("unmanaged_peer", ("a", "", "wg0"))),
        ([((*PEER_OF_B, "public_key"), "A" * 42 + "E=")], "10.0.0.2", ("one_sided", ("a", "", "wg0"))),
        (
            [((*PEER_OF_A, "endpoint"), None), ((*PEER_OF_B, "endpoint"), None)],
            "10.0.0.2",
            ("no_endpoint", ("a", "", "wg0")),
        ),
        ([((*PEER_OF_A, "endpoint"), None)], "10.0.0.2", ("delivered", ("b", "", None))),
        ([((*PEER_OF_B, "allowed_ips"), ["10.0.0.9/32"])], "10.0.0.2", ("source_rejected", ("b", "", "wg0"))),
        ([((*PEER_OF_A, "allowed_ips"), ["10.0.0.0/8"])], "10.0.0.9", ("not_forwarded", ("b", "", None))),
        (
            [((*STACK_B, "rp_filter"), {"wg0": 1}), ((*STACK_B, "routes"), [])],
            "10.0.0.2",
            ("rp_filtered", ("b", "", "wg0")),
        ),
    ],
)
def test_every_outcome_of_a_pair(
    changes: list[tuple[tuple[t.Any, ...], t.Any]], destination: str, expected: tuple[str, t.Any]
) -> None:
    assert outcome(edited(pair(), *changes), "a", "10.0.0.1", destination) == expected


def test_an_own_address_as_source_is_a_martian() -> None:
    document = edited(pair(), ((*PEER_OF_B, "allowed_ips"), ["10.0.0.0/24"]))
    assert outcome(document, "a", "10.0.0.2", "10.0.0.2") == ("martian_source", ("b", "", "wg0"))


def test_a_packet_between_two_that_point_at_each_other_loops() -> None:
    document = edited(
        pair(),
        ((*PEER_OF_A, "allowed_ips"), ["10.0.0.2/32", "10.9.0.0/16", "10.8.0.0/16"]),
        ((*PEER_OF_B, "allowed_ips"), ["10.0.0.1/32", "10.9.0.0/16", "10.8.0.0/16"]),
        ((*STACK_A, "forwarding"), {"ipv4": True}),
        ((*STACK_B, "forwarding"), {"ipv4": True}),
    )
    assert outcome(document, "a", "10.8.0.1", "10.9.0.1") == ("loop", ("b", "", None))


def test_a_relay_forwards_only_while_forwarding_is_on() -> None:
    assert outcome(star(), "b", "10.0.0.2", "10.0.0.3") == ("delivered", ("c", "", None))
    off = edited(star(), ((*STACK_A, "forwarding"), {}))
    assert outcome(off, "b", "10.0.0.2", "10.0.0.3") == ("not_forwarded", ("a", "", None))


@pytest.mark.parametrize("document", [pair(), star(), gateway(), mesh(3)])
def test_the_rectangles_are_disjoint_and_cover_everything(document: Document) -> None:
    name = next(iter(document["hosts"]))
    pieces = reachability(parse_fleet(document), host=name)
    for family, width in ((4, 32), (6, 128)):
        mine = [
            (netaddr.IPSet(piece["sources"]), netaddr.IPSet(piece["destinations"]))
            for piece in pieces
            if netaddr.IPNetwork(piece["sources"][0]).version == family
        ]
        assert sum(sources.size * destinations.size for sources, destinations in mine) == 1 << 2 * width
        for (sources, destinations), (other_sources, other_destinations) in itertools.combinations(mine, 2):
            assert sources.isdisjoint(other_sources) or destinations.isdisjoint(other_destinations)


def test_an_unknown_host_or_namespace_is_an_error_that_lists_the_known_ones() -> None:
    found = parse_fleet(pair())
    with pytest.raises(InvalidInput, match=r"host: 'z' is not a host of this fleet; known are a, b"):
        reachability(found, host="z")
    with pytest.raises(InvalidInput, match="namespace: 'blue' is not a namespace of this host"):
        reachability(found, host="a", namespace="blue")


def serious(findings: list[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    """Errors and warnings: the names in the endpoints of the fixtures are information (WG509)."""
    return [finding for finding in findings if finding["severity"] != "info"]


@pytest.mark.parametrize(("document", "pairs"), [(pair(), 2), (star(), 6), (gateway(), 2), (mesh(5), 20)])
def test_a_fleet_in_order_is_proved_and_clean(document: Document, pairs: int) -> None:
    found = parse_fleet(document)
    proof = prove(found).summary()
    assert (proof["verdict"], proof["pairs"], proof["delivered"]) == ("proved", pairs, pairs)
    assert serious(_rules.check(found)) == []


def test_the_summary_counts_and_accounts_for_every_address() -> None:
    proof = prove(parse_fleet(mesh(3))).summary(7)
    assert proof["assumptions"] == 7
    assert (proof["stacks"], proof["interfaces"], proof["peers"], proof["allowed_ips"]) == (3, 3, 6, 12)
    assert proof["addresses_classified"] == {"4": str(3 * 2**32), "6": str(3 * 2**128)}
    assert proof["families"] == [4]


def test_a_proof_is_computed_once_per_fleet() -> None:
    found = parse_fleet(mesh(3))
    assert prove(found) is prove(found)


def test_a_lan_behind_a_gateway_is_part_of_the_proof_both_ways() -> None:
    document = edited(gateway(), ((*STACK_B, "forwarding"), {}))
    found = parse_fleet(document)
    proof = prove(found)
    assert proof.verdict == "refuted"
    assert {cause.blocked.outcome for cause in proof.failures} == {"not_forwarded"}
    assert {tuple(pair) for cause in proof.failures for pair in cause.first_pairs} == {
        (("a", ""), ("b", "")),
        (("b", ""), ("a", "")),
    }


def test_what_is_advertised_in_one_network_is_not_expected_from_another() -> None:
    def two_networks(**more: t.Any) -> Document:
        return fleet(
            a=host(interface("a", ["10.0.0.1/32"], peer("b", "10.0.0.2/32"))),
            b=host(
                interface("b", ["10.0.0.2/32"], peer("a", "10.0.0.1/32"), **more),
                interface("b2", ["10.1.0.2/32"], peer("c", "10.1.0.3/32"), name="wg1", network="lab",
                          advertise=["192.168.7.0/24"]),
                addresses={"lan0": ["192.168.7.1/24"]},
                advertise=["192.168.7.0/24"],
                forwarding={"ipv4": True},
                routes=[{"destination": "allowed_ips", "device": device} for device in ("wg0", "wg1")],
            ),
            c=host(interface("c", ["10.1.0.3/32"], peer("b2", "10.1.0.2/32", "192.168.7.0/24"), network="lab")),
        )  # fmt: skip

    assert prove(parse_fleet(two_networks(advertise=[]))).verdict == "proved"
    assert prove(parse_fleet(two_networks())).verdict == "refuted"


def test_without_advertise_a_connected_prefix_counts_when_another_host_lists_it() -> None:
    document = edited(gateway(), ((*STACK_B, "advertise"), None), ((*STACK_B, "forwarding"), {}))
    assert prove(parse_fleet(document)).verdict == "refuted"
    document["hosts"]["a"]["interfaces"][0]["peers"][0]["allowed_ips"] = ["10.0.0.2/32", "128.0.0.0/1"]
    assert prove(parse_fleet(document)).verdict == "proved"


def test_unknown_keys_are_found_by_name_and_make_the_verdict_unproven() -> None:
    document = edited(pair(), (("hosts", "b", "interfaces", 0, "public_key"), None), ((*PEER_OF_A, "public_key"), None))
    proof = prove(parse_fleet(document))
    assert (proof.verdict, proof.delivered) == ("unproven", 2)


def test_a_mesh_without_any_key_is_one_finding_per_host() -> None:
    document = mesh(3)
    for entry in document["peer_groups"]["corp"]:
        entry["public_key"] = None
    for one in document["hosts"].values():
        one["interfaces"][0]["public_key"] = None
    findings = serious(_rules.check(parse_fleet(document)))
    assert [(finding["rule"], finding["host"]) for finding in findings] == [
        ("WG109", "h0000"),
        ("WG109", "h0001"),
        ("WG109", "h0002"),
    ]


def expecting(*entries: Document) -> Document:
    document = star()
    document["networks"] = {"corp": {"expect": list(entries)}}
    return document


@pytest.mark.parametrize(
    ("entry", "holds"),
    [
        ({"from": {"host": "b"}, "to": {"host": "c"}, "reach": True}, True),
        ({"from": {"host": "b"}, "to": {"host": "c"}, "reach": False}, False),
        ({"from": {"hosts": ["a", "b"], "group": "some"}, "to": {"network": "corp"}, "reach": True}, True),
        ({"from": {"host": "b"}, "to": {"prefix": "10.0.0.3/32"}, "reach": True}, True),
        ({"from": {"host": "b"}, "to": {"prefix": "10.0.9.0/24"}, "reach": True}, False),
        ({"from": {"host": "b"}, "to": {"prefix": "10.0.9.0/24"}, "reach": False}, True),
        ({"from": {"prefix": "10.9.9.9/32"}, "to": {"host": "a"}, "reach": True}, False),
    ],
)
def test_intents_are_judged(entry: Document, holds: bool) -> None:
    proof = prove(parse_fleet(expecting(entry)))
    assert [one["holds"] for one in proof.expectations] == [holds]
    assert proof.verdict == ("proved" if holds else "refuted")


def test_an_accept_intent_needs_the_reply_too() -> None:
    document = expecting({"from": {"host": "b"}, "to": {"host": "c"}, "reach": True})
    document["hosts"]["c"]["namespaces"][""]["routes"] = [{"destination": "10.0.0.1/32", "device": "wg0"}]
    (intent,) = prove(parse_fleet(document)).intents
    assert (intent.holds, intent.back) == (False, True)
    assert "the reply from 10.0.0.3 to 10.0.0.2 ends with no_route at c" in intent.reason


def test_a_mesh_of_two_hundred_hosts_is_proved_and_checked() -> None:
    found = parse_fleet(mesh(200))
    proof = prove(found)
    findings = serious(_rules.check(found))
    assert (proof.verdict, proof.pairs, findings) == ("proved", 200 * 199, [])
