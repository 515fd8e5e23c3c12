# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stacks that are proved together, against the walk of every single one of them."""

from __future__ import annotations

import contextlib
import json
import random
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _flows
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._flows import starts
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._forest import Forest
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ownership import Ownership
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._plan import make_plan
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._prover import prove
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import Intervals

from . import inventories
from .test_classes import DAMAGES, tally

Document = dict[str, t.Any]
ALONE = 10**9


def linked(links: t.Sequence[tuple[int, int]], *, families: int = 1) -> Document:
    """Hosts with a LAN each, linked as given."""
    count = 1 + max(map(max, links))
    members = {
        f"h{number:02}": {
            "addresses": [f"10.77.{number}.1", f"fd77::{number:x}:1"][:families],
            "endpoint": f"198.51.100.{number}",
            "advertise": [f"10.{100 + number}.7.0/24"],
        }
        for number in range(count)
    }
    network = {
        "interface": "wg0",
        "topology": "links",
        "links": [[f"h{one:02}", f"h{other:02}"] for one, other in links],
    }
    hostvars = inventories.fleet(network, members)
    keys = inventories.public_keys(hostvars)
    found: Document = json.loads(json.dumps(make_plan(hostvars, hostvars, public_keys=keys)["fleet"]))
    return found


def ring(count: int, **options: t.Any) -> Document:
    return linked([(number, (number + 1) % count) for number in range(count)], **options)


def any_links(dice: random.Random) -> Document:
    """A tree, a ring, or a tree with some more links."""
    count = dice.randint(3, 9)
    if dice.random() < 0.3:
        return ring(count, families=dice.choice([1, 2]))
    links = {(number, dice.randrange(number)) for number in range(1, count)}
    links |= {t.cast("tuple[int, int]", (high, low)) for low, high in _pairs(dice, count)}
    return linked(sorted(links), families=dice.choice([1, 2]))


def _pairs(dice: random.Random, count: int) -> list[list[int]]:
    return [sorted(dice.sample(range(count), 2)) for _again in range(dice.choice([0, 0, 1, 2, count]))]


def damaged(dice: random.Random) -> Document:
    document = any_links(dice)
    for damage in dice.choices(DAMAGES, k=dice.choice([0, 1, 1, 2, 3, 5])):
        # What earlier damages have emptied has nothing left to damage.
        with contextlib.suppress(IndexError):
            damage(document, dice)
    return document


@pytest.mark.parametrize("seed", range(150))
def test_forests_and_single_walks_agree(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    document = damaged(random.Random(seed))
    together = tally(document)
    monkeypatch.setattr(_flows, "TOGETHER_FROM", ALONE)
    assert tally(document) == together


@pytest.mark.parametrize("document", [ring(3), ring(9, families=2), any_links(random.Random(3))])
def test_nothing_is_walked_where_all_arrives(document: Document, monkeypatch: pytest.MonkeyPatch) -> None:
    def walk(*_arguments: t.Any, **_options: t.Any) -> t.NoReturn:
        raise AssertionError("a walk")

    monkeypatch.setattr(_flows.Walk, "start", walk)
    pairs, delivered, failing = tally(document)
    assert pairs == delivered > 0
    assert not failing


def left(document: Document, family: int = 4) -> dict[str, Intervals]:
    """By host, what a forest of all stacks leaves to the walks."""
    model = Model.of(parse_fleet(document))
    (network,) = Ownership.of(model).networks.values()
    sources = {
        stack: {start.ingress: start.sources for start in starts(model, owned, family)}
        for stack, owned in network.stacks.items()
    }
    forest = Forest(model, network, family, sources)
    return {stack.host: forest.left_for(stack) for stack in sources}


def number(text: str) -> int:
    high, low = text.split(".")
    return 10 << 24 | int(high) << 16 | int(low) << 8


def test_only_what_a_relay_stops_is_left() -> None:
    document = linked([(0, 1), (1, 2), (2, 3)])
    document["hosts"]["h02"]["namespaces"][""]["routes"].insert(
        0, {"destination": "10.103.7.0/24", "type": "blackhole"}
    )
    lost = number("103.7"), number("104.7") - (1 << 16) + 256
    assert left(document) == {"h00": lost, "h01": lost, "h02": lost, "h03": ()}


def test_a_rejected_source_is_its_senders_alone() -> None:
    document = linked([(0, 1), (1, 2)])
    entry = next(one for one in document["hosts"]["h01"]["interfaces"][0]["peers"] if one["name"] == "h00")
    entry["allowed_ips"].remove("10.100.7.0/24")
    lan = number("100.7"), number("100.8")
    found = left(document)
    # Nobody sends there any more, and what comes from there is rejected, wherever it goes.
    assert found["h01"] == found["h02"] == lan
    addresses = [(number(text) + 1, number(text) + 2) for text in ("77.1", "77.2")]
    lans = [(number(text), number(text) + 256) for text in ("101.7", "102.7")]
    assert found["h00"] == tuple(edge for span in [*addresses, *lans] for edge in span)


@pytest.mark.parametrize("mode", [0, 1])
def test_what_the_reverse_path_filter_drops_is_left(mode: int) -> None:
    document = linked([(0, 1), (1, 2)])
    relay = document["hosts"]["h01"]["namespaces"][""]
    relay["routes"].insert(0, {"destination": "10.100.7.0/25", "device": "eth0"})
    relay["rp_filter"] = {"wg0": mode}
    found = left(document)
    assert found["h02"] == (number("100.7"), number("100.7") + 128)
    assert bool(found["h00"]) == bool(mode)


def test_what_a_rule_does_to_some_sources_is_left() -> None:
    document = linked([(0, 1), (1, 2)])
    relay = document["hosts"]["h01"]["namespaces"][""]
    relay["rules"] = [{"priority": 9, "from": "10.100.7.0/24", "table": "7"}]
    assert not any(left(document).values())
    relay["routes"].append({"destination": "10.102.7.0/24", "type": "prohibit", "table": "7"})
    lost = number("102.7"), number("102.8")
    assert left(document) == {"h00": lost, "h01": (), "h02": ()}


def test_what_goes_round_is_left() -> None:
    document = ring(4)
    # Everybody sends what belongs to h00 to the next one.
    for one in range(1, 4):
        for peer in document["hosts"][f"h{one:02}"]["interfaces"][0]["peers"]:
            theirs = [text for text in peer["allowed_ips"] if text not in ("10.100.7.0/24", "10.77.0.1/32")]
            onwards = peer["name"] == f"h{one % 3 + 1:02}"
            peer["allowed_ips"] = [*theirs, *(["10.100.7.0/24", "10.77.0.1/32"] if onwards else [])]
    found = left(document)
    assert all(found[f"h{one:02}"] for one in range(1, 4))
    assert tally(document)[1] < tally(document)[0]


def several_hops(document: Document, *destinations: str) -> Document:
    """A route by several next hops at every host, to one of the destinations after the other."""
    for at, one in enumerate(document["hosts"].values()):
        hops = [{"device": "wg0"}, {"device": "eth0"}]
        one["namespaces"][""]["routes"].append({"destination": destinations[at % len(destinations)], "nexthops": hops})
    return document


def test_constructs_that_no_packet_meets_cost_no_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_flows, "Walk", None)
    proof = prove(parse_fleet(several_hops(ring(6), "192.168.0.0/16")))
    assert (proof.verdict, proof.unmodelled) == ("proved", ())


def test_a_construct_at_every_host_is_found_as_walks_find_it(monkeypatch: pytest.MonkeyPatch) -> None:
    document = several_hops(ring(6), "10.102.7.128/25", "192.168.0.0/16")
    together = prove(parse_fleet(document)).unmodelled
    monkeypatch.setattr(_flows, "TOGETHER_FROM", ALONE)
    alone = prove(parse_fleet(document)).unmodelled
    assert len(together) >= 3
    assert list(map(_packet, together)) == list(map(_packet, alone))


def _packet(found: t.Any) -> tuple[t.Any, ...]:
    return found.construct.path, found.family, found.source, found.destination, found.origin
