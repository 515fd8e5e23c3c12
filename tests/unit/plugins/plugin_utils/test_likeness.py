# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts count as alike; tests/oracle holds the rules that rely on it against rules that do not."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _likeness
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils import fleets

# By what it is: a change of one spoke after which it is like no other.
STACK: dict[str, dict[str, t.Any]] = {
    "addresses": {"addresses": {"eth0": ["192.168.1.8/24"]}},
    "another device": {"addresses": {"eth1": ["192.168.1.7/24"]}},
    "advertise": {"advertise": ["192.168.9.0/24"]},
    "links": {"links": {"eth0": {"mtu": 1400}}},
    "forwarding": {"forwarding": {"ipv4": False, "ipv6": True}},
    "rp_filter": {"rp_filter": {"wg0": 1}},
    "masquerade": {"masquerade": ["eth0"]},
    "port_forwards": {"port_forwards": [{"port": 51820, "to_port": 5}]},
    "ipv6": {"ipv6": False},
    "routes": {"routes": [{"destination": "::/0", "device": "eth0"}, fleets.AUTO]},
    "rules": {"rules": [{"priority": 5, "table": "main"}]},
    "filtered": {"firewall": True},
}
INTERFACE: dict[str, dict[str, t.Any]] = {
    "name": {"name": "wg1"},
    "network": {"network": None},
    "socket_namespace": {"socket_namespace": "birth"},
    "unknown key": {"public_key": None},
    "two addresses": {"addresses": ["10.77.0.9/32", "10.77.0.10/32"]},
    "other family": {"addresses": ["fd77::9/128"]},
    "wide address": {"addresses": ["10.77.0.9/24"]},
    "link-local address": {"addresses": ["fe80::9/128"]},
    "advertise": {"advertise": ["192.168.9.0/24"]},
    "listen_port": {"listen_port": 5},
    "fwmark": {"fwmark": 5},
    "mtu": {"mtu": 1300},
    "dns": {"dns": ["192.0.2.1"]},
    "routes": {"routes": "off"},
    "peers": {"peers": [fleets.peer("hub", "10.77.255.1/32", allowed_ips_set="corp")]},
    "itself as a peer": {"peers": [fleets.peer("s0002", "10.77.255.1/32")]},
}


def kinds(document: fleets.Document) -> list[list[str]]:
    return [[host.name for host in hosts] for hosts in _likeness.likenesses(Model.of(parse_fleet(document)))]


def spokes() -> fleets.Document:
    """Five spokes without LANs and their hub."""
    document = fleets.hub(9)
    for name in list(document["hosts"]):
        if name != "hub" and int(name[1:]) % 2:
            del document["hosts"][name]
    return document


def test_spokes_are_alike_and_the_hub_is_not() -> None:
    assert kinds(spokes()) == [["s0000", "s0002", "s0004", "s0006", "s0008"], ["hub"]]


@pytest.mark.parametrize("name", sorted(STACK))
def test_a_stack_with_anything_else_is_of_another_kind(name: str) -> None:
    document = spokes()
    document["hosts"]["s0002"]["namespaces"][""].update(STACK[name])
    assert ["s0002"] in kinds(document)


@pytest.mark.parametrize("name", sorted(INTERFACE))
def test_an_interface_with_anything_else_is_of_another_kind(name: str) -> None:
    document = spokes()
    document["hosts"]["s0002"]["interfaces"][0].update(INTERFACE[name])
    assert ["s0002"] in kinds(document)


def test_who_lists_itself_is_of_a_kind_of_its_own() -> None:
    """Of the same two peers, each ignores another one."""
    document = spokes()
    listed = [fleets.peer(name, f"10.77.8.{name[-1]}/32") for name in ("s0002", "s0004")]
    for name in ("s0002", "s0004", "s0006", "s0008"):
        document["hosts"][name]["interfaces"][0]["peers"] = listed
    assert kinds(document) == [["s0000"], ["s0002"], ["s0004"], ["s0006", "s0008"], ["hub"]]


def test_members_of_a_group_are_not_like_those_that_only_use_it() -> None:
    document = fleets.mesh(4)
    for host in document["hosts"].values():
        host["namespaces"][""] = {"routes": [fleets.AUTO]}
    assert kinds(document) == [["h0000", "h0001", "h0002", "h0003"]]
    document["hosts"]["h0003"]["interfaces"][0]["public_key"] = fleets.key("a stranger")
    assert kinds(document) == [["h0000", "h0001", "h0002"], ["h0003"]]


def test_only_one_of_a_kind_is_asked_and_all_of_a_doubtful_kind_are_given() -> None:
    model = Model.of(parse_fleet(spokes()))
    asked: list[str] = []

    def is_doubtful(interface: t.Any) -> bool:
        asked.append(interface.host)
        return interface.host != "hub"

    found = [interface.host for interface in _likeness.doubtful_interfaces(model, is_doubtful)]
    assert found == ["s0000", "s0002", "s0004", "s0006", "s0008"]
    assert asked == ["s0000", "hub"]
    assert [one.id.host for one in _likeness.doubtful_stacks(model, lambda one: one.id.host == "hub")] == ["hub"]
