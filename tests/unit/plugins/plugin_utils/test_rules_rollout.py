# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The finer points of the rules about a change: what is said of it, and where nothing is."""

from __future__ import annotations

import copy
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _rules
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet

from .fleets import AUTO, Document, fleet, gateway, host, hub, interface, key, mesh, pair, peer, star

DEFAULT = {"destination": "0.0.0.0/0", "device": "eth0"}


def found(before: Document, after: Document, rule: str) -> list[dict[str, t.Any]]:
    return [one for one in _rules.check(parse_fleet(after), parse_fleet(before)) if one["rule"] == rule]


def stack(document: Document, name: str) -> Document:
    result: Document = document["hosts"][name]["namespaces"][""]
    return result


def wg0(document: Document, name: str) -> Document:
    result: Document = document["hosts"][name]["interfaces"][0]
    return result


def managed(address: str = "203.0.113.10", **more: t.Any) -> Document:
    """a and b; Ansible reaches a outside the tunnel."""
    document = pair()
    document["hosts"]["a"]["management"] = {"address": address, **more}
    stack(document, "a").update(addresses={"eth0": ["203.0.113.10/24", "2001:db8::10/64"]}, routes=[DEFAULT, AUTO])
    return document


def full_tunnel(document: Document, *rules: Document) -> Document:
    wg0(document, "a")["peers"][0]["allowed_ips"] = ["0.0.0.0/0"]
    stack(document, "a")["routes"] = [DEFAULT, {**AUTO, "table": "7"}]
    stack(document, "a")["rules"] = [*rules, {"priority": 20, "table": "7"}]
    return document


@pytest.mark.parametrize("document", [pair(), star(), gateway(), mesh(4), hub(4), managed(), full_tunnel(managed())])
def test_no_change_is_no_finding(document: Document) -> None:
    findings = _rules.check(parse_fleet(document), parse_fleet(copy.deepcopy(document)))
    assert [one for one in findings if one["rule"].startswith("WG9")] == []
    assert [one for one in _rules.check(parse_fleet(document)) if one["rule"].startswith("WG9")] == []


@pytest.mark.parametrize(
    ("before", "after"), [(mesh(4), mesh(5)), (hub(4), hub(5)), (mesh(5), mesh(4)), (pair(), star()), (star(), pair())]
)
def test_a_member_that_joins_or_leaves_is_no_finding(before: Document, after: Document) -> None:
    assert [one for one in _rules.check(parse_fleet(after), parse_fleet(before)) if one["rule"].startswith("WG9")] == []


# WG901


def test_a_full_tunnel_takes_the_replies() -> None:
    (finding,) = found(managed(), full_tunnel(managed()), "WG901")
    assert (finding["host"], finding["interface"], finding["severity"]) == ("a", "wg0", "error")
    assert "replies to everything beyond its own networks go into wg0" in finding["message"]
    assert "ip rule add from 203.0.113.10" in finding["hint"]


def test_a_rule_for_the_management_address_keeps_the_replies_outside() -> None:
    keeps = {"priority": 10, "from": "203.0.113.10/32", "table": "main"}
    assert found(managed(), full_tunnel(managed(), keeps), "WG901") == []


def test_a_full_tunnel_that_was_there_before_cuts_nothing() -> None:
    assert found(full_tunnel(managed()), full_tunnel(managed()), "WG901") == []


def test_a_part_of_the_world_says_nothing_unless_ansible_comes_from_it() -> None:
    after = managed()
    wg0(after, "a")["peers"][0]["allowed_ips"].append("198.18.0.0/15")
    assert found(managed(), after, "WG901") == []
    told = {"controllers": ["198.18.7.0/24", "192.0.2.1/32"]}
    before = managed(**told)
    after["hosts"]["a"]["management"] = before["hosts"]["a"]["management"]
    (finding,) = found(before, after, "WG901")
    assert finding["prefixes"] == ["198.18.7.0/24"]
    assert "replies to where Ansible comes from go into wg0" in finding["message"]


def test_much_of_the_world_is_not_all_of_it() -> None:
    after = managed()
    wg0(after, "a")["peers"][0]["allowed_ips"] += ["8.0.0.0/8", "172.16.0.0/12", "198.51.100.0/24"]
    assert found(managed(), after, "WG901") == []


def test_a_full_tunnel_of_the_other_family_cuts_nothing() -> None:
    assert found(managed("2001:db8::10"), full_tunnel(managed("2001:db8::10")), "WG901") == []


@pytest.mark.parametrize("address", ["a.example.net", "192.0.2.77"])
def test_a_name_or_a_host_elsewhere_says_too_little(address: str) -> None:
    """An address that the stack does not have may be translated on the way: it counts for the replies all the same."""
    findings = found(managed(address), full_tunnel(managed(address)), "WG901")
    assert bool(findings) == (address == "192.0.2.77")


def inside(document: Document) -> Document:
    document["hosts"]["b"]["management"] = {"address": "10.0.0.2"}
    return document


def test_a_management_address_of_the_tunnel_that_goes_away() -> None:
    after = inside(pair())
    wg0(after, "b")["addresses"] = ["10.0.0.7/32"]
    wg0(after, "a")["peers"][0]["allowed_ips"] = ["10.0.0.7/32"]
    (finding,) = found(inside(pair()), after, "WG901")
    assert "which this change takes away" in finding["message"]


def test_a_management_address_of_the_tunnel_that_nobody_reaches_any_more() -> None:
    after = inside(star())
    wg0(after, "a")["peers"][0]["allowed_ips"] = []
    (finding,) = found(inside(star()), after, "WG901")
    assert (finding["host"], finding["severity"]) == ("b", "error")
    assert "nobody reaches" in finding["message"]


def test_a_management_address_of_the_tunnel_that_one_host_loses_is_a_warning() -> None:
    after = inside(star())
    wg0(after, "c")["peers"][0]["allowed_ips"] = ["10.0.0.1/32"]
    (finding,) = found(inside(star()), after, "WG901")
    assert (finding["severity"], "which c no longer reaches" in finding["message"]) == ("warning", True)


# WG902


def moved_lan(owner: str) -> Document:
    """192.168.7.0/24 behind b or c; a reaches both."""
    document = star()
    for name in ("b", "c"):
        stack(document, name).update(advertise=[], forwarding={"ipv4": True})
    stack(document, owner).update(advertise=["192.168.7.0/24"], addresses={"lan0": ["192.168.7.1/24"]})
    other = "c" if owner == "b" else "b"
    wg0(document, "a")["peers"]["bc".index(owner)]["allowed_ips"].append("192.168.7.0/24")
    wg0(document, other)["peers"][0]["allowed_ips"].append("192.168.7.0/24")
    return document


def test_an_order_is_suggested_where_it_matters() -> None:
    (finding,) = found(moved_lan("b"), moved_lan("c"), "WG902")
    assert (finding["host"], finding["severity"]) == ("c", "warning")
    assert finding["hint"].endswith("in which nothing that stays breaks: c; then a; then b")
    assert finding["witness"]["source"] == "10.0.0.1"


def test_hosts_that_have_to_change_together_are_named() -> None:
    after = pair()
    wg0(after, "b")["public_key"] = wg0(after, "a")["peers"][0]["public_key"] = key("another one of b")
    (finding,) = found(pair(), after, "WG902")
    assert "until a, b have all changed" in finding["message"]
    assert "no order of hosts avoids it" in finding["message"]


# WG903


def test_a_prefix_that_moves_names_both_peers() -> None:
    (finding,) = found(moved_lan("b"), moved_lan("c"), "WG903")
    assert (finding["host"], finding["peer"], finding["prefixes"]) == ("a", "c", ["192.168.7.0/24"])
    assert "moves from peer b to peer c" in finding["message"]


def test_a_prefix_that_moves_in_a_shared_row_is_told_once() -> None:
    before, after = mesh(6), mesh(6)
    for document, number in ((before, 2), (after, 3)):
        document["peer_groups"]["corp"][number]["allowed_ips"].append("10.250.0.0/24")
    (finding,) = found(before, after, "WG903")
    assert "and so on 3 other interfaces" in finding["message"]
    assert finding["host"] == "h0000"


def test_a_new_key_of_the_same_host_is_no_move() -> None:
    after = pair()
    wg0(after, "b")["public_key"] = wg0(after, "a")["peers"][0]["public_key"] = key("another one of b")
    assert found(pair(), after, "WG903") == []


# WG905


def test_a_peer_that_nobody_declared() -> None:
    live = pair()
    wg0(live, "a")["peers"].append(peer("phone", "10.0.0.9/32"))
    (finding,) = found(live, pair(), "WG905")
    assert (finding["host"], finding["peer"], finding["prefixes"]) == ("a", "phone", ["10.0.0.9/32"])


@pytest.mark.parametrize("managed_by_us", [True, False])
def test_a_peer_that_an_earlier_plan_declared_is_known(managed_by_us: bool) -> None:
    before = pair()
    wg0(before, "a")["peers"].append(peer("phone", "10.0.0.9/32", managed=managed_by_us))
    assert found(before, pair(), "WG905") == []


@pytest.mark.parametrize(
    ("route", "told"),
    [
        ({"destination": "10.9.0.0/16", "device": "wg0", "protocol": "static"}, True),
        ({"destination": "10.9.0.0/16", "device": "wg0", "protocol": "kernel"}, False),
        ({"destination": "10.9.0.0/16", "device": "wg0", "protocol": 148}, False),
        ({"destination": "10.9.0.0/16", "device": "wg0"}, False),
        ({"destination": "10.9.0.0/16", "device": "eth0", "protocol": "static"}, False),
        ({"destination": "10.0.0.2/32", "device": "wg0", "protocol": "boot"}, False),
        ({"destination": "10.0.0.2/32", "device": "wg0", "protocol": "boot", "table": 7}, True),
    ],
)
def test_a_route_that_nobody_declared(route: Document, told: bool) -> None:
    live = pair()
    stack(live, "a")["routes"].append(route)
    assert [one["host"] for one in found(live, pair(), "WG905")] == (["a"] if told else [])


# WG906


def test_a_fleet_that_falls_apart() -> None:
    after = star()
    wg0(after, "a")["peers"] = [peer("c", "10.0.0.3/32")]
    (finding,) = found(star(), after, "WG906")
    assert (finding["host"], finding["severity"]) == ("b", "warning")
    assert "2 parts: a, c; b" in finding["message"]


def test_a_flow_that_is_lost_alone_splits_nothing() -> None:
    after = star()
    wg0(after, "c")["peers"][0]["allowed_ips"] = ["10.0.0.1/32"]
    assert found(star(), after, "WG906") == []


def test_a_host_that_leaves_splits_nothing() -> None:
    assert found(star(), pair(), "WG906") == []


def test_two_that_never_met_were_not_split() -> None:
    before = fleet(a=host(interface("a", ["10.0.0.1/32"])), b=host(interface("b", ["10.0.0.2/32"])))
    assert found(before, copy.deepcopy(before), "WG906") == []
