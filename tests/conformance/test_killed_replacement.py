# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that is killed while it makes a device again: the next one brings back what only the old device had."""

from __future__ import annotations

import pathlib
import subprocess
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.tests.conformance import strikes
from ansible_collections.cryptokey.wireguard.tests.conformance.test_faults import ALL_WALKS, ELSEWHERE, WALKS, furnished
from ansible_collections.cryptokey.wireguard.tests.integration.interface_calls import (
    KEY_A,
    KEY_B,
    SECRET,
    STATE,
    apply,
    public_key,
)
from ansible_collections.cryptokey.wireguard.tests.integration.stacks import Killed, Stack, stacks, wait_until
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.module_utils.declarations import KEYS

pytestmark = pytest.mark.usefixtures("backend")
# As with the walks: where CI has no time for all of them, every third change has to do.
EVERY = 1 if WALKS == ALL_WALKS else 3
SOME = {"peers": [{"public_key": KEYS[1], "allowed_ips": ["10.2.0.0/16"]}]}


def whole(other: str) -> dict[str, t.Any]:
    """Declared by an earlier run. other: the public key of a peer that later ones do not mention."""
    kept = {
        "public_key": other,
        "preshared_key": SECRET,
        "endpoint": "192.0.2.1:51820",
        "persistent_keepalive": 25,
        "allowed_ips": ["10.7.0.1/32", "10.1.0.0/16", "fd01::/64"],
    }
    return {
        "private_key": KEY_B,
        "listen_port": 51820,
        "fwmark": "0x10",
        "mtu": 1380,
        "addresses": ["10.7.0.2/32", "10.0.0.1/24", "10.0.0.2/24"],
        "peers_policy": "exact",
        "peers": [kept, *SOME["peers"]],
    }


def configuration() -> list[str]:
    """Keys included, whatever order an engine has peers in; with the addresses, the MTU and the routes into it."""

    def lines(command: str) -> list[str]:
        return subprocess.run(command.split(), check=True, capture_output=True, text=True).stdout.splitlines()

    parts = "\n".join(lines("wg showconf wg0")).split("[Peer]")
    peers = sorted(" ".join(sorted(part.replace(",", " ").split())) for part in parts)
    addresses = [line.split()[3] for line in lines("ip -o address show dev wg0")]
    link = lines("ip -o link show dev wg0")[0].split()
    routes = [line.strip() for family in "46" for line in lines(f"ip -{family} route show dev wg0")]
    return [*peers, *addresses, link[link.index("mtu") + 1], *routes]


def prepare(before: dict[str, t.Any]) -> None:
    """Somebody has a route into the device, and nothing but the device has its private key."""
    apply({"state": "absent", "keep_private_key": False})
    assert strikes.files() == []
    apply(before)
    subprocess.run("ip route add 10.205.0.0/16 dev wg0 proto static".split(), check=True)
    pathlib.Path(STATE, "@", "wg0.key").unlink()


def outcome(after: dict[str, t.Any]) -> list[t.Any]:
    """What the next run comes to: the configuration, what one more would still do, what is left over."""
    _there, still_to_do = strikes.repaired(after)
    return [configuration(), still_to_do, strikes.leftovers()]


def replaced(host: Stack, twin: Stack, before: dict[str, t.Any], after: dict[str, t.Any]) -> t.Iterator[int]:
    """Kills the run at each of its changes in turn, before it takes effect and after by turns; then compares."""
    twin.call(prepare, before)
    smooth = twin.call(strikes.smoothly, after)
    wanted = twin.call(configuration)
    assert SECRET in str(wanted)
    assert "10.205.0.0/16" in str(wanted)
    for at in range(1, smooth.all_changes + 1, EVERY):
        host.call(prepare, before)
        with pytest.raises(Killed):
            host.call_apart(strikes.struck, after, "killed", at, bool(at % 2))
        assert host.call(outcome, after) == [wanted, [], []], at
        yield at


def test_the_socket_moves_and_a_peer_of_an_earlier_run_still_answers(record_property, packets) -> None:
    """Killed at each change of a run that makes the device again where the underlay is."""
    with stacks(3) as (peer, host, twin):
        keys = [public_key(peer, key) for key in (KEY_A, KEY_B)]
        there = {"public_key": keys[1], "preshared_key": SECRET, "allowed_ips": ["10.7.0.2/32"]}
        peer.call(apply, {"private_key": KEY_A, "listen_port": 51820, "addresses": ["10.7.0.1/32"], "peers": [there]})
        for each in (host, twin):
            each.run("ip", "netns", "add", "blue")
        before, faults = {**whole(keys[0]), "socket_namespace": "blue"}, 0
        for _at in replaced(host, twin, before, {**SOME, "socket_namespace": ""}):
            wait_until(lambda: host.run("ping", "-c1", "-W1", "10.7.0.1", check=False).returncode == 0, seconds=20)
            packets.sent(1)
            faults += 1
        assert faults * EVERY > 20
        record_property("faults", faults)


def cleared(gone: dict[str, t.Any]) -> list[list[str]]:
    left = strikes.leftovers()
    foreseen = apply(gone, check=True)[1]
    still_left = strikes.leftovers()
    apply(gone)
    return [left, foreseen, still_left, strikes.leftovers() + strikes.files()]


def test_whatever_is_declared_next_clears_away_what_was_not_moved_yet() -> None:
    """A device that is born elsewhere and whose run was killed; in check mode it is said and left."""
    seen = 0
    with furnished() as host, furnished() as twin:
        smooth = twin.call(strikes.smoothly, ELSEWHERE)
        gone = {"namespace": "blue", "state": "absent", "keep_private_key": False}
        for at in range(1, smooth.all_changes + 1):
            with pytest.raises(Killed):
                host.call_apart(strikes.struck, ELSEWHERE, "killed", at, True)
            left, foreseen, still_left, after = host.call(cleared, gone)
            assert left == still_left, "check mode touches nothing"
            assert any("has left" in line for line in foreseen) == bool(left), (at, left, foreseen)
            assert after == [], at
            seen += bool(left)
    assert seen
