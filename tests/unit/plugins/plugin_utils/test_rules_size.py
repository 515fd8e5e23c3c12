# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WG801, WG802 and WG804: the finer points."""

from __future__ import annotations

import pytest

from .fleets import AUTO, Document, host, interface, mesh, pair, peer
from .rule_findings import found, places

DEFAULT = {"destination": "0.0.0.0/0", "device": "eth0"}
DEFAULT6 = {"destination": "::/0", "device": "eth0"}


def sized(mtu: int | None, link: int | None, endpoint: str | None) -> Document:
    document = pair()
    one = document["hosts"]["a"]["interfaces"][0]
    one["mtu"] = mtu
    one["peers"][0]["endpoint"] = endpoint
    document["hosts"]["a"]["namespaces"][""].update(
        addresses={"eth0": ["192.0.2.1/24", "2001:db8::1/64"]}, routes=[DEFAULT, DEFAULT6, AUTO]
    )
    if link is not None:
        document["hosts"]["a"]["namespaces"][""]["links"] = {"eth0": {"mtu": link}}
    return document


V4, V6, NAME = "192.0.2.2:51820", "[2001:db8::2]:51820", "b.example.net:51820"


@pytest.mark.parametrize(
    ("mtu", "link", "endpoint", "room"),
    [
        (1440, None, V4, None),
        (1441, None, V4, 1440),
        (1420, None, V6, None),
        (1421, None, V6, 1420),
        (1440, 1500, V6, 1420),
        (None, 1480, V4, None),
        (None, 1479, V4, None),
        (None, 1492, V6, None),
        (None, 635, V4, 575),
        (None, 636, V4, None),
        (8940, 9000, V4, None),
        (8941, 9000, V4, 8940),
        (9000, 1500, NAME, None),
        (9000, 1500, None, None),
    ],
)
def test_what_fits_into_the_outer_packet(
    mtu: int | None, link: int | None, endpoint: str | None, room: int | None
) -> None:
    findings = found(sized(mtu, link, endpoint), "WG801")
    assert [f"leave {room} bytes" in finding["message"] for finding in findings] == ([True] if room else [])


def test_ipv6_is_not_given_up_for_a_narrow_way() -> None:
    """The host derives no less than IPv6 needs, whatever the way carries."""
    document = sized(None, 1300, V6)
    assert found(document, "WG801") == []
    document["hosts"]["a"]["interfaces"][0]["addresses"].append("fd00::1/128")
    (finding,) = found(document, "WG801")
    assert finding["message"].startswith("MTU 1280, the least that the host derives, of wg0 of a is too large")


def test_the_device_is_the_one_that_the_endpoint_is_routed_by() -> None:
    document = sized(1420, 1500, V4)
    stack = document["hosts"]["a"]["namespaces"][""]
    stack["addresses"]["ppp0"] = ["198.51.100.1/24"]
    stack["links"]["ppp0"] = {"mtu": 1400}
    assert found(document, "WG801") == []
    stack["routes"].append({"destination": "192.0.2.2/32", "device": "ppp0"})
    (finding,) = found(document, "WG801")
    assert "leave by ppp0 with MTU 1400" in finding["message"]
    assert "mtu: 1340" in finding["hint"]


def test_the_mark_of_the_interface_decides_the_way() -> None:
    document = sized(1420, 1500, V4)
    stack = document["hosts"]["a"]["namespaces"][""]
    stack["links"]["ppp0"] = {"mtu": 1400}
    stack["routes"].append({**DEFAULT, "device": "ppp0", "table": "100"})
    stack["rules"] = [{"priority": 10, "fwmark": 7, "table": "100"}]
    assert found(document, "WG801") == []
    document["hosts"]["a"]["interfaces"][0]["fwmark"] = 7
    assert places(document, "WG801") == [("a", "b")]


def test_an_underlay_that_nobody_describes_has_any_size() -> None:
    document = sized(9000, None, V4)
    document["hosts"]["a"]["namespaces"][""] = {"routes": [AUTO]}
    assert found(document, "WG801") == []


def nested(outer: int | None, middle: int | None, inner: int | None) -> Document:
    """wg0 goes out by eth0, wg1 through wg0, wg2 through wg1; each far end is external."""
    links = [
        interface("x", ["10.0.0.1/32"], peer("p", "10.0.0.2/32", endpoint="192.0.2.2:1", managed=False), mtu=outer),
        interface(
            "y", ["10.1.0.1/32"], peer("q", "10.1.0.2/32", endpoint="10.0.0.2:1", managed=False), name="wg1", mtu=middle
        ),
        interface(
            "z", ["10.2.0.1/32"], peer("r", "10.2.0.2/32", endpoint="10.1.0.2:1", managed=False), name="wg2", mtu=inner
        ),
    ]
    routes = [DEFAULT, *({**AUTO, "device": f"wg{number}"} for number in range(3))]
    return {
        "version": 1,
        "hosts": {"a": host(*links, addresses={"eth0": ["192.0.2.1/24"]}, routes=routes)},
    }


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        ((1440, 1380, 1320), []),
        ((1440, 1381, 1320), ["wg1"]),
        ((1440, 1380, 1321), ["wg2"]),
        ((1441, 1381, 1321), ["wg0"]),
        ((1420, 1360, None), []),
        ((None, None, 1320), []),
        ((None, None, 1321), ["wg2"]),
        ((None, 1381, None), ["wg1"]),
    ],
)
def test_the_headers_of_nested_tunnels_add_up(
    sizes: tuple[int | None, int | None, int | None], told: list[str]
) -> None:
    assert [finding["interface"] for finding in found(nested(*sizes), "WG801")] == told


def test_of_a_mesh_each_host_is_told_once() -> None:
    document = mesh(5)
    for number, entry in enumerate(document["peer_groups"]["corp"]):
        entry["endpoint"] = f"203.0.113.{number + 1}:51820"
    document["hosts"]["h0002"]["namespaces"][""]["links"] = {"eth0": {"mtu": 1400}, "lan0": {"mtu": 576}}
    assert places(document, "WG801") == []
    for one in document["hosts"].values():
        one["interfaces"][0]["mtu"] = 1420
    assert places(document, "WG801") == [("h0002", "h0000")]


@pytest.mark.parametrize(
    ("mtu", "addresses", "told"),
    [
        (1279, ["10.0.0.1/32", "fd00::1/128"], True),
        (1280, ["10.0.0.1/32", "fd00::1/128"], False),
        (1279, ["10.0.0.1/32"], False),
        (None, ["fd00::1/128"], False),
    ],
)
def test_ipv6_needs_room(mtu: int | None, addresses: list[str], told: bool) -> None:
    document = pair()
    document["hosts"]["a"]["interfaces"][0].update(mtu=mtu, addresses=addresses)
    assert bool(found(document, "WG802")) is told


def test_ipv6_allowed_ips_need_room_too() -> None:
    document = pair()
    one = document["hosts"]["a"]["interfaces"][0]
    one["mtu"] = 1200
    one["peers"][0]["allowed_ips"].append("fd00::/64")
    (finding,) = found(document, "WG802")
    assert (finding["severity"], finding["host"], finding["prefixes"]) == ("error", "a", [])


@pytest.mark.parametrize("value", [0, 67, 65537, -1])
def test_a_size_that_no_device_has_is_refused(value: int) -> None:
    document = pair()
    document["hosts"]["a"]["interfaces"][0]["mtu"] = value
    document["hosts"]["b"]["namespaces"][""]["links"] = {"eth0": {"mtu": value}}
    assert [finding["host"] for finding in found(document, "WG206")] == ["a", "b"]


@pytest.mark.parametrize(
    ("a", "b", "told"), [(1420, 1420, []), (1380, 1420, [("a", "b")]), (1420, 1380, [("b", "a")]), (None, 1380, [])]
)
def test_two_ends_of_different_size(a: int | None, b: int | None, told: list[tuple[str, str]]) -> None:
    document = pair()
    for name, mtu in (("a", a), ("b", b)):
        document["hosts"][name]["interfaces"][0]["mtu"] = mtu
    assert places(document, "WG804") == told


def test_all_links_of_two_sizes_are_one_note() -> None:
    document = mesh(6)
    for number, one in enumerate(document["hosts"].values()):
        one["interfaces"][0]["mtu"] = 1380 if number % 3 == 2 else 1420
    (finding,) = found(document, "WG804")
    assert (finding["severity"], finding["host"], finding["peer"]) == ("info", "h0002", "h0000")
    assert "MTU 1380 of wg0 of h0002, wg0 of h0005 differs from MTU 1420" in finding["message"]


def test_ends_that_have_no_link_may_differ() -> None:
    document = pair()
    document["hosts"]["c"] = host(interface("c", ["10.0.0.3/32"], mtu=1300))
    assert found(document, "WG804") == []


def dialled(a: int | None, b: int | None, *, link: int = 1500, endpoint: str = "192.0.2.2:51820") -> Document:
    """Two hosts that dial each other by eth0. link: of a."""
    document = pair()
    for number, (name, mtu, other) in enumerate((("a", a, endpoint), ("b", b, "192.0.2.1:51820")), 1):
        one = document["hosts"][name]["interfaces"][0]
        one["mtu"], one["peers"][0]["endpoint"] = mtu, other
        stack = {"addresses": {"eth0": [f"192.0.2.{number}/24", f"2001:db8::{number}/64"]}, "routes": [DEFAULT, AUTO]}
        document["hosts"][name]["namespaces"][""].update(stack)
    document["hosts"]["a"]["namespaces"][""]["links"] = {"eth0": {"mtu": link}}
    return document


def test_what_the_host_derives_counts_where_the_document_says_all_of_it() -> None:
    (finding,) = found(dialled(None, None, link=1400), "WG804")
    assert (finding["host"], finding["peer"]) == ("a", "b")
    assert (
        "MTU 1340 of wg0 of a, as derived there, differs from MTU 1440 at the other end, wg0 of b, as derived there,"
        in (finding["message"])
    )
    assert "wg0 of b differs" not in finding["message"]
    (finding,) = found(dialled(None, 1420), "WG804")
    assert (
        "MTU 1420 of wg0 of b differs from MTU 1440 at the other end, wg0 of a, as derived there" in finding["message"]
    )
    assert found(dialled(None, None, endpoint="[2001:db8::2]:51820"), "WG804"), "one dials by IPv4, one by IPv6"


def test_what_only_the_host_can_know_is_not_compared() -> None:
    assert found(dialled(None, None), "WG804") == []
    assert found(dialled(1440, None), "WG804") == []
    assert found(dialled(None, 1400, endpoint="b.example.net:51820"), "WG804") == [], "a name may lead anywhere"
    nobody = dialled(None, 1400)
    nobody["hosts"]["a"]["interfaces"][0]["peers"][0]["endpoint"] = None
    assert found(nobody, "WG804") == [], "it keeps what it has"
    assumed = dialled(None, 1400)
    assumed["hosts"]["a"]["namespaces"][""] = {"routes": [AUTO]}
    assert found(assumed, "WG804") == [], "nobody describes its underlay"
    made_up = dialled(None, 1400)
    made_up["hosts"]["a"]["namespaces"][""] = {"addresses": {"eth0": []}, "routes": [DEFAULT, AUTO]}
    assert found(made_up, "WG804") == [], "as it is in a plan whose underlay nobody describes"
    elsewhere = dialled(None, 1400)
    elsewhere["hosts"]["a"]["namespaces"][""] |= {"routes": [{**DEFAULT, "device": "ppp0"}, AUTO], "addresses": {}}
    assert found(elsewhere, "WG804") == [], "nobody says what ppp0 has"


@pytest.mark.parametrize(("carrier", "told"), [(1400, 1), (None, 1), (1500, 0)])
def test_a_tunnel_through_another_one_is_known_where_that_one_is(carrier: int | None, told: int) -> None:
    document = dialled(None, 1440)
    outer = interface("a", ["10.9.0.1/32"], name="wg9", network="outer", mtu=carrier)
    outer["peers"] = [peer("x", "192.0.2.2/32", managed=False, endpoint="198.51.100.7:1")]
    document["hosts"]["a"]["interfaces"].append(outer)
    document["hosts"]["a"]["namespaces"][""]["routes"].append({"destination": "192.0.2.2/32", "device": "wg9"})
    assert len(found(document, "WG804")) == told
