# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which changes say beforehand that they can lose packets. What says nothing is measured under traffic elsewhere."""

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.module_utils.declarations import (
    KEYS,
    PRIVATE_KEYS,
    SECRETS,
    World,
    declarations,
)

FIRST = {"public_key": KEYS[0], "allowed_ips": ["10.1.0.0/16", "10.2.0.0/16"], "endpoint": "192.0.2.1:1000"}
OTHER = {"public_key": KEYS[1], "allowed_ips": ["10.3.0.0/16"]}
BEFORE = {
    "name": "wg0",
    "private_key": PRIVATE_KEYS[0],
    "listen_port": 51820,
    "fwmark": "0x10",
    "addresses": ["10.0.0.1/32"],
    "peers_policy": "exact",
    "peers": [FIRST, OTHER],
    "rules": [{"priority": 100, "table": "77"}],
    "forwarding": {"ipv4": True},
}


def disruptive(**changed: t.Any) -> list[str]:
    world = World()
    world.converge(BEFORE)
    foreseen = world.converge({**BEFORE, **changed}, check=True)
    done = world.converge({**BEFORE, **changed})
    assert foreseen.changed
    assert foreseen.disruptive == done.disruptive
    return done.disruptive


@pytest.mark.parametrize(
    "changed",
    [
        {"peers": [FIRST, OTHER, {"public_key": KEYS[2], "allowed_ips": ["10.4.0.0/16"], "preshared_key": SECRETS[0]}]},
        {"peers": [FIRST, {**OTHER, "allowed_ips": ["10.3.0.0/16", "10.4.0.0/16"]}]},
        {"peers": [FIRST, {**OTHER, "persistent_keepalive": 25}]},
        {"peers": [FIRST, {**OTHER, "endpoint": "192.0.2.2:2000"}]},
        {"fwmark": "0x20"},
        {"mtu": 1380},
        {"addresses": ["10.0.0.1/32", "10.0.0.9/32"]},
        {"routes": [{"destination": "10.9.0.0/16"}]},
        {"rules": [{"priority": 100, "table": "77"}, {"priority": 101, "table": "78"}]},
        {"forwarding": {"ipv4": True, "ipv6": True}},
    ],
)
def test_what_loses_nothing_says_nothing(changed: dict[str, t.Any]) -> None:
    assert disruptive(**changed) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"private_key": PRIVATE_KEYS[1]}, "every tunnel, until its peer knows the new public key"),
        ({"listen_port": 51821}, "set listen port 51821: what peers send to the old port"),
        ({"peers": [FIRST]}, "the tunnel to this peer"),
        ({"peers": [{**FIRST, "allowed_ips": ["10.1.0.0/16"]}, OTHER]}, "what goes to or comes from 10.2.0.0/16"),
        (
            {
                "peers": [
                    {**FIRST, "allowed_ips": ["10.1.0.0/16"]},
                    {**OTHER, "allowed_ips": ["10.2.0.0/16", "10.3.0.0/16"]},
                ]
            },
            "answers of the former owner that are under way",
        ),
        ({"peers": [{**FIRST, "preshared_key": SECRETS[0]}, OTHER]}, "unless it gets the same preshared key"),
        ({"peers": [{**FIRST, "endpoint": "192.0.2.2:2000"}, OTHER]}, "if it is not heard at the new endpoint"),
        ({"addresses": ["10.0.0.9/32"]}, "what goes to or comes from 10.0.0.1"),
        ({"rules": []}, "what takes this rule's table"),
        ({"forwarding": {"ipv4": False}}, "every IPv4 packet that this namespace forwards"),
        ({"socket_namespace": "blue"}, "all its tunnels, until it is there again"),
        ({"state": "absent"}, "all its tunnels"),
    ],
)
def test_what_can_lose_packets_says_which(changed: dict[str, t.Any], said: str) -> None:
    assert [line for line in disruptive(**changed) if said in line]


@given(declarations(states=("present", "absent")), declarations(states=("present", "absent")))
def test_every_disruptive_step_is_an_action(first: dict[str, t.Any], second: dict[str, t.Any]) -> None:
    world = World()
    try:
        world.converge(first)
        result = world.converge(second)
    except InvalidInput:
        return
    for line in result.disruptive:
        assert any(line.startswith(f"{action}: ") for action in result.actions)
