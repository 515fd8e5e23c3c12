# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a change gains, loses and reroutes, against every single packet before and after it."""

from __future__ import annotations

import collections
import copy
import ipaddress
import itertools
import random
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._comparison import Comparison
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.tests.oracle.damages import DAMAGES
from ansible_collections.cryptokey.wireguard.tests.oracle.fleets import Fleet
from ansible_collections.cryptokey.wireguard.tests.oracle.intents import Intents, TooLarge
from ansible_collections.cryptokey.wireguard.tests.oracle.sizes import seed, size

FLEETS = size("changes")
SEED = seed("change")

Packet = tuple[int, str, str, int, int]
Route = tuple[tuple[str, str], ...]


def pair_of(seed: str, *, shared: bool) -> tuple[dict, dict]:
    """A fleet, and the same fleet after a few changes: damages, a host that joins or leaves, a shuffled row."""
    made = Fleet(seed, shared=shared)
    before = copy.deepcopy(made.document)
    for damage in made.random.choices(DAMAGES, k=made.random.choice((1, 1, 2, 3, 5))):
        damage(made)
    for _attempt in range(made.random.choice((0, 0, 2))):
        take_a_detour(made)
    if made.chance(40):
        move_a_lan(made)
    if made.chance(15):
        rotate_a_key(made)
    after = made.document
    chance = random.Random(f"pair {seed}")
    for document in (before, after):
        if chance.random() < 0.15 and len(document["hosts"]) > 2:
            del document["hosts"][chance.choice(sorted(document["hosts"]))]
    return (before, after) if chance.random() < 0.5 else (after, before)


def take_a_detour(made: Fleet) -> None:
    """What two members sent each other goes by a third one that both list."""
    triples = list(itertools.permutations((one for one in made.members if one.interface["peers"]), 3))
    made.random.shuffle(triples)
    for one, relay, other in triples:
        links = [(mine.interface["peers"], far.interface) for mine, far in ((one, other), (other, one))]
        entries = [(_entry(peers, far), _entry(peers, relay.interface)) for peers, far in links]
        if all(direct and around and direct["allowed_ips"] for direct, around in entries):
            for direct, around in entries:
                around["allowed_ips"] += direct["allowed_ips"]
                direct["allowed_ips"] = []
            return


def move_a_lan(made: Fleet) -> None:
    """A network is behind another member from now on, and everybody who lists both of them knows it."""
    owners = [member for member in made.members if member.stack.get("advertise")]
    if not owners or len(made.members) < 2:
        return
    old = made.random.choice(owners)
    new = made.random.choice([member for member in made.members if member is not old])
    lan = made.random.choice(old.stack["advertise"])
    old.stack["advertise"].remove(lan)
    new.stack.setdefault("advertise", []).append(lan)
    held = old.stack["addresses"].get("lan0", [])
    for text in [one for one in held if str(ipaddress.ip_interface(one).network) == lan]:
        old.stack["addresses"]["lan0"].remove(text)
        new.stack["addresses"].setdefault("lan0", []).append(text)
    rows = [member.interface["peers"] for member in made.members]
    for peers in itertools.chain(rows, made.document["peer_groups"].values()):
        one, other = _entry(peers, old.interface), _entry(peers, new.interface)
        if one is not None and other is not None and one is not other and lan in one["allowed_ips"]:
            one["allowed_ips"].remove(lan)
            other["allowed_ips"].append(lan)


def rotate_a_key(made: Fleet) -> None:
    """A member has a new key, and everybody who lists it knows."""
    member, key = made.random.choice(made.members), made.key()
    rows = [one.interface["peers"] for one in made.members]
    for peer in itertools.chain(*rows, *made.document["peer_groups"].values()):
        if peer["public_key"] == member.interface["public_key"]:
            peer["public_key"] = key
    member.interface["public_key"] = key


def _entry(peers: list[dict], interface: dict) -> dict | None:
    return next((peer for peer in peers if peer["public_key"] == interface["public_key"]), None)


def arriving(document: dict) -> dict[Packet, Route]:
    """Every packet between owners of a network that arrives at another stack that owns its destination, and its way."""
    intents = Intents(document)
    found: dict[Packet, Route] = {}
    for (_network, family), stacks in intents.owned.items():
        owned = {stack: held.own | held.behind for stack, held in stacks.items()}
        for here, mine in stacks.items():
            for destination in set().union(*(held for stack, held in owned.items() if stack != here)):
                for source in owned[here]:
                    ingress = intents._sets_out_by(family, here, mine, source)
                    answer = intents.simulator.send(*here, family, source, destination, ingress=ingress)
                    place = (answer["at"]["host"], answer["at"]["namespace"])
                    arrived = answer["outcome"] in ("delivered", "exits") and destination in owned.get(place, ())
                    if arrived and place != here:
                        way = [(hop["host"], hop["namespace"]) for hop in answer["hops"]]
                        way += [] if answer["outcome"] == "exits" else [place]
                        found.setdefault((family, *here, source, destination), tuple(way[1:]))
    return found


def numbers(intervals: tuple[int, ...]) -> t.Iterator[int]:
    for low, high in zip(intervals[::2], intervals[1::2], strict=True):
        assert high - low < 1000
        yield from range(low, high)


def claimed(comparison: Comparison, changes: list) -> dict[Packet, tuple[str, Route | None, Route | None]]:
    found = {}
    for change in changes:
        for stack in change.stacks:
            for source in numbers(comparison.sources_of(change, stack)):
                for destination in numbers(comparison.destinations_of(change, stack)):
                    packet = (change.family, *stack, source, destination)
                    assert packet not in found, "told twice"
                    found[packet] = (change.kind, change.before, change.after)
    return found


def wanted(before: dict[Packet, Route], after: dict[Packet, Route]) -> dict:
    found: dict = {}
    for packet in before.keys() | after.keys():
        one, other = before.get(packet), after.get(packet)
        if one == other:
            continue
        kind = "gained" if one is None else "lost" if other is None else "rerouted"
        found[packet] = (kind, one and one[:-1], other and other[:-1])
    return found


@pytest.mark.parametrize("shared", [False, True], ids=["any fleets", "alike members"])
def test_every_change_of_reachability_is_what_the_packets_say(shared: bool) -> None:
    seen: collections.Counter = collections.Counter()
    for number in range(FLEETS):
        seed = f"{SEED}-{number}"
        before, after = pair_of(seed, shared=shared)
        try:
            one, other = arriving(before), arriving(after)
        except TooLarge:
            seen["left out, too large"] += 1
            continue
        comparison = Comparison(parse_fleet(before), parse_fleet(after))
        told = claimed(comparison, comparison.changes)
        assert told == wanted(one, other), f"seed {seed}"
        lasting = one.keys() & other.keys()
        assert set(claimed(comparison, comparison.lasting)) == lasting, f"seed {seed}"
        seen.update(kind for kind, _before, _after in told.values())
        seen["lasting"] += len(lasting)
    print("\n" + ", ".join(f"{count:,} {what}" for what, count in sorted(seen.items())))
    assert seen["left out, too large"] < FLEETS / 50
    assert min(seen["gained"], seen["lost"], seen["lasting"]) > 3 * FLEETS
    assert seen["rerouted"] > FLEETS / 20 or shared
