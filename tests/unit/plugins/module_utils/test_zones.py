# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._zones import closing, parse_zones

PORT = 51820
# As firewalld 1.3.3 shows them, tabs included.
LISTED = """dmz (active)
  target: default
  interfaces: eth0 eth1
  services: ssh tunnel
  ports: 443/udp 52000-52010/udp
  protocols:
  rich rules:

public (default)
  target: %%REJECT%%
  interfaces:
  services: dhcpv6-client
  ports: 51820/udp
  protocols:
  rich rules:
\trule priority="-10" family="ipv4" source NOT address="203.0.113.0/24" port port="51820" protocol="udp" drop
\trule protocol value="udp" reject

docker
  target: ACCEPT
  interfaces: docker0
"""


def service_ports(name: str) -> list[str]:
    return {"tunnel": ["51820/udp"], "ssh": ["22/tcp"]}.get(name, [])


def test_a_listing_of_all_zones_is_read():
    dmz, public, docker = parse_zones(LISTED)
    assert (dmz.name, dmz.interfaces, dmz.rich_rules) == ("dmz", ["eth0", "eth1"], ())
    assert (public.interfaces, len(public.rich_rules)) == ([], 2)
    assert [zone.lets_in(PORT, service_ports) for zone in (dmz, public, docker)] == [True, True, True]
    assert [zone.lets_in(PORT, lambda _name: []) for zone in (dmz, public, docker)] == [False, True, True]
    assert [zone.lets_in(52005, service_ports) for zone in (dmz, public, docker)] == [True, False, True]
    assert len(closing(public.rich_rules, PORT, service_ports)) == 2


@pytest.mark.parametrize(
    "rule",
    [
        'rule priority="-5" drop',
        'rule family="ipv4" source address="0.0.0.0/0" drop',
        'rule family="ipv4" source NOT address="203.0.113.0/24" port port="51820" protocol="udp" reject',
        'rule destination address="192.0.2.1" port port="51000-52000" protocol="udp" log limit value="5/m" drop',
        'rule protocol value="udp" reject',
        'rule service name="tunnel" drop',
    ],
)
def test_what_denies_the_port_to_the_world_is_named_where_it_comes_first(rule):
    assert closing([rule], PORT, service_ports) == [rule]
    earlier = 'rule priority="-20" port port="51820" protocol="udp" accept'
    assert closing([rule, earlier], PORT, service_ports) == []
    later = 'rule priority="-1" protocol value="udp" accept'
    assert closing([later, rule], PORT, service_ports) == ([rule] if rule.startswith("rule priority") else [])


@pytest.mark.parametrize(
    "rule",
    [
        'rule priority="5" drop',
        'rule family="ipv4" source address="203.0.113.0/24" port port="51820" protocol="udp" drop',
        'rule source ipset="blocked" drop',
        'rule source mac="00:11:22:33:44:55" drop',
        'rule port port="51820" protocol="tcp" drop',
        'rule port port="51821" protocol="udp" drop',
        'rule service name="ssh" drop',
        'rule icmp-block name="echo-request"',
        'rule priority="-1" port port="51820" protocol="udp" mark set="1"',
        'rule port port="51820" protocol="udp" drop limit value="5/m"',
        'rule port port="51820" protocol="udp" accept',
        'rule "torn drop',
    ],
)
def test_of_what_means_others_or_a_few_nothing_is_said(rule):
    assert closing([rule], PORT, service_ports) == []
