# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E501  (a table of mistakes reads best with one per line)
"""The filters plan, host_config and report as Ansible calls them."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.cryptokey.wireguard.plugins.filter import host_config as host_config_filter
from ansible_collections.cryptokey.wireguard.plugins.filter import plan as plan_filter
from ansible_collections.cryptokey.wireguard.plugins.filter import report as report_filter
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.inventories import fleet, public_keys

plan = plan_filter.FilterModule().filters()["plan"]
host_config = host_config_filter.FilterModule().filters()["host_config"]
report = report_filter.FilterModule().filters()["report"]

MEMBERS = {"a": {"addresses": ["10.0.0.1"], "endpoint": "203.0.113.1"}, "b": {"addresses": ["10.0.0.2"]}}
HOSTVARS = fleet({}, MEMBERS)
KEYS = public_keys(HOSTVARS)
PLAN = plan(HOSTVARS, ["a", "b"], KEYS)


def plain(value: t.Any) -> bool:
    # pylint: disable=unidiomatic-typecheck
    if type(value) is dict:
        return all(type(name) is str and plain(entry) for name, entry in value.items())
    if type(value) is list:
        return all(map(plain, value))
    return value is None or type(value) in (str, int, bool)


def test_results_are_plain_data() -> None:
    assert plain(PLAN)
    assert plain(plan(HOSTVARS, hosts=["a", "b"], public_keys=KEYS, previous=PLAN))
    assert plain(host_config(PLAN, "a"))
    assert plain(report(PLAN))


def test_arguments_go_by_position_and_by_name() -> None:
    assert plan(HOSTVARS, ["a", "b"], KEYS, PLAN) == plan(HOSTVARS, previous=PLAN, public_keys=KEYS, hosts=("a", "b"))
    assert plan(HOSTVARS, ["a", "b"], KEYS, None, "2026-06-30") == plan(HOSTVARS, ["a", "b"], KEYS, today="2026-06-30")
    assert host_config(PLAN, "a", "secret") == host_config(PLAN, fleet_secret="secret", host="a")
    assert report(PLAN, 60, True) == report(PLAN, color=True, width=60)


def test_an_entry_to_ignore_ends_with_its_day() -> None:
    entry = {"rule": "WG401", "reason": "tested", "until": "2026-06-30"}
    hostvars = fleet({}, MEMBERS, a={"wireguard_ignore": [entry]})
    told = [
        plan(hostvars, ["a", "b"], KEYS, today=day)["findings"][0]["message"] for day in ("2026-06-30", "2026-07-01")
    ]
    assert ["ended on 2026-06-30" in message for message in told] == [False, True]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plan(HOSTVARS, ["a"], public_key=KEYS), r"plan: public_key: is not an argument of this filter; did you mean public_keys\?"),
        (lambda: plan(HOSTVARS), r"plan: hosts: is empty where a list is expected; write hosts=groups\['all'\]"),
        (lambda: plan(HOSTVARS, "all"), "plan: hosts: is a text where a list is expected"),
        (lambda: plan(HOSTVARS, [1]), r"plan: hosts\[0\]: is a number where a text is expected"),
        (lambda: plan([], ["a"]), "plan: the input: is a list where a mapping is expected"),
        (lambda: plan(HOSTVARS, ["a"], ["x"]), "plan: public_keys: is a list where a mapping is expected"),
        (lambda: plan(HOSTVARS, ["a"], previous="x"), "plan: previous: is a text where a plan is expected"),
        (lambda: plan(HOSTVARS, ["a"], previous={}), "plan: previous.hosts: is missing"),
        (lambda: plan(HOSTVARS, ["a"], today="tomorrow"), "plan: today: 'tomorrow' is not a date; write year, month and day"),
        (lambda: plan(HOSTVARS, ["a"], today=20260630), "plan: today: .* is not a date"),
        (lambda: plan(HOSTVARS, ["c"]), "hosts: 'c' is not a host of the inventory"),
        (lambda: plan({"a": {"wireguard": []}}, ["a"]), "plan: 1 mistake in the inventory:\n  wireguard of host a: is a list"),
        (lambda: host_config(PLAN), "host_config: host: is empty where a text is expected"),
        (lambda: host_config("x", "a"), "host_config: the input: is a text where a plan is expected"),
        (lambda: host_config({}, "a"), "host_config: the plan: has no hosts"),
        (lambda: host_config(PLAN, "a", 5), "host_config: fleet_secret: is a number where a text is expected"),
        (lambda: host_config(PLAN, "a", secret="x"), "host_config: secret: is not an argument"),
        (lambda: report(PLAN, width="wide"), "report: width: is a text where a number is expected"),
        (lambda: report(PLAN, width=True), "report: width: is a yes or no where a number is expected"),
        (lambda: report(PLAN, color="yes"), "report: color: is a text where true or false is expected"),
        (lambda: report([]), "report: the input: is a list where a plan is expected"),
        (lambda: report({}), "report: the plan: has no fleet"),
        (lambda: report(PLAN, colour=True), "report: colour: is not an argument of this filter; did you mean color?"),
    ],
)  # fmt: skip
def test_bad_arguments_are_named(call: t.Callable[[], t.Any], message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message):
        call()
