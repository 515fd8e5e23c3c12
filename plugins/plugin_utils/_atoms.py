# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Destinations of the same owners that every place treats alike: what goes to them can be followed as one packet."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._partition import Partition
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import Intervals, pairs, union


class Atom(t.NamedTuple):
    """Who owns the destinations, and the numbers of the ways that lead to them."""

    owners: tuple[StackId, ...]
    destinations: Intervals
    ways: tuple[int, ...]


def atoms(owners: Partition, ways: t.Sequence[tuple[int, Intervals]]) -> t.Iterator[Atom]:
    """What somebody owns, cut along the ways, of which each has a number and its destinations."""
    cuts = set(owners.starts)
    for _way, destinations in ways:
        cuts.update(destinations)
    edges = sorted(cuts)
    position = {edge: index for index, edge in enumerate(edges)}
    columns: list[list[int]] = [[] for _edge in edges]
    for way, destinations in ways:
        for low, high in pairs(destinations):
            for index in range(position[low], position[high]):
                columns[index].append(way)
    spans: dict[tuple[tuple[StackId, ...], tuple[int, ...]], list[int]] = {}
    for low, high, column in zip(edges, edges[1:], columns, strict=False):
        holders = owners.at(low)
        if holders is not None:
            spans.setdefault((holders, tuple(column)), []).extend((low, high))
    for (holders, numbers), found in spans.items():
        yield Atom(holders, union(*zip(found[::2], found[1::2], strict=True)), numbers)
