# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import itertools
import typing as t

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._declaration import Link, Member, Network
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._topology import (
    Topology,
    build_topology,
    hub_orders,
    link_number,
)


def members(names: t.Iterable[str], **hubs: tuple[str, ...]) -> dict[str, Member]:
    return {
        name: Member(host=name, network="corp", interface="wg0", path="", hubs=hubs.get(name, ()))
        for name in sorted(names)
    }


def links(*ends: str, **costs: int) -> tuple[Link, ...]:
    return tuple(Link(one=min(pair), other=max(pair), cost=costs.get(pair, 1)) for pair in ends)


def build(network: Network, names: t.Iterable[str], **hubs: tuple[str, ...]) -> Topology:
    return build_topology(network, members(names, **hubs))


def next_hop(topology: Topology, source: str, target: str) -> t.Optional[str]:
    """The peer that holds the target's prefixes at the source; more than one would be a duplicate prefix."""
    found = [peer for peer, owners in topology.neighbours[source] if owners is None or target in owners]
    assert len(found) <= 1, f"{target} is given to {found} at {source}"
    return found[0] if found else None


def path(topology: Topology, source: str, target: str) -> t.Optional[list[str]]:
    walked = [source]
    while walked[-1] != target:
        hop = next_hop(topology, walked[-1], target)
        if hop is None:
            return None
        walked.append(hop)
        assert len(walked) <= len(topology.members), f"a loop: {walked}"
    return walked


def assert_symmetric(topology: Topology) -> None:
    for source, target in itertools.combinations(topology.members, 2):
        there, back = path(topology, source, target), path(topology, source=target, target=source)
        assert (there is None) == (back is None)
        if there is not None and back is not None:
            assert there == back[::-1]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Network, list[str]]:
    names = [f"n{number}" for number in range(draw(st.integers(2, 9)))]
    pairs = draw(st.lists(st.sampled_from(list(itertools.combinations(names, 2))), unique=True))
    found = tuple(Link(one=one, other=other, cost=draw(st.integers(1, 3))) for one, other in pairs)
    name = draw(st.sampled_from(["corp", "lab", "x"]))
    return Network(name=name, interface="wg0", topology="links", links=found), names


@given(graphs())
def test_next_hops_of_any_graph_are_symmetric_and_loop_free(graph: tuple[Network, list[str]]) -> None:
    assert_symmetric(build(*graph))


@given(graphs())
def test_paths_are_as_cheap_as_the_cheapest(graph: tuple[Network, list[str]]) -> None:
    network, names = graph
    costs = {frozenset((link.one, link.other)): link.cost for link in network.links}
    cheapest = {(a, b): 0 if a == b else costs.get(frozenset((a, b)), 10**6) for a in names for b in names}
    for middle, a, b in itertools.product(names, names, names):
        cheapest[a, b] = min(cheapest[a, b], cheapest[a, middle] + cheapest[middle, b])
    topology = build(network, names)
    for a, b in itertools.permutations(names, 2):
        found = path(topology, a, b)
        if found is None:
            assert cheapest[a, b] >= 10**6
        else:
            assert sum(costs[frozenset(step)] for step in itertools.pairwise(found)) == cheapest[a, b]


@given(graphs())
def test_whoever_lies_in_the_middle_of_a_path_carries_it(graph: tuple[Network, list[str]]) -> None:
    topology = build(*graph)
    carried: dict[str, set[str]] = {}
    for source, target in itertools.permutations(topology.members, 2):
        for middle in (path(topology, source, target) or [])[1:-1]:
            carried.setdefault(middle, set()).add(target)
    assert carried == {name: set(found) for name, found in topology.carried.items()}


@settings(max_examples=50)
@given(graphs(), st.randoms())
def test_the_order_of_links_and_members_does_not_matter(graph: tuple[Network, list[str]], random: t.Any) -> None:
    network, names = graph
    shuffled = list(network.links)
    random.shuffle(shuffled)
    other = Network(name=network.name, interface="wg0", topology="links", links=tuple(shuffled))
    random.shuffle(names)
    assert build(network, sorted(names)) == build(other, names)


def test_a_ring_of_six_has_one_path_for_every_pair() -> None:
    """Two ways around are equally long for opposite nodes: a naive tie-break takes one there and the other back."""
    ring = Network(name="ring", interface="wg0", topology="links", links=links("ab", "bc", "cd", "de", "ef", "af"))
    topology = build(ring, "abcdef")
    assert_symmetric(topology)
    assert all(path(topology, a, b) for a, b in itertools.permutations("abcdef", 2))


def test_a_link_that_is_too_dear_is_left_out_at_both_ends() -> None:
    triangle = Network(name="n", interface="wg0", topology="links", links=links("ab", "bc", "ac", ac=5))
    topology = build(triangle, "abc")
    assert [one.peer for one in topology.neighbours["a"]] == ["b"]
    assert [one.peer for one in topology.neighbours["c"]] == ["b"]
    assert topology.carried == {"b": {"a", "c"}}


def test_a_leaf_gives_everything_to_its_one_neighbour() -> None:
    line = Network(name="n", interface="wg0", topology="links", links=links("ab", "bc"))
    topology = build(line, "abc")
    assert topology.neighbours["a"] == (("b", None),)
    assert topology.neighbours["b"] == (("a", ("a",)), ("c", ("c",)))


def test_a_leaf_of_a_split_graph_gives_only_what_can_be_reached() -> None:
    split = Network(name="n", interface="wg0", topology="links", links=links("ab", "cd"))
    assert build(split, "abcd").neighbours["a"] == (("b", ("b",)),)


def test_links_of_hosts_that_have_left_are_passed_over() -> None:
    line = Network(name="n", interface="wg0", topology="links", links=links("ab", "bc"))
    assert build(line, "ab").neighbours == {"a": (("b", None),), "b": (("a", None),)}


def hub_network(*hubs: str) -> Network:
    return Network(name="n", interface="wg0", topology="hub", hubs=hubs)


def test_spokes_speak_to_their_hub_alone_and_hubs_to_each_other() -> None:
    topology = build(hub_network("h1", "h2"), ["h1", "h2", "s1", "s2", "s3"], s3=("h2", "h1"))
    assert topology.neighbours["s1"] == (("h1", None),)
    assert topology.neighbours["s3"] == (("h2", None),)
    assert topology.neighbours["h1"] == (("h2", ("h2", "s3")), ("s1", ("s1",)), ("s2", ("s2",)))
    assert_symmetric(topology)
    assert set(topology.carried) == {"h1", "h2"}


def test_the_next_hub_in_the_order_takes_over_when_the_first_has_left() -> None:
    there = members(["h2", "s1", "s2"], s2=("h1", "h2"))
    assert hub_orders(hub_network("h1", "h2"), there) == {"h2": ("h2",), "s1": ("h2",), "s2": ("h2",)}


def test_a_spoke_and_its_second_hub_stand_by_for_each_other() -> None:
    topology = build(hub_network("h1", "h2", "h3"), ["h1", "h2", "h3", "s1", "s2"], s2=("h3", "h1"))
    assert topology.standby == {"s1": ("h2",), "h2": ("s1",), "s2": ("h1",), "h1": ("s2",)}
    assert build(hub_network("h1"), ["h1", "s1"]).standby == {}


def test_without_any_hub_nobody_has_a_neighbour() -> None:
    assert build(hub_network("h1"), ["s1", "s2"]).neighbours == {"s1": (), "s2": ()}


def test_a_hub_with_a_single_neighbour_forwards_nothing() -> None:
    assert build(hub_network("h1"), ["h1", "s1"]).carried == {}


@given(st.integers(1, 4), st.lists(st.integers(0, 3), max_size=8))
def test_next_hops_between_hubs_are_symmetric(count: int, homes: list[int]) -> None:
    hubs = tuple(f"h{number}" for number in range(count))
    spokes = {f"s{number}": (hubs[home % count],) for number, home in enumerate(homes)}
    topology = build(hub_network(*hubs), [*hubs, *spokes], **spokes)
    assert_symmetric(topology)
    assert all(path(topology, a, b) for a, b in itertools.permutations(topology.members, 2))


def test_the_number_of_a_link_has_no_direction_and_belongs_to_its_network() -> None:
    assert link_number("n", "a", "b") == link_number("n", "b", "a") != link_number("m", "a", "b")
