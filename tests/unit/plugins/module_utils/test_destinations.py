# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cryptokey.wireguard.plugins.module_utils._destinations import together
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Address, Prefix, mask, parse_address

# A small space, so that prefixes nest and addresses meet them.
ADDRESSES = st.builds(Address, st.just(4), st.integers(0, 255).map(lambda low: 10 << 24 | low)) | st.builds(
    Address, st.just(6), st.integers(0, 255).map(lambda low: 0xFD << 120 | low)
)


def prefix(address: Address, length: int) -> Prefix:
    return Prefix(address.family, mask(address.family, address.number, length), length)


EDGES = st.builds(prefix, ADDRESSES, st.integers(22, 32)) | st.builds(
    prefix, ADDRESSES.filter(lambda address: address.family == 6), st.integers(118, 128)
)


@given(st.lists(ADDRESSES, unique=True), st.lists(EDGES))
def test_those_are_together_that_every_edge_treats_alike(addresses, edges):
    groups = together(addresses, edges)
    assert sorted(address for group in groups for address in group) == sorted(addresses)

    def sides(address):
        return address.family, tuple(edge.contains(address.prefix) for edge in edges)

    for group in groups:
        assert len({sides(address) for address in group}) == 1
    # Two that nothing tells apart are never asked for twice.
    assert len({sides(group[0]) for group in groups}) == len(groups)


def test_without_an_edge_there_is_one_group_per_family():
    listed = [parse_address(text) for text in ("10.0.0.1", "fd00::1", "10.0.0.2", "fd00::2")]
    assert together(listed, []) == [[listed[0], listed[2]], [listed[1], listed[3]]]
