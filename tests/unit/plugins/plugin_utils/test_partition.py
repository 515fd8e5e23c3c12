# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Partitions against the slow and obvious way."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._partition import Partition, combine

WIDTH = 6
NUMBERS = range(1 << WIDTH)
PREFIXES = st.dictionaries(
    st.builds(
        lambda number, length: (number >> (WIDTH - length) << (WIDTH - length), length),
        st.integers(0, (1 << WIDTH) - 1),
        st.integers(0, WIDTH),
    ),
    st.sampled_from("abc"),
    max_size=10,
)


def longest(prefixes: dict[tuple[int, int], str], number: int) -> str | None:
    found = [
        (length, value)
        for (network, length), value in prefixes.items()
        if number >> (WIDTH - length) == network >> (WIDTH - length)
    ]
    return max(found)[1] if found else None


def build(prefixes: dict[tuple[int, int], str]) -> Partition:
    return Partition.of_prefixes(WIDTH, [(network, length, value) for (network, length), value in prefixes.items()])


def check_shape(partition: Partition) -> None:
    """The whole space, ascending, neighbours different, the sizes add up."""
    assert partition.starts[0] == 0
    assert partition.starts == sorted(set(partition.starts))
    assert all(one is not other for one, other in zip(partition.values, partition.values[1:], strict=False))
    assert sum(high - low for low, high, _value in partition.pieces()) == 1 << WIDTH


@given(PREFIXES)
def test_look_up_is_longest_prefix_match(prefixes: dict[tuple[int, int], str]) -> None:
    partition = build(prefixes)
    check_shape(partition)
    assert [partition.at(number) for number in NUMBERS] == [longest(prefixes, number) for number in NUMBERS]


@given(PREFIXES, PREFIXES)
def test_combine_works_at_every_address(one: dict[tuple[int, int], str], other: dict[tuple[int, int], str]) -> None:
    left, right = build(one), build(other)
    both = combine(left, right, lambda mine, theirs: f"{mine}{theirs}")
    check_shape(both)
    for number in NUMBERS:
        assert both.at(number) == f"{left.at(number)}{right.at(number)}"


@given(PREFIXES, st.sets(st.integers(0, 1 << WIDTH), max_size=8))
def test_split_divides_a_set_without_rest(prefixes: dict[tuple[int, int], str], edges: set[int]) -> None:
    ordered = sorted(edges)
    intervals = tuple(ordered[: len(ordered) // 2 * 2])
    partition = build(prefixes)
    members = {number for low, high in zip(intervals[::2], intervals[1::2], strict=True) for number in range(low, high)}
    found: dict[int, str | None] = {}
    for value, part in partition.split(intervals).items():
        for low, high in zip(part[::2], part[1::2], strict=True):
            for number in range(low, high):
                assert number not in found
                found[number] = value
    assert found == {number: partition.at(number) for number in members}


@given(PREFIXES)
def test_a_set_and_its_partition_are_the_same(prefixes: dict[tuple[int, int], str]) -> None:
    inside = build(prefixes).where(lambda value: value == "a")
    again = Partition.of_intervals(WIDTH, inside, "yes")
    check_shape(again)
    assert again.where(lambda value: value == "yes") == inside
    assert again.is_empty == (inside == ())
