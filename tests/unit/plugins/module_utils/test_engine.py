# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine on the host in memory: it converges, loses nothing on the way, and finds its way back from every fault."""

from __future__ import annotations

import errno
import typing as t

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared import declare
from ansible_collections.cryptokey.wireguard.plugins.module_utils._engine import (
    make_plan,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    HostError,
    InvalidInput,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._obstacle import Obstacle
from ansible_collections.cryptokey.wireguard.plugins.module_utils._operations import (
    Site,
    batches,
    execute,
)
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.module_utils.declarations import (
    KEYS,
    PRIVATE_KEYS,
    World,
    declarations,
    drifts,
    foreign,
)

EXAMPLES = max(150, settings().max_examples)
DECLARATIONS = declarations(states=("present", "present", "present", "absent"))


def prepared(first: dict[str, t.Any], changes: list[t.Any]) -> World:
    """A host on which an earlier declaration was applied, and then others did things."""
    world = World()
    try:
        world.converge(first)
    except InvalidInput:
        assume(False)
    for change in changes:
        change(world, "")
    return world


def converged(world: World, arguments: dict[str, t.Any]) -> t.Any:
    """The result, or None where the declaration is refused; then nothing may have been touched."""
    before = world.picture()
    try:
        return world.converge(arguments)
    except InvalidInput:
        assert world.picture() == before
        return None


@given(DECLARATIONS, drifts(), DECLARATIONS)
@settings(max_examples=EXAMPLES)
def test_a_second_run_finds_nothing_to_do(first, changes, second):
    world = prepared(first, changes)
    assume(converged(world, second))
    again = world.converge(second)
    assert again.actions == []
    assert not again.changed


@given(DECLARATIONS, drifts(), DECLARATIONS)
@settings(max_examples=EXAMPLES)
def test_check_mode_touches_nothing_and_foresees_the_result(first, changes, second):
    world = prepared(first, changes)
    before = world.picture()
    try:
        foreseen = world.converge(second, check=True)
    except InvalidInput:
        assume(False)
    assert world.picture() == before
    real = world.converge(second)
    assert foreseen.changed == real.changed
    assert len(foreseen.actions) == len(real.actions)
    for line in ("public_key", "listen_port"):  # what only the host decides
        foreseen.interface.pop(line, None)
        real.interface.pop(line, None)
    assert foreseen.interface == real.interface


@given(DECLARATIONS, drifts(), DECLARATIONS)
@settings(max_examples=EXAMPLES)
def test_what_others_made_survives(first, changes, second):
    world = prepared(first, changes)
    routes, rules = foreign(world, "")
    kept = world.host.devices.get(("", "wg0"))
    strangers = _unlisted(kept, second)
    assume(converged(world, second))
    now_routes, now_rules = foreign(world, "")
    present = second["state"] == "present"
    assert now_routes >= {route for route in routes if present or route.device is None}
    assert now_rules >= rules
    if present and second.get("peers_policy") != "exact":
        there = {peer.public_key: peer for peer in world.host.wireguard("", "wg0").device.peers}
        for peer in strangers:
            assert there.get(peer.public_key) == peer


def _unlisted(driver: t.Any, arguments: dict[str, t.Any]) -> list[t.Any]:
    listed = {peer["public_key"] for peer in arguments.get("peers", ())}
    return [peer for peer in driver.device.peers if str(peer.public_key) not in listed] if driver else []


@given(DECLARATIONS, drifts(), DECLARATIONS)
@settings(max_examples=EXAMPLES)
def test_nothing_that_stays_is_missing_in_between(first, changes, second):
    """After every single step each prefix and route that is there before and after has an owner and a place."""
    world = prepared(first, changes)
    assume(second["state"] == "present" and ("", "wg0") in world.host.devices)
    site = Site(world.host, world.store, "", "wg0")
    try:
        plan = make_plan(declare(second), site, check=False)
    except InvalidInput:
        assume(False)
    assume(not plan.wanted.recreate)
    prefixes, routes = _carried(world)
    snapshots = []
    for batch in batches(plan.operations):
        execute(batch, site)
        snapshots.append(_carried(world))
    staying = prefixes & _carried(world)[0], routes & _carried(world)[1]
    for some_prefixes, some_routes in snapshots:
        assert some_prefixes >= staying[0], plan.actions
        assert some_routes >= staying[1], plan.actions


def _carried(world: World) -> tuple[set[t.Any], set[t.Any]]:
    device = world.host.wireguard("", "wg0").device
    prefixes = {prefix for peer in device.peers for prefix in peer.allowed_ips or ()}
    return prefixes, {(route.identity, route.device) for route in world.host.network("").routes()}


@given(DECLARATIONS, drifts(), DECLARATIONS, st.booleans(), st.data())
@settings(max_examples=EXAMPLES)
def test_a_fault_at_any_step_restores_what_was_there(first, changes, second, late, data):
    world = prepared(first, changes)
    assume(("", "wg0") not in world.host.dead)
    try:
        steps = world.converge(second, check=True).actions
    except InvalidInput:
        assume(False)
    assume(steps)
    before = world.picture()
    world.host.faults.arm(data.draw(st.integers(1, len(steps))), late=late)
    failure = ""
    try:
        world.converge(second)
    except HostError as error:
        failure = str(error)
    if world.host.faults.count < world.host.faults.at:
        assert not failure  # several changes of peers went in one message, so there were fewer steps
        return
    assert "fault" in failure
    assert "has been restored" in failure
    assert world.picture() == before


def test_what_cannot_be_restored_is_named():
    world = World()
    world.converge({"name": "wg0", "addresses": ["10.0.0.1/24"]})
    world.host.faults.arm(2, lasting=True)
    with pytest.raises(HostError, match=r"could not be restored completely: .*remove address 10\.0\.0\.2/24"):
        world.converge({"name": "wg0", "addresses": ["10.0.0.1/24", "10.0.0.2/24", "10.0.0.3/24"]})


def test_a_change_that_does_not_stick_is_not_called_done():
    world = World()
    world.converge({"name": "wg0"})
    world.host.networks[""].set_mtu = lambda *_: None
    with pytest.raises(HostError, match=r"not what was declared; still to do: set MTU 1300.*has been restored"):
        world.converge({"name": "wg0", "mtu": 1300})


@pytest.mark.parametrize("check", [True, False])
def test_a_missing_namespace_is_named_before_anything_is_done(check):
    world = World()
    arguments = {"name": "wg0", "namespace": "grey"}
    if check:
        result = world.converge(arguments, check=True)
        assert "the network namespace grey does not exist yet" in result.warnings[0]
        assert result.actions[1] == "create interface wg0 (kernel) in namespace grey, socket in the initial namespace"
        return
    with pytest.raises(HostError, match=r"namespace grey does not exist; make it with"):
        world.converge(arguments)
    assert world.host.faults.count == 0


@pytest.mark.parametrize("backend", ["kernel", "userspace"])
def test_a_device_whose_birthplace_has_gone_is_made_again_where_it_is_declared_to_be(backend):
    world = World()
    declared = {"name": "wg0", "socket_namespace": "red", "backend": backend}
    key = world.converge(declared).public_key
    world.host.end_namespace("red")
    before = world.picture()
    with pytest.raises(HostError, match=r"namespace red does not exist; make it with"):
        world.converge(declared)
    text = r"wg0 has to be made in the network namespace red, which does not exist \(the network namespace that it"
    with pytest.raises(HostError, match=text):
        world.converge({"name": "wg0"})
    assert world.picture() == before
    result = world.converge({**declared, "socket_namespace": "blue"})
    assert result.actions[0].endswith("the network namespace that it was born in no longer exists")
    assert result.public_key == key
    assert world.host.socket_namespace("", "wg0") == "blue"


def test_absent_in_a_namespace_that_is_gone_only_forgets():
    world = World()
    world.converge({"name": "wg0", "namespace": "red"})
    del world.host.networks["red"], world.host.devices["red", "wg0"]
    assert world.converge({"name": "wg0", "namespace": "red", "state": "absent"}).actions == [
        "forget what was declared"
    ]
    assert not world.converge({"name": "wg0", "namespace": "red", "state": "absent"}).changed


def test_a_foreign_interface_of_that_name_is_refused():
    world = World()
    world.host.network("").make_link("wg0", kind="dummy")
    with pytest.raises(HostError, match="it is no WireGuard interface \\(dummy\\)"):
        world.converge({"name": "wg0"})


def test_a_port_that_is_taken_is_named_also_where_the_kernel_does_not():
    world = World()

    def taken(*_arguments: t.Any) -> None:
        raise HostError("Address already in use", errno=errno.EADDRINUSE)

    world.host.network("").set_up = taken
    text = r"cannot set interface wg0 up: Address already in use \(UDP port 51820 in the initial namespace\)"
    with pytest.raises(HostError, match=text):
        world.converge({"name": "wg0", "listen_port": 51820})


def test_a_full_tunnel_on_a_kernel_without_marks_of_connections_is_made_without_them_and_says_so():
    world = World()
    firewall = world.host.firewalls[""]
    peers = [{"public_key": KEYS[0], "allowed_ips": ["0.0.0.0/0"]}]
    arguments = {"name": "wg0", "private_key": PRIVATE_KEYS[0], "listen_port": 7, "full_tunnel": True, "peers": peers}
    for check in (True, False, False):
        firewall.markless = "this host's kernel cannot keep the mark of a connection (CONFIG_NFT_CT is not set)"
        (warning,) = world.converge(arguments, check=check).warnings
        assert "CONFIG_NFT_CT is not set" in warning
        assert warning.endswith("use a kernel that has it, or declare rp_filter: {eth0: loose}")
        assert firewall.tables == {}
    assert world.converge({"name": "wg0"}).actions == [], "what is on record asks for marks as well"
    assert world.converge({"name": "wg0", "rp_filter": {"eth0": "loose"}}).warnings == []
    firewall.markless = ""
    assert world.converge({"name": "wg0"}).actions[0].startswith("make nftables table")
    firewall.markless = "is asked only while there are none"
    assert not world.converge({"name": "wg0"}).changed


@pytest.mark.parametrize("choice", ["auto", "nftables"])
def test_what_keeps_an_opened_port_closed_is_said_before_and_after_and_only_of_that_port(choice):
    world = World()
    world.host.firewalls[""].obstacles = tuple(Obstacle("", port, f"rule {port}", "nft") for port in (1, 51820))
    arguments = {"name": "wg0", "private_key": PRIVATE_KEYS[0], "listen_port": 51820, "open_port": choice}
    for check in (True, False, False):
        warnings = world.converge(arguments, check=check).warnings
        (text,) = (text for text in warnings if "is still closed" in text)
        assert text.startswith("UDP port 51820 is still closed: rule 51820 (see nft); it is not this collection's")
    assert world.converge({"name": "wg0"}).warnings, "nothing was declared anew"
    assert world.converge({"name": "wg0", "open_port": "off"}).warnings == []
