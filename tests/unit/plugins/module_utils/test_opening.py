# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import HostError
from ansible_collections.cryptokey.wireguard.plugins.module_utils._obstacle import Obstacle
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


def test_what_looks_like_somebody_elses_is_not_ours_whatever_was_recorded() -> None:
    ours, taken, closed = (Opening("", "ufw", "", port) for port in (1, 2, 3))
    filtering = Filtering(openings=frozenset({ours, taken}), others=frozenset({taken}))
    assert filtering.ours({ours, taken, closed}) == {ours}


def test_what_is_open_is_kept_while_nobody_filters() -> None:
    ours, of_another_port = Opening("", "ufw", "", 1), Opening("", "ufw", "", 2)
    filtering = Filtering(openings=frozenset({ours, of_another_port}))
    assert filtering.kept(1, {ours, of_another_port}) == {ours}
    assert dataclasses.replace(filtering, running=("nftables",)).kept(1, {ours}) == frozenset()


def test_a_rule_that_forbids_a_port_is_named_and_only_where_it_is_in_the_way() -> None:
    filtering = Filtering(refusals={Opening("", "ufw", "", 2): "ufw deny 2/udp"})
    assert filtering.refuse(filtering.wanted("ufw", 1)) is None
    refusal = filtering.refuse(filtering.wanted("ufw", 2))
    assert isinstance(refusal, HostError)
    assert "UDP port 2: ufw has the rule 'ufw deny 2/udp'" in str(refusal)
    assert "open_port: off" in str(refusal)


def test_what_closes_an_opened_port_is_said_with_the_command_that_shows_it() -> None:
    rule = Obstacle("blue", 7, "the rule 'udp dport 7 drop' drops what peers send to it", "nft list ruleset")
    assert str(rule) == (
        "UDP port 7 is still closed: the rule 'udp dport 7 drop' drops what peers send to it (see ip netns exec blue "
        "nft list ruleset); it is not this collection's, so it stays: delete it if the port is to be open"
    )
    assert str(Obstacle("", 7, "a", "b", "c")) == "UDP port 7 is still closed: a (see b); c"
