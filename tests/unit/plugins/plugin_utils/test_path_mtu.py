# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The MTU that the planner takes a tunnel to have is the one that the host derives."""

from __future__ import annotations

import ipaddress
import typing as t

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _derived_mtu
from ansible_collections.cryptokey.wireguard.plugins.module_utils._derived_mtu import Path
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import parse_address
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._path_mtu import outer_size, tunnel_mtu
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.fleets import host, interface, peer

DEVICES = ("eth0", "ppp0", "wlan0")
NETWORKS = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8:1::/48", "2001:db8:2::/48")


def derived(*endpoints: str | None, links: t.Any = None, routes: t.Any = (), own: t.Any = ("10.0.0.1/32",)) -> int:
    peers = [peer(f"p{n}", f"10.0.1.{n}/32", endpoint=one, managed=False) for n, one in enumerate(endpoints)]
    described = {
        "addresses": {device: [] for device in (links or {})},
        "links": {device: {"mtu": mtu} for device, mtu in (links or {}).items()},
        "routes": list(routes),
    }
    document = {"version": 1, "hosts": {"a": host(interface("a", list(own), *peers), **described)}}
    fleet = parse_fleet(document)
    return tunnel_mtu(Model.of(fleet), fleet.hosts["a"].interfaces[0])


def test_what_nobody_describes_is_an_ordinary_device() -> None:
    assert derived("192.0.2.1:1") == 1440
    assert derived("[2001:db8::1]:1") == 1420
    assert derived("192.0.2.1:1", "[2001:db8::1]:1") == 1420
    assert derived("b.example.net:1") == derived(None) == derived() == 1420


def test_an_endpoint_without_a_way_says_nothing() -> None:
    default = {"destination": "0.0.0.0/0", "device": "ppp0"}
    assert derived("192.0.2.1:1", "[2001:db8::1]:1", links={"ppp0": 1492}, routes=[default]) == 1432


def test_the_outer_packets_are_as_large_as_the_way_is_wide() -> None:
    document = {"version": 1, "hosts": {"a": host(interface("a", ["10.0.0.1/32"], peer("p", "10.0.1.1/32",
                endpoint="192.0.2.1:1", managed=False)), links={"eth0": {"mtu": 1400}},
                routes=[{"destination": "0.0.0.0/0", "device": "eth0"}])}}  # fmt: skip
    fleet = parse_fleet(document)
    assert outer_size(Model.of(fleet), fleet.hosts["a"].interfaces[0], otherwise=6) == (1400, 4)


@given(
    links=st.fixed_dictionaries(dict.fromkeys(DEVICES, st.integers(600, 9000))),
    routed=st.dictionaries(st.sampled_from(NETWORKS), st.sampled_from(DEVICES)),
    chosen=st.lists(st.sampled_from(NETWORKS), max_size=4),
    six=st.booleans(),
)
def test_the_host_derives_the_same(links: t.Any, routed: t.Any, chosen: t.Any, six: bool) -> None:
    """Against the host's own function, which is asked about every endpoint by itself."""
    endpoints = [str(ipaddress.ip_network(text)[7 + index]) for index, text in enumerate(chosen)]
    texts = [f"[{one}]:1" if ":" in one else f"{one}:1" for one in endpoints]
    routes = [{"destination": network, "device": device} for network, device in sorted(routed.items())]
    own = ["10.0.0.1/32", *(["fd00::1/128"] if six else [])]
    ways = {
        parse_address(one): Path(routed[network], links[routed[network]])
        for one, network in zip(endpoints, chosen, strict=True)
        if network in routed
    }
    expected = _derived_mtu.derive(map(parse_address, endpoints), ways, own="wg0", ipv6=six)
    found = derived(*texts, links=links, routes=routes, own=own)
    if routes:
        assert found == (expected.mtu if expected else _derived_mtu.DEFAULT)
