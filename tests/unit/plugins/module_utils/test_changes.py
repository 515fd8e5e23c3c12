# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of the steps, and what each of them sends."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _operations as op
from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared import declare
from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import PeerUpdate
from ansible_collections.cryptokey.wireguard.plugins.module_utils._engine import make_plan
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PublicKey
from ansible_collections.cryptokey.wireguard.plugins.module_utils._operations import Site, batches
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import parse_interface_address, parse_prefix
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.module_utils.declarations import (
    KEYS,
    PRIVATE_KEYS,
    SECRETS,
    World,
)


def steps(world: World, **arguments: t.Any) -> list[op.Operation]:
    declaration = declare({"name": "wg0", **arguments})
    site = Site(world.host, world.store, declaration.namespace, "wg0")
    return list(make_plan(declaration, site, check=False).operations)


def peer(number: int, *prefixes: str, **fields: t.Any) -> dict[str, t.Any]:
    return {"public_key": KEYS[number], "allowed_ips": list(prefixes), **fields}


def kinds(operations: list[op.Operation]) -> list[str]:
    names = [type(operation).__name__ for operation in operations]
    return [name for index, name in enumerate(names) if index == 0 or names[index - 1] != name]


@pytest.fixture
def world() -> World:
    made = World()
    made.converge(
        {
            "name": "wg0",
            "listen_port": 51820,
            "addresses": ["10.0.0.1/32"],
            "peers": [peer(0, "10.1.0.0/16", "10.0.0.2/32"), peer(1, "10.0.0.3/32"), peer(2, "fd00::2/128")],
        }
    )
    return made


def test_a_new_interface_is_made_in_the_documented_order():
    operations = steps(
        World(),
        fwmark="0x10",
        listen_port=51820,
        mtu=1400,
        addresses=["10.0.0.1/32"],
        peers=[peer(0, "10.1.0.0/16")],
        rules=[{"priority": 1, "fwmark": "0x10", "table": "77"}, {"priority": 2, "fwmark": "0x10", "invert": True}],
        routes=[{"destination": "0.0.0.0/0", "type": "throw", "table": "77"}],
        forwarding={"ipv4": True},
    )
    assert kinds(operations) == [
        "WriteKeyFile",
        "ClaimOwnership",
        "CreateDevice",
        "AddRoute",  # what the marked packets need comes before the mark
        "AddRule",
        "SetFwmark",
        "SetPrivateKey",
        "SetListenPort",
        "AddPeers",
        "SetMtu",
        "AddAddress",
        "SetUp",
        "SetForwarding",
        "AddRoute",
        "AddRule",
        "WriteRecord",
    ]
    assert [str(step.route) for step in operations if isinstance(step, op.AddRoute)] == [
        "throw 0.0.0.0/0 table 77",
        "10.1.0.0/16 dev wg0",
    ]


def test_addresses_are_added_in_the_order_of_the_declaration_because_the_first_is_the_preferred_source():
    declared = ["10.0.0.9/24", "fd00::9/64", "10.0.0.1/24"]
    added = [step for step in steps(World(), addresses=declared) if isinstance(step, op.AddAddress)]
    assert [str(step.address) for step in added] == declared


def test_everything_is_added_before_anything_is_removed(world):
    operations = steps(
        world,
        peers_policy="exact",
        addresses=["10.0.0.9/32"],
        peers=[peer(0, "10.0.0.2/32"), peer(3, "10.2.0.0/16", "10.0.0.3/32")],
    )
    assert [step.describe() for step in operations if not step.bookkeeping] == [
        f"add peer {KEYS[3]}: +10.0.0.3/32 (from {KEYS[1]}), +10.2.0.0/16",
        "add address 10.0.0.9/32",
        "add route 10.2.0.0/16 dev wg0",
        "remove route 10.1.0.0/16 dev wg0",
        "remove route fd00::2/128 dev wg0 metric 1024",
        f"change peer {KEYS[0]}: -10.1.0.0/16",
        f"remove peer {KEYS[1]}",
        f"remove peer {KEYS[2]}",
        "remove address 10.0.0.1/32",
        "record what is declared",
    ]


def test_a_prefix_moves_by_one_message_to_its_new_owner(world):
    operations = steps(world, peers=[peer(0, "10.0.0.2/32"), peer(1, "10.0.0.3/32", "10.1.0.0/16")])
    changed = [step.peer for step in operations if isinstance(step, op.ChangePeer)]
    assert changed == [PeerUpdate(PublicKey.parse(KEYS[1]), add_allowed_ips=(parse_prefix("10.1.0.0/16"),))]


def test_only_fields_that_differ_are_sent(world):
    assert steps(world, listen_port=51820, fwmark="off", peers=[peer(1, "10.0.0.3/32", persistent_keepalive=0)]) == []
    operations = steps(world, peers=[{"public_key": KEYS[1], "persistent_keepalive": 25}])
    assert [step.peer for step in operations] == [PeerUpdate(PublicKey.parse(KEYS[1]), persistent_keepalive=25)]


def test_neighbouring_changes_of_peers_go_in_one_message(world):
    operations = steps(world, peers_policy="exact", peers=[peer(3, "10.2.0.0/16"), peer(4, "10.4.0.0/16")])
    sizes = [len(batch) for batch in batches(operations) if isinstance(batch[0], op.ChangePeer)]
    assert sizes == [2, 3]
    assert [step for batch in batches(operations) for step in batch] == operations


def test_port_zero_keeps_the_port_that_is_bound(world):
    assert steps(world, listen_port=0) == []


def test_clearing_the_mark_first_removes_the_rule_that_leads_unmarked_packets_into_the_tunnel():
    world = World()
    rules = [{"priority": 9, "from": "10.0.0.0/8", "fwmark": "7", "invert": True, "table": "88"}]
    world.converge({"name": "wg0", "fwmark": "7", "rules": rules})
    assert [step.describe() for step in steps(world, fwmark="off", rules=[])] == [
        "remove rule IPv4 9: not from 10.0.0.0/8 fwmark 0x7 lookup 88",
        "clear fwmark",
        "record what is declared",
    ]


def test_an_ipv6_address_that_changes_its_length_makes_way_first(world):
    world.converge({"name": "wg0", "addresses": ["fd00::1/128"]})
    operations = steps(world, addresses=["fd00::1/64"])
    assert [step.describe() for step in operations] == ["remove address fd00::1/128", "add address fd00::1/64"]


def test_secondary_addresses_that_the_kernel_drops_along_are_put_back():
    world = World()
    world.converge({"name": "wg0", "addresses": ["10.0.0.1/24", "10.0.0.2/24"]})
    world.converge({"name": "wg0", "addresses": ["10.0.0.2/24"]})
    link = world.host.network("").link("wg0")
    assert link.addresses == {parse_interface_address("10.0.0.2/24")}


def test_a_route_that_only_changes_its_source_is_replaced_in_place():
    world = World()
    declaration = {"name": "wg0", "addresses": ["10.0.0.1/32", "10.0.0.2/32"]}
    world.converge({**declaration, "routes": [{"destination": "10.9.0.0/16", "source": "10.0.0.1"}]})
    route = {"destination": "10.9.0.0/16", "source": "10.0.0.2"}
    operations = steps(world, addresses=declaration["addresses"], routes=[route])
    assert kinds(operations) == ["ClaimOwnership", "ReplaceRoute", "WriteRecord"]


def test_a_route_is_claimed_before_it_is_made_so_that_an_interrupted_run_leaves_no_orphan(world):
    operations = steps(world, peers=[peer(3, "10.2.0.0/16")])
    assert isinstance(operations[0], op.ClaimOwnership)
    assert parse_prefix("10.2.0.0/16") in {route.destination for route in operations[0].record.routes}
    assert operations[0].record.peer(PublicKey.parse(KEYS[3])) is None


def test_no_line_shows_a_secret(world):
    operations = steps(
        world, private_key=PRIVATE_KEYS[0], peers=[peer(1, "10.0.0.3/32", preshared_key=SECRETS[0]), peer(3)]
    )
    text = repr(operations) + "".join(step.describe() for step in operations)
    assert "preshared key " in text
    assert PRIVATE_KEYS[0] not in text
    assert SECRETS[0] not in text
