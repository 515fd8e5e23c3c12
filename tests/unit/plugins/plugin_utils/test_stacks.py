# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E501  (a table of mistakes reads best with one per line)
from __future__ import annotations

import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _linux_words
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._plan import make_plan
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._reader import InvalidInventory
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.inventories import fleet, public_keys

MEMBERS = {
    "fra1": {"addresses": ["10.77.0.1"], "endpoint": "203.0.113.10"},
    "nyc1": {"addresses": ["10.77.0.2"], "endpoint": "203.0.113.20"},
}
WAYS = [{"device": "eth0", "gateway": "203.0.113.1"}, {"device": "eth1", "gateway": "192.0.2.1"}]
BASE: dict[str, t.Any] = {
    "addresses": {"eth0": ["203.0.113.10/24"], "eth1": ["192.0.2.10/24"]},
    "routes": [{"destination": "0.0.0.0/0", "device": "eth0", "gateway": "203.0.113.1"}],
}


def planned(*, previous: t.Any = None, members: t.Any = None, **variables: t.Any) -> dict[str, t.Any]:
    hostvars = fleet({}, MEMBERS if members is None else members, fra1=variables)
    return make_plan(hostvars, hostvars, public_keys=public_keys(hostvars), previous=previous)


def with_stack(**stack: t.Any) -> dict[str, t.Any]:
    return planned(wireguard_stacks={"": {**BASE, **stack}})


def ledger(plan: dict[str, t.Any]) -> list[str]:
    return [finding["message"] for finding in plan["findings"] if finding["rule"] == "WG003"]


def test_a_described_stack_without_constructs_is_proved() -> None:
    assert ledger(with_stack()) == []
    assert with_stack()["proof"]["verdict"] == "proved"


@pytest.mark.parametrize(
    "stack",
    [
        {"routes": [*BASE["routes"], {"destination": "10.77.0.2/32", "nexthops": [{"device": "wg0"}, *WAYS]}]},
        {"routes": [*BASE["routes"], {"destination": "10.77.0.2/32", "nhid": 7}]},
        {"routes": [*BASE["routes"], {"destination": "10.77.0.2/32", "device": "eth1", "tos": "0x10"}]},
        {
            "rules": [{"priority": 100, "dport": 22, "table": "200"}],
            "routes": [*BASE["routes"], {"destination": "10.0.0.0/8", "device": "eth1", "table": 200}],
        },
        {"rules": [{"priority": 100, "goto": 200}]},
        {"nftables": ["table inet filter"]},
        {"vrf": {"blue": 10}},
    ],
    ids=lambda stack: str(next(iter(stack))),
)
def test_what_the_model_does_not_know_makes_the_proof_incomplete(stack: dict[str, t.Any]) -> None:
    plan = with_stack(**stack)
    assert ledger(plan), plan["findings"]
    assert plan["proof"]["verdict"] == "unproven"


def test_what_no_packet_of_the_fleet_meets_changes_nothing() -> None:
    assert ledger(with_stack(routes=[{"destination": "0.0.0.0/0", "nexthops": WAYS}])) == []
    assert ledger(with_stack(rules=[{"priority": 100, "dport": 22, "table": "200"}])) == []


def test_two_ways_by_one_device_are_one() -> None:
    alike = [{"device": "eth0", "gateway": "203.0.113.1"}, {"device": "eth0", "gateway": "203.0.113.2"}]
    assert ledger(with_stack(routes=[*BASE["routes"], {"destination": "10.77.0.2/32", "nexthops": alike}])) == []


def test_every_key_that_a_document_may_have_stands_in_the_inventory_too() -> None:
    route = {"destination": "172.20.0.0/16", "device": "eth0"}
    for key in sorted(_linux_words.ROUTE.keys() | _linux_words.ROUTE_WITHOUT_INFLUENCE):
        value = WAYS if key in _linux_words.ROUTE_SEVERAL else 1
        with_stack(routes=[*BASE["routes"], {**route, key: value}])
    for key in sorted(_linux_words.RULE.keys() | _linux_words.RULE_ACTIONS.keys()):
        with_stack(rules=[{"priority": 5, key: 1, "table": "main"}])
    for key in _linux_words.STACK:
        with_stack(**{key: ["something"]})


@pytest.mark.parametrize(
    ("stack", "words"),
    [
        ({"routes": [{"destination": "0.0.0.0/0", "nexthops": [{"weight": 1}]}]}, "nexthops[0] of host fra1: has neither device nor"),
        ({"routes": [{"destination": "0.0.0.0/0", "nexthops": [{"dev": "eth0"}]}]}, "nexthops[0].dev of host fra1: is not an option"),
        ({"routes": [{"destination": "0.0.0.0/0", "nexthops": "eth0"}]}, "nexthops of host fra1: 'eth0' is a text where a list"),
        ({"routes": [{"destination": "0.0.0.0/0", "nexthop": []}]}, "routes[0] of host fra1: has no device"),
        ({"rules": [{"dport": 22, "table": "200"}]}, "rules[0] of host fra1: needs a priority and a table, or an action"),
        ({"rules": [{"priority": 5, "dports": 22, "table": "200"}]}, "rules[0].dports of host fra1: is not an option; did you mean dport?"),
        ({"nftable": []}, "wireguard_stacks[''].nftable of host fra1: is not an option; did you mean nftables?"),
    ],
)  # fmt: skip
def test_refuses(stack: dict[str, t.Any], words: str) -> None:
    with pytest.raises(InvalidInventory) as caught:
        with_stack(**stack)
    assert words in str(caught.value)


def test_rules_that_we_make_have_only_the_selectors_that_we_make() -> None:
    hostvars = fleet({"routing": {"rules": [{"priority": 5, "dport": 1, "table": "9"}]}}, MEMBERS)
    with pytest.raises(InvalidInventory, match="dport: is not an option"):
        make_plan(hostvars, hostvars, public_keys=public_keys(hostvars))


def test_where_ansible_comes_from_decides_what_cuts_it_off() -> None:
    known = {"wireguard_stacks": {"": BASE}, "ansible_host": "203.0.113.10"}
    lan = {**MEMBERS, "nyc1": {**MEMBERS["nyc1"], "advertise": ["198.18.0.0/15"]}}

    def cuts(controllers: list[str]) -> list[list[str]]:
        before = planned(**known, wireguard_controllers=controllers)
        after = planned(**known, wireguard_controllers=controllers, members=lan, previous=before)
        return [finding["prefixes"] for finding in after["findings"] if finding["rule"] == "WG901"]

    assert cuts([]) == []
    assert cuts(["192.0.2.77"]) == []
    assert cuts(["192.0.2.77", "198.18.7.0/24"]) == [["198.18.7.0/24"]]


def test_refuses_what_is_no_address_of_a_controller() -> None:
    with pytest.raises(InvalidInventory, match="wireguard_controllers of host fra1: 'desk' is a text where a list"):
        planned(wireguard_controllers="desk")
    (finding,) = [one for one in planned(wireguard_controllers=["198.18.7.1/24"])["findings"] if one["rule"] == "WG205"]
    assert "wireguard_controllers[0] of host fra1" in finding["message"]
