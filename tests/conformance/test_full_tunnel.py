# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A full tunnel as one option, with packets: all goes through it but its own packets and what has a longer route."""

from __future__ import annotations

import contextlib
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.tests.conformance.gateway_places import (
    ASK,
    ECHO,
    INTERNET,
    LAN6,
    PUBLIC,
    PYTHON,
    Places,
    places,
)
from ansible_collections.cryptokey.wireguard.tests.integration.interface_calls import ABSENT, apply, picture
from ansible_collections.cryptokey.wireguard.tests.integration.stacks import UNDERLAY, Ping, Stack

pytestmark = pytest.mark.usefixtures("backend")


@pytest.fixture
def three() -> t.Iterator[Places]:
    with places() as made:
        yield made


def device_towards(host: Stack, address: str, *more: str) -> str:
    words = host.out("ip", "route", "get", address, *more).split()
    return words[words.index("dev") + 1]


def surroundings(host: Stack) -> list[str]:
    """What the arrangement touches, as the system's own programs show it."""
    commands = (
        ["ip", "rule"],
        ["ip", "-6", "rule"],
        ["ip", "route", "show", "table", "all"],
        ["sysctl", "net.ipv4.conf.all.src_valid_mark"],
        ["nft", "list", "ruleset"],
    )
    texts = (host.out(*command) for command in commands)
    own = ("local ", "broadcast ", "anycast ", "multicast ", "fe80:")
    return ["\n".join(line for line in text.splitlines() if not line.startswith(own)) for text in texts]


def answered(host: Stack, target: str, packets: t.Any, *, count: int = 20) -> int:
    sent, received = Ping(host, target, count=count, interval=0.02).result()
    packets.sent(sent)
    return received


def test_everything_but_the_encrypted_packets_and_the_lan_goes_through_the_tunnel(three, packets):
    client, exit_host = three.client, three.exit
    exit_host.call(apply, {**three.exit_arguments, **three.masquerading})
    # The sharpest filter that a client may have: the answers of the endpoint have to get their mark back.
    client.run("sysctl", "-qw", "net.ipv4.conf.all.rp_filter=1")
    client.call(apply, three.client_arguments)
    with contextlib.ExitStack() as servers:
        for target, source in ((INTERNET[4], f"{UNDERLAY}.3"), (INTERNET[6], f"{LAN6}::3")):
            server = servers.enter_context(three.running(three.provider, ECHO, target))
            assert device_towards(client, target) == "wg0"
            client.run(*PYTHON, ASK, target)
            packets.sent(1)
            assert server.stdout.readline().strip() == source, "it did not leave by the exit"
        assert device_towards(client, PUBLIC[4], "mark", "51820") == "eth0"
        assert device_towards(client, f"{UNDERLAY}.1") == "eth0"
        before = client.out("cat", "/sys/class/net/wg0/statistics/tx_packets")
        assert answered(client, f"{UNDERLAY}.1", packets) == 20
        assert client.out("cat", "/sys/class/net/wg0/statistics/tx_packets") == before, (
            "the LAN went through the tunnel"
        )
        # Without the rules in the table a strict filter drops what the endpoint sends: they are what lets it in.
        client.run("nft", "delete", "table", "inet", "cryptokey-wg0")
        assert answered(client, INTERNET[4], packets, count=10) == 0
        assert client.call(apply, three.client_arguments)[1] == [
            "make nftables table inet cryptokey-wg0: +recall the mark of wg0, +remember the mark of wg0"
        ]
        assert answered(client, INTERNET[4], packets, count=10) > 0


def test_the_arrangement_comes_and_goes_as_a_whole(three):
    client = three.client
    before = surroundings(client)
    plain = {**three.client_arguments, "full_tunnel": False, "routing": "off"}
    client.call(apply, plain)
    without = surroundings(client), client.call(picture)
    for arguments in ({**three.client_arguments, "routing": "auto"}, plain):
        promised = client.call(_check, arguments)
        changed, actions = client.call(apply, arguments)
        assert changed
        assert promised == (True, actions)
        assert client.call(apply, arguments) == (False, [])
        assert client.call(_check, arguments) == (False, [])
        if arguments["full_tunnel"]:
            assert "set fwmark 0xca6c" in actions
            assert "set net.ipv4.conf.all.src_valid_mark to 1" in actions
            assert surroundings(client) != without[0]
            assert client.out("wg", "show", "wg0", "fwmark").strip() == "0xca6c"
    assert surroundings(client) == without[0]
    assert client.out("wg", "show", "wg0", "fwmark").strip() == "off"
    client.call(apply, three.client_arguments | {"routing": "auto"})
    client.call(apply, ABSENT)
    assert surroundings(client) == before


def _check(arguments: dict[str, t.Any]) -> tuple[bool, list[str]]:
    return apply(arguments, check=True)


def test_one_more_peer_leaves_the_arrangement_as_it_is(three):
    client = three.client
    client.call(apply, three.client_arguments)
    before = surroundings(client)
    more = {"peers": [{"public_key": "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=", "allowed_ips": []}]}
    changed, actions = client.call(apply, more)
    assert changed
    assert all("peer" in action or "record" in action for action in actions)
    assert surroundings(client) == before


def test_the_next_free_mark_is_taken_where_somebody_has_the_first(three):
    client = three.client
    client.run("ip", "route", "add", "unreachable", "10.255.0.0/16", "table", "51820")
    client.run("ip", "rule", "add", "fwmark", "51821", "lookup", "main", "priority", "99")
    client.call(apply, three.client_arguments)
    assert client.out("wg", "show", "wg0", "fwmark").strip() == hex(51822)
    assert "10.255.0.0/16" in client.out("ip", "route", "show", "table", "51820")
    assert client.call(apply, three.client_arguments) == (False, [])
