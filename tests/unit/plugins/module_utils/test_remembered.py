# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that is killed while it makes a device again, an engine that ends: the next run puts back what was there."""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import DeviceUpdate, PeerUpdate
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import HostError, InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PublicKey
from ansible_collections.cryptokey.wireguard.plugins.module_utils._memory import Faults
from ansible_collections.cryptokey.wireguard.plugins.module_utils._observe import observe
from ansible_collections.cryptokey.wireguard.plugins.module_utils._operations import Site
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import parse_interface_address, parse_prefix
from ansible_collections.cryptokey.wireguard.plugins.module_utils._remembered import as_it_was, take
from ansible_collections.cryptokey.wireguard.plugins.module_utils._snapshot import (
    Snapshot,
    dump_snapshot,
    load_snapshot,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Device, Endpoint, Route
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.module_utils.declarations import (
    KEYS,
    PRIVATE_KEYS,
    SECRETS,
    World,
    declarations,
    drifts,
)

EXAMPLES = max(150, settings().max_examples)


class Killed(BaseException):
    """No code of a process that was killed runs any more: no change after that takes effect, either."""


class Killing(Faults):
    """Counts the changes; from the one that is armed on, before its effect or after, nothing happens any more."""

    @contextlib.contextmanager
    def change(self, what: str) -> t.Iterator[None]:
        self.count += 1
        self.log.append(what)
        if self.at and (self.count > self.at or (self.count == self.at and not self.late)):
            raise Killed
        yield
        if self.at and self.count == self.at:
            raise Killed


def world() -> World:
    made = World()
    faults = Killing()
    made.host.faults = made.store.faults = faults
    for port in (*made.host.networks.values(), *made.host.firewalls.values()):
        port.faults = faults
    return made


def killed(place: World, arguments: dict[str, t.Any], at: int, *, late: bool = False) -> bool:
    """Whether the run got that far."""
    place.host.faults.arm(at, late=late)
    try:
        place.converge(arguments)
    except Killed:
        return True
    finally:
        place.host.faults.arm(0)
    return False


WHOLE = {
    "name": "wg0",
    "private_key": PRIVATE_KEYS[0],
    "listen_port": 51820,
    "fwmark": "7",
    "mtu": 1380,
    "addresses": ["10.0.0.1/24", "10.0.0.2/24", "fd00::1/64"],
    "peers": [
        {
            "public_key": KEYS[0],
            "name": "kept",
            "preshared_key": SECRETS[0],
            "endpoint": "192.0.2.1:1000",
            "persistent_keepalive": 25,
            "allowed_ips": ["10.1.0.0/16", "fd01::/64"],
        },
        {"public_key": KEYS[1], "name": "declared", "allowed_ips": ["10.2.0.0/16"]},
    ],
}
SOME = {
    "name": "wg0",
    "mtu": 1380,
    "peers": [{"public_key": KEYS[1], "name": "declared", "allowed_ips": ["10.2.0.0/16"]}],
}
REPLACED = [
    {**SOME, "backend": "userspace"},
    {**SOME, "socket_namespace": "blue"},
    {**SOME, "backend": "userspace", "socket_namespace": "blue", "mtu": 1400, "fwmark": "9"},
]
STRANGER = Route(parse_prefix("10.200.0.0/16"), device="wg0", protocol=4)


def full(arguments: t.Optional[dict[str, t.Any]] = None) -> World:
    place = world()
    place.converge(arguments or WHOLE)
    place.host.network("").add_route(STRANGER)
    return place


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("wanted", REPLACED)
def test_a_killed_replacement_is_completed_with_everything_that_was_there(wanted, late):
    smooth = full()
    smooth.converge(wanted)
    arrived, steps = smooth.picture(), smooth.host.faults.count
    assert not smooth.converge(wanted).changed
    assert {str(peer.public_key) for peer in smooth.host.wireguard("", "wg0").device.peers} == {KEYS[0], KEYS[1]}
    for at in range(1, steps):
        place = full()
        if not killed(place, wanted, at, late=late):
            break
        result = place.converge(wanted)
        assert place.picture() == arrived, (at, result.warnings)
        assert not place.converge(wanted).changed
        assert STRANGER in place.host.network("").routes()
    assert at > 8


@pytest.mark.parametrize("wanted", REPLACED)
def test_a_run_that_is_killed_while_it_completes_a_killed_one_loses_nothing_either(wanted):
    smooth = full()
    smooth.converge(wanted)
    for first in range(1, 60):
        place = full()
        if not killed(place, wanted, first):
            break
        for second in range(1, 60):
            again = full()
            killed(again, wanted, first)
            if not killed(again, wanted, second):
                break
            again.converge(wanted)
            assert again.picture() == smooth.picture(), (first, second)
    assert first > 8


@given(declarations(states=("present",)), drifts(), declarations(states=("present", "present", "absent")), st.data())
@settings(max_examples=EXAMPLES)
def test_whenever_a_run_is_killed_the_next_one_arrives_where_it_would_have(first, changes, second, data):
    places = [world(), world()]
    try:
        for place in places:
            place.converge({"private_key": PRIVATE_KEYS[0], "listen_port": 1000, **first})
            for change in changes:
                change(place, "")
            place.host.faults.arm(0)
        places[0].converge(second)
    except InvalidInput:
        assume(False)
    steps = places[0].host.faults.count
    assume(steps)
    at, late = data.draw(st.integers(1, steps)), data.draw(st.booleans())
    assert killed(places[1], second, at, late=late)
    places[1].converge(second)
    assert places[1].picture() == places[0].picture()
    assert places[1].store.snapshots.keys() == places[0].store.snapshots.keys()
    assert not places[1].converge(second).changed


def test_it_is_said_what_was_put_back_and_where_from():
    place = full()
    at = next(at for at in range(1, 20) if _is_gone_after(place := full(), at))
    assert at
    foreseen = place.converge(REPLACED[0], check=True)
    result = place.converge(REPLACED[0])
    assert result.warnings == foreseen.warnings
    assert result.warnings[0].startswith("wg0 in the initial namespace: a run was interrupted while it made it again")
    assert result.warnings[1] == (
        "wg0 in the initial namespace gets back what is not declared now, as it was right before, from the snapshot in "
        f"its state folder: peers kept ({KEYS[0][:8]}); addresses 10.0.0.1/24, 10.0.0.2/24, fd00::1/64; routes of "
        "others 10.200.0.0/16 dev wg0. Declare as absent what should be gone"
    )
    assert len(result.warnings) == 2
    assert place.converge(REPLACED[0]).warnings == []


def _is_gone_after(place: World, at: int) -> bool:
    killed(place, REPLACED[0], at, late=True)
    return place.host.backend_of("", "wg0") is None


def gone() -> World:
    """Killed right after the device was deleted."""
    return next(place for at in range(1, 20) if _is_gone_after(place := full(), at))


def peers(place: World, namespace: str = "") -> set[str]:
    return {str(peer.public_key) for peer in place.host.wireguard(namespace, "wg0").device.peers}


def test_what_is_declared_now_counts_for_more_than_what_was_there():
    place = gone()
    place.converge({**REPLACED[0], "peers_policy": "exact"})
    assert peers(place) == {KEYS[1]}
    place = gone()
    place.converge({"name": "wg0", "peers": [{"public_key": KEYS[0], "state": "absent"}], "addresses": ["10.9.0.1/24"]})
    assert peers(place) == {KEYS[1]}
    assert [str(address) for address in place.host.network("").link("wg0").addresses] == ["10.9.0.1/24"]


def test_a_prefix_of_a_peer_that_is_put_back_is_not_taken_silently():
    with pytest.raises(InvalidInput, match=r"allowed_ips\[0\]: '10.1.0.0/16' belongs to the peer kept"):
        gone().converge({"name": "wg0", "peers": [{"public_key": KEYS[2], "allowed_ips": ["10.1.0.0/16"]}]})


def test_a_device_that_somebody_else_has_made_meanwhile_gets_nothing_back():
    place = gone()
    place.host.create("wg0", namespace="", socket_namespace="", backend="kernel")
    other = world()
    other.converge({"name": "wg0", "private_key": PRIVATE_KEYS[1]})
    place.host.devices["", "wg0"].device = other.host.devices["", "wg0"].device
    place.converge(SOME)
    assert peers(place) == {KEYS[1]}
    assert place.store.snapshots == {}


def test_an_interface_that_was_declared_absent_stays_without_its_peers():
    for at in range(1, 20):
        place = full({**WHOLE, "backend": "userspace"})
        assert place.store.snapshots
        done = not killed(place, {"name": "wg0", "state": "absent"}, at, late=True)
        if place.host.backend_of("", "wg0") is None:
            place.converge({**SOME, "backend": "userspace"})
            assert peers(place) == {KEYS[1]}
        if done:
            break
    assert at > 2
    place.converge({"name": "wg0", "state": "absent"})
    assert place.store.snapshots == {}


def test_after_a_reboot_an_interrupted_run_is_made_good_and_nothing_else_is_dug_up():
    place = gone()
    place.host.boot += 1
    place.converge(REPLACED[0])
    assert peers(place) == {KEYS[0], KEYS[1]}
    place.host.kill("", "wg0")
    place.host.boot += 1
    result = place.converge(REPLACED[0])
    assert peers(place) == {KEYS[1]}
    assert "has lost peers that were declared before" in result.warnings[-1]


def test_a_snapshot_of_a_running_device_is_worth_nothing():
    """Killed before the device was deleted: what somebody removes from it is gone."""
    place = full()
    at = next(at for at in range(1, 20) if killed(place, REPLACED[0], at, late=True) and place.store.snapshots)
    assert at < 20
    assert place.host.backend_of("", "wg0") == "kernel"
    driver = place.host.wireguard("", "wg0")
    driver.device = driver.device.__class__(**{**vars(driver.device), "peers": driver.device.peers[1:]})
    left = peers(place)
    place.converge({"name": "wg0", "mtu": 1380})
    assert (peers(place), place.store.snapshots) == (left, {})


def half_made() -> World:
    """Killed right after the new device has got its first peers; what the killed run had in mind is not known."""
    place = full()
    at = next(at for at in range(1, 30) if _has_peers_after(place := full(), at))
    assert at > 3
    return place


def _has_peers_after(place: World, at: int) -> bool:
    killed(place, REPLACED[0], at, late=True)
    return place.host.backend_of("", "wg0") == "userspace" and bool(peers(place))


def without_peer(place: World, key: str) -> None:
    driver = place.host.wireguard("", "wg0")
    left = tuple(peer for peer in driver.device.peers if str(peer.public_key) != key)
    driver.device = dataclasses.replace(driver.device, peers=left)


def test_a_prefix_that_the_half_made_device_has_given_to_another_peer_stays_there():
    place = half_made()
    without_peer(place, KEYS[0])
    moved = PeerUpdate(PublicKey.parse(KEYS[1]), add_allowed_ips=(parse_prefix("10.1.0.0/16"),))
    place.host.wireguard("", "wg0")._write(DeviceUpdate(peers=(moved,)))
    place.converge({"name": "wg0", "backend": "userspace"})
    owned = {str(peer.public_key): peer.allowed_ips for peer in place.host.wireguard("", "wg0").device.peers}
    assert owned[KEYS[0]] == frozenset([parse_prefix("fd01::/64")])
    assert parse_prefix("10.1.0.0/16") in owned[KEYS[1]]


def test_a_device_of_before_the_reboot_is_not_taken_for_one_of_after_it():
    """Indexes start over: a device with a key that has the number of the one that was half made is somebody else's."""
    place = half_made()
    index = place.host.network("").link("wg0").index
    assert place.store.snapshots["", "wg0"].successor == index
    place.host.boot += 1
    place.host.devices["", "wg0"].device = Device(None, None, listen_port=0, fwmark=0)  # as the boot has left it
    known = as_it_was(observe(Site(place.host, place.store, "", "wg0"), key_file="x"))
    taken = take(known, namespace="", name="wg0", birthplace="", without=frozenset())
    assert (taken.era, taken.successor) == (place.host.era(""), 0)


def test_an_address_that_the_kernel_has_given_to_the_half_made_device_stays():
    place = half_made()
    place.host.network("").add_address("wg0", parse_interface_address("fe80::1/64"))
    place.converge(REPLACED[0])
    addresses = {str(address) for address in place.host.network("").link("wg0").addresses}
    assert addresses == {"10.0.0.1/24", "10.0.0.2/24", "fd00::1/64", "fe80::1/64"}


def roamed(place: World) -> None:
    update = PeerUpdate(PublicKey.parse(KEYS[0]), endpoint=Endpoint("198.51.100.7", 7))
    place.host.wireguard("", "wg0")._write(DeviceUpdate(peers=(update,)))


def endpoint(place: World) -> str:
    return next(str(peer.endpoint) for peer in place.host.wireguard("", "wg0").device.peers if peer.endpoint)


def test_where_a_peer_has_roamed_to_survives_a_replacement_and_not_the_end_of_an_engine():
    wanted = {**WHOLE, "backend": "userspace"}
    for at in range(1, 60):
        place = full()
        roamed(place)
        if not killed(place, wanted, at):
            break
        place.converge(wanted)
        assert endpoint(place) == "198.51.100.7:7", at
    place = full(wanted)
    roamed(place)
    assert not place.converge(wanted).changed
    place.host.kill("", "wg0")
    place.converge(wanted)
    assert endpoint(place) == "192.0.2.1:1000"


def test_after_a_failure_that_was_restored_there_is_no_snapshot_but_an_engine_s():
    for backend, wanted in (("kernel", REPLACED[0]), ("userspace", {**SOME, "backend": "kernel"})):
        for at in range(1, 60):
            place, kept = World(), None
            place.converge({**WHOLE, "backend": backend})
            place.host.faults.arm(at)
            try:
                place.converge(wanted)
                break
            except HostError:
                kept = place.store.snapshots.get(("", "wg0"))
            assert (kept is None) == (backend == "kernel"), (at, place.host.faults.log)
            if kept is not None:
                assert (kept.index, kept.replacing) == (place.host.network("").link("wg0").index, False)
        assert at > 8


class FailingThenKilling(Killing):
    """The change after the deletion fails; the way back is killed."""

    failed = False

    @contextlib.contextmanager
    def change(self, what: str) -> t.Iterator[None]:
        deleted = any(line.startswith("delete wg0") for line in self.log)
        with super().change(what):
            yield
            if deleted and not self.failed:
                self.failed = True
                raise HostError("fault")


def test_the_way_back_from_a_failed_removal_may_be_killed_as_well():
    for at in range(1, 60):
        place = full({**WHOLE, "backend": "userspace"})
        faults = FailingThenKilling()
        place.host.faults = place.store.faults = faults
        for port in (*place.host.networks.values(), *place.host.firewalls.values()):
            port.faults = faults
        done = False
        faults.arm(at, late=True)
        try:
            place.converge({"name": "wg0", "state": "absent"})
        except HostError:
            done = True
        except Killed:
            pass
        log, written = list(faults.log), bool(place.store.snapshots)
        faults.arm(0)
        faults.failed = True
        if written or done:
            place.converge({**SOME, "backend": "userspace"})
            assert peers(place) == {KEYS[0], KEYS[1]}, log
        assert written or "create wg0" not in log, log
        if done:
            break
    assert at > 8


class TestEngine:
    """What is kept for the case that an engine ends."""

    def ended(self) -> World:
        place = full({**WHOLE, "backend": "userspace"})
        place.converge({**SOME, "backend": "userspace"})
        place.host.kill("", "wg0")
        return place

    def test_peers_and_addresses_of_earlier_runs_come_back_with_their_keys(self):
        smooth = full({**WHOLE, "backend": "userspace"})
        smooth.host.network("").remove_route(STRANGER)
        place = self.ended()
        result = place.converge({**SOME, "backend": "userspace"})
        assert place.picture() == smooth.picture()
        assert result.warnings[1] == (
            "wg0 in the initial namespace gets back what is not declared now, as it was at the end of the last run, "
            f"from the snapshot in its state folder: peers kept ({KEYS[0][:8]}); addresses 10.0.0.1/24, 10.0.0.2/24, "
            "fd00::1/64. Declare as absent what should be gone"
        )

    def test_however_often_the_run_is_killed_that_brings_them_back(self):
        smooth = full({**WHOLE, "backend": "userspace"})
        smooth.host.network("").remove_route(STRANGER)
        for at in range(1, 60):
            place = self.ended()
            if not killed(place, {**SOME, "backend": "userspace"}, at, late=bool(at % 2)):
                break
            place.converge({**SOME, "backend": "userspace"})
            assert place.picture() == smooth.picture(), at
        assert at > 8

    def test_what_its_supervisor_started_again_is_filled_again(self):
        place = self.ended()
        place.host.dead.clear()
        place.host.create("wg0", namespace="", socket_namespace="", backend="userspace")
        place.converge({**SOME, "backend": "userspace"})
        assert peers(place) == {KEYS[0], KEYS[1]}

    def test_a_peer_that_somebody_else_had_added_does_not_come_back(self):
        place = full({**WHOLE, "backend": "userspace"})
        other = world()
        other.converge({"name": "wg0", "peers": [{"public_key": KEYS[3]}]})
        driver = place.host.wireguard("", "wg0")
        driver.device = driver.device.__class__(
            **{**vars(driver.device), "peers": (*driver.device.peers, *other.host.wireguard("", "wg0").device.peers)}
        )
        place.converge({**SOME, "backend": "userspace"})
        assert KEYS[3] in peers(place)
        place.host.kill("", "wg0")
        place.converge({**SOME, "backend": "userspace"})
        assert peers(place) == {KEYS[0], KEYS[1]}

    def test_a_peer_that_was_removed_does_not_come_back_even_if_that_run_was_killed(self):
        gone = {"name": "wg0", "backend": "userspace", "peers": [{"public_key": KEYS[0], "state": "absent"}]}
        for at in range(1, 20):
            place = full({**WHOLE, "backend": "userspace"})
            done = not killed(place, gone, at, late=True)
            left = peers(place)
            place.host.kill("", "wg0")
            place.converge({"name": "wg0", "backend": "userspace"})
            assert peers(place) <= left, at
            if done:
                break
        assert at > 2

    def test_a_run_that_changes_nothing_keeps_where_peers_are_and_says_nothing(self):
        place = full({**WHOLE, "backend": "userspace"})
        before = place.store.snapshots["", "wg0"]
        place.store.snapshots.clear()
        result = place.converge({**SOME, "backend": "userspace"})
        assert (result.changed, result.actions, result.warnings) == (False, [], [])
        assert place.store.snapshots["", "wg0"] == before
        place.store.snapshots.clear()
        place.converge({**SOME, "backend": "userspace"}, check=True)
        assert place.store.snapshots == {}


def test_the_kernel_needs_no_snapshot():
    place = full()
    place.converge({**WHOLE, "mtu": 1300})
    assert place.store.snapshots == {}


def test_without_room_for_a_snapshot_the_device_stays():
    place = full()
    before = place.picture()

    def no_room(_snapshot: Snapshot) -> None:
        raise HostError("cannot write wg0.snapshot: No space left on device")

    place.store.write_snapshot = no_room
    with pytest.raises(HostError, match=r"cannot write down what wg0 has: .* No space left .* has been restored"):
        place.converge(REPLACED[0])
    assert place.picture() == before


@given(declarations(states=("present",)), st.booleans())
@settings(max_examples=EXAMPLES)
def test_a_snapshot_survives_the_disk(declared, half_made):
    place = world()
    try:
        place.converge({**declared, "backend": "userspace"})
    except InvalidInput:
        assume(False)
    found = place.store.snapshots["", "wg0"]
    if half_made:
        found = Snapshot(**{**vars(found), "replacing": True, "successor": 7, "routes": frozenset([STRANGER])})
    assert load_snapshot(dump_snapshot(found)) == found
    assert "redacted" in repr(found) or not any(peer.preshared_key for peer in found.peers)
