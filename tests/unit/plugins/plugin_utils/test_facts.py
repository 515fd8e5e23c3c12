# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gathered facts in place of an underlay that nobody describes."""

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._facts import stack_of_facts
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._plan import make_plan
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.inventories import fleet, public_keys

# As the setup module of ansible-core 2.19 gives them, with a bridge whose name has a dash.
FACTS: dict[str, t.Any] = {
    "interfaces": ["lo", "eth0", "br-lan", "wg0", "dummy0"],
    "lo": {"device": "lo", "type": "loopback", "mtu": 65536, "ipv4": {"address": "127.0.0.1", "netmask": "255.0.0.0"}},
    "eth0": {
        "device": "eth0",
        "type": "ether",
        "mtu": 1400,
        "ipv4": {"address": "203.0.113.10", "netmask": "255.255.255.0", "network": "203.0.113.0", "prefix": "24"},
        "ipv4_secondaries": [{"address": "203.0.113.11", "netmask": "255.255.255.255"}],
        "ipv6": [
            {"address": "2001:db8:f::10", "prefix": "64", "scope": "global"},
            {"address": "fe80::1", "prefix": "64", "scope": "link"},
        ],
    },
    "br_lan": {"device": "br-lan", "type": "bridge", "ipv4": {"address": "192.168.10.1", "netmask": "255.255.255.0"}},
    "wg0": {"device": "wg0", "ipv4": {"address": "10.77.0.1", "netmask": "255.255.255.255"}},
    "dummy0": {"device": "dummy0", "ipv6": [{"address": "fe80::2", "prefix": "64"}]},
    "default_ipv4": {"interface": "eth0", "gateway": "203.0.113.1", "address": "203.0.113.10"},
    "default_ipv6": {"interface": "eth0", "gateway": "fe80::99"},
}
EXPECTED = {
    "addresses": {
        "br-lan": ["192.168.10.1/24"],
        "eth0": ["203.0.113.10/24", "203.0.113.11/32", "2001:db8:f::10/64"],
    },
    "links": {"eth0": {"mtu": 1400}},
    "routes": [
        {"destination": "0.0.0.0/0", "device": "eth0", "gateway": "203.0.113.1"},
        {"destination": "::/0", "device": "eth0", "gateway": "fe80::99"},
    ],
}


def test_devices_addresses_and_default_routes_are_taken() -> None:
    assert stack_of_facts(FACTS, without={"wg0"}) == EXPECTED


@pytest.mark.parametrize("facts", [None, [], {}, {"interfaces": "eth0"}, {"interfaces": ["eth0"], "eth0": []}])
def test_facts_that_say_nothing_are_none(facts: t.Any) -> None:
    assert stack_of_facts(facts, without=()) is None


@pytest.mark.parametrize("netmask", ["255.0.255.0", "0.0.0.0.0", None, 24, ["255.255.255.0"]])
def test_what_is_no_netmask_is_passed_over(netmask: t.Any) -> None:
    device = {"device": "eth0", "ipv4": {"address": "203.0.113.10", "netmask": netmask}}
    assert stack_of_facts({"interfaces": ["eth0"], "eth0": device}, without=()) is None


KEYS = "interfaces eth0 ipv4 ipv6 address prefix netmask default_ipv4 interface mtu device".split()
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["eth0", "203.0.113.1", "::1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=20,
)


@given(JUNK)
def test_no_facts_are_an_error(facts: t.Any) -> None:
    stack_of_facts(facts, without=())


def planned(**variables: t.Any) -> dict[str, t.Any]:
    members = {
        "fra1": {"addresses": ["10.77.0.1"], "endpoint": "203.0.113.10", "advertise": ["192.168.10.0/24"]},
        "nyc1": {"addresses": ["10.77.0.2"], "endpoint": "203.0.113.20"},
    }
    hostvars = fleet({}, members, fra1=variables)
    return make_plan(hostvars, hostvars, public_keys=public_keys(hostvars))


def test_facts_describe_what_nobody_describes_and_the_ledger_says_so() -> None:
    plan = planned(ansible_facts=FACTS)
    stack = plan["fleet"]["hosts"]["fra1"]["namespaces"][""]
    assert stack["addresses"] == EXPECTED["addresses"]
    assert stack["routes"][:2] == EXPECTED["routes"]
    texts = {one["assumption"]: one["hosts"] for one in plan["assumptions"]}
    assert [hosts for text, hosts in texts.items() if "gathered facts" in text] == [["fra1"]]
    assert [hosts for text, hosts in texts.items() if "nobody describes the underlay" in text] == [["nyc1"]]
    assert plan["proof"]["verdict"] == "proved"


def test_what_is_described_is_not_touched_by_facts() -> None:
    described = {"": {"addresses": {"eth9": ["203.0.113.10/24"], "lan9": ["192.168.10.1/24"]}}}
    plan = planned(ansible_facts=FACTS, wireguard_stacks=described)
    assert sorted(plan["fleet"]["hosts"]["fra1"]["namespaces"][""]["addresses"]) == ["eth9", "lan9"]
    assert not any("gathered facts" in one["assumption"] for one in plan["assumptions"])
