# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The loops that the planner reports (WG401) against every packet that goes round in the simulator, by any source."""

from __future__ import annotations

import collections

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _fleet, _loops, _model
from ansible_collections.cryptokey.wireguard.tests.oracle.fleets import FAMILIES, Fleet
from ansible_collections.cryptokey.wireguard.tests.oracle.simulator import Simulator
from ansible_collections.cryptokey.wireguard.tests.oracle.sizes import seed, size

FLEETS = size("loops")


def looping(simulator: Simulator, family: int, samples: list[int]) -> set[int]:
    """The destinations of packets that loop, whatever WireGuard device they come in by."""
    found = set()
    for (host, namespace), stack in simulator.stacks.items():
        for device in stack.wireguard:
            for source in samples:
                for destination in samples:
                    answer = simulator.send(host, namespace, family, source, destination, ingress=device)
                    if answer["outcome"] == "loop":
                        found.add(destination)
    return found


def reported(loops: list, family: int, samples: list[int]) -> set[int]:
    edges = [edge for loop in loops if loop.family == family for edge in loop.destinations]
    spans = list(zip(edges[::2], edges[1::2], strict=True))
    return {number for number in samples if any(low <= number < high for low, high in spans)}


def test_every_loop_is_reported_with_its_destinations():
    seen: collections.Counter = collections.Counter()
    for number in range(FLEETS):
        fleet = Fleet(f"{seed('loops')}-{number}")
        simulator = Simulator(fleet.document)
        loops = _loops.find_loops(_model.Model.of(_fleet.parse_fleet(fleet.document)))
        for family in FAMILIES:
            samples = fleet.samples(family)
            truth = looping(simulator, family, samples)
            assert reported(loops, family, samples) == truth, f"seed {seed('loops')}-{number}, IPv{family}"
            seen[bool(truth)] += 1
    print(f"\n{seen[True]} times a loop, {seen[False]} times none")
    assert seen[True] > FLEETS / 20
