# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mesh that is written out, against the same one with every list left as it is written."""

from __future__ import annotations

import random

import pytest

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _common_lists, _rules
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._prover import prove, reachability

from . import test_classes
from .fleets import Document, fleet, host, interface, peer


def written_out(size: int) -> Document:
    """A mesh with a LAN behind every other host; everybody lists everybody else."""
    names = [f"h{number}" for number in range(size)]
    own = {name: [f"10.77.0.{number + 1}/32"] for number, name in enumerate(names)}
    for number, name in enumerate(names[::2]):
        own[name].append(f"10.200.{number}.0/24")
    hosts = {}
    for name in names:
        peers = [peer(other, *own[other]) for other in names if other != name]
        lan = {"advertise": own[name][1:], "addresses": {"lan0": []}} if own[name][1:] else {}
        routes = [{"destination": "allowed_ips", "device": "wg0"}]
        routes += [{"destination": prefix, "device": "lan0"} for prefix in own[name][1:]]
        hosts[name] = host(interface(name, own[name][:1], *peers), routes=routes, forwarding={"ipv4": True}, **lan)
    return fleet(**hosts)


def effective(document: Document) -> dict[str, object]:
    """What every interface has, entry by entry, in a form that does not show how it is kept."""
    model = Model.of(parse_fleet(document))
    found: dict[str, object] = {}
    for one in model.interfaces:
        table = model.cryptokey(one)
        peers = {
            ident: (sorted(table.peer(ident).prefixes), table.knows_endpoint(ident), len(table.entries(ident)))
            for ident in table
        }
        found[one.label] = peers, list(table.idents(4).pieces()), table.count_prefixes()
    return found


def answers(document: Document) -> object:
    """The verdict on every pair, where every packet ends, and the rules that say something."""
    found = parse_fleet(document)
    ends = {name: reachability(found, host=name) for name in document["hosts"]}
    return prove(found).verdict, test_classes.tally(document), ends, {one["rule"] for one in _rules.check(found)}


@pytest.fixture
def short_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_common_lists, "SHORTEST", 2)


def test_a_mesh_that_is_written_out_becomes_one_list(short_lists: None) -> None:
    found = parse_fleet(written_out(6))
    assert len(found.peer_groups) == 1
    assert {len(one.peers) for one in found.interfaces()} == {0}


def test_an_entry_of_its_own_stays_with_its_interface(short_lists: None) -> None:
    document = written_out(6)
    document["hosts"]["h3"]["interfaces"][0]["peers"].append(peer("phone", "10.99.0.1/32"))
    document["hosts"]["h4"]["interfaces"][0]["peers"][0]["endpoint"] = "192.0.2.1:1"
    found = parse_fleet(document)
    own = {one.host: [entry.name for entry in one.peers] for one in found.interfaces()}
    assert own == {"h0": [], "h1": [], "h2": [], "h3": ["phone"], "h4": ["h0"], "h5": []}
    assert len(found.peer_groups) == 1


def test_who_lacks_an_entry_keeps_a_list_of_its_own(short_lists: None) -> None:
    document = written_out(6)
    del document["hosts"]["h3"]["interfaces"][0]["peers"][1]
    found = parse_fleet(document)
    assert [one.host for one in found.interfaces() if one.peer_group is None] == ["h3"]


def test_short_lists_stay_as_they_are_written() -> None:
    assert parse_fleet(written_out(6)).peer_groups == {}


def test_an_entry_that_stands_twice_in_a_list_is_still_told() -> None:
    document = written_out(4)
    peers = document["hosts"]["h0"]["interfaces"][0]["peers"]
    peers.append(dict(peers[0]))
    assert "WG103" in {one["rule"] for one in _rules.check(parse_fleet(document))}


@pytest.mark.parametrize("seed", range(120))
def test_what_an_interface_has_and_does_is_the_same_without_common_lists(
    seed: int, monkeypatch: pytest.MonkeyPatch, short_lists: None
) -> None:
    dice = random.Random(seed)
    document = written_out(dice.randint(3, 6))
    for damage in dice.sample(test_classes.DAMAGES, dice.choice([0, 1, 1, 2, 3])):
        damage(document, dice)
    if dice.random() < 0.3:
        for one in document["hosts"].values():
            dice.shuffle(one["interfaces"][0]["peers"])
    together = effective(document), answers(document)
    monkeypatch.setattr(_common_lists, "find_common_lists", lambda _interfaces: [])
    assert together == (effective(document), answers(document))
