# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._ufw_rule import closing

PORT = 51820
OURS = "ufw allow 51820/udp comment 'cryptokey.wireguard wg0'"


# As ufw 0.36.2 prints them.
@pytest.mark.parametrize(
    "rule",
    [
        "ufw deny 51000:52000/udp comment 'a range'",
        "ufw deny 51820",
        "ufw deny 53,51820/udp",
        "ufw deny to any",
        "ufw reject log to any proto udp",
        "ufw deny in on eth0 to any port 51820 proto udp",
        "ufw deny to 192.0.2.1 port 51820 proto udp",
        "ufw deny in log-all from any to any port 51800:51900 proto udp",
    ],
)
def test_what_denies_the_port_to_the_world_is_named_where_it_comes_first(rule):
    assert closing(["ufw allow 22/tcp", rule, OURS], PORT) == [rule]
    assert closing(["ufw allow 22/tcp", rule], PORT) == [rule], "ours is to be added behind it"
    assert closing([OURS, rule], PORT) == []
    assert closing(["ufw limit 51810:51830/udp", rule, OURS], PORT) == [], "somebody has let it in before"
    assert closing(["ufw allow from 10.0.0.0/8", "ufw allow in on wg0", rule], PORT) == [rule]


@pytest.mark.parametrize(
    "rule",
    [
        "ufw deny 51821:52000/udp",
        "ufw deny 51820/tcp",
        "ufw deny from 203.0.113.0/24 to any port 51820 proto udp",
        "ufw deny from fd00::/8",
        "ufw deny from any port 40000 proto udp",
        "ufw deny in on eth0",
        "ufw deny to any proto tcp",
        "ufw deny out 51820/udp",
        "ufw route deny to any",
        "ufw deny OpenSSH",
        "ufw deny to any app 'My Tool'",
        "ufw deny 'torn",
        "ufw deny to any proto",
    ],
)
def test_of_what_means_others_or_a_few_nothing_is_said(rule):
    assert closing([rule, OURS], PORT) == []


def test_whoever_lets_in_a_few_means_it():
    assert closing(["ufw allow from 203.0.113.7 to any port 51820 proto udp", "ufw deny 51820", OURS], PORT) == []
