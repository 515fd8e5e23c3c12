# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A function over all addresses of a family, as sorted boundaries with one value per half-open interval.

Both a routing table and the AllowedIPs of an interface are such a function, exactly: prefixes are disjoint or nested,
so one sort and a stack turn them into intervals, a look-up is a bisection and a composition is a linear merge.
"""

from __future__ import annotations

import typing as t
from bisect import bisect_left, bisect_right

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import Intervals, pairs

Value = t.Any
Pick = t.Callable[[Value, Value], Value]


class Partition:
    """The whole space ``[0, 2**width)``; neighbouring intervals hold different values. Never changed once made."""

    __slots__ = ("starts", "values", "width")

    def __init__(self, width: int, starts: list[int], values: list[Value]) -> None:
        self.width = width
        self.starts = starts
        self.values = values

    @classmethod
    def constant(cls, width: int, value: Value = None) -> Partition:
        """One value everywhere."""
        return cls(width, [0], [value])

    @classmethod
    def of_prefixes(cls, width: int, items: t.Iterable[tuple[int, int, Value]]) -> Partition:
        """Longest-prefix match over (network, length, value), every prefix at most once; None where none matches."""
        starts: list[int] = [0]
        values: list[Value] = [None]
        open_ends: list[tuple[int, Value]] = []

        def put(position: int, value: Value) -> None:
            if starts[-1] == position:
                values[-1] = value
                if len(values) > 1 and values[-2] is value:
                    starts.pop()
                    values.pop()
            elif values[-1] is not value:
                starts.append(position)
                values.append(value)

        for network, length, value in sorted(items, key=lambda item: item[0] << 8 | item[1]):
            while open_ends and open_ends[-1][0] <= network:
                end = open_ends.pop()[0]
                put(end, open_ends[-1][1] if open_ends else None)
            put(network, value)
            open_ends.append((network + (1 << (width - length)), value))
        while open_ends:
            end = open_ends.pop()[0]
            if end >> width == 0:
                put(end, open_ends[-1][1] if open_ends else None)
        return cls(width, starts, values)

    @classmethod
    def of_intervals(cls, width: int, intervals: Intervals, value: Value) -> Partition:
        """The value inside the set, None outside."""
        starts: list[int] = []
        values: list[Value] = []
        if not intervals or intervals[0]:
            starts.append(0)
            values.append(None)
        for low, high in pairs(intervals):
            starts.append(low)
            values.append(value)
            if high >> width == 0:
                starts.append(high)
                values.append(None)
        return cls(width, starts, values)

    @property
    def is_empty(self) -> bool:
        """Whether the value is None everywhere."""
        return len(self.values) == 1 and self.values[0] is None

    def at(self, number: int) -> Value:
        """The value of one address."""
        return self.values[bisect_right(self.starts, number) - 1]

    def pieces(self) -> t.Iterator[tuple[int, int, Value]]:
        """Every interval as (low, high, value)."""
        return zip(self.starts, [*self.starts[1:], 1 << self.width], self.values, strict=True)

    def clipped(self, intervals: Intervals) -> t.Iterator[tuple[int, int, Value]]:
        """The intervals inside a set; the cost follows the set and what lies in it."""
        starts, values, count = self.starts, self.values, len(self.starts)
        for low, high in pairs(intervals):
            index = bisect_right(starts, low)
            while index < count and starts[index] < high:
                yield low, starts[index], values[index - 1]
                low = starts[index]
                index += 1
            yield low, high, values[index - 1]

    def split(self, intervals: Intervals) -> dict[Value, Intervals]:
        """The set by value: disjoint sets whose union is the given one."""
        # grouped(clipped()) in one loop: walks through fleets that have no classes spend most of their time here.
        starts, values, count = self.starts, self.values, len(self.starts)
        groups: dict[Value, list[int]] = {}
        index = 0
        for at in range(0, len(intervals), 2):
            low, high = intervals[at], intervals[at + 1]
            if index < count and starts[index] <= low:
                index = bisect_right(starts, low, index)
            while low < high:
                end = starts[index] if index < count and starts[index] < high else high
                group = groups.get(values[index - 1])
                if group is None:
                    groups[values[index - 1]] = [low, end]
                elif group[-1] == low:
                    group[-1] = end
                else:
                    group += (low, end)
                low = end
                index += end < high
        return {value: tuple(group) for value, group in groups.items()}

    def where(self, wanted: t.Callable[[Value], bool]) -> Intervals:
        """All addresses whose value is wanted."""
        result: list[int] = []
        for low, high, value in self.pieces():
            if wanted(value):
                if result and result[-1] == low:
                    result[-1] = high
                else:
                    result += (low, high)
        return tuple(result)

    def map(self, change: t.Callable[[Value], Value]) -> Partition:
        """Every value replaced by change(value)."""
        starts: list[int] = []
        values: list[Value] = []
        last: Value = _NOTHING
        for start, value in zip(self.starts, self.values, strict=True):
            new = change(value)
            if new is not last:
                starts.append(start)
                values.append(new)
                last = new
        return Partition(self.width, starts, values)


def combine(one: Partition, other: Partition, pick: Pick) -> Partition:
    """pick(value of one, value of other) at every address, in one merge."""
    if len(one.starts) < len(other.starts):
        return _merged(other, one, lambda value, short: pick(short, value))
    return _merged(one, other, pick)


def _merged(long: Partition, short: Partition, pick: Pick) -> Partition:
    """Interval by interval of the shorter one, the run of the longer one's inside it: a run costs nothing to find."""
    starts: list[int] = []
    values: list[Value] = []
    edges, found = long.starts, long.values
    last: Value = _NOTHING
    index = 0
    for low, high, inside in short.pieces():
        # The interval that begins here, or in which this one begins; the first two always begin together.
        begin = index if index < len(edges) and edges[index] == low else index - 1
        index = bisect_left(edges, high, begin)
        for position, value in zip(edges[begin:index], found[begin:index], strict=True):
            new = pick(value, inside)
            if new is not last:
                starts.append(position if position > low else low)
                values.append(new)
                last = new
    return Partition(long.width, starts, values)


def grouped(pieces: t.Iterable[tuple[int, int, Value]]) -> dict[Value, Intervals]:
    """Ascending pieces by value."""
    groups: dict[Value, list[int]] = {}
    for low, high, value in pieces:
        group = groups.get(value)
        if group is None:
            groups[value] = [low, high]
        elif group[-1] == low:
            group[-1] = high
        else:
            group += (low, high)
    return {value: tuple(group) for value, group in groups.items()}


_NOTHING = object()
