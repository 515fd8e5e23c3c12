# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sweep against every pair of prefixes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Prefix, mask
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
