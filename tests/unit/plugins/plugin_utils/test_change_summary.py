# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a change does to reachability, as people read it; that it is right is for tests/oracle to show."""

from __future__ import annotations

import json
import time
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._change_summary import count_pairs, summarise
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._comparison import Comparison
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._host_names import HostNames
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._prover import prove
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._reachability_text import headline

from .fleets import Document, host, hub, interface, mesh, pair, peer, star


def summary(before: Document, after: Document, groups: t.Any = None) -> t.Any:
    return summarise(Comparison(parse_fleet(before), parse_fleet(after)), groups)


def texts(told: t.Any, kind: str) -> list[str]:
    return [entry["text"] for entry in told[kind]["entries"]]


def test_nothing_changed_is_nothing_told() -> None:
    told = summary(star(), star())
    assert all(told[kind] == {"pairs": 0, "entries": [], "more": 0} for kind in ("gained", "lost", "rerouted"))
    assert headline(told) == "nothing lost, nothing gained, nothing rerouted"


def test_a_new_member_of_a_mesh_is_two_entries() -> None:
    told = summary(mesh(6), mesh(7))
    assert texts(told, "gained") == [
        "everyone but h0006 → 10.77.0.7/32, 10.100.6.0/24 (h0006)",
        "h0006 → everyone else: 10.77.0.1/32, 10.77.0.2/31, 10.77.0.4/31 and 3 more prefixes",
    ]
    assert (told["gained"]["pairs"], told["lost"]["pairs"]) == (12, 0)
    assert headline(told) == "nothing lost, 12 pairs gained"


def test_groups_of_the_inventory_name_the_hosts() -> None:
    groups = {"laptops": {"h0000", "h0001", "h0002"}, "sites": {"h0003", "h0004", "h0005"}, "new": {"h0006"}}
    before, after = mesh(7), mesh(7)
    for name in ("h0000", "h0001", "h0002"):
        before["hosts"][name]["interfaces"][0].update(peer_group=None, peers=[])
    told = texts(summary(before, after, groups), "gained")
    assert [text.partition(":")[0] for text in told] == ["laptops → everyone", "sites and h0006 → laptops"]


def relayed(by: str) -> Document:
    """s sends to t by way of hub1 or hub2."""
    hosts = {
        name: host(
            interface(name, [f"10.0.0.{number}/32"], peer("s", "10.0.0.3/32"), peer("t", "10.0.0.4/32")),
            forwarding={"ipv4": True},
        )
        for number, name in ((1, "hub1"), (2, "hub2"))
    }
    for number, name, far in ((3, "s", 4), (4, "t", 3)):
        listed = [
            peer(one, f"10.0.0.{index}/32", *([f"10.0.0.{far}/32"] if one == by else []))
            for index, one in ((1, "hub1"), (2, "hub2"))
        ]
        hosts[name] = host(interface(name, [f"10.0.0.{number}/32"], *listed))
    return {"version": 1, "hosts": hosts}


def test_another_hub_on_the_way_is_a_new_route() -> None:
    told = summary(relayed("hub1"), relayed("hub2"))
    assert texts(told, "rerouted") == [
        "s and t → 10.0.0.3/32, 10.0.0.4/32 (each other), now via hub2 instead of via hub1"
    ]
    assert (told["lost"]["pairs"], told["gained"]["pairs"], told["rerouted"]["pairs"]) == (0, 0, 2)


def test_a_network_that_moves_says_from_where_to_where() -> None:
    before, after = star(), star()
    for document, name, index in ((before, "b", 0), (after, "c", 1)):
        for other in ("b", "c"):
            document["hosts"][other]["namespaces"][""].update(advertise=[], forwarding={"ipv4": True})
        stack = document["hosts"][name]["namespaces"][""]
        stack.update(advertise=["192.168.7.0/24"], addresses={"lan0": ["192.168.7.1/24"]})
        document["hosts"]["a"]["interfaces"][0]["peers"][index]["allowed_ips"].append("192.168.7.0/24")
    told = summary(before, after)
    assert texts(told, "rerouted") == ["a → 192.168.7.0/24 (c), now at c instead of b"]
    assert told["rerouted"]["pairs"] == 1


def test_an_intent_that_no_longer_holds_is_told() -> None:
    wanted = {"networks": {"corp": {"expect": [{"from": {"host": "a"}, "to": {"host": "b"}, "reach": True}]}}}
    after = {**pair(), **wanted}
    after["hosts"]["a"]["interfaces"][0]["peers"] = []
    (intent,) = summary({**pair(), **wanted}, after)["intents"]
    assert (intent["from"], intent["before"], intent["after"]) == ("host a", True, False)


def test_the_summary_does_not_grow_with_the_fleet() -> None:
    for make in (mesh, hub):
        small, large = (len(json.dumps(summary(make(size), make(size + 1)))) for size in (20, 60))
        assert large < small * 1.1


def test_a_large_mesh_that_gains_a_member_is_compared_in_the_time_of_two_proofs() -> None:
    """With slack for a loaded machine: pair by pair it would take a hundred times as long."""
    before, after = parse_fleet(mesh(600)), parse_fleet(mesh(601))
    started = time.process_time()
    prove(before), prove(after)
    proofs = time.process_time() - started
    started = time.process_time()
    Comparison(before, after)
    assert time.process_time() - started < 3 * proofs + 0.2


def test_pairs_are_counted_once_however_often_they_are_told() -> None:
    a, b, c = (StackId(name, "") for name in "abc")
    everybody = frozenset((a, b, c))
    assert count_pairs([((a, b), everybody), ((a,), frozenset((b,))), ((c,), frozenset((c,)))]) == 4


def test_names_of_many_hosts() -> None:
    stacks = [StackId(f"h{number}", "") for number in range(9)]
    names = HostNames(stacks, {"few": ["h0", "h1"], "more": ["h2", "h3", "h4"]})
    assert names(stacks) == "everyone"
    assert names(stacks[:8]) == "everyone but h8"
    assert names(stacks[:6]) == "more, few and h5"
    assert names([stacks[0], *stacks[5:9]]) == "h0, h5, h6 and 2 more"
    assert names([StackId("h0", "blue")]) == "h0 (namespace blue)"
