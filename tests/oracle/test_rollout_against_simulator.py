# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The suggested order of hosts against every mixed state that there is, packet by packet.

What it says is held to all 2^n states: "any order" to every one of them, an order to all states on its way, "no order"
to a search through them.
"""

from __future__ import annotations

import collections
import copy
import itertools

import pytest

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _rollout
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._comparison import Comparison
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.tests.oracle.intents import Intents, TooLarge
from ansible_collections.cryptokey.wireguard.tests.oracle.simulator import Simulator
from ansible_collections.cryptokey.wireguard.tests.oracle.sizes import seed, size
from ansible_collections.cryptokey.wireguard.tests.oracle.test_comparison_against_simulator import (
    Packet,
    arriving,
    pair_of,
)

FLEETS = size("rollouts")
SEED = seed("rollout")
MOST_PACKETS = 4000


class States:
    """Every mixture of two documents; which of the lasting packets arrive in it."""

    def __init__(self, before: dict, after: dict) -> None:
        self.sides = (_kept_apart(before, "before"), _kept_apart(after, "after"))
        self.intents = (Intents(before), Intents(after))
        self.lasting = sorted(arriving(before).keys() & arriving(after).keys())
        self.hosts = sorted(before["hosts"].keys() | after["hosts"].keys())
        self._sound: dict[frozenset[str], bool] = {}

    def sound(self, applied: frozenset[str]) -> bool:
        if applied not in self._sound:
            self._sound[applied] = self._all_arrive(applied)
        return self._sound[applied]

    def _all_arrive(self, applied: frozenset[str]) -> bool:
        document: dict = {"version": 1, "hosts": {}, "peer_groups": {}, "prefix_sets": {}}
        for key in ("peer_groups", "prefix_sets"):
            document[key] = {**self.sides[0][key], **self.sides[1][key]}
        for host in self.hosts:
            side = self.sides[host in applied]
            if host in side["hosts"]:
                document["hosts"][host] = side["hosts"][host]
        simulator = Simulator(document)
        return all(self._arrives(simulator, applied, packet) for packet in self.lasting)

    def _arrives(self, simulator: Simulator, applied: frozenset[str], packet: Packet) -> bool:
        family, host, namespace, source, destination = packet
        intents = self.intents[host in applied]
        mine = [
            stacks[host, namespace]
            for (_network, one), stacks in intents.owned.items()
            if one == family and (host, namespace) in stacks
        ]
        held = next(owned for owned in mine if source in owned.own | owned.behind)
        ingress = intents._sets_out_by(family, (host, namespace), held, source)
        answer = simulator.send(host, namespace, family, source, destination, ingress=ingress)
        place = answer["at"]["host"], answer["at"]["namespace"]
        theirs = self.intents[place[0] in applied].owned
        owned = {
            one
            for (_network, version), stacks in theirs.items()
            if version == family and place in stacks
            for one in stacks[place].own | stacks[place].behind
        }
        return answer["outcome"] in ("delivered", "exits") and place != (host, namespace) and destination in owned


def _kept_apart(document: dict, side: str) -> dict:
    """The document with names of its own for what hosts share."""
    found = copy.deepcopy(document)
    for key in ("peer_groups", "prefix_sets"):
        found[key] = {f"{side} {name}": row for name, row in found.get(key, {}).items()}
    interfaces = [interface for host in found["hosts"].values() for interface in host["interfaces"]]
    for interface in interfaces:
        if interface.get("peer_group"):
            interface["peer_group"] = f"{side} {interface['peer_group']}"
    for peer in itertools.chain(*(interface["peers"] for interface in interfaces), *found["peer_groups"].values()):
        if peer.get("allowed_ips_set"):
            peer["allowed_ips_set"] = f"{side} {peer['allowed_ips_set']}"
    return found


def subsets(hosts: list[str]) -> list[frozenset[str]]:
    return [frozenset(one) for size in range(len(hosts) + 1) for one in itertools.combinations(hosts, size)]


def an_order_exists(states: States, changed: list[str]) -> bool:
    reached = {frozenset()}
    for _host in changed:
        reached = {
            state | {host}
            for state in reached
            for host in changed
            if host not in state and states.sound(state | {host})
        }
    return bool(reached)


@pytest.mark.parametrize(
    ("shared", "all_states"),
    [(False, 4), (True, 4), (True, 1)],
    ids=["any fleets", "alike members", "alike members by pairs"],
)
def test_what_is_said_about_the_order_holds_in_every_mixed_state(
    monkeypatch: pytest.MonkeyPatch, shared: bool, all_states: int
) -> None:
    monkeypatch.setattr(_rollout, "_ALL_STATES", all_states)
    seen: collections.Counter = collections.Counter()
    # Members that are not alike seldom leave each other an order to keep, and their fleets are small.
    count = FLEETS if shared else 4 * FLEETS
    for number in range(count):
        seed = f"{SEED}-{number}"
        before, after = pair_of(seed, shared=shared)
        try:
            states = States(before, after)
        except TooLarge:
            continue
        if not 0 < len(states.lasting) < MOST_PACKETS:
            continue
        comparison = Comparison(parse_fleet(before), parse_fleet(after))
        found = _rollout.plan_rollout(comparison)
        changed = sorted(host for step in found.steps for host in step.hosts)
        unchanged = frozenset(states.hosts) - set(changed)
        assert len(set(changed)) == len(changed)
        if len(changed) > 6:
            continue
        if found.verdict == "any":
            assert all(states.sound(unchanged | one) for one in subsets(changed)), f"seed {seed}"
        elif found.verdict == "order":
            applied = unchanged
            for step in found.steps:
                assert all(states.sound(applied | one) for one in subsets(list(step.hosts))), f"seed {seed}: {found}"
                applied |= set(step.hosts)
        elif found.verdict == "none":
            assert not an_order_exists(states, changed), f"seed {seed}"
            for step, applied in zip(found.steps, _prefixes(found.steps, unchanged), strict=True):
                if step.breakage is None:
                    assert states.sound(applied | set(step.hosts)), f"seed {seed}"
                else:
                    smaller = [one for one in subsets(list(changed)) if 0 < len(one) < len(step.hosts)]
                    smaller = [one for one in smaller if not one & applied]
                    assert not any(states.sound(applied | one) for one in smaller), f"seed {seed}: {found}"
        if found.evidence is not None:
            assert not all(states.sound(unchanged | one) for one in subsets(changed)), f"seed {seed}"
        seen[found.verdict] += 1
        seen["evidence"] += found.evidence is not None
    print("\n" + ", ".join(f"{times:,} {what}" for what, times in sorted(seen.items())))
    assert seen["any"] > FLEETS / 10
    assert seen["order"] > FLEETS / 60
    assert seen["none"] > FLEETS / 60


def _prefixes(steps: tuple, applied: frozenset[str]) -> list[frozenset[str]]:
    found = []
    for step in steps:
        found.append(applied)
        applied |= set(step.hosts)
    return found
