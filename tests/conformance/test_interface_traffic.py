# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prefixes that move, peers that roam and sockets outside of the namespace, all with packets on their way."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.tests.conformance.mesh import (
    PUBLIC_KEYS,
    declaration,
    mesh,
    strangers,
)
from ansible_collections.cryptokey.wireguard.tests.integration.interface_calls import (
    KEY_A,
    KEY_B,
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
def fleet(backend: str) -> t.Iterator[list[Stack]]:
    with mesh() as hosts:
        yield hosts


@pytest.mark.parametrize(
    ("before", "after"),
    [({"owner": 1}, {"owner": 2}), ({"owner": 2}, {"owner": 1, "extra": strangers(1)})],
    ids=["prefix moved", "moved back, peer added"],
)
def test_every_packet_finds_an_owner_while_its_prefix_moves(fleet, packets, before, after):
    """Whatever is sent arrives, at the one owner or at the other.

    An answer that the former owner has sent and that comes in after the move has a source that is no longer its own:
    WireGuard's source check drops it, whoever moves the prefix and however. Those are packets that were under way at
    one moment, so they are neighbours; a prefix that blinks would lose requests, too.
    """
    fleet[0].call(apply, declaration(**before))
    already = [echo_requests(host) for host in fleet[1:]]
    moved = Ping(fleet[0], "10.9.0.1", count=2500)
    former = before["owner"] - 1
    wait_until(lambda: echo_requests(fleet[1:][former]) > already[former])
    unmoved = Ping(fleet[0], "10.7.0.3", count=2500)
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
    assert fleet[0].call(apply, declaration(**after))[0] is changed
    for _turn in range(3):
        assert fleet[0].call(apply, declaration(**after)) == (False, [])


def test_the_pings_of_these_tests_notice_a_list_that_is_replaced(fleet, packets):
    """The measurement has to be able to fail: this is what `wg set allowed-ips` does to a list of some length."""
    fleet[0].call(apply, declaration())
    ping = Ping(fleet[0], "10.9.0.1", count=1500)
    key = public_key(fleet[1], KEY_B)
    many = ",".join(f"10.{20 + number // 256}.{number % 256}.0/24" for number in range(3000))
    for _turn in range(40):
        fleet[0].run("wg", "set", "wg0", "peer", key, "allowed-ips", f"{many},10.9.0.0/24,10.7.0.2/32")
    sent, received = ping.result()
    packets.sent(sent)
    assert received < sent
    fleet[0].call(apply, declaration())


def test_an_endpoint_that_roamed_is_left_alone(fleet, packets):
    """Setting the declared one again would cut the peer off until it speaks."""
    declared = declaration()
    fleet[0].call(apply, declared)
    fleet[1].run("wg", "set", "wg0", "listen-port", "51999")
    wait_until(lambda: fleet[1].run("ping", "-c1", "-W1", "10.7.0.1", check=False).returncode == 0)
    assert "192.0.2.2:51999" in fleet[0].out("wg", "show", "wg0", "endpoints")
    ping = Ping(fleet[0], "10.7.0.2", count=200, interval=0.01)
    assert fleet[0].call(apply, declared) == (False, [])
    sent, received = ping.result()
    packets.sent(sent)
    assert sent == received
    changed, actions = fleet[0].call(apply, {**declared, "endpoint_policy": "enforce"})
    assert changed
    assert "endpoint 192.0.2.2:51820" in actions[0]
    fleet[1].call(apply, declaration(1))


def test_a_device_in_a_namespace_keeps_its_socket_outside(backend, packets):
    with stacks(2) as hosts:
        hosts[0].run("ip", "netns", "add", "blue")
        keys = PUBLIC_KEYS
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
