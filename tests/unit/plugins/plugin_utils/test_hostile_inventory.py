# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E501  (a table of mistakes reads best with one per line)
"""Every value of an inventory, replaced by every wrong one: a plan or one clear list of mistakes, nothing else."""

from __future__ import annotations

import copy
import datetime
import json
import typing as t
from collections.abc import Iterator

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._host_config import host_config
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._plan import make_plan
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._reader import InvalidInventory
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._text import render_report
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._task import _harmless
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.inventories import (
    fleet,
    key,
    public_keys,
)

SECRET = "cGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGQ="
HOSTILE: dict[str, t.Any] = {
    "null": None,
    "yes": True,
    "zero": 0,
    "minus one": -1,
    "huge": 10**30,
    "too long to write": 1 << 20_000,
    "fraction": 1.5,
    "not a number": float("nan"),
    "empty": "",
    "blank": " ",
    "lines": "a\nb",
    "terminal escape": "\x1b]0;owned\x07\x1b[2J",
    "right to left": "\u202eevil",
    "half a character": "\ud800",
    "unicode digits": "10.0.0.1/٢٤",
    "long": "a" * 5000,
    "mapped": "::ffff:10.0.0.0/120",
    "port in unicode": "host:٣",
    "a private key": SECRET,
    "a private key, cut": SECRET[:-1],
    "a private key in hex": "7064" * 16,
    "list": [],
    "list of null": [None],
    "list of lists": [["a", ["b"]]],
    "mapping": {},
    "number as key": {1: 2},
    "escape as key": {"\x1b[31m": {"\x1b[31m": 1}},
    "date": datetime.date(2020, 1, 1),
    "bytes": b"10.0.0.1",
    "set": {1, 2},
}
NETWORK = {
    "pool": ["10.77.0.0/16"],
    "topology": "hub",
    "hubs": ["a"],
    "routing": {
        "metric": 10,
        "fwmark": "0x10",
        "rules": [{"priority": 100, "to": "10.1.0.0/16", "iif": "eth0", "table": 200}],
    },
    "external_peers": {
        "phone": {"public_key": key("phone"), "addresses": ["10.77.200.1"], "via": "a", "endpoint": "198.51.100.9:1000"}
    },
    "expect": [{"from": {"host": "b"}, "to": {"prefix": "192.168.10.0/24"}, "reach": True}],
}
MEMBERS = {
    "a": {
        "addresses": ["10.77.0.1", "fd77::1"],
        "advertise": ["192.168.10.0/24"],
        "endpoint": "203.0.113.1",
        "namespace": "blue",
        "userspace_engine": "wireguard-go",
        "fwmark": 5,
        "interface": "wg7",
    },
    "b": {"addresses": ["10.77.0.2", "fd77::2"], "endpoint": {"default": "203.0.113.2:51820", "a": "b.example.net"}},
}
STACKS = {
    "": {
        "addresses": {"eth0": ["203.0.113.1/24"]},
        "links": {"eth0": {"mtu": 1500}},
        "rp_filter": {"eth0": 0},
        "masquerade": ["eth0"],
        "routes": [{"destination": "0.0.0.0/0", "device": "eth0", "gateway": "203.0.113.254", "protocol": "static"}],
    },
    "blue": {"addresses": {"lan0": ["192.168.10.1/24"]}},
}
IGNORE = [{"rule": "WG202", "host": "a", "interface": "wg7", "reason": "meant to be so"}]


def inventory() -> dict[str, t.Any]:
    variables = {"wireguard_stacks": STACKS, "wireguard_ignore": IGNORE}
    return copy.deepcopy({"hostvars": (hosts := fleet(NETWORK, MEMBERS, a=variables)), "keys": public_keys(hosts)})


def places(value: t.Any, path: tuple[t.Any, ...] = ()) -> Iterator[tuple[t.Any, ...]]:
    """Every place of a nested value; of host b only its membership, since the rest is what host a has."""
    if len(path) > 1 and (path[:2] != ("hostvars", "b") or "wireguard" in path):
        yield path
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, entry in entries:
        yield from places(entry, (*path, step))


def what_comes_of(hostvars: t.Any, keys: t.Any) -> tuple[str, t.Optional[dict[str, t.Any]]]:
    """What a person reads, and the plan if there is one."""
    try:
        plan = make_plan(hostvars, ["a", "b"], public_keys=keys)
    except InvalidInventory as error:
        return str(error), None
    json.dumps(plan, ensure_ascii=False).encode()
    return render_report(plan, width=10_000), plan


def test_the_inventory_itself_is_proved() -> None:
    text, plan = what_comes_of(*inventory().values())
    assert plan is not None
    assert plan["proof"]["verdict"] == "proved", text


@pytest.mark.parametrize("name", HOSTILE)
def test_a_wrong_value_anywhere_is_a_plan_or_a_list_of_mistakes(name: str) -> None:
    for path in places(inventory()):
        changed = inventory()
        parent: t.Any = changed
        for step in path[:-1]:
            parent = parent[step]
        parent[path[-1]] = HOSTILE[name]
        text, plan = what_comes_of(*changed.values())
        assert all(character.isprintable() or character == "\n" for character in text), (path, text)
        assert not any(secret in text for secret in (SECRET[:-1], "7064" * 16)), (path, text)
        assert max(map(len, text.splitlines())) < 1500, (path, text)
        if plan is not None and not plan["summary"]["errors"]:
            assert json.dumps([host_config(plan, host) for host in "ab"])
        if plan is not None and plan["proof"]["verdict"] == "proved":
            unread = {"WG101", "WG109", "WG206", "WG211", "WG507", "WG609"}
            assert not unread & {finding["rule"] for finding in plan["findings"]}, (path, text)


def problems_of(**changes: t.Any) -> list[str]:
    """What is said about one membership, stack, or network that differs from the good one."""
    members = {**MEMBERS, "a": {**MEMBERS["a"], **changes.get("member", {})}}
    variables = {"wireguard_stacks": {**STACKS, **changes.get("stacks", {})}, "wireguard_ignore": IGNORE}
    hostvars = fleet({**NETWORK, **changes.get("network", {})}, members, a=variables)
    try:
        plan = make_plan(hostvars, ["a", "b"], public_keys=public_keys(hostvars))
    except InvalidInventory as error:
        return [str(problem) for problem in error.problems]
    return [f"{one['rule']} {one['message']}" for one in plan["findings"] if one["severity"] == "error"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"member": {"addresses": ["224.0.0.5"]}}, "WG206 wireguard.corp.addresses[0] of host a: '224.0.0.5' is multicast"),
        ({"member": {"addresses": ["0.0.0.0/0"]}}, "WG206 wireguard.corp.addresses[0] of host a: '0.0.0.0/0' is the unspecified"),
        ({"member": {"addresses": ["::1"]}}, "WG206 wireguard.corp.addresses[0] of host a: '::1' is the loopback address"),
        ({"member": {"advertise": ["127.0.0.0/8"]}}, "WG206 wireguard.corp.advertise[0] of host a: '127.0.0.0/8' is a loopback"),
        ({"member": {"interface": "wg-à"}}, "WG609 wireguard.corp.interface of host a: 'wg-à' has characters in it that the kernel refuses"),
        ({"member": {"interface": "wg%d"}}, "WG609 wireguard.corp.interface of host a: 'wg%d' has '%' in it"),
        ({"member": {"interface": "default"}}, "WG609 wireguard.corp.interface of host a: 'default' is a name that the kernel keeps"),
        ({"member": {"interface": "\x1b[2J"}}, "WG609 wireguard.corp.interface of host a: '\\x1b[2J' has characters"),
        ({"member": {"namespace": "a\nb"}}, "wireguard.corp.namespace of host a: 'a\\nb' is not the name of a network namespace"),
        ({"member": {"namespace": "@"}}, "wireguard.corp.namespace of host a: '@' is not the name of a network namespace"),
        ({"network": {"routing": {"fwmark": "0x1_0"}}}, "wireguard_networks.corp.routing.fwmark: '0x1_0' is not a fwmark"),
        ({"stacks": {"": {"masquerade": ["eth 0"]}}}, "WG609 wireguard_stacks[''].masquerade[0] of host a: 'eth 0' has ' ' in it"),
        (
            {"stacks": {"": {"routes": [{"destination": "10.0.0.0/8", "device": "eth0", "gateway": "10.0.0.1/8"}]}}},
            "WG206 wireguard_stacks[''].routes[0].gateway of host a: '10.0.0.1/8' is not an IPv4 address",
        ),
    ],
)  # fmt: skip
def test_what_the_kernel_would_refuse_or_read_otherwise(changes: t.Any, expected: str) -> None:
    found = problems_of(**changes)
    assert any(text.startswith(expected) for text in found), found


def test_variables_of_a_host_that_are_no_mapping_are_named() -> None:
    hostvars = inventory()["hostvars"]
    hostvars["a"] = [None]
    with pytest.raises(InvalidInventory, match="hostvars of host a: is a list where the mapping of its variables"):
        make_plan(hostvars, ["a", "b"])


def test_two_sockets_on_one_port_leave_nothing_proved() -> None:
    hostvars = inventory()["hostvars"]
    hostvars["a"]["wireguard_networks"]["db"] = {}
    for host, number in (("a", 1), ("b", 2)):
        hostvars[host]["wireguard"]["db"] = {"addresses": [f"10.88.0.{number}"], "endpoint": f"203.0.113.{number}"}
    plan = make_plan(hostvars, ["a", "b"], public_keys=public_keys(hostvars, "corp", "db"))
    assert {one["rule"] for one in plan["findings"] if one["severity"] == "error"} == {"WG507"}
    assert plan["proof"]["verdict"] == "unproven"


def test_an_external_peer_with_the_key_of_a_host_is_found() -> None:
    hostvars = inventory()["hostvars"]
    keys = public_keys(hostvars)
    hostvars["a"]["wireguard_networks"]["corp"]["external_peers"]["phone"]["public_key"] = keys["b"]["corp"]
    plan = make_plan(hostvars, ["a", "b"], public_keys=keys)
    path = "wireguard_networks.corp.external_peers.phone.public_key"
    told = [one["message"] for one in plan["findings"] if one["rule"] == "WG102"]
    assert told == [f"{path}: this is the public key of host b"]
    assert plan["proof"]["verdict"] != "proved"


def test_a_plan_with_an_error_is_never_proved() -> None:
    hostvars = inventory()["hostvars"]
    peers = hostvars["a"]["wireguard_networks"]["corp"]["external_peers"]
    peers["thief"] = {**peers["phone"], "public_key": key("thief")}
    plan = make_plan(hostvars, ["a", "b"], public_keys=public_keys(hostvars))
    assert {one["rule"] for one in plan["findings"] if one["severity"] == "error"} == {"WG201"}
    assert plan["proof"]["delivered"] == plan["proof"]["pairs"]
    assert plan["proof"]["verdict"] == "unproven"


def test_networks_that_cannot_be_read_are_the_only_mistake_and_told_once() -> None:
    hostvars = inventory()["hostvars"]
    for variables in hostvars.values():
        variables["wireguard_networks"] = {1, 2}
    with pytest.raises(InvalidInventory) as caught:
        make_plan(hostvars, ["a", "b"])
    assert str(caught.value).splitlines()[1:] == [
        "  wireguard_networks of host a: is a set where a mapping is expected"
    ]


def test_one_mistake_of_a_whole_group_is_one_line() -> None:
    hostvars = inventory()["hostvars"]
    for variables in hostvars.values():
        variables["wireguard__all"] = {"corp": {"adresses": []}}
    with pytest.raises(InvalidInventory) as caught:
        make_plan(hostvars, ["a", "b"])
    (line,) = str(caught.value).splitlines()[1:]
    assert line.startswith("  wireguard__all.corp.adresses of host a: is not an option; did you mean addresses?")
    assert line.endswith("(and the same at 1 more host)")


@pytest.mark.parametrize("prefix", ["10.77.0.99/32", "198.18.0.1/32"])
def test_an_intent_to_what_nobody_owns_does_not_hold_because_it_leaves_in_clear(prefix: str) -> None:
    """A mistyped address would otherwise be proved to be reached: by the default route of the sender."""
    hostvars = inventory()["hostvars"]
    intent = {"from": {"host": "b"}, "to": {"prefix": prefix}, "reach": True}
    hostvars["a"]["wireguard_networks"]["corp"]["expect"] = [intent]
    plan = make_plan(hostvars, ["a", "b"], public_keys=public_keys(hostvars))
    assert [one["holds"] for one in plan["expectations"]] == [False]
    assert plan["proof"]["verdict"] == "refuted"


def test_a_lan_in_another_namespace_of_the_host_is_not_made_up_where_the_device_lives() -> None:
    hostvars = inventory()["hostvars"]
    stacks = {"": {"addresses": {"eth0": ["203.0.113.1/24"], "lan0": ["192.168.10.1/24"]}}, "blue": {}}
    hostvars["a"]["wireguard_stacks"] = stacks
    plan = make_plan(hostvars, ["a", "b"], public_keys=public_keys(hostvars))
    assert plan["proof"]["verdict"] == "refuted"


def test_members_without_a_common_family_are_not_called_proved() -> None:
    members = {"a": {"addresses": ["10.77.0.1"], "endpoint": "203.0.113.1"}, "b": {"addresses": ["fd77::2"]}}
    hostvars = fleet({}, members)
    report = render_report(make_plan(hostvars, ["a", "b"], public_keys=public_keys(hostvars)))
    assert "NOTHING TO PROVE" in report
    assert "PROVED" not in report


def test_a_plan_that_somebody_has_broken_is_refused_with_the_place() -> None:
    plan = what_comes_of(*inventory().values())[1]
    assert plan is not None
    broken = copy.deepcopy(plan)
    broken["fleet"]["hosts"]["a"]["interfaces"] = [None]
    with pytest.raises(InvalidInput, match=r"hosts.a.interfaces\[0\]: must be a mapping, not nothing"):
        host_config(broken, "a")
    with pytest.raises(InvalidInput, match="the plan: is not a plan"):
        render_report({**plan, "removals": None, "summary": None})


def test_names_of_hosts_cannot_paint_the_terminal() -> None:
    hostvars = inventory()["hostvars"]
    evil = "b\x1b]0;owned\x07"
    del hostvars["a"]["wireguard_networks"]["corp"]["expect"]
    plan = make_plan({**hostvars, evil: hostvars["b"]}, ["a", evil], public_keys={})
    report = render_report(plan)
    assert "b\\x1b]0;owned\\x07" in report
    assert "\x1b" not in report


def test_what_goes_to_the_terminal_may_be_coloured_and_nothing_more() -> None:
    assert _harmless("\x1b[31;1mred\x1b[0m\nline") == "\x1b[31;1mred\x1b[0m\nline"
    assert _harmless("\x1b]0;owned\x07\x1b[2J\r") == "\\x1b]0;owned\\x07\\x1b[2J\\r"


@pytest.mark.parametrize("name", [SECRET, SECRET[:-1], "7064" * 16])
def test_a_network_that_is_named_like_a_key_is_refused_without_showing_it(name: str) -> None:
    """Every report names its networks, so what could be a private key cannot be one's name."""
    hostvars = {"a": {"wireguard_networks": {name: {}}, "wireguard": {name: {"addresses": ["10.0.0.1"]}}}}
    with pytest.raises(InvalidInventory) as caught:
        make_plan(hostvars, ["a"], public_keys={})
    assert "is a name that could be a private key" in str(caught.value)
    assert name not in str(caught.value)
