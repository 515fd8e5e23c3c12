# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._derive import derive
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._difference import difference
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._inventory import read_inventory
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.inventories import (
    fleet,
    numbered,
    public_keys,
)

HUB = {"topology": "hub", "hubs": ["hub"]}
MEMBERS: dict[str, t.Any] = {
    "hub": {"addresses": ["10.77.0.1"], "endpoint": "203.0.113.1"},
    "s1": {"addresses": ["10.77.0.2"]},
    "s2": {"addresses": ["10.77.0.3"]},
}


def document(network: t.Any, members: t.Any) -> dict[str, t.Any]:
    hostvars = fleet(network, members)
    return derive(read_inventory(hostvars, hostvars, public_keys=public_keys(hostvars))).fleet


def told(network: t.Any, before: t.Any, after: t.Any, other: t.Any = None) -> list[tuple[t.Any, ...]]:
    keys = ("action", "host", "interface", "peer", "what", "before", "after")
    changes = difference(document(network, before), document(other or network, after))
    return [tuple(change[key] for key in keys) for change in changes if not change["row"]]


def test_nothing_changed_is_nothing_told() -> None:
    assert difference(document(HUB, MEMBERS), document(HUB, MEMBERS)) == []


def test_a_new_spoke_is_an_interface_there_and_a_peer_at_the_hub() -> None:
    less = {name: MEMBERS[name] for name in ("hub", "s1")}
    assert told(HUB, less, MEMBERS) == [
        ("add", "hub", None, None, "forwarding", None, {"ipv4": True}),
        ("add", "hub", "wg0", "s2", "peer", None, "10.77.0.3/32"),
        ("add", "s2", "wg0", None, "interface", None, "10.77.0.3/32"),
    ]


def test_a_spoke_that_leaves_is_told_with_what_it_had() -> None:
    gone = {**MEMBERS, "s2": {"state": "absent"}}
    assert ("remove", "s2", "wg0", None, "interface", "10.77.0.3/32", None) in told(HUB, MEMBERS, gone)
    assert ("remove", "hub", "wg0", "s2", "peer", "10.77.0.3/32", None) in told(HUB, MEMBERS, gone)


def test_a_prefix_that_moves_is_taken_here_and_given_there() -> None:
    before = {**MEMBERS, "s1": {**MEMBERS["s1"], "advertise": ["192.168.1.0/24"]}}
    after = {**MEMBERS, "s2": {**MEMBERS["s2"], "advertise": ["192.168.1.0/24"]}}
    found = told(HUB, before, after)
    assert ("remove", "hub", "wg0", "s1", "allowed_ips", "192.168.1.0/24", None) in found
    assert ("add", "hub", "wg0", "s2", "allowed_ips", None, "192.168.1.0/24") in found
    assert ("remove", "s1", None, None, "route", "192.168.1.0/24 dev lan0", None) in found


def test_properties_are_told_with_both_values() -> None:
    after = {**MEMBERS, "hub": {**MEMBERS["hub"], "endpoint": "203.0.113.9", "listen_port": 4000, "mtu": 1400}}
    found = told(HUB, MEMBERS, after)
    assert ("change", "hub", "wg0", None, "listen_port", 51820, 4000) in found
    assert ("add", "hub", "wg0", None, "mtu", None, 1400) in found
    assert ("change", "s1", "wg0", "hub", "endpoint", "203.0.113.1:51820", "203.0.113.9:4000") in found


def test_routing_and_keys_are_told() -> None:
    found = told(HUB, MEMBERS, MEMBERS, other={**HUB, "routing": {"table": 200}, "preshared_keys": "derived"})
    assert ("add", "s1", None, None, "route", None, "allowed_ips dev wg0 table 200") in found
    assert ("remove", "s1", None, None, "route", "allowed_ips dev wg0", None) in found
    assert ("add", "s1", "wg0", "hub", "preshared_key_id", None, "corp/1") in found


def test_a_new_member_of_a_large_mesh_is_two_lines() -> None:
    members = numbered(300)
    less = {name: membership for name, membership in members.items() if name != "h0299"}
    changes = difference(document({}, less), document({}, members))
    assert [(one["action"], one["host"], one["row"], one["peer"]) for one in changes] == [
        ("add", None, "corp (shared by 300 interfaces)", "h0299"),
        ("add", "h0299", None, None),
    ]
