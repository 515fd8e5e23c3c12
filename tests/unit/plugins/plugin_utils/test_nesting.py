# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sweep against every pair of prefixes."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import WIDTH, Prefix, mask
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._nesting import find_nesting
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rows import Owner

PREFIXES = st.builds(
    lambda family, number, length: Prefix(family, mask(family, number, length), length),
    st.sampled_from([4, 6]),
    st.integers(0, 15).map(lambda number: number << 28),
    st.integers(0, 8),
)


@given(st.lists(st.tuples(st.sampled_from("abc"), PREFIXES), max_size=12))
def test_the_sweep_finds_what_comparing_every_pair_finds(listed: list[tuple[str, Prefix]]) -> None:
    owners = [Owner(ident, prefix) for ident, prefix in listed]
    found = find_nesting(owners)
    last = {owner.prefix: owner for owner in owners}
    around = {}
    for inner in last:
        outer = [one for one in last if one.contains(inner) and one != inner]
        if outer:
            around[inner] = max(outer, key=lambda one: one.length)
    relations = {(outer.prefix, inner.prefix) for outer, inner in (*found.nested, *found.redundant)}
    nested = {(last[outer], last[inner]) for inner, outer in around.items() if last[outer].ident != last[inner].ident}
    twice = {prefix for prefix in last if len({one.ident for one in owners if one.prefix == prefix}) > 1}
    assert set(found.nested) == nested
    assert {(outer, inner) for inner, outer in around.items()} <= relations
    assert {prefix for prefix, _owners in found.duplicates} == twice
    assert all(named[-1] is last[prefix] for prefix, named in found.duplicates)


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("spread", [0, 12, 20], ids=["everywhere", "in one corner", "mostly equal"])
def test_long_lists_are_dealt_with_in_parts_as_if_they_were_one(family: int, spread: int) -> None:
    """spread: the leading bits that most prefixes have in common; a few lie elsewhere, or are around them all."""
    dice, width = random.Random(f"{family} {spread}"), WIDTH[family]
    owners = []
    for number in range(6000):
        length = dice.choice([1, 2, 9]) if number % 500 == 0 else dice.randint(spread + 3, 31)
        network = dice.getrandbits(31 if number % 100 == 0 else 31 - spread) << (width - 31)
        owners.append(Owner(str(number % 7), Prefix(family, mask(family, network, length), length)))
    found = find_nesting(owners)
    last = {owner.prefix: owner for owner in owners}
    relations = {}
    for prefix in last:
        shorter = (Prefix(family, mask(family, prefix.network, n), n) for n in range(prefix.length - 1, -1, -1))
        around = next((last[one] for one in shorter if one in last), None)
        if around is not None:
            relations[prefix] = around
    assert len(relations) > 100
    nested = [(around, last[prefix]) for prefix, around in sorted(relations.items())]
    assert found.nested == [(around, inner) for around, inner in nested if around.ident != inner.ident]
    inside = [(around, inner) for around, inner in nested if around.ident == inner.ident]
    assert [pair for pair in found.redundant if pair[0].prefix != pair[1].prefix] == inside
    holders = {}
    for owner in owners:
        holders.setdefault(owner.prefix, set()).add(owner.ident)
    twice = [(prefix, holders[prefix], last[prefix]) for prefix in sorted(last) if len(holders[prefix]) > 1]
    assert [(prefix, {one.ident for one in named}, named[-1]) for prefix, named in found.duplicates] == twice
