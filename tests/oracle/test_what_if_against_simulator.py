# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is lost while hosts or links are down, against every packet of the fleet whose way leads through them."""

from __future__ import annotations

import collections
import itertools
import random

import pytest

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._comparison import LOST, Comparison
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._what_if import what_if, without
from ansible_collections.cryptokey.wireguard.tests.oracle.fleets import Fleet
from ansible_collections.cryptokey.wireguard.tests.oracle.intents import TooLarge
from ansible_collections.cryptokey.wireguard.tests.oracle.sizes import seed, size
from ansible_collections.cryptokey.wireguard.tests.oracle.test_comparison_against_simulator import (
    Packet,
    Route,
    arriving,
    claimed,
)

FLEETS = size("outages")
SEED = seed("outage")


def passes(packet: Packet, way: Route, hosts: set[str], links: set[tuple[str, str]]) -> bool:
    """Whether a packet meets nothing that is down: neither a host nor a step between the ends of a link."""
    stops = [packet[1], *(host for host, _namespace in way)]
    steps = {(min(one, other), max(one, other)) for one, other in itertools.pairwise(stops)}
    return not hosts & set(stops) and not links & steps


def links_of(document: dict) -> list[tuple[str, str]]:
    """The pairs of hosts of which one lists the other."""
    names = {
        interface["public_key"]: host for host, entry in document["hosts"].items() for interface in entry["interfaces"]
    }
    found = set()
    for host, entry in document["hosts"].items():
        for interface in entry["interfaces"]:
            row = document["peer_groups"].get(interface.get("peer_group") or "", [])
            for peer in (*row, *interface["peers"]):
                other = names.get(peer.get("public_key"))
                if other is not None and other != host:
                    found.add((min(host, other), max(host, other)))
    return sorted(found)


@pytest.mark.parametrize("shared", [False, True], ids=["any fleets", "alike members"])
def test_what_is_lost_is_what_led_through_what_is_down(shared: bool) -> None:
    seen: collections.Counter = collections.Counter()
    for number in range(FLEETS):
        seed = f"{SEED}-{number}"
        document, chance = Fleet(seed, shared=shared).document, random.Random(seed)
        hosts = sorted(document["hosts"])
        down = set(chance.sample(hosts, chance.choice((0, 1, 1, min(2, len(hosts))))))
        links = links_of(document)
        cut = set(chance.sample(links, min(len(links), chance.choice((0, 1, 1, 2)))))
        try:
            before = arriving(document)
        except TooLarge:
            continue
        fleet = parse_fleet(document)
        comparison = Comparison(fleet, without(fleet, hosts=frozenset(down), links=frozenset(cut)))
        told = claimed(comparison, comparison.changes)
        assert {kind for kind, _before, _after in told.values()} <= {LOST}, f"seed {seed}"
        lost = {packet for packet, way in before.items() if not passes(packet, way, down, cut)}
        assert set(told) == lost, f"seed {seed}"
        counts = what_if(parse_fleet(document), hosts_down=sorted(down), links_down=sorted(cut))
        ends = {packet: (packet[1:3], way[-1]) for packet, way in before.items()}
        assert counts["pairs"] == len(set(ends.values())), f"seed {seed}"
        assert counts["lost"]["pairs"] == len({ends[packet] for packet in lost}), f"seed {seed}"
        assert counts["remaining"]["pairs"] == len({ends[packet] for packet in before.keys() - lost}), f"seed {seed}"
        others = {ends[one] for one in lost if not down & {one[1], before[one][-1][0]}}
        assert counts["lost_between_others"] == len(others), f"seed {seed}"
        seen.update({"lost": len(lost), "remaining": len(before) - len(lost), "between others": len(others)})
    print("\n" + ", ".join(f"{count:,} {what}" for what, count in sorted(seen.items())))
    assert min(seen["lost"], seen["remaining"]) > 5 * FLEETS
    assert seen["between others"] > FLEETS / 10
