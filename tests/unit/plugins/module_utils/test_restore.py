# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways back that a random search rarely takes."""

from __future__ import annotations

import contextlib
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import HostError
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import parse_interface_address
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.module_utils.declarations import KEYS, World

ONE = {"public_key": KEYS[0], "allowed_ips": ["10.1.0.0/16"]}


@pytest.mark.parametrize(
    ("before", "attempted"),
    [
        ({"peers": [ONE]}, {"peers": [{**ONE, "endpoint": "192.0.2.1:1000"}], "mtu": 1300}),
        ({"addresses": ["10.0.0.1/24", "10.0.0.2/24"]}, {"addresses": ["10.0.0.2/24"], "forwarding": {"ipv4": False}}),
        ({"addresses": ["10.0.0.1/24"], "peers": [ONE]}, {"addresses": ["10.0.0.1/32"], "routing": "off"}),
        ({"fwmark": "7", "listen_port": 1000}, {"backend": "userspace", "fwmark": "8", "listen_port": 1001}),
    ],
    ids=["an endpoint is taken back", "the primary address", "connected routes", "another backend"],
)
@pytest.mark.parametrize("late", [False, True])
def test_every_fault_on_the_way_is_undone(before, attempted, late):
    steps = _changes(before, attempted)
    assert steps > 1
    for at in range(1, steps + 1):
        world = _world(before)
        there, routes = world.picture(), set(world.host.network("").routes())
        world.host.faults.arm(at, late=late)
        with pytest.raises(HostError, match="has been restored"):
            world.converge({"name": "wg0", **attempted})
        assert world.picture() == there, world.host.faults.log
        assert set(world.host.network("").routes()) == routes


@pytest.mark.parametrize("attempted", [{"backend": "userspace"}, {"addresses": []}], ids=["backend", "addresses"])
def test_a_route_beside_a_connected_one_is_not_in_the_way(attempted):
    """Somebody added an address whose connected prefix was routed by us before: two routes, only one can be added."""
    for at in range(1, 30):
        world = _world({"peers": [{**ONE, "allowed_ips": ["10.0.0.0/24"]}]})
        world.host.network("").add_address("wg0", parse_interface_address("10.0.0.77/24"))
        there = world.picture()
        world.host.faults.arm(at, late=True)
        try:
            world.converge({"name": "wg0", **attempted})
        except HostError as error:
            assert "has been restored" in str(error)  # noqa: PT017 - the last round ends without an error
            assert world.picture() == there
        else:
            break
    assert 1 < at < 29


def test_what_another_program_interrupts_is_restored_as_well():
    world = _world({"addresses": ["10.0.0.1/24"]})
    there = world.picture()

    def interrupted(*_arguments: t.Any) -> None:
        raise KeyboardInterrupt

    world.host.network("").set_mtu = interrupted
    with pytest.raises(KeyboardInterrupt):
        world.converge({"name": "wg0", "fwmark": "7", "mtu": 1300})
    assert world.picture() == there


def test_an_engine_that_ends_during_the_last_step_is_made_again():
    world = _world({"backend": "userspace"})
    there = world.picture()
    write_record = world.store.write_record
    ends = iter([False, True])  # ownership is claimed first

    def written_and_ended(record: t.Any) -> None:
        write_record(record)
        if next(ends, False):
            world.host.kill("", "wg0")

    world.store.write_record = written_and_ended
    with pytest.raises(HostError, match=r"the ended userspace engine of wg0.*has been restored"):
        world.converge({"name": "wg0", "peers": [ONE]})
    assert world.picture() == there


def _world(arguments: dict[str, t.Any]) -> World:
    world = World()
    world.converge({"name": "wg0", **arguments})
    return world


def _changes(before: dict[str, t.Any], attempted: dict[str, t.Any]) -> int:
    world = _world(before)
    world.host.faults.arm(0)
    world.converge({"name": "wg0", **attempted})
    return world.host.faults.count


def test_a_device_is_put_back_once():
    """Each time is an outage. It was made anew in every round, since it never had the index of the first one again."""
    for late in (False, True):
        for at in range(1, 20):
            world = _world({"fwmark": "7", "listen_port": 1000, "peers": [ONE]})
            world.host.faults.arm(at, late=late)
            with contextlib.suppress(HostError):
                world.converge({"name": "wg0", "backend": "userspace"})
            created = world.host.faults.log.count("create wg0")
            assert created <= 2, (at, late, world.host.faults.log)
