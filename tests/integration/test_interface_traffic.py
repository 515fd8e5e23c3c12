# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine under traffic: thousands of packets across every change that should lose none."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.tests.integration.interface_calls import (
    KEY_A,
    KEY_B,
    KEY_C,
    apply,
    public_key,
)
from ansible_collections.cryptokey.wireguard.tests.integration.stacks import (
    Ping,
    Stack,
    echo_requests,
    stacks,
    wait_until,
)


@pytest.fixture(scope="module")
def fleet() -> t.Iterator[list[Stack]]:
    """Three hosts in a full mesh; the second and the third both have 10.9.0.1, which belongs to the second."""
    with stacks(3) as hosts:
        for number, host in enumerate(hosts):
            host.call(apply, _mesh(hosts, number))
            host.run("ip", "address", "add", "10.9.0.1/32", "dev", "lo")
        hosts[0].run("ip", "address", "del", "10.9.0.1/32", "dev", "lo")
        for target in ("10.7.0.2", "10.7.0.3", "10.9.0.1"):
            wait_until(lambda target=target: hosts[0].run("ping", "-c1", "-W1", target, check=False).returncode == 0)
        yield hosts


KEYS = [KEY_A, KEY_B, KEY_C]


def _mesh(
    hosts: list[Stack], number: int, *, owner: int = 1, extra: t.Sequence[dict[str, t.Any]] = ()
) -> dict[str, t.Any]:
    """The declaration of one host. owner: who has 10.9.0.0/24."""
    peers = [
        {
            "name": f"host{other + 1}",
            "public_key": public_key(hosts[other], KEYS[other]),
            "endpoint": f"192.0.2.{other + 1}:51820",
            "allowed_ips": [f"10.7.0.{other + 1}/32", *(["10.9.0.0/24"] if other == owner else [])],
        }
        for other in range(3)
        if other != number
    ]
    return {
        "private_key": KEYS[number],
        "listen_port": 51820,
        "addresses": [f"10.7.0.{number + 1}/32"],
        "peers_policy": "exact",
        "peers": [*peers, *extra],
    }


STRANGER = {
    "public_key": "gN65BkIKy1eCE9pP1wdc8ROUtkHLF2PfAqYdyYBz6EA=",
    "endpoint": "192.0.2.99:1",
    "persistent_keepalive": 25,
    "allowed_ips": ["10.8.0.0/16", "10.10.0.0/24"],
}
LESS = {**STRANGER, "allowed_ips": ["10.8.0.0/16"]}


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ({}, {}, False),
        ({}, {"extra": [STRANGER]}, True),
        ({"extra": [STRANGER]}, {"extra": [LESS]}, True),
        ({"extra": [STRANGER]}, {}, True),
    ],
    ids=["re-apply", "peer added", "prefix removed", "unrelated peer removed"],
)
def test_no_packet_is_lost(fleet, packets, before, after, changed):
    fleet[0].call(apply, _mesh(fleet, 0, **before))
    pings = [Ping(fleet[0], target, count=1500) for target in ("10.9.0.1", "10.7.0.3")]
    _apply_and_repeat(fleet, after, changed)
    results = [ping.result() for ping in pings]
    packets.sent(sum(sent for sent, _received in results))
    assert [sent - received for sent, received in results] == [0, 0]


@pytest.mark.parametrize(
    ("before", "after"),
    [({"owner": 1}, {"owner": 2}), ({"owner": 2}, {"owner": 1, "extra": [STRANGER]})],
    ids=["prefix moved", "moved back, peer added"],
)
def test_every_packet_finds_an_owner_while_its_prefix_moves(fleet, packets, before, after):
    """Whatever is sent arrives, at the one owner or at the other.

    An answer that the former owner has sent and that comes in after the move has a source that is no longer its own:
    WireGuard's source check drops it, whoever moves the prefix and however. Those are packets that were under way at
    one moment, so they are neighbours; a prefix that blinks would lose requests, too.
    """
    fleet[0].call(apply, _mesh(fleet, 0, **before))
    already = [echo_requests(host) for host in fleet[1:]]
    moved, unmoved = (Ping(fleet[0], target, count=1500) for target in ("10.9.0.1", "10.7.0.3"))
    _apply_and_repeat(fleet, after, True)
    (sent, _answered), other = moved.result(), unmoved.result()
    packets.sent(sent + other[0])
    arrived = [echo_requests(host) - before for host, before in zip(fleet[1:], already, strict=True)]
    assert sum(arrived) == sent + other[0]
    assert min(arrived[0], arrived[1] - other[0]) > 0, "both owners have had some of the packets"
    assert other[0] == other[1]
    late = moved.unanswered
    assert late == list(range(late[0], late[-1] + 1)) if late else True


def _apply_and_repeat(fleet: list[Stack], after: dict[str, t.Any], changed: bool) -> None:
    assert fleet[0].call(apply, _mesh(fleet, 0, **after))[0] is changed
    for _turn in range(3):
        assert fleet[0].call(apply, _mesh(fleet, 0, **after)) == (False, [])


def test_the_pings_of_these_tests_notice_a_list_that_is_replaced(fleet, packets):
    """The measurement has to be able to fail: this is what `wg set allowed-ips` does to a list of some length."""
    fleet[0].call(apply, _mesh(fleet, 0))
    ping = Ping(fleet[0], "10.9.0.1", count=1500)
    key = public_key(fleet[1], KEY_B)
    many = ",".join(f"10.{20 + number // 256}.{number % 256}.0/24" for number in range(3000))
    for _turn in range(40):
        fleet[0].run("wg", "set", "wg0", "peer", key, "allowed-ips", f"{many},10.9.0.0/24,10.7.0.2/32")
    sent, received = ping.result()
    packets.sent(sent)
    assert received < sent
    fleet[0].call(apply, _mesh(fleet, 0))


def test_an_endpoint_that_roamed_is_left_alone(fleet, packets):
    """Setting the declared one again would cut the peer off until it speaks."""
    declaration = _mesh(fleet, 0)
    fleet[0].call(apply, declaration)
    fleet[1].run("wg", "set", "wg0", "listen-port", "51999")
    wait_until(lambda: fleet[1].run("ping", "-c1", "-W1", "10.7.0.1", check=False).returncode == 0)
    assert "192.0.2.2:51999" in fleet[0].out("wg", "show", "wg0", "endpoints")
    ping = Ping(fleet[0], "10.7.0.2", count=200, interval=0.01)
    assert fleet[0].call(apply, declaration) == (False, [])
    sent, received = ping.result()
    packets.sent(sent)
    assert sent == received
    changed, actions = fleet[0].call(apply, {**declaration, "endpoint_policy": "enforce"})
    assert changed
    assert "endpoint 192.0.2.2:51820" in actions[0]
    fleet[1].call(apply, _mesh(fleet, 1))


def test_an_engine_that_ended_is_started_again(packets):
    with stacks(2) as hosts:
        keys = [public_key(hosts[0], key) for key in KEYS[:2]]
        for number, host in enumerate(hosts):
            other = 1 - number
            peer = {"public_key": keys[other], "endpoint": f"192.0.2.{other + 1}:51820"}
            declaration = {
                "private_key": KEYS[number],
                "listen_port": 51820,
                "addresses": [f"10.7.0.{number + 1}/32"],
                "peers": [{**peer, "allowed_ips": [f"10.7.0.{other + 1}/32"]}],
            }
            host.call(apply, declaration)
        hosts[1].run("pkill", "-KILL", "wireguard-go")
        wait_until(lambda: hosts[1].run("ip", "link", "show", "wg0", check=False).returncode != 0)
        changed, actions = hosts[1].call(apply, declaration)
        assert changed
        assert any(action.startswith("create interface wg0") for action in actions)
        wait_until(lambda: hosts[0].run("ping", "-c1", "-W1", "10.7.0.2", check=False).returncode == 0, seconds=30)
        packets.sent(1)


def test_a_device_in_a_namespace_keeps_its_socket_outside(packets):
    with stacks(2) as hosts:
        hosts[0].run("ip", "netns", "add", "blue")
        keys = [public_key(hosts[0], key) for key in KEYS[:2]]
        inside = {
            "namespace": "blue",
            "private_key": KEY_A,
            "listen_port": 51820,
            "addresses": ["10.7.0.1/32"],
            "peers": [{"public_key": keys[1], "endpoint": "192.0.2.2:51820", "allowed_ips": ["0.0.0.0/0"]}],
        }
        outside = {
            "private_key": KEY_B,
            "listen_port": 51820,
            "addresses": ["10.7.0.2/32"],
            "peers": [{"public_key": keys[0], "allowed_ips": ["10.7.0.1/32"]}],
        }
        hosts[0].call(apply, inside)
        hosts[1].call(apply, outside)
        assert hosts[0].call(apply, inside) == (False, [])
        answer = hosts[0].run("ip", "netns", "exec", "blue", "ping", "-c3", "-W5", "-i0.2", "10.7.0.2")
        packets.sent(3)
        assert " 0% packet loss" in answer.stdout
        assert "wg0" not in hosts[0].out("ip", "link")
        assert "51820" in hosts[0].out("ss", "-lun")
        assert hosts[0].call(apply, {"namespace": "blue", "state": "absent"})[0]
        assert hosts[0].call(apply, {"namespace": "blue", "state": "absent"}) == (False, [])
        assert "wg0" not in hosts[0].out("ip", "-n", "blue", "link")
