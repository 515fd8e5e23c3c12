# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WG505 and WG506: the finer points."""

from __future__ import annotations

import itertools
import random

import pytest

from .fleets import Document, hub, mesh, pair, peer
from .rule_findings import found, places


def linked(*, a_knows: bool, b_knows: bool, a_keeps: int, b_keeps: int) -> Document:
    document = pair()
    for name, knows, keeps in (("a", a_knows, a_keeps), ("b", b_knows, b_keeps)):
        entry = document["hosts"][name]["interfaces"][0]["peers"][0]
        entry["persistent_keepalive"] = keeps
        if not knows:
            entry["endpoint"] = None
    return document


@pytest.mark.parametrize("a_knows", [True, False])
@pytest.mark.parametrize("b_knows", [True, False])
@pytest.mark.parametrize("a_keeps", [0, 25])
@pytest.mark.parametrize("b_keeps", [0, 25])
def test_who_can_dial_keeps_the_way_open(a_knows: bool, b_knows: bool, a_keeps: int, b_keeps: int) -> None:
    document = linked(a_knows=a_knows, b_knows=b_knows, a_keeps=a_keeps, b_keeps=b_keeps)
    quiet = [("a", "b")] if a_knows and not b_knows and not a_keeps else []
    quiet += [("b", "a")] if b_knows and not a_knows and not b_keeps else []
    assert places(document, "WG505") == quiet
    wrong = [("a", "b")] if a_knows and not b_knows and b_keeps and not a_keeps else []
    wrong += [("b", "a")] if b_knows and not a_knows and a_keeps and not b_keeps else []
    assert places(document, "WG506") == wrong


def test_a_host_that_one_peer_can_dial_needs_no_keepalive_for_that() -> None:
    document = mesh(4)
    document["peer_groups"]["corp"][0]["endpoint"] = None
    assert places(document, "WG505") == [("h0000", "h0001")]
    own = {**document["peer_groups"]["corp"][0], "endpoint": "h0000.example.net:51820"}
    document["hosts"]["h0002"]["interfaces"][0]["peers"] = [own]
    assert found(document, "WG505") == []


def test_an_entry_of_its_own_may_take_the_endpoint_away() -> None:
    document = mesh(3)
    own = {**document["peer_groups"]["corp"][0], "endpoint": None}
    for name in ("h0001", "h0002"):
        document["hosts"][name]["interfaces"][0]["peers"] = [dict(own)]
    assert places(document, "WG505") == [("h0000", "h0001")]
    document["hosts"]["h0002"]["interfaces"][0]["peers"] = []
    assert found(document, "WG505") == []


def test_keepalives_in_the_row_of_a_mesh_are_everybodys() -> None:
    document = mesh(4)
    for entry in document["peer_groups"]["corp"]:
        entry["persistent_keepalive"] = 25
    document["peer_groups"]["corp"][0]["endpoint"] = None
    assert not found(document, "WG505") + found(document, "WG506")


def test_all_silent_links_of_a_host_are_one_finding() -> None:
    document = mesh(9)
    document["peer_groups"]["corp"][8]["endpoint"] = None
    (finding,) = found(document, "WG505")
    assert "h0000, h0001, h0002, h0003 and 4 more" in finding["message"]


def test_external_peers_and_peers_that_do_not_list_the_host_make_no_link() -> None:
    document = linked(a_knows=True, b_knows=False, a_keeps=25, b_keeps=0)
    one = document["hosts"]["a"]["interfaces"][0]
    one["peers"].append(peer("partner", "10.0.9.0/24", managed=False))
    assert found(document, "WG505") == []
    one["peers"][0]["persistent_keepalive"] = 0
    document["hosts"]["b"]["interfaces"][0]["peers"] = []
    assert found(document, "WG505") == []


def test_spokes_that_keep_their_way_open_are_in_order() -> None:
    document = hub(4)
    assert not found(document, "WG505") + found(document, "WG506")
    for entry in document["hosts"]["hub"]["interfaces"][0]["peers"]:
        entry["persistent_keepalive"] = 25
    assert found(document, "WG506") == []
    document["hosts"]["s0002"]["interfaces"][0]["peers"][0]["persistent_keepalive"] = 0
    assert places(document, "WG506") == [("s0002", "hub")]


def test_whatever_the_rows_the_links_are_those_of_the_pairs() -> None:
    """Against an oracle that writes every pair out."""
    for seed in range(120):
        dice = random.Random(seed)
        document = mesh(5)
        row = document["peer_groups"]["corp"]
        for entry in row:
            entry["persistent_keepalive"] = dice.choice([0, 25])
            if dice.random() < 0.5:
                entry["endpoint"] = None
        seen = {name: {entry["name"]: entry for entry in row} for name in document["hosts"]}
        for name, one in document["hosts"].items():
            if dice.random() < 0.5:
                other = dice.choice([entry for entry in row if entry["name"] != name])
                own = {**other, "persistent_keepalive": dice.choice([0, 25])}
                own["endpoint"] = dice.choice([None, "x.example.net:51820"])
                one["interfaces"][0]["peers"] = [own]
                seen[name] = {**seen[name], other["name"]: own}
        dialled = {there for here, there in itertools.permutations(seen, 2) if seen[here][there]["endpoint"]}
        quiet = {
            (here, there)
            for here, there in itertools.permutations(seen, 2)
            if seen[here][there]["endpoint"] and not seen[here][there]["persistent_keepalive"]
        }
        wrong = {
            here
            for here, there in quiet
            if not seen[there][here]["endpoint"] and seen[there][here]["persistent_keepalive"]
        }
        assert {host for host, _peer in places(document, "WG505")} == {here for here, _there in quiet} - dialled, seed
        assert {host for host, _peer in places(document, "WG506")} == wrong, seed
