# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Set arithmetic against netaddr and ipaddress as independent oracles."""

from __future__ import annotations

import ipaddress

import netaddr
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import WIDTH, Prefix, mask
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _sets

LISTS = {
    family: st.lists(
        st.builds(
            lambda number, length, family=family: Prefix(family, mask(family, number, length), length),
            st.integers(0, 2 ** WIDTH[family] - 1)
            | st.integers(0, 255)
            | st.integers(2 ** WIDTH[family] - 256, 2 ** WIDTH[family] - 1),
            st.integers(0, WIDTH[family]) | st.integers(WIDTH[family] - 8, WIDTH[family]),
        ),
        max_size=8,
    )
    for family in WIDTH
}


def as_netaddr(prefixes: list[Prefix]) -> netaddr.IPSet:
    return netaddr.IPSet([str(prefix) for prefix in prefixes])


def same_text(texts: list[str]) -> list[str]:
    """Libraries differ in how they write ::0.2.0.0."""
    return [str(ipaddress.ip_network(text)) for text in texts]


def texts(family: int, intervals: _sets.Intervals) -> list[str]:
    return same_text([str(prefix) for prefix in _sets.to_prefixes(family, intervals)])


@pytest.mark.parametrize("family", [4, 6])
@given(data=st.data())
def test_the_operations_agree_with_netaddr(family: int, data: st.DataObject) -> None:
    one, other = data.draw(LISTS[family]), data.draw(LISTS[family])
    mine, theirs = _sets.from_prefixes(one), _sets.from_prefixes(other)
    left, right = as_netaddr(one), as_netaddr(other)
    for result, oracle in (
        (_sets.union(mine, theirs), left | right),
        (_sets.intersect(mine, theirs), left & right),
        (_sets.subtract(mine, theirs), left - right),
    ):
        assert texts(family, result) == same_text([str(cidr) for cidr in oracle.iter_cidrs()])
        assert _sets.size(result) == oracle.size
    assert _sets.covers(mine, theirs) == right.issubset(left)


@pytest.mark.parametrize("family", [4, 6])
@given(data=st.data())
def test_the_prefixes_of_a_set_are_minimal(family: int, data: st.DataObject) -> None:
    prefixes = data.draw(LISTS[family])
    collapsed = ipaddress.collapse_addresses(ipaddress.ip_network(str(prefix)) for prefix in prefixes)
    assert texts(family, _sets.from_prefixes(prefixes)) == [str(network) for network in collapsed]


@pytest.mark.parametrize("family", [4, 6])
def test_the_ends_of_the_space_are_boundaries(family: int) -> None:
    width, top = WIDTH[family], 2 ** WIDTH[family]
    first, last = Prefix(family, 0, width), Prefix(family, top - 1, width)
    whole = _sets.everything(family)
    assert _sets.from_prefixes([Prefix(family, 0, 0)]) == whole == (0, top)
    assert _sets.from_prefixes([last, first]) == (0, 1, top - 1, top)
    inner = _sets.subtract(whole, _sets.from_prefixes([first, last]))
    assert inner == (1, top - 1)
    assert len(_sets.to_prefixes(family, inner)) == 2 * (width - 1)
    assert _sets.union(inner, _sets.from_numbers([0, top - 1])) == whole
    assert _sets.to_prefixes(family, whole) == [Prefix(family, 0, 0)]
    assert [_sets.contains(inner, number) for number in (0, 1, top - 2, top - 1)] == [False, True, True, False]


@given(LISTS[4], st.integers(0, 2**32 - 1) | st.integers(0, 255))
def test_membership_is_exact(prefixes: list[Prefix], number: int) -> None:
    expected = any(prefix.network <= number <= prefix.last for prefix in prefixes)
    assert _sets.contains(_sets.from_prefixes(prefixes), number) == expected


@given(LISTS[4], LISTS[4])
def test_equal_sets_are_equal_tuples(one: list[Prefix], other: list[Prefix]) -> None:
    mine, theirs = _sets.from_prefixes(one), _sets.from_prefixes(other)
    rebuilt = _sets.union(_sets.subtract(mine, theirs), _sets.intersect(mine, theirs))
    assert rebuilt == mine
