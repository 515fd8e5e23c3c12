# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option open_port beside rules of nftables that close the port all the same: what is said is what packets meet."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.tests.systemd.filtered_host import FilteredHost, filtered_host, run

TABLE = """table inet theirs {{
    set ports {{
        type inet_service
        elements = {{ 51820 }}
    }}
    chain side {{
        {side}
    }}
    chain early {{
        type filter hook prerouting priority mangle; policy {policy};
        {early}
    }}
    chain in {{
        type filter hook input priority filter; policy drop;
        ct state vmap {{ established : accept, related : accept }}
        iifname {{ "lo", "wg0" }} accept
    }}
}}
"""
USUAL = "ct state vmap { invalid : drop, established : accept, related : accept }; iifname lo accept"


def load(early: str, *, side: str = "counter", policy: str = "accept") -> None:
    run("nft", "-f", "-", text="add table inet theirs\ndelete table inet theirs\n")
    run("nft", "-f", "-", text=TABLE.format(early=early.replace("; ", "\n        "), side=side, policy=policy))


def said(host: FilteredHost, *, check: bool = False, **arguments: t.Any) -> list[str]:
    """What keeps the port closed, without what is the same of each."""
    warnings = host.converge(check=check, **arguments).warnings
    return [text.removeprefix("UDP port 51820 is still closed: ").partition(" drops ")[0] for text in warnings]


@pytest.fixture
def host(tmp_path, packets) -> t.Iterator[FilteredHost]:
    try:
        with filtered_host(tmp_path, packets.sent) as made:
            made.declare()
            load("counter")
            yield made
    finally:
        run("nft", "flush", "ruleset")


def test_an_opened_port_is_open_and_nothing_is_said_until_somebody_closes_it(host):
    assert not host.reaches(), "the filter lets everything in, so that this shows nothing"
    assert said(host, open_port="auto", check=True) == []
    assert said(host, open_port="auto") == []
    assert host.reaches()
    run("nft", "insert", "rule", "inet", "theirs", "in", "udp", "dport", "51000-52000", "counter", "drop")
    assert not host.reaches()
    (found,) = said(host)
    assert found.startswith("the rule 'udp dport 51000-52000 counter packets")
    assert found.endswith("of the nftables chain inet theirs in")
    assert said(host, check=True)[0].startswith("the rule 'udp dport 51000-52000")


@pytest.mark.parametrize(
    ("early", "side", "policy", "rule"),
    [
        (f"{USUAL}; udp dport 51000-52000 drop", "counter", "accept", "udp dport 51000-52000 drop"),
        (f"{USUAL}; meta l4proto {{ tcp, udp }} jump side", "th dport 51820 drop", "accept", "th dport 51820 drop"),
        ("udp dport vmap { 53 : accept, 51820 : drop }", "counter", "accept", "udp dport vmap"),
        ('iifname "cable" udp dport 51820 drop', "counter", "accept", 'iifname "cable" udp dport 51820 drop'),
        ("ip saddr != 203.0.113.0/24 udp dport 51820 drop", "counter", "accept", "ip saddr != 203.0.113.0/24"),
        (USUAL, "counter", "drop", "the nftables chain inet theirs early"),
    ],
)
def test_what_drops_the_packet_on_its_way_is_named_and_does_drop_it(host, early, side, policy, rule):
    load(early, side=side, policy=policy)
    promised = said(host, open_port="nftables", check=True)
    assert said(host, open_port="nftables") == promised
    assert len(promised) == 1
    assert rule.replace("th dport", "dport") in promised[0], promised
    assert not host.reaches()


@pytest.mark.parametrize(
    "early",
    [
        f"{USUAL}; udp dport 51000-51819 drop; tcp dport 51820 drop; udp dport != 1-60000 drop",
        "fib daddr type != { local, broadcast, multicast } drop",
        "udp dport @ports accept; udp dport 51820 drop",
        "ip saddr 203.0.113.0/24 udp dport 51820 drop",
        "meta mark 7 drop; limit rate over 1000/second drop",
    ],
)
def test_of_rules_that_let_the_packet_pass_nothing_is_said(host, early):
    load(early)
    assert said(host, open_port="nftables") == []
    assert host.reaches()
