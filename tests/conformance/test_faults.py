# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever happens in the middle of a run: everything is as it was, or the next run makes it right.

Random declarations follow each other on two hosts alike. On one nothing ever happens. On the other each run is refused
a change twice, and everything has to be as it was; then it is killed at one, loses its device or has no room on the
disk, and the next run has to arrive where the first host is. What belongs to others is never touched.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import typing as t

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from ansible_collections.cryptokey.wireguard.tests.conformance import lone_strikes, strikes
from ansible_collections.cryptokey.wireguard.tests.integration import interface_calls
from ansible_collections.cryptokey.wireguard.tests.integration.interface_calls import KEY_A, KEY_B, STATE
from ansible_collections.cryptokey.wireguard.tests.integration.stacks import Killed, Stack, stack
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.module_utils.declarations import KEYS, declarations

GATEWAYS = ("198.51.100.2", "198.51.100.3")
ALL_WALKS = 10
# A guest takes several times as long, so CI does a part of it there; `make test-kernel` does all.
WALKS = int(os.environ.get("FAULT_WALKS") or ALL_WALKS)
FAULTS_PER_WALK = 21
KINDS = [
    ("killed", False),
    ("killed", True),
    ("device gone", False),
    ("killed", True),
    ("disk full", False),
    ("killed", False),
    ("device gone", True),
]


def random_declarations(number: int) -> list[dict[str, t.Any]]:
    """Those of the engine's properties, with what would be random on each host spelled out."""
    drawn: list[dict[str, t.Any]] = []

    @seed(number)
    @settings(max_examples=60, phases=[Phase.generate], database=None, suppress_health_check=list(HealthCheck))
    @given(declarations(states=("present", "present", "present", "present", "absent")))
    def draw(arguments: dict[str, t.Any]) -> None:
        port = arguments.get("listen_port") or 51822
        key = arguments.get("private_key", KEY_B)
        backend = interface_calls.BACKEND
        drawn.append({**arguments, "listen_port": port, "private_key": key, "backend": backend})

    draw()
    return sorted(drawn, key=lambda arguments: -len(arguments))[:40]


class Walk:
    """A host to which things happen, and its twin to which nothing does."""

    def __init__(self, host: Stack, twin: Stack, number: int) -> None:
        self.host, self.twin = host, twin
        self.random = random.Random(number)
        self.faults = 0
        for each in (host, twin):
            each.call(strikes.furnish)
        self.others = host.call(strikes.of_others)

    def step(self, wanted: dict[str, t.Any], kind: str, late: bool) -> None:
        for each in (self.host, self.twin):
            each.call(strikes.meet_a_stranger)
        smooth = self.twin.call(strikes.smoothly, wanted)
        if not smooth.changes:
            return
        for refused_late in (False, True):
            self._refuse(wanted, self.random.randint(1, smooth.changes), late=refused_late)
        at = self.random.randint(1, smooth.all_changes)
        said = self._strike(wanted, kind, at, late=late)
        where = f"{kind} {'after' if late else 'before'} {at} of {smooth.all_changes} ({said}): {wanted}"
        (there, left), others, leftovers = self.host.call(strikes.aftermath, wanted)
        assert left == [], where
        assert others == self.others, where
        assert leftovers == [], where
        if kind == "device gone":
            self._start_afresh()
        else:
            assert there == smooth.arrived, where

    def _refuse(self, wanted: dict[str, t.Any], at: int, *, late: bool) -> None:
        self.faults += 1
        before, after, said = self.host.call(strikes.refused, wanted, at, late)
        assert "fault" in said, (wanted, at)
        assert "has been restored" in said, (wanted, at, said)
        assert after == before, (wanted, at, said)

    def _strike(self, wanted: dict[str, t.Any], kind: str, at: int, *, late: bool) -> str:
        self.faults += 1
        try:
            call = self.host.call_apart if kind == "killed" else self.host.call
            said = call(strikes.struck, wanted, kind, at, late)
        except Killed:
            assert kind == "killed"
            return "killed"
        assert kind != "killed", (wanted, at)
        return str(said)

    def _start_afresh(self) -> None:
        """What a stranger had added went with the device, on one of the two hosts."""
        for each in (self.host, self.twin):
            each.call(interface_calls.apply, {"state": "absent", "keep_private_key": False})


@pytest.mark.parametrize("number", range(WALKS))
def test_after_a_fault_it_is_as_before_or_the_next_run_makes_it_right(
    number: int, backend: str, record_property: t.Callable[[str, int], None]
) -> None:
    kinds = itertools.cycle(KINDS[number % len(KINDS) :] + KINDS[: number % len(KINDS)])
    with stack() as host, stack() as twin:
        walk = Walk(host, twin, number)
        for wanted in random_declarations(number):
            if walk.faults >= FAULTS_PER_WALK:
                break
            kind, late = next(kinds)
            walk.step(wanted, kind, late)
    assert walk.faults >= FAULTS_PER_WALK
    record_property("faults", walk.faults)


@contextlib.contextmanager
def furnished() -> t.Iterator[Stack]:
    with stack() as host:
        host.call(strikes.furnish)
        yield host


ELSEWHERE = {"namespace": "blue", "private_key": KEY_A, "addresses": ["10.0.0.1/24"], "listen_port": 51820}


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
def test_a_device_that_is_born_elsewhere_is_made_again_whenever_the_run_is_killed(
    late: bool, record_property: t.Callable[[str, int], None]
) -> None:
    with furnished() as host, furnished() as twin:
        smooth = twin.call(strikes.smoothly, ELSEWHERE)
        assert smooth.all_changes > 5
        for at in range(1, smooth.all_changes + 1):
            with pytest.raises(Killed):
                host.call_apart(strikes.struck, ELSEWHERE, "killed", at, late)
            repaired, _others, leftovers = host.call(strikes.aftermath, ELSEWHERE)
            assert repaired == (smooth.arrived, []), at
            assert leftovers == [], at
            host.call(interface_calls.apply, {**ELSEWHERE, "state": "absent", "keep_private_key": False})
            assert host.call(strikes.files) == [], at
    record_property("faults", smooth.all_changes)


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
def test_without_room_for_a_key_there_is_none_or_a_whole_one(
    late: bool, record_property: t.Callable[[str, int], None]
) -> None:
    """The disk is full at each change in turn; where that is told, the path is told."""
    told = 0
    with furnished() as host, furnished() as twin:
        smooth = twin.call(strikes.smoothly, {"listen_port": 51820})
        for at in range(1, smooth.all_changes + 1):
            said = host.call(strikes.struck, {"listen_port": 51820}, "disk full", at, late)
            told += f"cannot write {STATE}/@/wg0" in said and "No space left on device" in said
            host.run("rm", "-f", strikes.FILLER)
            kept = host.run("cat", f"{STATE}/@/wg0.key", check=False).stdout
            assert len(kept) in (0, 45), at
            _there, left = host.call(strikes.repaired, {"listen_port": 51820})
            assert left == [], at
            key = host.out("wg", "show", "wg0", "private-key")
            assert host.out("cat", f"{STATE}/@/wg0.key") == key, at
            assert not kept or kept == key, at
            host.call(interface_calls.apply, interface_calls.ABSENT)
            assert host.call(strikes.files) == [], at
    assert told
    record_property("faults", smooth.all_changes)


OTHER_PEER = {"interface": "wg9", "public_key": KEYS[0]}
LONE = {
    "route": [{"destination": "10.9.0.0/16", "device": "eth9", "gateway": gateway} for gateway in GATEWAYS],
    "rule": [{"priority": 1000, "table": "77"}, {"priority": 1000, "table": "77", "fwmark": "0x10"}],
    "peer": [{**OTHER_PEER, "allowed_ips": ["10.206.0.0/16"]}, {**OTHER_PEER, "persistent_keepalive": 25}],
    "keypair": [
        {"path": "/run/keys/wg0.key", "private_key": key, "public_key_path": "/run/keys/wg0.pub"}
        for key in (KEY_A, KEY_B)
    ],
    "namespace": [{"name": "red"}],
}


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("module", LONE)
def test_the_next_run_of_any_module_makes_right_what_a_killed_one_has_left(
    module: str, record_property: t.Callable[[str, int], None]
) -> None:
    """From nothing to each state, from one to the next, and back to nothing; killed at each change in turn."""
    present = LONE[module]
    absent = [{**arguments, "state": "absent"} for arguments in present]
    faults = 0
    with furnished() as host:
        others = _without_ours(host.call(strikes.of_others))
        for before, wanted in [
            *zip(absent, present, strict=True),
            *itertools.pairwise(present),
            (present[-1], absent[-1]),
        ]:
            for at in itertools.count(1):
                host.call(lone_strikes.run, module, before)
                try:
                    assert not host.call_apart(lone_strikes.killed_at, module, wanted, at)
                    break
                except Killed:
                    faults += 1
                still_to_do, now, leftovers = host.call(lone_strikes.aftermath, module, wanted)
                assert not still_to_do, (wanted, at)
                assert _without_ours(now) == others, (wanted, at)
                assert leftovers == [], (wanted, at)
        for arguments in absent:
            host.call(lone_strikes.run, module, arguments)
        assert host.call(strikes.files) == []
    assert faults >= 3
    record_property("faults", faults)


def _without_ours(seen: list[str]) -> list[str]:
    """wg9 belongs to somebody else, but has our peer while we test that one."""
    head, *peers = seen[0].split("[Peer]")
    return ["[Peer]".join([head, *(peer for peer in peers if KEYS[0] not in peer)]).rstrip(), *seen[1:]]


def test_these_are_at_least_two_hundred_faults() -> None:
    assert ALL_WALKS * FAULTS_PER_WALK >= 200
