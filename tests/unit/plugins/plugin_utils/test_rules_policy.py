# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The finer points of WG311 and WG312, and policy rules against a brute-force reading of the same question."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import parse_address
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fib import Fib
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rule_effects import find_useless_rules

from .fleets import AUTO, Document, fleet, host, interface, pair, peer
from .rule_helpers import BYPASS, DIVERT, OUT, findings, full_tunnel, stack


def two_tunnels(**second: t.Any) -> Document:
    """wg0 and wg1 of a, each a full tunnel by marks, tables and priorities of its own."""
    table, priority = second.pop("table", "2"), second.pop("priority", 101)
    route_table = second.pop("route_table", table)
    return fleet(
        a=host(
            interface("a", ["10.0.0.1/32"], peer("b", "0.0.0.0/0", managed=False), fwmark=1),
            interface(
                "a1", ["10.1.0.1/32"], peer("c", "0.0.0.0/0", managed=False), name="wg1", network="lab",
                **{"fwmark": 2, **second},
            ),
            addresses={"eth0": ["198.51.100.9/24"]},
            routes=[OUT, {**AUTO, "table": "1"}, {**AUTO, "device": "wg1", "table": route_table}],
            rules=[
                {"priority": 100, "fwmark": 1, "invert": True, "from": "10.0.0.0/16", "table": "1"},
                {"priority": priority, "fwmark": 2, "invert": True, "table": table},
            ],
        )
    )  # fmt: skip


def shared(document: Document) -> list[str]:
    return [finding["message"].split(" share the ")[1].split(":")[0] for finding in findings(document, "WG311")]


def test_two_full_tunnels_with_everything_of_their_own() -> None:
    assert shared(two_tunnels()) == []


def test_what_two_full_tunnels_share_is_told_at_the_second() -> None:
    assert shared(two_tunnels(fwmark=1)) == ["fwmark 0x1"]
    assert shared(two_tunnels(table="1")) == ["table 1"]
    assert shared(two_tunnels(priority=100)) == ["priority 100"]
    (finding,) = findings(two_tunnels(fwmark=1), "WG311")
    assert (finding["host"], finding["interface"]) == ("a", "wg1")


def test_no_mark_is_no_shared_mark_and_neither_is_one_in_another_birthplace() -> None:
    document = two_tunnels(fwmark=0)
    document["hosts"]["a"]["interfaces"][0]["fwmark"] = 0
    assert shared(document) == []
    assert shared(two_tunnels(fwmark=1, socket_namespace="blue")) == []


def test_a_second_tunnel_of_a_higher_metric_is_a_reserve() -> None:
    document = two_tunnels(table="1")
    stack(document)["routes"][2]["metric"] = 50
    assert shared(document) == []


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        ({"from": "10.0.0.0/16"}, {"from": "10.1.0.0/16"}, False),
        ({"from": "10.0.0.0/16"}, {"from": "10.0.7.0/24"}, True),
        ({"to": "10.0.0.0/16"}, {"to": "10.1.0.0/16"}, False),
        ({"iif": "lan0"}, {"iif": "lan1"}, False),
        ({"iif": "lan0"}, {"from": "10.1.0.0/16"}, True),
        ({"fwmark": "1/1"}, {"fwmark": "2/2"}, True),
        ({"fwmark": "1/3"}, {"fwmark": "2/3"}, False),
        ({"from": "10.0.0.0/16"}, {"from": "fd00::/16"}, False),
    ],
)
def test_equal_priorities_matter_where_a_packet_meets_both(one: Document, other: Document, told: bool) -> None:
    document = two_tunnels()
    stack(document)["rules"] = [{"priority": 100, "table": "1", **one}, {"priority": 100, "table": "2", **other}]
    assert bool(shared(document)) == told


def test_a_tunnel_that_takes_only_a_part_of_the_internet_is_not_full() -> None:
    document = two_tunnels(fwmark=1)
    document["hosts"]["a"]["interfaces"][1]["peers"][0]["allowed_ips"] = ["0.0.0.0/2"]
    assert shared(document) == []


def with_rules(*rules: Document, routes: t.Sequence[Document] = ()) -> Document:
    document = pair()
    other = {"destination": "10.0.9.0/24", "device": "eth0", "table": "200"}
    stack(document).update(rules=list(rules), routes=[AUTO, other, *routes])
    return document


def reasons(document: Document) -> list[str]:
    return [finding["message"].split(" has no effect: ")[1] for finding in findings(document, "WG312")]


SAME = "every packet goes the same way without it"
NEVER = "no packet can match it"


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        ([{"priority": 1, "table": "200"}], []),
        ([{"priority": 1, "table": "20"}], ["its table 20 has no route"]),
        ([{"priority": 1, "invert": True, "table": "200"}], [NEVER]),
        ([{"priority": 1, "to": "10.0.8.0/24", "table": "200"}], [SAME]),
        ([{"priority": 1, "to": "10.0.9.7/32", "table": "200"}], []),
        ([{"priority": 1, "table": "200"}, {"priority": 2, "table": "200"}], [SAME, SAME]),
        ([{"priority": 1, "from": "10.1.0.0/16", "table": "200"}, {"priority": 2, "table": "200"}], [SAME]),
        ([{"priority": 40000, "table": "200"}], []),
        ([{"priority": 5, "fwmark": 7, "table": "200"}], []),
        ([{"priority": 5, "fwmark": "1/1", "table": "200"}, {"priority": 6, "fwmark": "3/3", "table": "200"}], [SAME]),
        ([{"priority": 5, "fwmark": "3/3", "table": "200"}, {"priority": 6, "fwmark": "1/1", "table": "200"}], [SAME]),
        ([{"priority": 5, "iif": "lan9", "table": "200"}], []),
        ([{"priority": 5, "table": "main"}], [SAME]),
        ([{"priority": 32766, "table": "main"}], []),
        ([{"priority": 5, "to": "10.0.0.1/32", "table": "200"}], [SAME]),
    ],
)
def test_rules_without_effect(rules: list[Document], found: list[str]) -> None:
    assert reasons(with_rules(*rules)) == found


def test_a_rule_is_shown_as_ip_rule_shows_it() -> None:
    rule = {
        "priority": 9,
        "from": "10.1.0.0/16",
        "to": "10.0.8.0/24",
        "iif": "lan0",
        "fwmark": "1/0xff",
        "table": "200",
        "suppress_prefixlength": 0,
    }
    (finding,) = findings(with_rules(rule), "WG312")
    shown = "9: from 10.1.0.0/16 to 10.0.8.0/24 iif lan0 fwmark 0x1/0xff lookup 200 suppress_prefixlength 0"
    assert f"the policy rule {shown} of a" in finding["message"]
    assert finding["prefixes"] == ["10.0.8.0/24", "10.1.0.0/16"]


def test_a_rule_for_one_family_is_asked_of_that_family_only() -> None:
    rule = {"priority": 1, "from": "fd00::/16", "table": "200"}
    assert reasons(with_rules(rule)) == ["its table 200 has no route"]
    assert reasons(with_rules(rule, routes=[{"destination": "fd09::/64", "device": "eth0", "table": "200"}])) == []


def test_a_rule_that_waits_for_the_routes_of_a_lan_is_in_order() -> None:
    document = full_tunnel()
    assert findings(document, "WG312") == []
    # Nobody describes a LAN: main has nothing but the default, which the rule suppresses.
    stack(document)["addresses"] = {"eth0": []}
    assert findings(document, "WG312") == []


def test_a_rule_that_keeps_the_lan_out_of_the_tunnel_has_to_come_first() -> None:
    document = full_tunnel()
    stack(document)["rules"] = [{**BYPASS, "priority": 101}, DIVERT]
    assert reasons(document) == [SAME]


PREFIXES = ["10.0.0.0/28", "10.0.0.0/29", "10.0.0.8/29", "10.0.0.4/30", "10.0.0.5/32", "0.0.0.0/0"]


def some_rules() -> st.SearchStrategy[list[Document]]:
    prefix = st.none() | st.sampled_from(PREFIXES)
    rule = st.fixed_dictionaries(
        {
            "priority": st.integers(1, 4),
            "from": prefix,
            "to": prefix,
            "iif": st.sampled_from([None, None, "lo", "eth0"]),
            "fwmark": st.sampled_from([None, None, 1, "1/1", "2/3"]),
            "invert": st.booleans(),
            "table": st.sampled_from(["main", "100", "200", "300"]),
            "suppress_prefixlength": st.sampled_from([None, None, 0, 28]),
        }
    )
    return st.lists(rule, min_size=1, max_size=3)


def some_routes() -> st.SearchStrategy[list[Document]]:
    route = st.fixed_dictionaries(
        {
            "destination": st.sampled_from(PREFIXES),
            "device": st.sampled_from(["eth0", "lan0", "wg0"]),
            "table": st.sampled_from(["main", "100", "200"]),
            "type": st.sampled_from(["unicast", "unicast", "blackhole", "throw"]),
        }
    )
    return st.lists(route, max_size=5)


@settings(max_examples=150)
@given(some_rules(), some_routes())
def test_a_rule_has_an_effect_where_some_packet_goes_another_way(rules: list[Document], routes: list[Document]) -> None:
    """Packet by packet: sixteen sources and destinations and some outside, four ingresses, all marks below eight."""
    document = fleet(a=host(interface("a", ["10.0.0.3/32"]), rules=rules, routes=routes))
    model = Model.of(parse_fleet(document))
    held = model.stacks[StackId("a", "")]
    base = parse_address("10.0.0.0").number
    numbers = [*(base + step for step in (0, 3, 4, 5, 8, 15)), parse_address("192.0.2.1").number]
    told = {useless.rule for useless in find_useless_rules(model)}
    for rule in held.stack.rules:
        others = tuple(one for one in held.stack.rules if one is not rule)
        without = Fib(dataclasses.replace(held.stack, rules=others), list(held.devices.values()), {})
        changed = any(
            _way(held.fib, source, number, ingress, mark) != _way(without, source, number, ingress, mark)
            for source in numbers
            for number in numbers
            for ingress in ("lo", "eth0", "lan0", "other")
            for mark in range(8)
        )
        if changed:
            assert rule not in told
        elif rule.suppress_prefixlength is None:
            assert rule in told


def _way(fib: Fib, source: int, destination: int, ingress: str, mark: int) -> t.Any:
    found = fib.lookup(4, source, destination, ingress=ingress, mark=mark)
    return found.decision.kind, found.decision.device
