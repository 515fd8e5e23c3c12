# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WG106 and WG107: the finer points."""

from __future__ import annotations

import itertools
import random

import pytest

from .fleets import Document, host, interface, key, mesh, pair, peer, star
from .rule_findings import found, places, rules


def test_a_rotated_key_is_told_where_the_old_one_stands_and_nothing_follows_from_it() -> None:
    document = pair()
    document["hosts"]["a"]["interfaces"][0]["peers"][0]["public_key"] = key("b, before")
    assert places(document, "WG106") == [("a", "b")]
    assert not rules(document) & {"WG105", "WG108"}
    assert key("b, before") not in str(found(document, "WG106"))


def test_swapped_keys_are_told_of_both_entries() -> None:
    document = star()
    first, second = document["hosts"]["a"]["interfaces"][0]["peers"]
    first["public_key"], second["public_key"] = second["public_key"], first["public_key"]
    assert places(document, "WG106") == [("a", "b"), ("a", "c")]
    assert "belongs to wg0 of c" in found(document, "WG106")[0]["message"]


def test_a_wrong_key_in_a_shared_row_is_one_finding() -> None:
    document = mesh(5)
    document["peer_groups"]["corp"][3]["public_key"] = key("old")
    assert places(document, "WG106") == [("h0000", "h0003")]
    assert "peer group corp" in found(document, "WG106")[0]["message"]
    assert found(document, "WG105") == []


def test_an_external_peer_or_a_name_in_another_network_has_the_key_it_has() -> None:
    document = pair()
    peers = document["hosts"]["a"]["interfaces"][0]["peers"]
    peers.append(peer("b", "10.0.0.9/32", managed=False) | {"public_key": key("phone")})
    assert found(document, "WG106") == []
    peers[-1]["managed"] = True
    assert places(document, "WG106") == [("a", "b")]
    document["hosts"]["b"]["interfaces"][0]["network"] = "lab"
    assert found(document, "WG106") == []


def test_the_key_of_another_interface_of_the_same_host_is_right_where_that_one_answers() -> None:
    document = pair()
    document["hosts"]["b"]["interfaces"].append(
        interface("b in lab", ["10.1.0.2/32"], peer("a", "10.0.0.1/32"), name="wg1", network="lab")
    )
    document["hosts"]["a"]["interfaces"][0]["peers"][0]["public_key"] = key("b in lab")
    assert found(document, "WG106") == []
    document["hosts"]["b"]["interfaces"][1]["peers"] = []
    assert places(document, "WG106") == [("a", "b")]


def test_a_key_that_is_not_known_yet_is_not_called_wrong() -> None:
    document = pair()
    document["hosts"]["b"]["interfaces"][0]["public_key"] = None
    assert found(document, "WG106") == []


def preshared(document: Document, ids: dict[tuple[str, str], str | None]) -> Document:
    for (at, name), one in ids.items():
        (entry,) = [entry for entry in document["hosts"][at]["interfaces"][0]["peers"] if entry["name"] == name]
        entry["preshared_key_id"] = one
    return document


@pytest.mark.parametrize(
    ("here", "there", "told"),
    [(None, None, []), ("x", "x", []), ("x", None, [("b", "a")]), (None, "x", [("a", "b")]), ("x", "y", [("a", "b")])],
)
def test_preshared_keys_agree_or_are_told_once(
    here: str | None, there: str | None, told: list[tuple[str, str]]
) -> None:
    document = preshared(pair(), {("a", "b"): here, ("b", "a"): there})
    assert places(document, "WG107") == told


def test_the_name_of_a_preshared_key_is_not_shown() -> None:
    document = preshared(pair(), {("a", "b"): key("secret")})
    assert key("secret")[:12] not in str(found(document, "WG107"))


def test_in_a_mesh_those_are_told_who_differ_from_the_most() -> None:
    document = mesh(6)
    for entry in document["peer_groups"]["corp"]:
        entry["preshared_key_id"] = "corp/1"
    assert found(document, "WG107") == []
    document["peer_groups"]["corp"][4]["preshared_key_id"] = None
    assert places(document, "WG107") == [("h0004", "h0000")]


def test_two_rows_that_list_each_other_are_held_against_each_other() -> None:
    document = mesh(6)
    document["peer_groups"]["late"] = [dict(entry) for entry in document["peer_groups"]["corp"]]
    for name in ("h0004", "h0005"):
        document["hosts"][name]["interfaces"][0]["peer_group"] = "late"
    assert found(document, "WG107") == []
    for entry in document["peer_groups"]["late"]:
        entry["preshared_key_id"] = "corp/2"
    # The late ones have it for the early ones, who have none for them.
    assert {finding["host"] for finding in found(document, "WG107")} <= {f"h000{number}" for number in range(6)}
    assert found(document, "WG107")


def test_an_entry_of_its_own_takes_the_pair_out_of_the_row() -> None:
    document = mesh(3)
    row = document["peer_groups"]["corp"]
    for one, other in (("h0000", 1), ("h0001", 0)):
        own = {**row[other], "preshared_key_id": "special"}
        document["hosts"][one]["interfaces"][0]["peers"] = [own]
    assert found(document, "WG107") == []
    document["hosts"]["h0001"]["interfaces"][0]["peers"] = []
    assert places(document, "WG107") == [("h0001", "h0000")]


def test_whatever_the_rows_a_pair_that_differs_is_told_and_no_other() -> None:
    """Against an oracle that writes every pair out."""
    for seed in range(150):
        dice = random.Random(seed)
        document = mesh(5)
        groups = {name: [dict(entry) for entry in document["peer_groups"]["corp"]] for name in ("one", "two")}
        for entry in itertools.chain(*groups.values()):
            entry["preshared_key_id"] = dice.choice(["p", "p", "p", "q", None])
        document["peer_groups"] = groups
        listed: dict[str, dict[str, str | None]] = {}
        for name, one in document["hosts"].items():
            link = one["interfaces"][0]
            link["peer_group"] = dice.choice(["one", "two"])
            other = dice.choice([other for other in document["hosts"] if other != name])
            if dice.random() < 0.3:
                link["peers"] = [peer(other, "10.9.9.9/32", preshared_key_id=dice.choice(["p", "q"]))]
            listed[name] = {entry["name"]: entry["preshared_key_id"] for entry in groups[link["peer_group"]]}
            listed[name].update({entry["name"]: entry["preshared_key_id"] for entry in link["peers"]})
        wrong = {
            frozenset(two)
            for two in itertools.combinations(listed, 2)
            if listed[two[0]][two[1]] != listed[two[1]][two[0]]
        }
        told = {frozenset(place) for place in places(document, "WG107")}
        assert told <= wrong, seed
        assert bool(told) == bool(wrong), seed
        # Whoever is left out of the findings agrees with everybody who is left out, too.
        mended = {name for name, _partner in places(document, "WG107")}
        assert all(two & mended or two in told for two in wrong), seed


def test_hosts_outside_of_the_fleet_have_the_preshared_key_they_have() -> None:
    document = pair()
    document["hosts"]["a"]["interfaces"][0]["peers"].append(
        peer("phone", "10.0.0.9/32", managed=False, preshared_key_id="phone")
    )
    assert found(document, "WG107") == []


def test_a_fleet_of_single_hosts_has_nothing_to_agree_on() -> None:
    document = pair()
    document["hosts"]["c"] = host(interface("c", ["10.0.0.3/32"]))
    assert not found(document, "WG106") + found(document, "WG107")
