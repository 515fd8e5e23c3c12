# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an exit does with packets beside routing them, with packets: translation, segment sizes, the open port."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._memory import Faults
from ansible_collections.cryptokey.wireguard.tests.conformance.gateway_places import (
    ASK,
    CONNECT,
    ECHO,
    INTERNET,
    LAN6,
    LISTEN,
    PYTHON,
    WATCH_MSS,
    Places,
    places,
)
from ansible_collections.cryptokey.wireguard.tests.integration.interface_calls import ABSENT, KEY_A, apply, picture
from ansible_collections.cryptokey.wireguard.tests.integration.stacks import UNDERLAY, Failed, Ping, Stack, stack

pytestmark = pytest.mark.usefixtures("backend")

FOREIGN = """
table inet filter {
  chain input {
    type filter hook input priority 0; policy drop;
    iif "lo" accept comment "theirs"
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
  }
  chain forward {
    type filter hook forward priority 0; policy accept;
    counter
  }
}
table ip cryptokey-wg0 {
  chain other {
  }
}
"""
GATEWAY = {"masquerade": {"ipv4": ["eth0"], "ipv6": ["eth0"]}, "clamp_mss": True}
PLAIN: dict[str, t.Any] = {"masquerade": {}, "clamp_mss": False, "open_port": "off"}
SYN, SYN_ACK = "2", "18"


@pytest.fixture
def three() -> t.Iterator[Places]:
    with places() as made:
        yield made


@pytest.fixture
def host() -> t.Iterator[Stack]:
    with stack() as made:
        yield made


def planned(arguments: dict[str, t.Any]) -> tuple[bool, list[str]]:
    return apply(arguments, check=True)


def agreed(place: Stack, arguments: dict[str, t.Any]) -> list[str]:
    """In check mode, for real, and again: the same promise, and nothing left to do."""
    promised = place.call(planned, arguments)
    done = place.call(apply, arguments)
    assert done == promised
    assert place.call(apply, arguments) == place.call(planned, arguments) == (False, [])
    return done[1]


def table(place: Stack) -> list[str]:
    """The comments of the rules in the interface's own table; none where there is no table."""
    listed = place.run("nft", "-j", "list", "table", "inet", "cryptokey-wg0", check=False)
    entries = json.loads(listed.stdout)["nftables"] if listed.returncode == 0 else []
    return [entry["rule"]["comment"] for entry in entries if "rule" in entry]


def others(place: Stack) -> str:
    """Everybody else's rules, as nft shows them."""
    return "".join(place.out("nft", "list", "table", *name.split()) for name in ("inet filter", "ip cryptokey-wg0"))


def test_what_leaves_by_the_exit_is_translated_and_only_while_it_is_declared(three, packets):
    client, exit_host = three.client, three.exit
    client.call(apply, three.client_arguments)
    exit_host.run("nft", "-f", "-", input=FOREIGN.replace("policy drop", "policy accept"))
    before = others(exit_host)
    actions = agreed(exit_host, {**three.exit_arguments, **GATEWAY})
    place = actions.index(next(action for action in actions if "nftables table" in action))
    assert place < actions.index("switch IPv4 forwarding on"), "it forwarded before it translated"
    for target, source in ((INTERNET[4], f"{UNDERLAY}.3"), (INTERNET[6], f"{LAN6}::3")):
        with three.running(three.provider, ECHO, target) as server:
            client.run(*PYTHON, ASK, target)
            packets.sent(1)
            assert server.stdout.readline().strip() == source
    only = {"masquerade": {"ipv4": ["eth0"]}}
    assert agreed(exit_host, only) == [
        "replace nftables table inet cryptokey-wg0: -masquerade IPv6 from wg0 to eth0",
        "record what is declared",
    ]
    # The client's connection of before is still translated (conntrack), a new one is not.
    sent, received = Ping(client, INTERNET[6], count=3, interval=0.1).result()
    packets.sent(sent)
    assert received == 0
    assert agreed(exit_host, PLAIN)[0].startswith("remove nftables table inet cryptokey-wg0")
    assert table(exit_host) == []
    exit_host.call(apply, {**GATEWAY})
    exit_host.call(apply, ABSENT)
    assert table(exit_host) == []
    assert others(exit_host).replace("packets 0 bytes 0", "") != ""
    assert [line for line in others(exit_host).splitlines() if "counter" not in line] == [
        line for line in before.splitlines() if "counter" not in line
    ]


def test_segments_fit_through_the_tunnel_in_both_directions(three, packets):
    client, exit_host = three.client, three.exit
    # The client stands for a LAN behind it, which knows of no tunnel: its segments would be too large.
    client.call(apply, {**three.client_arguments, "mtu": 1500})
    for clamped in (False, True):
        exit_host.call(apply, {**three.exit_arguments, **GATEWAY, "mtu": 1400, "clamp_mss": clamped})
        for family, headers in ((4, 40), (6, 60)):
            largest = 1400 - headers if clamped else 1500 - headers
            with (
                three.running(three.provider, LISTEN),
                three.running(three.provider, WATCH_MSS, "under", SYN) as asked,
                three.running(client, WATCH_MSS, "wg0", SYN_ACK) as answered,
            ):
                client.run(*PYTHON, CONNECT, INTERNET[family])
                packets.sent(3)
                outward = int(asked.stdout.readline())
                assert outward == largest, f"the SYN of IPv{family} asks for {outward}"
                assert int(answered.stdout.readline()) == (largest if clamped else 1500 - headers)


def test_somebody_who_flushes_the_rules_is_noticed(host):
    host.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "far")
    agreed(host, {"private_key": KEY_A, "addresses": ["10.99.0.1/24"], **GATEWAY})
    rules = table(host)
    assert len(rules) == 5
    for damage in (
        ["flush", "ruleset"],
        ["flush", "table", "inet", "cryptokey-wg0"],
        ["add", "rule", "inet", "cryptokey-wg0", "translate", "accept"],
        ["insert", "rule", "inet", "cryptokey-wg0", "clamp", "drop"],
        ["add", "chain", "inet", "cryptokey-wg0", "more"],
    ):
        host.run("nft", *damage)
        assert host.call(planned, {})[0], damage
        assert len(agreed(host, {})) == 1
        assert table(host) == rules


def test_without_nftables_it_is_refused_before_the_first_change(host):
    host.run("mount", "--bind", "/dev/null", "/usr/sbin/nft")
    before = host.call(picture)
    for option in ({"masquerade": {"ipv4": ["eth0"]}}, {"clamp_mss": True}):
        with pytest.raises(Failed, match=r"no nftables .*install the package nftables"):
            host.call(apply, {"addresses": ["10.99.0.1/24"], **option})
        assert host.call(picture) == before
        assert host.call(planned, {"addresses": ["10.99.0.1/24"], **option})[0]
    # A full tunnel can do without, unless a strict filter asks for it.
    host.call(apply, {"addresses": ["10.99.0.1/24"], "full_tunnel": True})


def test_the_port_is_opened_where_it_is_closed_and_closed_again(three, packets):
    client, exit_host = three.client, three.exit
    client.call(apply, three.client_arguments)
    exit_host.run("nft", "-f", "-", input=FOREIGN)
    before = others(exit_host)
    exit_host.call(apply, {**three.exit_arguments, **three.masquerading})
    sent, received = Ping(client, INTERNET[4], count=3, interval=0.1).result()
    assert received == 0, "the filter lets everything in, so that this shows nothing"
    assert agreed(exit_host, {"open_port": "auto"}) == [
        "open UDP port 51820 in nftables (inet filter input)",
        "record what is declared",
    ]
    again, received = Ping(client, INTERNET[4], count=30, interval=0.2).result()
    packets.sent(sent + again)
    assert received > 0
    # Whoever loads the rules anew loses ours; the next run puts it back.
    exit_host.run("nft", "flush", "chain", "inet", "filter", "input")
    assert agreed(exit_host, {}) == ["open UDP port 51820 in nftables (inet filter input)"]
    exit_host.run("nft", "add", "rule", "inet", "filter", "input", "udp", "dport", "51820", "accept")
    moved = agreed(exit_host, {"listen_port": 51999})
    assert moved.index("open UDP port 51999 in nftables (inet filter input)") < moved.index("set listen port 51999")
    assert moved.index("set listen port 51999") < moved.index("close UDP port 51820 in nftables (inet filter input)")
    exit_host.call(apply, ABSENT)
    left = others(exit_host)
    assert "cryptokey.wireguard" not in left
    assert "udp dport 51820 accept" in left, "somebody else's rule went with ours"
    assert "theirs" in before


def test_where_nothing_filters_nothing_is_opened(host):
    assert not [
        a
        for a in agreed(host, {"private_key": KEY_A, "listen_port": 51820, "open_port": "auto"})
        if a.startswith("open")
    ]
    with pytest.raises(Failed, match=r"open_port: 'nftables' needs a port that stays the same; declare listen_port"):
        host.call(apply, {"name": "wg1", "open_port": "nftables"})
    for choice in ("ufw", "firewalld"):
        with pytest.raises(Failed, match=choice):
            host.call(apply, {"listen_port": 51820, "open_port": choice})


def test_filters_are_put_back_but_for_what_an_administrator_has_set_since(host):
    host.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "far")
    host.run("sysctl", "-qw", "net.ipv4.conf.all.rp_filter=1", "net.ipv4.conf.eth0.rp_filter=1")
    before = host.call(picture)

    def mode(device: str) -> str:
        return host.out("sysctl", "-n", f"net.ipv4.conf.{device}.rp_filter").strip()

    actions = agreed(host, {"private_key": KEY_A, "rp_filter": {"wg0": "loose", "eth0": "loose"}})
    assert "set the reverse path filter of eth0 to loose" in actions
    assert (mode("wg0"), mode("eth0")) == ("2", "2")
    agreed(host, {"rp_filter": {"wg0": "loose"}})
    assert mode("eth0") == "1"
    agreed(host, {"rp_filter": {"eth0": "loose"}})
    host.run("sysctl", "-qw", "net.ipv4.conf.eth0.rp_filter=0")
    host.call(apply, ABSENT)
    assert mode("eth0") == "0", "an administrator's value was overwritten"
    host.run("sysctl", "-qw", "net.ipv4.conf.eth0.rp_filter=1")
    assert host.call(picture) == before
    with pytest.raises(Failed, match=r"rp_filter\.eth0: 'off' has no effect"):
        host.call(apply, {"rp_filter": {"eth0": "off"}})
    with pytest.raises(Failed, match=r"rp_filter\.eth9: is no device"):
        host.call(apply, {"rp_filter": {"eth9": "loose"}})


def _failing(arguments: dict[str, t.Any], at: int, late: bool) -> str:
    """What the error says, empty where nothing failed."""
    faults = Faults()
    faults.arm(at, late=late)
    try:
        apply(arguments, faults=faults)
    except Exception as error:
        return str(error)
    return ""


@pytest.mark.parametrize("late", [False, True])
def test_whatever_fails_all_of_it_is_as_before(host, late, record_property):
    host.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "far")
    host.run("nft", "-f", "-", input=FOREIGN)
    first = {
        "listen_port": 51820,
        "addresses": ["10.99.0.1/24"],
        "masquerade": {"ipv4": ["eth0"]},
        "open_port": "nftables",
        "rp_filter": {"eth0": "loose"},
    }
    second = {
        "listen_port": 51821,
        "masquerade": {"ipv6": ["eth0"]},
        "clamp_mss": True,
        "rp_filter": {"all": "loose"},
        "full_tunnel": True,
    }
    host.call(apply, first)
    before = host.call(picture)
    faults = 0
    for arguments in (second, ABSENT):
        number, error = 0, "none yet"
        while error:
            number += 1
            error = host.call(_failing, arguments, number, late)
            if error:
                assert "fault" in error, error  # of ours; any other one would come again and again
                assert "has been restored" in error, error
                assert "could not be" not in error, error
                assert host.call(picture) == before, f"after change {number}"
        assert number > 5
        faults += number - 1
        host.call(apply, {"state": "absent"})
        host.call(apply, first)
        before = host.call(picture)
    record_property("faults", faults)
