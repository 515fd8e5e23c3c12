# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What never loses a packet: thousands of them across each change, made again and again while they flow.

A test per line of the list that the order of operations rests on (docs/architecture.md: the host side).
"""

from __future__ import annotations

import contextlib
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import (
    DeviceUpdate,
    PeerUpdate,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._host import LinuxHost
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
    PresharedKey,
    PrivateKey,
    PublicKey,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    parse_prefix,
)
from ansible_collections.cryptokey.wireguard.tests.conformance.mesh import (
    KEYS,
    PUBLIC_KEYS,
    Declaration,
    declaration,
    mesh,
    strangers,
)
from ansible_collections.cryptokey.wireguard.tests.integration.interface_calls import apply
from ansible_collections.cryptokey.wireguard.tests.integration.stacks import (
    Ping,
    Stack,
    echo_requests,
    wait_until,
)

PACKETS = 5_000
TURNS = 8


@pytest.fixture(scope="module")
def fleet(backend: str) -> t.Iterator[list[Stack]]:
    with mesh() as hosts:
        yield hosts


def across(
    host: Stack, change: t.Callable[[int], None], *, targets: t.Sequence[str] = ("10.9.0.1",), turns: int = TURNS
) -> tuple[int, int, int]:
    """Change after change, counted from 1, while packets flow to each of the targets: (sent, answered, changes).

    One packet follows the other's answer at once. There are PACKETS of them, and more until there were enough changes.
    """
    sent = answered = done = 0
    while done < turns:
        pings = [Ping(host, target, count=-(-PACKETS // len(targets)), interval=None) for target in targets]
        while any(ping.runs for ping in pings):
            done += 1
            change(done)
        for ping in pings:
            results = ping.result()
            sent, answered = sent + results[0], answered + results[1]
    return sent, answered, done


def nets(first: int, count: int) -> list[str]:
    return [f"10.{first + number // 256}.{number % 256}.0/24" for number in range(count)]


# What the first host is told, turn by turn; odd and even turns where something comes and goes.
LINES: dict[str, t.Callable[[int], Declaration]] = {
    "nothing changes": lambda _turn: declaration(),
    "peers are added": lambda turn: declaration(extra=strangers(turn)),
    "unrelated peers are removed": lambda turn: declaration(extra=strangers(max(0, 50 - turn))),
    "prefixes are added": lambda turn: declaration(prefixes=nets(100, 10 * turn)),
    "prefixes are removed": lambda turn: declaration(prefixes=nets(100, max(0, 300 - 10 * turn))),
    "prefixes move between others": lambda turn: declaration(prefixes=nets(100, 50), owner_of_prefixes=1 + turn % 2),
    "keepalive": lambda turn: declaration(keepalive=25 * (turn % 2)),
    "fwmark": lambda turn: declaration(fwmark=f"{0x70 + turn % 2:#x}"),
    "MTU": lambda turn: declaration(mtu=1420 - 40 * (turn % 2)),
    "addresses": lambda turn: declaration(
        addresses=["10.7.0.1/32", f"10.7.1.{1 + turn % 3}/32", f"fd07::{turn % 2}/64"]
    ),
    "routes": lambda turn: declaration(
        routes=[{"destination": text} for text in ["10.9.0.1/32", *nets(120, 20)][turn % 2 :: 2]]
    ),
    "preshared key of another peer": lambda turn: declaration(extra=with_preshared_key(turn)),
}


def with_preshared_key(turn: int) -> list[Declaration]:
    return [{**peer, "preshared_key": KEYS[turn % 2]} for peer in strangers(1)]


@pytest.mark.parametrize("line", LINES)
def test_no_packet_is_lost_when(fleet, packets, line):
    declared = LINES[line]
    fleet[0].call(apply, declared(0))

    def change(turn: int) -> None:
        changed, _actions = fleet[0].call(apply, declared(turn))
        assert changed is (declared(turn) != declared(turn - 1))

    sent, received, _turns = across(fleet[0], change)
    packets.sent(sent)
    assert received == sent >= PACKETS


def write_again(what: str) -> None:
    """Inside of a host: the same update many times."""
    with contextlib.closing(LinuxHost()) as host:
        driver = host.wireguard("", "wg0")
        for _turn in range(100):
            driver.write(SAME[what])


OWN = (parse_prefix("10.9.0.0/24"), parse_prefix("10.7.0.2/32"))
SECRET = PresharedKey.parse(KEYS[2])
PEER = PublicKey.parse(PUBLIC_KEYS[1])
# What is there already. The engine does not send it; whoever does, by another tool, loses nothing either.
SAME = {
    "the private key": DeviceUpdate(private_key=PrivateKey.parse(KEYS[0])),
    "the preshared key": DeviceUpdate(peers=(PeerUpdate(PEER, preshared_key=SECRET),)),
    "the prefixes": DeviceUpdate(peers=(PeerUpdate(PEER, add_allowed_ips=OWN),)),
    "the fwmark and the keepalive": DeviceUpdate(fwmark=0, peers=(PeerUpdate(PEER, persistent_keepalive=0),)),
}


@pytest.fixture
def with_secret(fleet):
    """A preshared key between the first two hosts, and a session that has it."""
    for number, other in ((0, 1), (1, 0)):
        declared = declaration(number, fwmark="off")
        [peer] = [one for one in declared["peers"] if one["public_key"] == PUBLIC_KEYS[other]]
        fleet[number].call(apply, {**declared, "peers": [{**peer, "preshared_key": KEYS[2]}, *_others(declared, peer)]})
    wait_until(lambda: fleet[0].run("ping", "-c1", "-W1", "10.9.0.1", check=False).returncode == 0, seconds=30)


def _others(declared: Declaration, peer: Declaration) -> list[Declaration]:
    return [other for other in declared["peers"] if other is not peer]


@pytest.mark.parametrize("what", SAME)
def test_no_packet_is_lost_when_a_driver_writes_again(fleet, packets, with_secret, what):
    sent, received, _turns = across(fleet[0], lambda _turn: fleet[0].call(write_again, what), turns=3)
    packets.sent(sent)
    assert received == sent >= PACKETS


MANY = nets(96, 1_000)
TARGETS = (MANY[0], MANY[500], MANY[999])


def test_a_thousand_prefixes_move_between_two_peers_and_every_request_arrives(fleet, packets):
    """At the one owner or at the other. An answer of the former owner may come too late for the source check."""
    targets = [text.replace(".0/24", ".1") for text in TARGETS]
    for host in fleet[1:]:
        for target in targets:
            host.run("ip", "address", "replace", f"{target}/32", "dev", "lo")
    fleet[0].call(apply, declaration(prefixes=MANY))
    already = [echo_requests(host) for host in fleet[1:]]

    def change(turn: int) -> None:
        changed, actions = fleet[0].call(apply, declaration(prefixes=MANY, owner_of_prefixes=1 + turn % 2))
        assert changed
        assert len(actions) < 10, "one step, not one per prefix"

    sent, _answered, _turns = across(fleet[0], change, targets=targets)
    packets.sent(sent)
    arrived = [echo_requests(host) - before for host, before in zip(fleet[1:], already, strict=True)]
    assert sum(arrived) == sent >= PACKETS
    assert min(arrived) > 0, "both owners have had some of the packets"
    fleet[0].call(apply, declaration())
