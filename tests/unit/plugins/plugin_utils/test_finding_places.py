# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._plan import make_plan
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.inventories import fleet, public_keys
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.test_places import Written


class Located:
    """Knows the line of every text that was written with one, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, value: t.Any) -> str | None:
        self.asked += 1
        return f"host_vars/x.yml:{value.line}" if isinstance(value, Written) else None


def members(**more: t.Any) -> dict[str, t.Any]:
    return {
        "a": {"addresses": [Written.at(3, "10.0.0.1")], "endpoint": "203.0.113.1", **more.get("a", {})},
        "b": {"addresses": [Written.at(7, "10.0.0.2")], "endpoint": "203.0.113.2", **more.get("b", {})},
    }


def findings(network: t.Any, held: t.Any, *, source: str | None = "inventory.yml", **variables: t.Any) -> list[t.Any]:
    hostvars = fleet(network, held, **variables)
    plan = make_plan(hostvars, hostvars, public_keys=public_keys(hostvars), locate=Located(), source=source)
    return list(plan["findings"])


def place(found: list[t.Any], rule: str, **where: t.Any) -> t.Any:
    (first, *_more) = [
        one for one in found if one["rule"] == rule and all(one[name] == value for name, value in where.items())
    ]
    return first["place"]


def test_a_prefix_is_found_where_it_is_advertised() -> None:
    lan = "192.168.1.0/24"
    held = members(a={"advertise": [Written.at(4, lan)]}, b={"advertise": [Written.at(8, lan)]})
    found = findings({}, held)
    assert place(found, "WG605", host="b") == {"file": "host_vars/x.yml", "line": 8}
    assert place(found, "WG303", host="a") == {"file": "host_vars/x.yml", "line": 4}


def test_an_address_is_found_without_its_length() -> None:
    held = members()
    held["b"]["addresses"] = [Written.at(9, "10.0.0.1")]
    assert place(findings({}, held), "WG601", host="b") == {"file": "host_vars/x.yml", "line": 9}


def test_a_mistake_in_a_value_has_its_path_and_line() -> None:
    held = members(a={"advertise": ["192.168.1.0/24", Written.at(5, "192.168.2.1/24")]})
    (found,) = [one for one in findings({}, held) if one["rule"] == "WG205"]
    assert found["path"] == "wireguard.corp.advertise[1]"
    assert found["place"] == {"file": "host_vars/x.yml", "line": 5}


def test_a_broken_intent_is_found_in_its_entry() -> None:
    held = members()
    del held["a"]["endpoint"], held["b"]["endpoint"]
    entry = {"from": {"host": Written.at(12, "a")}, "to": {"host": "b"}, "reach": True}
    whole = Located()

    def locate(value: t.Any) -> str | None:
        return "group_vars/all.yml:11" if value == entry else whole(value)

    hostvars = fleet({"expect": [entry]}, held)
    plan = make_plan(hostvars, hostvars, public_keys=public_keys(hostvars), locate=locate)
    (found,) = [one for one in plan["findings"] if "expects that host a reaches" in one["message"]]
    assert found["place"] == {"file": "group_vars/all.yml", "line": 11}


def test_the_inventory_is_the_last_resort_and_null_the_very_last() -> None:
    held = {name: {"addresses": [address]} for name, address in (("a", "10.0.0.1"), ("b", "10.0.0.2"))}
    assert place(findings({}, held), "WG501") == {"file": "inventory.yml", "line": None}
    assert place(findings({}, held, source=None), "WG501") is None


def test_what_is_ignored_has_its_place_too() -> None:
    held = members(a={"advertise": [Written.at(5, "192.168.2.1/24")]})
    ignore = [{"rule": "WG205", "reason": "as the vendor wrote it"}]
    hostvars = fleet({}, held, a={"wireguard_ignore": ignore})
    plan = make_plan(hostvars, hostvars, public_keys=public_keys(hostvars), locate=Located())
    assert plan["ignored"][0]["place"] == {"file": "host_vars/x.yml", "line": 5}


def test_a_clean_plan_looks_for_nothing() -> None:
    hostvars = fleet({}, members())
    locate = Located()
    make_plan(hostvars, hostvars, public_keys=public_keys(hostvars), locate=locate)
    assert locate.asked == 0


def test_of_thousands_the_causes_are_looked_for() -> None:
    held = {
        f"h{number:03}": {"addresses": [Written.at(3, f"10.0.0.{number}")], "advertise": [Written.at(4, "10.9.0.0/16")]}
        for number in range(60)
    }
    found = findings({}, held)
    assert len(found) > 1000
    rules = ("WG201", "WG605", "WG001")
    lines = {rule: [one["place"]["line"] for one in found if one["rule"] == rule] for rule in rules}
    assert set(lines["WG201"] + lines["WG605"]) == {4}
    assert lines["WG001"].count(None) > 1000


@pytest.mark.parametrize("bad", ["no line", "host_vars/a.yml:", ":4", "a:b"])
def test_a_place_that_is_none_is_null(bad: str) -> None:
    hostvars = fleet({}, members())
    hostvars["a"]["wireguard"]["corp"]["advertise"] = ["192.168.2.1/24"]
    plan = make_plan(hostvars, hostvars, public_keys=public_keys(hostvars), locate=lambda _value: bad)
    assert all(finding["place"] is None for finding in plan["findings"])
