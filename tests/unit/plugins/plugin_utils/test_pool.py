# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses out of a pool: nobody's depends on the order, and nobody's is taken away again."""

from __future__ import annotations

import ipaddress
import json
import time
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._inventory import read_inventory
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._plan import make_plan
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._pool import allocate
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.inventories import (
    fleet,
    key,
    public_keys,
)

POOL = {"pool": ["10.77.0.0/24", "fd77::/64"]}
NAMES = st.sets(st.sampled_from([f"h{number}" for number in range(24)]), min_size=1)


def planned(network: t.Any, members: t.Any, previous: t.Any = None) -> dict[str, t.Any]:
    hostvars = fleet(network, members)
    return make_plan(hostvars, list(members), public_keys=public_keys(hostvars), previous=previous)


def held(plan: dict[str, t.Any]) -> dict[str, list[str]]:
    return {name: host["interfaces"][0]["addresses"] for name, host in plan["fleet"]["hosts"].items()}


def unset(names: t.Iterable[str]) -> dict[str, t.Any]:
    """Members that declare no address."""
    return {name: {"endpoint": f"198.51.{number // 250}.{number % 250}"} for number, name in enumerate(names, 1)}


def rules(plan: dict[str, t.Any]) -> list[tuple[str, str]]:
    return [(finding["rule"], finding["host"]) for finding in plan["findings"]]


def test_a_member_without_addresses_gets_one_of_each_family_of_the_pool() -> None:
    found = held(planned(POOL, unset(["fra1", "nyc1"])))
    for addresses in found.values():
        four, six = (ipaddress.ip_interface(text) for text in addresses)
        assert four.ip in ipaddress.ip_network("10.77.0.0/24")
        assert six.ip in ipaddress.ip_network("fd77::/64")
        assert (four.network.prefixlen, six.network.prefixlen) == (32, 128)
    assert found["fra1"] != found["nyc1"]


def test_a_pool_that_lies_behind_a_member_is_not_called_used_up() -> None:
    members = {"gw": {"addresses": ["10.77.0.1"], "endpoint": "203.0.113.1", "advertise": ["10.0.0.0/8"]}, "lap": {}}
    plan = planned({"pool": ["10.77.0.0/24"]}, members)
    (told,) = [finding for finding in plan["findings"] if finding["rule"] == "WG602"]
    assert "where 10.77.0.0/24 is all reserved, advertised by a member or behind an external peer" in told["message"]
    assert "WG604" in [rule for rule, _host in rules(plan)]


def test_a_declared_address_stands_and_is_given_to_nobody_else() -> None:
    members = unset(f"h{number}" for number in range(5))
    members["fixed"] = {"addresses": ["10.77.0.1"], "endpoint": "203.0.113.99"}
    found = held(planned({"pool": ["10.77.0.0/29"]}, members))
    assert found["fixed"] == ["10.77.0.1/32"]
    assert sorted(text for name, (text,) in found.items() if name != "fixed") == [
        f"10.77.0.{number}/32" for number in (2, 3, 4, 5, 6)
    ]


def test_ends_of_a_prefix_reserved_ranges_lans_and_external_peers_are_left_out() -> None:
    members = unset(["a", "b"])
    members["a"]["advertise"] = ["10.77.0.4/31"]
    network = {
        "pool": ["10.77.0.0/28"],
        "reserved": ["10.77.0.8/29"],
        "external_peers": {"phone": {"via": "a", "addresses": ["10.77.0.2"], "public_key": key("phone")}},
    }
    for number in range(20):
        found = held(planned(network, {f"{name}{number}": one for name, one in members.items()} | {"a": members["a"]}))
        assert {text for (text,) in found.values()} == {f"10.77.0.{last}/32" for last in (1, 3, 6, 7)} & {
            text for (text,) in found.values()
        }


def test_a_pair_of_addresses_has_no_ends() -> None:
    found = held(planned({"pool": ["10.77.0.0/31"]}, unset("ab")))
    assert sorted(found.values()) == [["10.77.0.0/32"], ["10.77.0.1/32"]]
    assert held(planned({"pool": ["10.77.0.9/32"]}, unset("a"))) == {"a": ["10.77.0.9/32"]}


def test_an_external_peer_without_prefixes_gets_an_address_too() -> None:
    network = {**POOL, "external_peers": {"phone": {"via": "a", "public_key": key("phone")}}}
    before = planned(network, unset("ab"))
    (phone,) = before["fleet"]["hosts"]["a"]["interfaces"][0]["peers"]
    assert len(phone["allowed_ips"]) == 2
    assert rules(before) == []
    after = planned(network, unset("abcdefgh"), before)
    (same,) = after["fleet"]["hosts"]["a"]["interfaces"][0]["peers"]
    assert same["allowed_ips"] == phone["allowed_ips"]


def test_a_pool_that_is_used_up_is_an_error_that_names_who_goes_without() -> None:
    plan = planned({"pool": ["10.77.0.0/30"]}, unset("abc"))
    assert rules(plan) == [("WG602", "c")]
    (finding,) = plan["findings"]
    assert finding["severity"] == "error"
    assert finding["message"] == (
        "wireguard.corp.addresses of host c: is left to the pool of network corp, where 10.77.0.0/30 has no free "
        "address any more"
    )
    assert plan["proof"]["verdict"] == "unproven"


def test_another_prefix_of_the_pool_is_used_when_the_first_is_full() -> None:
    before = planned({"pool": ["10.77.0.0/30"]}, unset("ab"))
    after = planned({"pool": ["10.77.0.0/30", "10.78.0.0/30"]}, unset("abcd"), before)
    assert {name: held(after)[name] for name in "ab"} == held(before)
    assert {held(after)[name][0] for name in "cd"} == {"10.78.0.1/32", "10.78.0.2/32"}


def test_an_address_that_the_pool_no_longer_holds_is_drawn_again() -> None:
    before = planned({"pool": ["10.77.0.0/24"]}, unset("ab"))
    after = planned({"pool": ["10.99.0.0/24"]}, unset("ab"), before)
    assert all(text.startswith("10.99.0.") for (text,) in held(after).values())


def test_a_host_keeps_an_address_that_was_declared_when_it_is_left_to_the_pool() -> None:
    before = planned(POOL, {**unset("b"), "a": {"addresses": ["10.77.0.7/24"], "endpoint": "203.0.113.7"}})
    assert held(planned(POOL, unset("ab"), before))["a"][0] == "10.77.0.7/32"


def test_a_host_is_not_renumbered_because_another_one_declares_its_address() -> None:
    before = planned(POOL, unset("ab"))
    address = held(before)["a"][0]
    after = planned(POOL, {**unset("ab"), "new": {"addresses": [address], "endpoint": "203.0.113.9"}}, before)
    assert held(after)["a"] == held(before)["a"]
    assert "WG601" in [rule for rule, _host in rules(after)]


def test_what_rests_on_names_alone_is_told_until_a_plan_is_kept() -> None:
    before = planned(POOL, unset("ab"))
    (told,) = [one for one in before["assumptions"] if "come from nothing but their names" in one["assumption"]]
    assert told["hosts"] == ["a", "b"]
    after = planned(POOL, unset("abc"), before)
    (told,) = [one for one in after["assumptions"] if "come from nothing but their names" in one["assumption"]]
    assert told["hosts"] == ["c"]
    again = planned(POOL, unset("abc"), after)
    assert not any("come from nothing but" in one["assumption"] for one in again["assumptions"])


@settings(max_examples=100, deadline=None)
@given(st.permutations([f"h{number}" for number in range(12)]))
def test_the_order_of_the_hosts_does_not_matter(names: list[str]) -> None:
    members = unset(sorted(names))
    found = planned({"pool": ["10.77.0.0/28"]}, {name: members[name] for name in names})
    expected = planned({"pool": ["10.77.0.0/28"]}, members)
    assert json.dumps(found) == json.dumps(expected)


@settings(max_examples=100, deadline=None)
@given(st.lists(NAMES, min_size=2, max_size=5), st.sampled_from([["10.77.0.0/27"], ["10.77.0.0/24", "fd77::/120"]]))
def test_nobody_is_renumbered_and_nobody_shares_whoever_comes_and_goes(rounds: list[set[str]], pool: list[str]) -> None:
    """A small pool, so that collisions are the rule."""
    plan: t.Any = None
    before: dict[str, list[str]] = {}
    for names in rounds:
        plan = planned({"pool": pool}, unset(names), plan)
        found = held(plan)
        assert {name: found[name] for name in names & set(before)} == {n: before[n] for n in names & set(before)}
        everybody = [text for addresses in found.values() for text in addresses]
        assert len(everybody) == len(set(everybody)) == len(names) * len(pool)
        before = found


@pytest.mark.parametrize("size", [50, 500])
def test_in_a_wide_pool_a_name_has_its_address_whoever_else_is_there(size: int) -> None:
    names = [f"host-{number}" for number in range(size)]
    network = {"pool": ["fd77::/64"]}
    alone = {name: held(planned(network, unset([name])))[name] for name in names[:20]}
    found = held(planned({**network, "topology": "hub", "hubs": names[:1]}, unset(names)))
    assert {name: found[name] for name in names[:20]} == alone


def test_ten_thousand_addresses_are_drawn_in_about_a_second_even_from_a_pool_that_is_nearly_full() -> None:
    names = [f"h{number:05}" for number in range(10_000)]
    network = {"pool": ["10.77.0.0/18"], "reserved": ["10.77.40.0/22", "10.77.48.0/21"]}
    hostvars = fleet(network, {name: {} for name in names})
    inventory = read_inventory(hostvars, names)
    started = time.process_time()
    found, _assumed = allocate(inventory, None)
    assert time.process_time() - started < 5
    assert len({one for member in found.members("corp").values() for one in member.addresses}) == 10_000
    kept, assumed = allocate(inventory, parse_fleet(_document(found)))
    assert kept == found
    assert assumed == []


def _document(inventory: t.Any) -> dict[str, t.Any]:
    hosts = {
        name: {"interfaces": [{"name": "wg0", "network": "corp", "addresses": [str(one) for one in member.addresses]}]}
        for name, member in inventory.members("corp").items()
    }
    return {"version": 1, "hosts": hosts}
