# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All peers at once and one by one: what is done, shown and refused is the same, on random hosts and declarations."""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.cryptokey.wireguard.plugins.module_utils import (
    _declared_peers,
    _engine_plan,
    _wanted_at_once,
    _wgnetlink_dump,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._changes import changes
from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import DeviceUpdate, PeerUpdate
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import WireguardError
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PresharedKey, PrivateKey, PublicKey
from ansible_collections.cryptokey.wireguard.plugins.module_utils._memory import MemoryDriver, MemoryStore
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import parse_interface_address, parse_prefix
from ansible_collections.cryptokey.wireguard.plugins.module_utils._record import dump_record, load_record
from ansible_collections.cryptokey.wireguard.plugins.module_utils._setting import rp_filter
from ansible_collections.cryptokey.wireguard.plugins.module_utils._settled import is_settled
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import OUR_PROTOCOL, Endpoint
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.module_utils.declarations import (
    KEYS,
    PREFIXES,
    PRIVATE_KEYS,
    ROUTES,
    RULES,
    SECRETS,
    World,
    declarations,
    drifts,
    peer_lists,
)
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.module_utils.dumps import dump

EXAMPLES = max(300, settings().max_examples)
NEVER = mock.Mock(side_effect=AssertionError("was read as a file"))


def reading_bytes(room: int, *, backwards: bool) -> t.ContextManager[t.Any]:
    """Devices are read as the kernel dumps them, and records as they stand in a file."""
    read, records = MemoryDriver.read, MemoryStore.records

    def dumped(driver: MemoryDriver) -> t.Any:
        return _wgnetlink_dump.parse(dump(read(driver)[0], room=room, backwards=backwards))

    def written(store: MemoryStore, namespace: str) -> t.Any:
        return tuple(load_record(dump_record(one).encode(), damaged=NEVER) for one in records(store, namespace))

    stack = contextlib.ExitStack()
    stack.enter_context(mock.patch.object(MemoryDriver, "read", dumped))
    stack.enter_context(mock.patch.object(MemoryStore, "records", written))
    return stack


def one_by_one() -> t.ContextManager[t.Any]:
    return mock.patch.object(_declared_peers, "declared_rows", return_value=None)


def outcome(world: World, arguments: dict[str, t.Any], *, check: bool = False) -> t.Any:
    """What somebody sees of a run: its result or its error, and what is there afterwards."""
    result: t.Any
    try:
        found = world.converge(arguments, check=check)
        result = {field.name: getattr(found, field.name) for field in dataclasses.fields(found)}
    except WireguardError as error:
        result = str(error)
    return result, world.picture()


@st.composite
def first_ones(draw: t.Any) -> dict[str, t.Any]:
    """Mostly peers alone; half of them without names, so that there are recorded ones that are no longer declared."""
    arguments = draw(st.one_of(st.just({"name": "wg0"}), declarations()))
    peers = draw(peer_lists().filter(bool))
    if draw(st.booleans()):
        peers = [{option: value for option, value in peer.items() if option != "name"} for peer in peers]
    more = {
        "peers_policy": st.sampled_from(["merged", "exact"]),
        "endpoint_policy": st.sampled_from(["learn", "learn", "enforce"]),
        "routing": st.sampled_from(["auto", "explicit"]),
    }
    return {**arguments, "peers": peers, **{option: draw(values) for option, values in more.items()}}


def likely(first: dict[str, t.Any]) -> st.SearchStrategy[dict[str, t.Any]]:
    """The same again, the same with one thing changed, or another one."""
    peers = st.lists(st.sampled_from(first["peers"]), unique_by=str)
    edited = {
        "public_key": st.sampled_from(KEYS),
        "allowed_ips": st.lists(st.sampled_from(PREFIXES), max_size=2),
        "preshared_key": st.sampled_from([None, "", *SECRETS]),
    }
    return st.one_of(
        st.just(first),
        st.just(first),
        peers.map(lambda some: {**first, "peers": some}),
        st.fixed_dictionaries(edited).map(lambda peer: {**first, "peers": [*first["peers"], peer]}),
        st.sampled_from(["learn", "enforce"]).map(lambda policy: {**first, "endpoint_policy": policy}),
        first_ones(),
    )


@st.composite
def meddling(draw: t.Any) -> t.Callable[[World, str], None]:
    """What somebody has done to a peer of the device with wg(8)."""
    key = PublicKey.parse(draw(st.sampled_from(KEYS)))
    updates = [
        PeerUpdate(key, action="remove"),
        PeerUpdate(key, action="add"),
        PeerUpdate(key, preshared_key=PresharedKey.parse(draw(st.sampled_from(SECRETS)))),
        PeerUpdate(key, preshared_key=PresharedKey.none()),
        PeerUpdate(key, persistent_keepalive=draw(st.sampled_from([0, 25, 26]))),
        PeerUpdate(key, endpoint=Endpoint("198.51.100.7", draw(st.sampled_from([7, 8])))),
        PeerUpdate(key, add_allowed_ips=(parse_prefix(draw(st.sampled_from(PREFIXES))),)),
        PeerUpdate(key, remove_allowed_ips=(parse_prefix(draw(st.sampled_from(PREFIXES))),)),
    ]
    update = draw(st.sampled_from(updates))

    def meddle(world: World, namespace: str) -> None:
        driver = world.host.devices.get((namespace, "wg0"))
        if driver is not None:
            driver._write(DeviceUpdate(peers=(update,)))

    return meddle


def checked(observed: t.Any, wanted: t.Any) -> bool:
    """What is settled takes no step, looked at one by one."""
    found = is_settled(observed, wanted)
    assert not found or not changes(observed, wanted)
    return found


CHANGES = st.one_of(drifts(), st.lists(meddling(), max_size=2))


@given(first_ones(), CHANGES, st.integers(200, 900), st.booleans(), st.booleans(), st.data())
@settings(max_examples=EXAMPLES)
def test_all_at_once_is_the_same_as_one_by_one(first, changes, room, backwards, check, data):
    second = data.draw(likely(first))
    seen = []
    for way in (reading_bytes(room, backwards=backwards), one_by_one()):
        world = World()
        made = mock.patch.object(PrivateKey, "generate", return_value=PrivateKey.parse(PRIVATE_KEYS[1]))
        with way, made, mock.patch.object(_engine_plan, "is_settled", checked):
            steps = [outcome(world, first)]
            for change in changes:
                change(world, "")
            steps += [outcome(world, second, check=check), outcome(world, second), outcome(world, second)]
        seen.append(steps)
    assert seen[0] == seen[1]


PLAIN = {
    "name": "wg0",
    "private_key": PRIVATE_KEYS[0],
    "listen_port": 51820,
    "routing": "explicit",
    "peers_policy": "exact",
    "peers": [
        {
            "public_key": KEYS[number],
            "name": f"peer{number}",
            "endpoint": f"192.0.2.{number}:1000",
            "allowed_ips": [prefix],
        }
        for number, prefix in ((3, "10.0.0.3/32"), (1, "fd00::2/128"), (2, "10.1.0.0/16"))
    ],
}


def test_a_run_with_nothing_to_do_makes_no_peer_and_no_step(monkeypatch):
    """That it is so at all: otherwise the comparison above would compare one thing with itself."""
    world = World()
    with reading_bytes(400, backwards=True):
        first = world.converge(PLAIN)
        assert first.changed
        monkeypatch.setattr(_wanted_at_once.WantedPeers, "values", property(NEVER))
        monkeypatch.setattr(_wgnetlink_dump.DumpedPeers, "values", property(NEVER))
        monkeypatch.setattr(_declared_peers.DeclaredPeers, "values", property(NEVER))
        again = world.converge(PLAIN)
    assert not again.changed
    assert again.interface == first.interface
    assert [peer["name"] for peer in again.interface["peers"]] == ["peer1", "peer2", "peer3"]


def test_the_steps_for_new_peers_have_a_line_each():
    with reading_bytes(400, backwards=False):
        at_once = World().converge(PLAIN).actions
    with one_by_one():
        assert World().converge(PLAIN).actions == at_once
    assert f"add peer peer3 ({KEYS[3][:8]}): +10.0.0.3/32, endpoint 192.0.2.3:1000" in at_once


KEY = PublicKey.parse(KEYS[1])
MEDDLED = {
    "another secret": PeerUpdate(KEY, preshared_key=PresharedKey.parse(SECRETS[1])),
    "no secret": PeerUpdate(KEY, preshared_key=PresharedKey.none()),
    "another keepalive": PeerUpdate(KEY, persistent_keepalive=26),
    "no keepalive": PeerUpdate(KEY, persistent_keepalive=0),
    "one prefix more": PeerUpdate(KEY, add_allowed_ips=(parse_prefix("10.7.0.0/16"),)),
    "one prefix less": PeerUpdate(KEY, remove_allowed_ips=(parse_prefix("fd00::2/128"),)),
    "a prefix of another peer": PeerUpdate(KEY, add_allowed_ips=(parse_prefix("10.1.0.0/16"),)),
    "a stranger": PeerUpdate(PublicKey.parse(KEYS[4]), action="add"),
    "one peer less": PeerUpdate(KEY, action="remove"),
}
FULL = {
    **PLAIN,
    "peers": [{**peer, "persistent_keepalive": 25, "preshared_key": SECRETS[0]} for peer in PLAIN["peers"]],
}


def meddled(world: World, *updates: PeerUpdate) -> None:
    world.host.devices["", "wg0"]._write(DeviceUpdate(peers=updates))


@pytest.mark.parametrize("what", MEDDLED)
def test_each_difference_of_a_peer_is_noticed(what):
    world = World()
    with reading_bytes(400, backwards=False):
        world.converge(FULL)
        meddled(world, MEDDLED[what])
        assert world.converge(FULL).changed
        assert not world.converge(FULL).changed


@pytest.mark.parametrize("policy", ["learn", "enforce"])
def test_a_peer_that_has_roamed_is_left_or_called_back_and_one_without_endpoint_gets_it(policy):
    world = World()
    declared = {**FULL, "endpoint_policy": policy}
    with reading_bytes(400, backwards=False):
        world.converge(declared)
        meddled(world, PeerUpdate(KEY, endpoint=Endpoint("2001:db8::9", 9)))
        result = world.converge(declared)
        assert result.changed is (policy == "enforce")
        endpoints = {peer["public_key"]: peer["endpoint"] for peer in result.interface["peers"]}
        assert endpoints[KEYS[1]] == ("192.0.2.1:1000" if policy == "enforce" else "[2001:db8::9]:9")
        fields = {"preshared_key": PresharedKey.parse(SECRETS[0]), "persistent_keepalive": 25}
        prefixes = (parse_prefix("fd00::2/128"),)
        meddled(
            world,
            PeerUpdate(KEY, action="remove"),
            PeerUpdate(KEY, action="add", add_allowed_ips=prefixes, **fields),
        )
        assert any("endpoint 192.0.2.1:1000" in line for line in world.converge(declared).actions)


AROUND = {
    "the mark": lambda world: world.host.devices["", "wg0"]._write(DeviceUpdate(fwmark=7)),
    "the port": lambda world: world.host.devices["", "wg0"]._write(DeviceUpdate(listen_port=51999)),
    "the key": lambda world: world.host.devices["", "wg0"]._write(DeviceUpdate(private_key=PrivateKey.generate())),
    "the MTU": lambda world: world.host.networks[""].set_mtu("wg0", 1300),
    "down": lambda world: world.host.networks[""].set_up("wg0", False),
    "an address": lambda world: world.host.networks[""].add_address("wg0", parse_interface_address("10.0.0.77/24")),
    "a rule": lambda world: world.host.networks[""].remove_rule(world.host.networks[""].rules()[0]),
    "forwarding": lambda world: world.host.networks[""].set_forwarding(4, False),
    "a parameter": lambda world: world.host.networks[""].change_setting(rp_filter("eth0"), "1"),
    "a route": lambda world: world.host.networks[""].remove_route(
        next(route for route in world.host.networks[""].routes() if route.protocol == OUR_PROTOCOL)
    ),
    "the packet filter": lambda world: world.host.firewalls[""].load("wg0", None),
    "the record": lambda world: world.store.kept.update(
        {("", "wg0"): dataclasses.replace(world.store.kept["", "wg0"], derived_mtu="x")}
    ),
}


@pytest.mark.parametrize("what", AROUND)
def test_each_difference_around_the_peers_is_noticed(what):
    world = World()
    declared = {
        **FULL, "fwmark": "0x10", "mtu": 1400, "addresses": ["10.0.0.1/24"], "rules": RULES[:1], "routes": ROUTES[:1],
        "forwarding": {"ipv4": True, "ipv6": None}, "rp_filter": {"eth0": "loose"}, "masquerade": {"ipv4": ["eth0"]},
    }  # fmt: skip
    with reading_bytes(400, backwards=False):
        world.converge(declared)
        assert not world.converge(declared).changed
        AROUND[what](world)
        assert world.converge(declared).changed
        assert not world.converge(declared).changed
