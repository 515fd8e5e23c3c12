# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disjoint intervals with one bit each, so that a set of thousands of them is one integer."""

from __future__ import annotations

import typing as t
from bisect import bisect_left, bisect_right

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import Intervals, pairs, union


class Spans:
    """The intervals of disjoint sets. Bits follow the addresses, so that neighbours are neighbouring bits."""

    def __init__(self, sets: t.Iterable[tuple[t.Any, Intervals]]) -> None:
        """sets: each with the value that its intervals stand for."""
        spans = sorted((low, high, index, value) for index, (value, one) in enumerate(sets) for low, high in pairs(one))
        self._lows = [low for low, _high, _index, _value in spans]
        self._highs = [high for _low, high, _index, _value in spans]
        self._values = [value for _low, _high, _index, value in spans]
        self.all = (1 << len(spans)) - 1

    def inside(self, intervals: Intervals) -> int:
        """Those that lie in a set as a whole."""
        found = 0
        for at in range(0, len(intervals), 2):
            first, last = bisect_left(self._lows, intervals[at]), bisect_right(self._highs, intervals[at + 1])
            if first < last:
                found |= (1 << last) - (1 << first)
        return found

    def touching(self, intervals: Intervals) -> int:
        """Those of which some address lies in a set."""
        found = 0
        for at in range(0, len(intervals), 2):
            first, last = bisect_right(self._highs, intervals[at]), bisect_left(self._lows, intervals[at + 1])
            if first < last:
                found |= (1 << last) - (1 << first)
        return found

    def values(self, bits: int) -> dict[t.Any, None]:
        """What the intervals of some bits stand for, once each and in the order of the addresses."""
        found: dict[t.Any, None] = {}
        while bits:
            lowest = bits & -bits
            found[self._values[lowest.bit_length() - 1]] = None
            bits ^= lowest
        return found

    def intervals(self, bits: int) -> Intervals:
        """The intervals of some bits as one set."""
        found: list[Intervals] = []
        while bits:
            lowest = bits & -bits
            at = lowest.bit_length() - 1
            found.append((self._lows[at], self._highs[at]))
            bits ^= lowest
        return union(*found)
