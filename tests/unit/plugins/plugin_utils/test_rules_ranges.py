# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WG210 and WG212: the finer points."""

from __future__ import annotations

import pytest

from .fleets import Document, gateway, host, interface, mesh, pair, peer
from .rule_findings import found, places


def listing(*allowed: str, document: Document | None = None) -> Document:
    """a lists more for b."""
    document = document or gateway()
    document["hosts"]["a"]["interfaces"][0]["peers"][0]["allowed_ips"] += allowed
    return document


def test_exactly_what_nobody_owns_is_told() -> None:
    (finding,) = found(listing("192.168.6.0/23"), "WG210")
    assert (finding["severity"], finding["host"], finding["peer"]) == ("info", "a", "b")
    assert finding["prefixes"] == ["192.168.6.0/24"]


@pytest.mark.parametrize("default", ["0.0.0.0/0", "0.0.0.0/1", "::/0"])
def test_defaults_are_given_away_on_purpose(default: str) -> None:
    assert found(listing(default), "WG210") == []


def test_the_unassigned_rest_of_a_pool_is_given_away_on_purpose() -> None:
    document = listing("10.0.0.0/16")
    assert places(document, "WG210") == [("a", "b")]
    document["networks"] = {"corp": {"pool": ["10.0.0.0/16"]}}
    assert found(document, "WG210") == []


def test_what_an_external_peer_has_behind_the_hub_is_owned() -> None:
    document = listing("10.0.9.0/24")
    document["hosts"]["b"]["interfaces"][0]["peers"].append(peer("phone", "10.0.9.0/24", managed=False))
    assert found(document, "WG210") == []


def test_a_longer_prefix_of_another_peer_takes_the_source_away() -> None:
    document = listing("192.168.6.0/23")
    document["hosts"]["c"] = host(interface("c", ["10.0.0.3/32"]), advertise=[])
    document["hosts"]["a"]["interfaces"][0]["peers"].append(peer("c", "192.168.6.0/25"))
    assert [(one["peer"], one["prefixes"]) for one in found(document, "WG210")] == [
        ("b", ["192.168.6.128/25"]),
        ("c", ["192.168.6.0/25"]),
    ]


def test_a_host_of_which_nothing_is_described_may_have_anything_behind_it() -> None:
    assert found(listing("192.168.6.0/23", document=pair()), "WG210") == []
    document = listing("192.168.6.0/23", document=pair())
    document["hosts"]["b"]["namespaces"][""]["advertise"] = []
    assert places(document, "WG210") == [("a", "b")]


def test_a_shared_row_is_told_once() -> None:
    document = mesh(4)
    document["peer_groups"]["corp"][0]["allowed_ips"].append("172.16.0.0/12")
    assert places(document, "WG210") == [("h0001", "h0000")]


@pytest.mark.parametrize(
    ("prefix", "what"),
    [
        ("127.0.0.0/8", "loopback"),
        ("127.0.0.53/32", "loopback"),
        ("::1/128", "loopback"),
        ("224.0.0.0/4", "multicast"),
        ("224.0.0.5/32", "multicast"),
        ("ff02::/16", "multicast"),
        ("0.0.0.0/8", "unspecified"),
        ("0.0.0.0/32", "unspecified"),
        ("::/128", "unspecified"),
        ("169.254.0.0/16", "link-local"),
        ("fe80::/64", "link-local"),
        ("255.255.255.255/32", "broadcast"),
    ],
)
def test_ranges_that_no_host_has(prefix: str, what: str) -> None:
    (finding,) = found(listing(prefix), "WG212")
    assert (finding["severity"], finding["host"], finding["peer"]) == ("warning", "a", "b")
    assert (finding["prefixes"], what in finding["message"]) == ([prefix], True)


@pytest.mark.parametrize(
    "prefix",
    ["0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "0.0.0.0/7", "126.0.0.0/7", "::/0", "::/127", "fe00::/9", "240.0.0.0/4"],
)
def test_what_only_contains_such_a_range_is_legal(prefix: str) -> None:
    assert found(listing(prefix), "WG212") == []


def test_a_range_in_a_shared_row_is_told_once() -> None:
    document = mesh(4)
    document["peer_groups"]["corp"][2]["allowed_ips"] += ["224.0.0.5/32", "169.254.0.0/16"]
    (finding,) = found(document, "WG212")
    assert (finding["host"], finding["peer"]) == ("h0000", "h0002")
    assert finding["prefixes"] == ["169.254.0.0/16", "224.0.0.5/32"]
