# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The MTU that follows from the ways to the endpoints, on real routes and devices."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.tests.integration.interface_calls import KEY_A, KEY_B, apply
from ansible_collections.cryptokey.wireguard.tests.integration.stacks import Stack, stack

pytestmark = pytest.mark.usefixtures("backend")

A = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="
B = "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0="


@pytest.fixture
def host() -> t.Iterator[Stack]:
    """Two ways out: eth0 of 1500 with IPv4 and IPv6, eth1 of 1400 with a network behind it."""
    with stack() as made:
        for device, mtu in (("eth0", "1500"), ("eth1", "1400")):
            made.ip(
                f"link add {device} mtu {mtu} type veth peer name {device}-far",
                f"link set {device}-far up",
                f"link set {device} up",
            )
        made.ip(
            "address add 192.0.2.2/24 dev eth0",
            "address add fd00:2::2/64 dev eth0 nodad",
            "address add 198.51.100.2/24 dev eth1",
        )
        yield made


def planned(arguments: dict[str, t.Any]) -> tuple[bool, list[str]]:
    return apply(arguments, check=True)


def mtu(host: Stack, device: str = "wg0") -> int:
    return int(host.out("cat", f"/sys/class/net/{device}/mtu"))


def declared(*endpoints: str | None, **more: t.Any) -> dict[str, t.Any]:
    peers = [
        {"public_key": key, "endpoint": endpoint, "allowed_ips": [f"10.0.{number}.0/24"]}
        for number, (key, endpoint) in enumerate(zip((A, B), endpoints, strict=False))
    ]
    return {"private_key": KEY_A, "addresses": ["10.9.0.1/24"], "peers_policy": "exact", "peers": peers, **more}


def settled(host: Stack, arguments: dict[str, t.Any]) -> int:
    """In check mode, for real, and again; then the MTU."""
    assert host.call(planned, arguments) == host.call(apply, arguments)
    assert host.call(apply, arguments) == host.call(planned, arguments) == (False, [])
    return mtu(host)


def test_the_narrowest_way_decides(host):
    assert settled(host, declared()) == 1420
    assert settled(host, declared("192.0.2.9:51820")) == 1440
    assert settled(host, declared("[fd00:2::9]:51820")) == 1420
    assert settled(host, declared("192.0.2.9:51820", "198.51.100.9:51820")) == 1340
    # Nobody knows a way to this one, which says nothing about the tunnel.
    assert settled(host, declared("203.0.113.9:51820")) == 1340
    assert settled(host, declared()) == 1420
    assert settled(host, declared("198.51.100.9:51820", mtu=1300)) == 1300
    assert settled(host, declared("198.51.100.9:51820")) == 1340
    changed, actions = host.call(apply, declared("192.0.2.9:51820"))
    assert changed
    assert "set MTU 1440 (eth0 has 1500 towards 192.0.2.9, less 60)" in actions


def test_a_routes_own_mtu_counts_and_a_learned_one_does_not(host):
    host.run("ip", "route", "add", "203.0.113.0/24", "via", "192.0.2.1", "mtu", "1300")
    host.run("ip", "route", "add", "203.0.114.0/24", "via", "192.0.2.1", "mtu", "lock", "1290")
    assert settled(host, declared("203.0.113.9:51820")) == 1240
    assert settled(host, declared("203.0.114.9:51820")) == 1230
    host.run("ip", "route", "change", "203.0.113.0/24", "via", "192.0.2.1")
    assert settled(host, declared("203.0.113.9:51820")) == 1440


def test_nested_tunnels_add_up_and_a_full_tunnel_looks_beside_itself(host):
    assert settled(host, declared("192.0.2.9:51820", full_tunnel=False)) == 1440
    inner = {
        "name": "wg1",
        "private_key": KEY_B,
        "addresses": ["10.8.0.1/24"],
        "peers": [{"public_key": B, "endpoint": "10.0.0.9:51820", "allowed_ips": ["10.8.0.9/32"]}],
    }
    host.call(apply, inner)
    assert mtu(host, "wg1") == 1440 - 60
    full = declared("192.0.2.9:51820", full_tunnel=True)
    full["peers"][0]["allowed_ips"] = ["0.0.0.0/0"]
    host.run("ip", "route", "add", "default", "via", "198.51.100.1")
    full["peers"][0]["endpoint"] = "203.0.113.9:51820"
    assert settled(host, full) == 1340


def test_a_peer_that_roams_changes_nothing(host):
    arguments = declared("192.0.2.9:51820")
    host.call(apply, arguments)
    host.run("wg", "set", "wg0", "peer", A, "endpoint", "198.51.100.9:4711")
    assert host.call(apply, arguments) == (False, [])
    assert mtu(host) == 1440


def test_somebody_elses_interface_keeps_its_mtu(host):
    host.call(apply, declared("198.51.100.9:51820", mtu=1380))
    host.run("rm", "-r", "/run/state")
    host.call(apply, declared("198.51.100.9:51820"))
    assert mtu(host) == 1380


def test_ipv6_inside_needs_1280(host):
    host.run("ip", "link", "set", "eth1", "mtu", "1300")
    assert settled(host, declared("198.51.100.9:51820")) == 1240
    assert settled(host, declared("198.51.100.9:51820", addresses=["10.9.0.1/24", "fd09::1/64"])) == 1280
