# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a declaration leaves out is what the last one said; what would swallow the tunnel itself is refused."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._completed import Surroundings, complete
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._observed import Observed
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import parse_prefix
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Route, Rule
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.module_utils.declarations import KEYS, World, declared

ONE = KEYS[0]


def completed(**arguments: t.Any) -> Surroundings:
    return complete(declared(**arguments), Observed())


def test_a_new_interface_has_automatic_routes_in_main_and_its_socket_in_the_initial_namespace():
    assert completed() == Surroundings("", "auto", 254, None, (), (), {})


FULL = {
    "routing": "explicit",
    "socket_namespace": "blue",
    "table": "77",
    "metric": 9,
    "routes": [{"destination": "10.9.0.0/16"}],
    "rules": [{"priority": 7, "from": "10.0.0.0/8", "table": "77"}],
    "forwarding": {"ipv4": True},
}


@pytest.fixture
def world() -> World:
    made = World()
    made.converge({"name": "wg0", **FULL})
    return made


def test_one_more_peer_leaves_everything_around_as_it_was(world):
    result = world.converge({"name": "wg0", "peers": [{"public_key": ONE, "allowed_ips": ["10.1.0.0/16"]}]})
    assert result.actions == [f"add peer {ONE}: +10.1.0.0/16", "record what is declared"]


@pytest.mark.parametrize(
    ("arguments", "actions"),
    [
        ({"routes": []}, ["remove route 10.9.0.0/16 dev wg0"]),
        ({"routing": "off"}, ["remove route 10.9.0.0/16 dev wg0"]),
        ({"rules": []}, ["remove rule IPv4 7: from 10.0.0.0/8 lookup 77"]),
        ({"forwarding": {}}, ["switch IPv4 forwarding off"]),
        ({"forwarding": {"ipv4": False}}, ["switch IPv4 forwarding off"]),
        ({"metric": 0, "table": "main"}, []),
    ],
    ids=str,
)
def test_what_is_declared_empty_goes(world, arguments, actions):
    assert world.converge({"name": "wg0", **arguments}).actions == [*actions, "record what is declared"]


def test_the_socket_of_a_device_without_a_record_stays_where_it_is(world):
    world.store.kept.clear()
    assert not any("delete" in action for action in world.converge({"name": "wg0"}).actions)


FULL_TUNNEL = {"peers": [{"public_key": ONE, "allowed_ips": ["0.0.0.0/0"]}]}


@pytest.mark.parametrize(
    "arguments",
    [
        {"routing": "explicit"},
        {"routing": "off"},
        {"table": "51820"},
        {"namespace": "blue"},
        {"fwmark": "7", "rules": [{"priority": 9, "fwmark": "7", "table": "99"}]},
    ],
    ids=str,
)
def test_a_full_tunnel_whose_own_packets_escape_is_taken(arguments):
    assert completed(**FULL_TUNNEL, **arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        {"fwmark": "7"},
        {"fwmark": "7", "rules": [{"priority": 9, "fwmark": "7", "invert": True, "table": "99"}]},
        {"fwmark": "7", "rules": [{"priority": 9, "fwmark": "8", "table": "99"}]},
        {"namespace": "blue", "socket_namespace": "blue"},
    ],
    ids=str,
)
def test_a_full_tunnel_that_would_swallow_itself_is_refused(arguments):
    with pytest.raises(InvalidInput, match="default route of the table main"):
        completed(**FULL_TUNNEL, **arguments)


def test_a_mark_and_a_rule_of_the_last_declaration_count():
    world = World()
    world.converge({"name": "wg0", "fwmark": "7", "rules": [{"priority": 9, "fwmark": "7", "table": "99"}]})
    assert world.converge({"name": "wg0", **FULL_TUNNEL}).changed
    with pytest.raises(InvalidInput, match=r"peers\[0\].allowed_ips\[0\]: '0.0.0.0/0' would become"):
        world.converge({"name": "wg0", **FULL_TUNNEL, "rules": []})


DEFAULT = Route(parse_prefix("0.0.0.0/0"), device="eth0", protocol=3)
HALVES = {"peers": [{"public_key": ONE, "endpoint": "203.0.113.9:1", "allowed_ips": ["128.0.0.0/1"]}]}


def at_a_host(*routes: Route, rules: t.Iterable[Rule] = (), **arguments: t.Any) -> Surroundings:
    return complete(declared(**arguments), Observed(routes=frozenset(routes), rules=frozenset(rules)))


def test_a_route_that_leads_a_tunnel_to_its_own_endpoint_is_refused():
    with pytest.raises(
        InvalidInput, match=r"allowed_ips\[0\]: '128.0.0.0/1' would become the way to the endpoint 203.0"
    ):
        at_a_host(DEFAULT, **HALVES)


ELSEWHERE = Rule(4, priority=9, table=99, fwmark=7, protocol=3)


@pytest.mark.parametrize(
    ("routes", "rules", "arguments"),
    [
        ((Route(parse_prefix("203.0.113.0/24"), device="eth0", protocol=2),), (), {}),
        ((Route(parse_prefix("0.0.0.0/0"), device="eth1", table=7, protocol=3),), (), {}),
        ((), (ELSEWHERE,), {"fwmark": "7"}),
        ((), (), {"table": "77"}),
        ((), (), {"routing": "off"}),
        ((), (), {"peers": [{"public_key": ONE, "endpoint": "203.0.113.9:1", "allowed_ips": ["10.0.0.0/8"]}]}),
        ((), (), {"peers": [*HALVES["peers"], {"public_key": KEYS[1], "allowed_ips": ["203.0.113.0/24"]}]}),
        ((), (), {"peers": [{**HALVES["peers"][0], "endpoint": "vpn.example.net:1"}]}),
    ],
    ids=["host route", "other table", "mark and rule", "own table", "not routed", "outside", "outer tunnel", "name"],
)
def test_one_whose_endpoint_is_reached_otherwise_is_taken(routes, rules, arguments):
    assert at_a_host(DEFAULT, *routes, rules=rules, **{**HALVES, **arguments})


def test_where_nothing_is_known_of_the_host_nothing_is_refused():
    assert at_a_host(**HALVES)
