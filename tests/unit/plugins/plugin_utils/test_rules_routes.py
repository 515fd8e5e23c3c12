# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The finer points of WG309, WG310 and WG316: routes in each other's way, and what leaves in clear."""

from __future__ import annotations

import typing as t

import pytest

from .fleets import AUTO, Document, interface, mesh, pair, peer, star
from .rule_helpers import OUT, alarms, findings, first, stack

LAN = {"destination": "10.9.0.0/24", "device": "lan0"}
GUEST = {"destination": "10.9.0.0/24", "device": "guest0"}


def with_routes(*routes: Document, **more: t.Any) -> Document:
    document = pair()
    stack(document).update(routes=[AUTO, *routes], **more)
    return document


def test_one_prefix_by_two_devices_is_told_with_both_ways() -> None:
    (finding,) = findings(with_routes(LAN, {**GUEST, "gateway": "192.0.2.1"}), "WG309")
    assert finding["prefixes"] == ["10.9.0.0/24"]
    assert "by lan0 and by guest0 and gateway 192.0.2.1" in finding["message"]
    assert finding["interface"] is None


@pytest.mark.parametrize("change", [{"metric": 5}, {"table": "7"}, {"destination": "10.9.0.0/25"}])
def test_another_metric_table_or_length_is_another_route(change: Document) -> None:
    assert findings(with_routes(LAN, {**GUEST, **change}), "WG309") == []


def test_metrics_are_compared_as_the_kernel_has_them() -> None:
    six = {"destination": "fd09::/64"}
    both = with_routes({**six, "device": "lan0"}, {**six, "device": "guest0", "metric": 1024})
    assert len(findings(both, "WG309")) == 1
    connected = with_routes({**six, "device": "guest0"}, addresses={"lan0": ["fd09::1/64"]})
    assert findings(connected, "WG309") == []


def test_a_connected_route_written_out_is_the_same_route() -> None:
    described = {"addresses": {"lan0": ["10.9.0.1/24", "10.9.0.2/24"]}, "advertise": []}
    assert findings(with_routes(LAN, **described), "WG309") == []
    (finding,) = findings(with_routes(GUEST, **described), "WG309")
    assert "by lan0, which is connected to it and by guest0" in finding["message"]


def test_one_network_on_two_devices_is_legal_and_on_a_tunnel_it_is_not() -> None:
    document = with_routes(addresses={"eth0": ["10.9.0.1/24"], "wlan0": ["10.9.0.2/24"]}, advertise=[])
    assert findings(document, "WG309") == []
    first(document)["addresses"] = ["10.0.0.1/32", "10.9.0.3/24"]
    assert {finding["interface"] for finding in findings(document, "WG309")} == {"wg0"}


def test_a_route_that_follows_allowed_ips_is_one_per_prefix() -> None:
    document = with_routes({"destination": "10.0.0.2/32", "device": "lan0"})
    assert [finding["interface"] for finding in findings(document, "WG309")] == ["wg0"]
    assert findings(with_routes({"destination": "10.0.0.2/32", "device": "wg0"}), "WG309") == []


def test_two_devices_may_not_both_follow_one_prefix() -> None:
    document = pair()
    document["hosts"]["a"]["interfaces"].append(
        interface("x", ["10.1.0.1/32"], peer("c", "10.0.0.2/32", "10.1.0.2/32", managed=False), name="wg1", network="x")
    )
    stack(document)["routes"].append({**AUTO, "device": "wg1"})
    (finding,) = findings(document, "WG309")
    assert (finding["interface"], finding["prefixes"]) == ("wg1", ["10.0.0.2/32"])
    stack(document)["routes"][1]["metric"] = 50
    assert findings(document, "WG309") == []


def test_what_an_interface_leaves_out_of_a_shared_row_is_no_route_of_it() -> None:
    document = mesh(3)
    own = {"destination": "10.100.0.0/24", "device": "lan0"}
    stack(document, "h0000")["routes"].append(own)
    assert findings(document, "WG309") == []
    stack(document, "h0001")["routes"].append(own)
    assert [finding["host"] for finding in findings(document, "WG309")] == ["h0001"]


def test_a_route_into_the_tunnel_for_a_part_of_a_connected_network() -> None:
    part = {"destination": "192.0.2.128/25", "device": "wg0"}
    document = with_routes(part, addresses={"eth0": ["192.0.2.9/24"]}, advertise=[])
    (finding,) = findings(document, "WG310")
    assert finding["prefixes"] == ["192.0.2.128/25"]
    assert "those neighbours are not reached directly" in finding["message"]
    part["table"] = "7"
    assert findings(document, "WG310") == []


def test_a_supernet_around_ones_own_lan_is_legal() -> None:
    document = pair()
    first(document)["peers"][0]["allowed_ips"].append("10.0.0.0/8")
    stack(document).update(addresses={"lan0": ["10.9.0.1/24"]})
    assert findings(document, "WG310") == []
    first(document)["peers"][0]["allowed_ips"][-1] = "0.0.0.0/0"
    stack(document).update(addresses={"docker0": ["172.17.0.1/16"]}, advertise=[])
    assert findings(document, "WG310") == []


@pytest.mark.parametrize(
    ("device", "told"),
    [
        ("docker0", True),
        ("br-0123456789ab", True),
        ("virbr0", True),
        ("cni0", True),
        ("br-lan", False),
        ("eth0", False),
    ],
)
def test_networks_of_containers_are_told_by_their_device(device: str, told: bool) -> None:
    document = pair()
    first(document)["peers"][0]["allowed_ips"].append("172.16.0.0/12")
    stack(document).update(addresses={device: ["172.17.0.1/16"]}, advertise=[])
    assert bool(findings(document, "WG310")) == told


def test_containers_that_are_advertised_are_ones_own() -> None:
    document = pair()
    first(document)["peers"][0]["allowed_ips"].append("172.16.0.0/12")
    stack(document).update(addresses={"docker0": ["172.17.0.1/16"]}, advertise=["172.17.0.0/16"])
    assert findings(document, "WG310") == []


def test_a_connected_network_that_hides_what_another_stack_owns() -> None:
    document = pair()
    first(document)["peers"][0]["allowed_ips"].append("10.8.0.0/13")
    stack(document, "b").update(
        addresses={"lan0": ["10.9.0.1/24"]}, advertise=["10.9.0.0/24"], forwarding={"ipv4": True}
    )
    stack(document).update(addresses={"eth0": ["10.9.0.77/24"]}, advertise=[])
    (finding,) = findings(document, "WG310")
    assert finding["prefixes"] == ["10.9.0.0/24"]
    assert "which b owns" in finding["message"]


def test_what_has_no_route_leaves_by_the_default_in_clear() -> None:
    document = with_routes(OUT)
    stack(document)["routes"] = [OUT]
    (finding,) = findings(document, "WG316")
    assert (finding["host"], finding["severity"], finding["prefixes"]) == ("a", "error", ["10.0.0.2/32"])
    assert {"WG303", "WG316"} <= set(alarms(document))


@pytest.mark.parametrize("half", ["0.0.0.0/1", "0.0.0.0/0"])
def test_halves_are_defaults_too(half: str) -> None:
    document = pair()
    stack(document)["routes"] = [{**OUT, "destination": half}]
    assert len(findings(document, "WG316")) == 1


@pytest.mark.parametrize(
    "route", [{**OUT, "destination": "10.0.0.0/8"}, {"destination": "0.0.0.0/0", "type": "unreachable"}]
)
def test_a_longer_route_or_an_unreachable_one_is_no_leak_by_default(route: Document) -> None:
    document = pair()
    stack(document)["routes"] = [route]
    assert findings(document, "WG316") == []


def test_what_only_allowed_ips_hold_leaks_too_and_is_a_warning_where_the_user_routes() -> None:
    document = pair()
    first(document)["peers"].append(peer("phone", "10.7.0.0/24", "0.0.0.0/0", managed=False))
    stack(document)["routes"] = [OUT, {"destination": "10.0.0.2/32", "device": "wg0"}]
    (finding,) = findings(document, "WG316")
    assert (finding["peer"], finding["prefixes"], finding["severity"]) == ("phone", ["10.7.0.0/24"], "error")
    first(document)["routes"] = "off"
    assert [one["severity"] for one in findings(document, "WG316")] == ["warning"]


def test_a_relay_that_lets_packets_out_in_clear_is_told() -> None:
    document = star()
    stack(document)["routes"] = [{"destination": "10.0.0.2/32", "device": "wg0"}, OUT]
    assert {finding["host"] for finding in findings(document, "WG316")} == {"a"}
    assert findings(document, "WG316")[0]["prefixes"] == ["10.0.0.3/32"]
