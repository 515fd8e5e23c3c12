# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._opening import Filtering, Opening


@pytest.mark.parametrize(
    ("running", "manager"),
    [
        ((), None),
        (("nftables",), "nftables"),
        (("nftables", "ufw"), "ufw"),
        (("nftables", "ufw", "firewalld"), "firewalld"),
    ],
)
def test_the_one_that_manages_the_filter_is_told(running, manager) -> None:
    assert Filtering(running=running).manager("auto") == manager
    assert Filtering(running=running).manager("ufw") == "ufw"


def test_a_port_is_opened_everywhere_where_it_is_closed() -> None:
    filtering = Filtering("blue", chains=("inet filter input", "ip6 mine in"), zone="public")
    assert filtering.wanted("nftables", 7) == {
        Opening("blue", "nftables", chain, 7) for chain in ("inet filter input", "ip6 mine in")
    }
    assert {opening.place for opening in filtering.wanted("firewalld", 7)} == {"permanent public", "runtime public"}
    assert len(filtering.wanted("ufw", 7)) == 1
    assert filtering.wanted("auto", 7) == frozenset()
