# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exact sets of addresses, and the minimal list of prefixes that writes one down.

A set of one family is a flat tuple of boundaries ``(low, high, low, high, ...)``: half-open intervals in ascending
order that do not touch. Equal sets are equal tuples, so that they can be interned and used as keys.
"""

from __future__ import annotations

import typing as t
from bisect import bisect_right

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import WIDTH, Prefix

Intervals = tuple[int, ...]
EMPTY: Intervals = ()


def everything(family: int) -> Intervals:
    """All addresses of a family."""
    return (0, 1 << WIDTH[family])


def from_prefixes(prefixes: t.Iterable[Prefix]) -> Intervals:
    """The union of prefixes of one family."""
    return _joined([(prefix.network, prefix.last + 1) for prefix in prefixes])


def from_numbers(numbers: t.Iterable[int]) -> Intervals:
    """Single addresses as a set."""
    return _joined([(number, number + 1) for number in numbers])


def to_prefixes(family: int, intervals: Intervals) -> list[Prefix]:
    """The one minimal list of prefixes whose union is the set, in ascending order."""
    width = WIDTH[family]
    result = []
    for low, high in pairs(intervals):
        while low < high:
            size = low & -low if low else 1 << width
            while size > high - low:
                size >>= 1
            result.append(Prefix(family, low, width - size.bit_length() + 1))
            low += size
    return result


def united(prefixes: t.Iterable[Prefix]) -> tuple[Prefix, ...]:
    """The minimal list of the same addresses, of both families: exactly the union, nothing more."""
    found = tuple(prefixes)
    return tuple(
        prefix
        for family in WIDTH
        for prefix in to_prefixes(family, from_prefixes(one for one in found if one.family == family))
    )


def pairs(intervals: Intervals) -> t.Iterator[tuple[int, int]]:
    """The intervals as (low, high)."""
    return zip(intervals[::2], intervals[1::2], strict=True)


def size(intervals: Intervals) -> int:
    """How many addresses the set holds."""
    return sum(intervals[1::2]) - sum(intervals[::2])


def contains(intervals: Intervals, number: int) -> bool:
    """Whether the address lies in the set."""
    return bool(bisect_right(intervals, number) & 1)


def union(*sets: Intervals) -> Intervals:
    """Everything that lies in any of the sets."""
    filled = [one for one in sets if one]
    if len(filled) < 2:
        return filled[0] if filled else EMPTY
    spans: list[tuple[int, int]] = []
    for one in filled:
        # A set of one interval is that interval.
        if len(one) == 2:
            spans.append(one)
        else:
            spans.extend(pairs(one))
    return _joined(spans)


def intersect(one: Intervals, other: Intervals) -> Intervals:
    """Everything that lies in both sets; the cost follows the smaller set."""
    if len(one) > len(other):
        one, other = other, one
    result: list[int] = []
    for at in range(0, len(one), 2):
        low, high = one[at], one[at + 1]
        index = bisect_right(other, low)
        start = low
        while index < len(other) and other[index] < high:
            if index & 1:
                result += (start, other[index])
            else:
                start = other[index]
            index += 1
        if index & 1:
            result += (start, high)
    return tuple(result)


def subtract(one: Intervals, other: Intervals) -> Intervals:
    """Everything of the first set that does not lie in the second; the cost follows the first set."""
    if not other:
        return one
    result: list[int] = []
    for at in range(0, len(one), 2):
        low, high = one[at], one[at + 1]
        index = bisect_right(other, low)
        start = low
        while index < len(other) and other[index] < high:
            if index & 1:
                start = other[index]
            elif start < other[index]:
                result += (start, other[index])
            index += 1
        if not index & 1 and start < high:
            result += (start, high)
    return tuple(result)


def first_outside(one: Intervals, other: Intervals) -> int | None:
    """The lowest address of the first set that does not lie in the second; it is looked for only until it is found."""
    for low, high in pairs(one):
        rest = subtract((low, high), other)
        if rest:
            return rest[0]
    return None


def covers(outer: Intervals, inner: Intervals) -> bool:
    """Whether every address of inner lies in outer."""
    # Sets of one interval are asked for most, and for these a loop over indices costs half of one over pairs.
    for at in range(0, len(inner), 2):
        low, high = inner[at], inner[at + 1]
        index = bisect_right(outer, low)
        if not index & 1 or outer[index] < high:
            return False
    return True


def _joined(spans: list[tuple[int, int]]) -> Intervals:
    """The union of intervals in any order."""
    if len(spans) < 2:
        return spans[0] if spans else EMPTY
    result: list[int] = []
    for low, high in sorted(spans):
        if result and low <= result[-1]:
            result[-1] = max(result[-1], high)
        else:
            result += (low, high)
    return tuple(result)
