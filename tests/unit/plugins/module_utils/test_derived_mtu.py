# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cryptokey.wireguard.plugins.module_utils._derived_mtu import (
    DEFAULT,
    HIGHEST,
    DerivedMtu,
    Path,
    derive,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Address, parse_address

ADDRESSES = st.builds(Address, st.just(4), st.integers(0, 2**32 - 1)) | st.builds(
    Address, st.just(6), st.integers(0, 2**128 - 1)
)
PATHS = st.builds(Path, st.sampled_from(["eth0", "eth1", "wg0", "wg9", "lo"]), st.integers(576, 65536))


def test_an_ethernet_with_ipv6_outside_gives_the_default() -> None:
    address = parse_address("2001:db8::1")
    assert derive([address], {address: Path("eth0", 1500)}, own="wg0", ipv6=True) == DerivedMtu(
        DEFAULT, "eth0 has 1500 towards 2001:db8::1, less 80"
    )


@given(st.dictionaries(ADDRESSES, PATHS), st.sets(ADDRESSES), st.booleans())
def test_every_way_that_is_known_has_room_for_the_outer_headers(paths, unknown, ipv6) -> None:
    found = derive([*paths, *unknown], paths, own="wg0", ipv6=ipv6)
    rooms = [
        path.mtu - (60 if address.family == 4 else 80)
        for address, path in paths.items()
        if path.device not in ("wg0", "lo")
    ]
    if not rooms:
        assert found is None
        return
    lowest = 1280 if ipv6 else 576
    assert found is not None
    assert found.mtu == max(lowest, min(*rooms, HIGHEST))


@given(st.dictionaries(ADDRESSES, PATHS), st.randoms())
def test_the_order_of_the_peers_is_of_no_account(paths, random) -> None:
    shuffled = list(paths)
    random.shuffle(shuffled)
    assert derive(shuffled, paths, own="", ipv6=False) == derive(list(paths), paths, own="", ipv6=False)
