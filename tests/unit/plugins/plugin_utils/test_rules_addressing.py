# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WG602 to WG604, WG607 and WG608: the finer points."""

from __future__ import annotations

import ipaddress
import random
import typing as t

import pytest

from .fleets import AUTO, Document, gateway, host, interface, mesh, pair, peer
from .rule_findings import found, places


def pooled(*pool: str, **addresses: list[str]) -> Document:
    """The pair with a pool. addresses: by host."""
    document = pair()
    document["networks"] = {"corp": {"pool": list(pool)}}
    for name, held in addresses.items():
        document["hosts"][name]["interfaces"][0]["addresses"] = held
    return document


@pytest.mark.parametrize(
    ("address", "outside"),
    [
        ("10.0.0.2/32", False),
        ("10.0.0.255/32", False),
        ("10.0.0.2/8", False),
        ("10.0.1.0/32", True),
        ("fd00::2/128", False),
        ("fe80::2/64", False),
        ("192.0.2.2/24", True),
    ],
)
def test_addresses_and_their_pool(address: str, outside: bool) -> None:
    document = pooled("10.0.0.0/24", b=[address])
    assert bool(found(document, "WG602")) is outside
    assert found(pooled(b=[address]), "WG602") == []


def test_only_what_lies_outside_is_listed() -> None:
    (finding,) = found(pooled("10.0.0.0/24", "fd00::/64", b=["10.0.0.2/32", "10.7.0.2/32", "fd01::2/128"]), "WG602")
    assert (finding["host"], finding["interface"]) == ("b", "wg0")
    assert finding["prefixes"] == ["10.7.0.2/32", "fd01::2/128"]


def test_other_networks_have_other_pools() -> None:
    document = pooled("10.0.0.0/24")
    document["hosts"]["a"]["interfaces"].append(interface("x", ["10.9.0.1/32"], name="wg1", network="lab"))
    assert found(document, "WG602") == []


@pytest.mark.parametrize(("pool", "exhausted"), [("10.0.0.0/30", True), ("10.0.0.0/29", False)])
def test_a_pool_without_a_free_address(pool: str, exhausted: bool) -> None:
    document = pooled(pool, a=["10.0.0.1/32"], b=["10.0.0.2/32"])
    assert found(document, "WG602") == []
    document["hosts"]["c"] = host(interface("c", []))
    assert bool(found(document, "WG602")) is exhausted


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("10.0.0.0/24", "network address of 10.0.0.0/24"),
        ("10.0.0.255/24", "broadcast address of 10.0.0.0/24"),
        ("10.0.0.3/30", "broadcast address of 10.0.0.0/30"),
        ("10.0.0.0/31", ""),
        ("10.0.0.1/31", ""),
        ("10.0.0.0/32", ""),
        ("10.0.0.255/32", ""),
        ("10.0.1.255/23", "broadcast"),
        ("10.0.0.255/23", ""),
        ("fd00::/64", "anycast"),
        ("fd00::/127", ""),
        ("fd00::/128", ""),
        ("fd00::ffff:ffff:ffff:ffff/64", ""),
    ],
)
def test_the_ends_of_a_prefix(address: str, said: str) -> None:
    findings = found(pooled(a=[address]), "WG603")
    assert [said in finding["message"] for finding in findings] == ([True] if said else [])


def test_the_broadcast_address_of_another_device_gets_no_connected_route() -> None:
    document = pooled(a=["192.168.1.255/32"])
    stack = document["hosts"]["a"]["namespaces"][""]
    stack["addresses"] = {"eth0": ["192.168.1.7/24"]}
    (finding,) = found(document, "WG603")
    assert "192.168.1.0/24 on eth0; the kernel makes no connected route" in finding["message"]
    assert (finding["interface"], finding["prefixes"]) == ("wg0", ["192.168.1.255/32"])
    stack["addresses"] = {"eth0": ["192.168.1.7/25"]}
    assert found(document, "WG603") == []
    stack["addresses"] = {"eth0": ["192.168.1.0/24"], "eth1": ["192.168.2.1/24"]}
    document["hosts"]["a"]["interfaces"][0]["addresses"] = ["10.0.0.1/32"]
    (finding,) = found(document, "WG603")
    assert (finding["interface"], finding["prefixes"]) == (None, ["192.168.1.0/32"])


@pytest.mark.parametrize(
    ("address", "overlaps"),
    [
        ("10.0.7.1/24", True),
        ("10.0.0.1/8", True),
        ("10.1.0.1/24", False),
        ("10.0.7.1/32", False),
        ("fe80::1/64", False),
        ("192.168.1.1/24", False),
    ],
)
def test_a_pool_beside_what_is_connected(address: str, overlaps: bool) -> None:
    document = pooled("10.0.0.0/16")
    document["hosts"]["a"]["namespaces"][""]["addresses"] = {"eth0": [address]}
    assert bool(found(document, "WG604")) is overlaps


def test_a_lan_in_the_pool_is_told_once_for_all_who_have_it() -> None:
    document = mesh(4)
    document["networks"] = {"corp": {"pool": ["10.100.0.0/16"]}}
    for one in document["hosts"].values():
        one["namespaces"][""]["addresses"]["lan0"] = ["10.100.0.1/24"]
        one["namespaces"][""]["advertise"] = []
    (finding,) = found(document, "WG604")
    assert finding["prefixes"] == ["10.100.0.0/24"]
    assert "of h0000, h0001, h0002, h0003" in finding["message"]


def test_an_advertised_prefix_without_a_device_counts_as_a_lan() -> None:
    document = gateway()
    document["networks"] = {"corp": {"pool": ["192.168.0.0/16"]}}
    document["hosts"]["b"]["namespaces"][""]["addresses"] = {}
    assert [finding["prefixes"] for finding in found(document, "WG604")] == [["192.168.7.0/24"]]


def test_the_stack_of_the_socket_is_the_underlay_too() -> None:
    document = pooled("10.0.0.0/16")
    document["hosts"]["a"]["namespaces"]["outside"] = {"addresses": {"eth0": ["10.0.7.1/24"]}}
    assert found(document, "WG604") == []
    document["hosts"]["a"]["interfaces"][0]["socket_namespace"] = "outside"
    assert [(finding["host"], finding["namespace"]) for finding in found(document, "WG604")] == [("a", "outside")]


def two_tunnels(first: list[str], second: list[str], routes: list[Document] | None = None) -> Document:
    """a has two tunnels with one external peer each."""
    links = [
        interface(name, [], peer(f"peer of {name}", *allowed, managed=False), name=name, network=name)
        for name, allowed in (("wg0", first), ("wg1", second))
    ]
    auto = [AUTO, {**AUTO, "device": "wg1"}]
    return {"version": 1, "hosts": {"a": host(*links, routes=auto if routes is None else routes)}}


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [
        (["10.0.0.0/24"], ["10.1.0.0/24"], []),
        (["10.0.0.0/24"], ["10.0.0.0/24"], ["10.0.0.0/24"]),
        (["10.0.0.0/16"], ["10.0.7.0/24", "10.8.0.0/16"], ["10.0.7.0/24"]),
        (["0.0.0.0/0"], ["10.0.0.0/8"], []),
        (["0.0.0.0/1", "128.0.0.0/1"], ["10.0.0.0/8"], []),
        (["0.0.0.0/0"], ["0.0.0.0/0"], []),
        (["fd00::/16"], ["fd00:1::/32", "10.0.0.0/8"], ["fd00:1::/32"]),
    ],
)
def test_two_tunnels_that_want_the_same(first: list[str], second: list[str], shared: list[str]) -> None:
    findings = found(two_tunnels(first, second), "WG607")
    assert [finding["prefixes"] for finding in findings] == ([shared] if shared else [])


def test_tables_of_their_own_part_two_tunnels() -> None:
    routes = [{**AUTO, "table": "100"}, {**AUTO, "device": "wg1", "table": "200"}]
    assert found(two_tunnels(["10.0.0.0/24"], ["10.0.0.0/24"], routes), "WG607") == []
    routes[1]["table"] = "100"
    assert len(found(two_tunnels(["10.0.0.0/24"], ["10.0.0.0/24"], routes), "WG607")) == 1


def test_written_and_connected_routes_claim_as_well() -> None:
    routes: list[Document] = [{"destination": "10.0.0.0/8", "device": "wg0"}, {**AUTO, "device": "wg1"}]
    document = two_tunnels([], ["10.9.0.0/24"], routes)
    assert [finding["prefixes"] for finding in found(document, "WG607")] == [["10.9.0.0/24"]]
    document = two_tunnels([], ["10.9.0.0/24"], routes[1:])
    assert found(document, "WG607") == []
    document["hosts"]["a"]["interfaces"][0]["addresses"] = ["10.9.0.1/16"]
    assert [finding["prefixes"] for finding in found(document, "WG607")] == [["10.9.0.0/24"]]


def test_members_of_two_meshes_share_nothing_but_themselves() -> None:
    document = mesh(4)
    row = [peer(f"{name} in lab", "10.88.0.0/24") for name in document["hosts"]]
    document["peer_groups"]["lab"] = [
        {**entry, "allowed_ips": [f"10.88.0.{number}/32"]} for number, entry in enumerate(row)
    ]
    for number, (name, one) in enumerate(document["hosts"].items()):
        own = interface(f"{name} in lab", [f"10.88.0.{number}/32"], name="wg1", network="lab", peer_group="lab")
        one["interfaces"].append(own)
        one["namespaces"][""]["routes"].append({**AUTO, "device": "wg1"})
    assert found(document, "WG607") == []
    document["peer_groups"]["lab"][2]["allowed_ips"].append("10.100.1.0/24")
    assert {finding["host"] for finding in found(document, "WG607")} == {"h0000", "h0003"}


def test_claims_are_those_that_ipaddress_finds() -> None:
    for seed in range(150):
        dice = random.Random(seed)

        def some() -> list[str]:
            lengths = [dice.randrange(2, 7) for _turn in range(dice.randrange(4))]  # noqa: B023
            return [str(ipaddress.ip_network((dice.randrange(64) << 26, length), strict=False)) for length in lengths]  # noqa: B023

        first, second = some(), some()
        parts = [{n for text in held for n in _cells(text)} for held in (first, second)]
        told = [text for finding in found(two_tunnels(first, second), "WG607") for text in finding["prefixes"]]
        assert {n for text in told for n in _cells(text)} == parts[0] & parts[1], seed


def _cells(text: str) -> t.Iterator[int]:
    """The /6 networks inside a prefix."""
    network = ipaddress.ip_network(text)
    return iter(range(int(network[0]) >> 26, (int(network[-1]) >> 26) + 1))


@pytest.mark.parametrize(
    ("options", "addresses", "told"),
    [
        ({"ipv6": False}, ["10.0.0.1/32"], []),
        ({"ipv6": False}, ["10.0.0.1/32", "fd00::1/128"], ["fd00::1/128"]),
        ({"ipv6": True}, ["10.0.0.1/32", "fd00::1/128"], []),
        ({}, ["fd00::1/128"], []),
        ({"ipv6": False, "addresses": {"eth0": ["192.0.2.1/24", "2001:db8::1/64"]}}, [], ["2001:db8::1/128"]),
        ({"ipv6": False, "advertise": ["fd01::/64", "10.9.0.0/24"]}, [], ["fd01::/64"]),
        ({"ipv6": False, "routes": [AUTO, {"destination": "::/0", "device": "eth0"}]}, [], ["::/0"]),
    ],
)
def test_ipv6_where_there_is_none(options: Document, addresses: list[str], told: list[str]) -> None:
    document = pooled(a=addresses)
    document["hosts"]["a"]["namespaces"][""].update(options)
    findings = found(document, "WG608")
    assert [finding["prefixes"] for finding in findings] == ([told] if told else [])


def test_what_a_shared_row_brings_along_is_nobodys_declaration() -> None:
    document = mesh(3)
    document["peer_groups"]["corp"][1]["allowed_ips"].append("fd00::1/128")
    document["hosts"]["h0000"]["namespaces"][""]["ipv6"] = False
    assert found(document, "WG608") == []
    assert places(document, "WG608") == []
