# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets of declared intents that arrive before and after, beyond what the stacks of one network own.

An intent may lead from one network to another, or out of the fleet by an exit.
"""

from __future__ import annotations

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._comparison import KEPT, Comparison, FlowChange
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Expectation, StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._handed import left_by_exit
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._intents import intent_pieces
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import (
    Intervals,
    everything,
    intersect,
    subtract,
    union,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._walk import ARRIVALS
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ways import Ways

_Rectangle = tuple[Intervals, Intervals]


def lasting_intents(comparison: Comparison) -> list[FlowChange]:
    """Of the later fleet's accept intents."""
    found = []
    for wanted in comparison.after.model.fleet.expectations:
        if not wanted.reach:
            continue
        before = _arriving(comparison, comparison.before, wanted)
        for (family, stack), rectangles in _arriving(comparison, comparison.after, wanted).items():
            for sources, destinations in rectangles:
                for others, targets in before.get((family, stack), ()):
                    both, meant = intersect(sources, others), intersect(destinations, targets)
                    if both and meant:
                        found.append(_flow(family, stack, both, meant))
    return found


def nobodys(comparison: Comparison, family: int) -> Intervals:
    """What nobody owns, before or after: there, leaving the fleet is arriving."""
    sides = (comparison.before.ownership, comparison.after.ownership)
    owned = union(*(network.total[family] for side in sides for network in side.networks.values()))
    return subtract(everything(family), owned)


def _arriving(comparison: Comparison, ways: Ways, wanted: Expectation) -> dict[tuple[int, StackId], list[_Rectangle]]:
    found: dict[tuple[int, StackId], list[_Rectangle]] = {}
    for family, stack, piece in intent_pieces(ways.model, ways.ownership, wanted):
        if left_by_exit(ways.model, piece, family):
            reached = nobodys(comparison, family)
        elif piece.outcome in ARRIVALS and piece.place.stack != stack:
            reached = union(ways.owned(family, piece.place.stack), nobodys(comparison, family))
        else:
            continue
        # What the stacks of the sender's own networks own is compared anyway.
        networks = ways.ownership.networks.values()
        known = union(*(network.total[family] for network in networks if stack in network.stacks))
        part = subtract(intersect(piece.destinations, reached), known)
        if part:
            found.setdefault((family, stack), []).append((piece.sources, part))
    return found


def _flow(family: int, stack: StackId, sources: Intervals, destinations: Intervals) -> FlowChange:
    return FlowChange(
        kind=KEPT,
        family=family,
        stacks=(stack,),
        sources=sources,
        destinations=destinations,
        before=None,
        after=None,
        ends=frozenset(),
        moved=None,
        others=False,
    )
