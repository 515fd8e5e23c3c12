# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that is refused, with its path, value, reason and remedy; what is normalised, with its warning."""

from __future__ import annotations

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared import STATE_DIRECTORY
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Route, Rule
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.module_utils.declarations import (
    KEYS,
    PRIVATE_KEYS,
    declared,
)

ONE, OTHER = KEYS[0], KEYS[1]

BAD = [
    ({"name": "wg%d"}, "name: 'wg%d' has '%' in it"),
    ({"name": "wg-\u00e0"}, "name: 'wg-\u00e0' has characters in it that the kernel refuses"),
    ({"name": "all"}, "name: 'all' is a name that the kernel keeps for itself"),
    ({"addresses": ["10.0.0.1", "224.0.0.5"]}, "addresses[1]: '224.0.0.5' is multicast, which belongs to no host"),
    ({"addresses": ["::1"]}, "addresses[0]: '::1' is the loopback address"),
    ({"private_key_file": "wg0.key"}, "private_key_file: 'wg0.key' is not the absolute path of a file"),
    ({"peers": [{"public_key": KEYS[0], "name": "a\x1b[2Jb"}]}, "peers[0].name: 'a\\x1b[2Jb' has characters"),
    ({"name": "a" * 16}, "name: 'aaaaaaaaaaaaaaaa' is 16 bytes long; the kernel takes 15 (IFNAMSIZ); use 1 to"),
    ({"name": "wg/0"}, "name: 'wg/0' has '/' in it, which no device name may have; use 1 to 15 letters"),
    ({"name": ""}, "name: '' is empty; use 1 to 15"),
    ({"namespace": "a/b"}, "namespace: 'a/b' is not the name of a network namespace"),
    ({"namespace": "@"}, "namespace: '@' is not the name of a network namespace"),
    ({"socket_namespace": ".."}, "socket_namespace: '..' is not the name of a network namespace"),
    ({"private_key": "short"}, "private_key: this is not a private key: not valid base64"),
    ({"private_key": "A" * 43 + "="}, "private_key: this is not a private key: it is all zero"),
    ({"listen_port": 65536}, "listen_port: 65536 is not a port; use a number from 0 to 65535"),
    ({"listen_port": -1}, "listen_port: -1 is not a port"),
    ({"fwmark": "0xfffffffff"}, "fwmark: '0xfffffffff' is not a fwmark; use a number such as 51820 or 0xca6c, or off"),
    ({"fwmark": "٣"}, "fwmark: '٣' is not a fwmark"),
    ({"mtu": 575}, "mtu: 575 is not an MTU; use a number from 576 to 65535"),
    (
        {"mtu": 1279, "addresses": ["10.0.0.1/24", "fd00::1/64"]},
        "mtu: 1279 is too small for the IPv6 address addresses[1]",
    ),
    ({"addresses": ["10.0.0.300/24"]}, "addresses[0]: '10.0.0.300/24' is not an IPv4 address"),
    ({"addresses": ["10.0.0.1/33"]}, "addresses[0]: '10.0.0.1/33' has no valid prefix length"),
    ({"addresses": ["10.0.0.1/24", "10.0.0.1/32"]}, "addresses[1]: '10.0.0.1/32' is the same address as addresses[0]"),
    ({"table": "blue"}, "table: 'blue' is not a routing table; use main, default or a number"),
    ({"metric": -1}, "metric: -1 is not a metric"),
    ({"routing": "off", "routes": [{"destination": "10.0.0.0/8"}]}, "routes: is given although routing is off"),
    ({"routes": [{"destination": "10.0.0.0/33"}]}, "routes[0].destination: '10.0.0.0/33' has no valid prefix length"),
    (
        {"routes": [{"destination": "10.0.0.0/8", "gateway": "fd00::1"}]},
        "routes[0].gateway: 'fd00::1' is not an IPv4 address like the destination",
    ),
    (
        {"routes": [{"destination": "10.0.0.0/8", "gateway": "10.0.0.1", "type": "blackhole"}]},
        "routes[0].gateway: '10.0.0.1' makes no sense on a route of type blackhole",
    ),
    (
        {"routes": [{"destination": "10.0.0.0/8", "table": "local"}]},
        "routes[0].table: 'local' is the kernel's own table",
    ),
    (
        {"routes": [{"destination": "10.0.0.0/8"}, {"destination": "10.0.0.0/8", "type": "blackhole"}]},
        "routes[1]: 'blackhole 10.0.0.0/8' has the destination, table and metric of routes[0]",
    ),
    ({"rules": [{"priority": 0}]}, "rules[0].priority: 0 is the priority of one of the kernel's own rules"),
    ({"rules": [{"priority": None}]}, "rules[0].priority: is not a priority"),
    (
        {"rules": [{"priority": 5, "from": "10.0.0.0/8", "to": "fd00::/8"}]},
        "rules[0].to: 'fd00::/8' is of another family",
    ),
    ({"rules": [{"priority": 5, "iif": "x" * 16}]}, "rules[0].iif: 'xxxxxxxxxxxxxxxx' is 16 bytes long"),
    ({"rules": [{"priority": 5}, {"priority": 5}]}, "rules[1]: 'IPv4 5: from all lookup 254' is there twice"),
    (
        {"rules": [{"priority": 5, "from": "10.0.0.0/8", "suppress_prefixlength": 33}]},
        "rules[0].suppress_prefixlength: 33 is not a prefix length; use a number from 0 to 32",
    ),
    ({"peers": [{"public_key": "x" * 44}]}, "peers[0].public_key: this is not a public key"),
    ({"peers": [{"public_key": ONE, "preshared_key": "no"}]}, "peers[0].preshared_key: this is not a preshared key"),
    ({"peers": [{"public_key": ONE}, {"public_key": ONE}]}, "peers[1].public_key: is the key of peers[0]"),
    ({"peers": [{"public_key": ONE, "endpoint": "example.org"}]}, "peers[0].endpoint: 'example.org' has no port"),
    (
        {"peers": [{"public_key": ONE, "endpoint": "a:0"}]},
        "peers[0].endpoint: 'a:0' is not an endpoint: '0' is not a port",
    ),
    (
        {"peers": [{"public_key": ONE, "persistent_keepalive": 65536}]},
        "peers[0].persistent_keepalive: 65536 is not a keepalive interval",
    ),
    (
        {"peers": [{"public_key": ONE, "allowed_ips": ["10.0.0.0/24", "10.0.0.0/+8"]}]},
        "peers[0].allowed_ips[1]: '10.0.0.0/+8' has no valid prefix length",
    ),
    (
        {"peers": [{"public_key": ONE, "allowed_ips": ["::ffff:10.0.0.0/120"]}]},
        (
            "peers[0].allowed_ips[0]: '::ffff:10.0.0.0/120' is an IPv4-mapped IPv6 address, which no IPv4 packet ever "
            "matches; write 10.0.0.0/24"
        ),
    ),
    (
        {
            "peers": [
                {"public_key": ONE, "name": "fra1", "allowed_ips": ["10.0.0.0/24"]},
                {"public_key": OTHER, "name": "nyc1", "allowed_ips": ["fd00::/8", "10.0.0.9/24"]},
            ]
        },
        (
            f"peers[1].allowed_ips[1]: '10.0.0.0/24' is given to two peers: peers[0] (fra1 ({ONE[:8]})) and peers[1] "
            f"(nyc1 ({OTHER[:8]})); only the last one would get its packets; leave it with one of them"
        ),
    ),
]


@pytest.mark.parametrize(("arguments", "message"), BAD, ids=[message[:60] for _arguments, message in BAD])
def test_bad_input_is_refused_with_path_value_and_reason(arguments, message):
    with pytest.raises(InvalidInput) as caught:
        declared(**arguments)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("option", "entry"),
    [
        ("private_key", "cHJpdmF0ZS1rZXktdGhhdC1pcy1ub3Qtb25l"),
        ("public_key", "cHVibGljLWtleS10aGF0LWlzLW5vdC1vbmU="),
        ("preshared_key", "cHJlc2hhcmVkLWtleS10aGF0LWlzLW5vdC1vbmU="),
    ],
)
def test_the_text_of_a_bad_key_is_never_shown(option, entry):
    arguments = {"private_key": entry} if option == "private_key" else {"peers": [{"public_key": ONE, option: entry}]}
    with pytest.raises(InvalidInput) as caught:
        declared(**arguments)
    assert entry not in str(caught.value)
    assert entry not in repr(caught.value)


def test_host_bits_are_cleared_with_a_warning():
    result = declared(
        peers=[{"public_key": ONE, "allowed_ips": ["10.30.0.1/24"]}], routes=[{"destination": "10.9.9.9/8"}]
    )
    assert [str(prefix) for prefix in result.peers[0].allowed_ips] == ["10.30.0.0/24"]
    assert result.warnings == (
        "peers[0].allowed_ips[0]: '10.30.0.1/24' has host bits set; taken as 10.30.0.0/24",
        "routes[0].destination: '10.9.9.9/8' has host bits set; taken as 10.0.0.0/8",
    )


def test_a_prefix_written_twice_for_one_peer_is_one_prefix():
    result = declared(peers=[{"public_key": ONE, "allowed_ips": ["10.0.0.0/24", "10.0.0.7/24"]}])
    assert result.present_peers[0].as_peer(None, None).allowed_ips == {result.peers[0].allowed_ips[0]}


def test_what_is_not_declared_is_none():
    result = declared(listen_port=None, fwmark=None, peers=None, addresses=None)
    assert (result.listen_port, result.fwmark, result.mtu, result.peers, result.addresses) == (None,) * 5
    assert (result.routing, result.table, result.metric, result.routes, result.rules, result.forwarding) == (None,) * 6
    assert declared(routes=[], rules=[], forwarding={}).rules == ()
    assert declared(peers=[], forwarding={"ipv4": False, "ipv6": None}).forwarding == {4: False}


def test_the_key_file_stands_below_the_state_directory():
    assert declared().private_key_file == f"{STATE_DIRECTORY}/@/wg0.key"
    assert declared(namespace="blue", state_directory="/x").private_key_file == "/x/blue/wg0.key"
    assert declared(private_key_file="/etc/key").private_key_file == "/etc/key"


def test_absent_needs_nothing_but_the_name():
    result = declared(state="absent", private_key="broken", peers=[{"public_key": "broken"}])
    assert not result.present
    assert result.private_key is None


def test_fwmark_in_every_notation():
    assert [declared(fwmark=text).fwmark for text in ("off", "0", "51820", "0xCA6C")] == [0, 0, 51820, 51820]


def test_a_rule_without_addresses_stands_for_both_families():
    rules = declared(rules=[{"priority": 7, "fwmark": "1", "table": "99"}, {"priority": 8, "to": "fd00::/8"}]).rules
    assert [(rule.family, rule.priority, rule.table) for rule in rules] == [(4, 7, 99), (6, 7, 99), (6, 8, 254)]
    assert rules[0] == Rule(4, priority=7, table=99, fwmark=1)


def test_metrics_are_those_that_the_kernel_shows():
    routes = declared(
        routes=[{"destination": "10.0.0.0/8"}, {"destination": "fd00::/8"}, {"destination": "fd01::/16", "metric": 5}]
    )
    assert [route.metric for route in routes.routes] == [0, 1024, 5]


def test_only_unicast_routes_lead_into_the_device():
    routes = declared(routes=[{"destination": "10.0.0.0/8"}, {"destination": "10.1.0.0/16", "type": "throw"}]).routes
    assert [route.device for route in routes] == ["wg0", None]
    assert isinstance(routes[0], Route)


def test_a_private_key_is_clamped():
    assert declared(private_key=PRIVATE_KEYS[0]).private_key.raw[0] & 7 == 0
