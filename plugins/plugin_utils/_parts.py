# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts that a fleet falls into: stacks are in one part when flows, of whomever, lead from one to the other."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._comparison import (
    GAINED,
    LOST,
    Comparison,
    FlowChange,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import StackId

Part = tuple[StackId, ...]


def connected_parts(comparison: Comparison) -> list[list[Part]]:
    """What was one part and is several now, each largest first; of the stacks that are there before and after."""
    lasting = comparison.before.stacks & comparison.after.stacks
    changes = comparison.changes
    before = _parts(lasting, [*comparison.lasting, *(one for one in changes if one.kind == LOST)], later=False)
    after = _parts(lasting, [*comparison.lasting, *(one for one in changes if one.kind == GAINED)], later=True)
    split = []
    for members in sorted(set(before.values())):
        pieces: dict[Part, list[StackId]] = {}
        for stack in members:
            pieces.setdefault(after[stack], []).append(stack)
        if len(pieces) > 1:
            split.append(sorted((tuple(one) for one in pieces.values()), key=lambda part: (-len(part), part)))
    return split


def _parts(stacks: Iterable[StackId], changes: Iterable[FlowChange], *, later: bool) -> dict[StackId, Part]:
    """Every stack with the sorted part that it is in; a product of senders and receivers is joined as a whole."""
    leader = {stack: stack for stack in stacks}

    def find(stack: StackId) -> StackId:
        while leader[stack] != stack:
            leader[stack] = leader[leader[stack]]
            stack = leader[stack]
        return stack

    for change in changes:
        joined = [stack for stack in {*change.stacks, *change.ends_in(later=later)} if stack in leader]
        for stack in joined[1:]:
            leader[find(stack)] = find(joined[0])
    members: dict[StackId, list[StackId]] = {}
    for stack in sorted(leader):
        members.setdefault(find(stack), []).append(stack)
    return {stack: tuple(part) for part in members.values() for stack in part}
