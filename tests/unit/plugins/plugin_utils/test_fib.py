# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routing against a brute-force reading of the same rules, packet by packet."""

from __future__ import annotations

import ipaddress
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import WIDTH, parse_address
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fib import Fib
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model

from .fleets import AUTO, Document, fleet, host, interface, pair, peer

BASE = {4: "10.0.0.", 6: "fd00::"}
DEVICES = ("eth0", "lan0", "wg0")
TABLES = ("main", "100", "200")


def prefixes(family: int) -> st.SearchStrategy[str]:
    """Prefixes within sixteen addresses, and the default."""
    width = WIDTH[family]

    def text(number: int, bits: int) -> str:
        return (
            f"{BASE[family]}{number >> bits << bits:x}/{width - bits}"
            if family == 6
            else (f"{BASE[4]}{number >> bits << bits}/{width - bits}")
        )

    small = st.builds(text, st.integers(0, 15), st.integers(0, 4))
    return small | st.just("0.0.0.0/0" if family == 4 else "::/0")


def address(family: int, number: int) -> str:
    return f"{BASE[family]}{number:x}" if family == 6 else f"{BASE[4]}{number}"


def routes(family: int) -> st.SearchStrategy[list[Document]]:
    kinds = st.sampled_from(["unicast", "unicast", "unicast", "throw", "blackhole", "unreachable", "prohibit"])
    return st.lists(
        st.fixed_dictionaries(
            {
                "destination": prefixes(family),
                "device": st.sampled_from(DEVICES),
                "table": st.sampled_from(TABLES),
                "metric": st.sampled_from([None, 0, 7]),
                "type": kinds,
            }
        ),
        max_size=8,
    )


def rules(family: int) -> st.SearchStrategy[list[Document]]:
    return st.lists(
        st.fixed_dictionaries(
            {
                "priority": st.sampled_from([0, 10, 20, 32766, 40000]),
                "from": st.none() | prefixes(family),
                "to": st.none() | prefixes(family),
                "iif": st.none() | st.sampled_from(["lo", *DEVICES]),
                "fwmark": st.sampled_from([None, None, 0, 51820]),
                "invert": st.booleans(),
                "table": st.sampled_from(TABLES),
                "suppress_prefixlength": st.sampled_from([None, None, 0, WIDTH[family] - 2]),
            }
        ),
        max_size=4,
    )


def held(family: int) -> st.SearchStrategy[dict[str, list[str]]]:
    one = st.builds(
        lambda number, bits: f"{address(family, number)}/{WIDTH[family] - bits}", st.integers(1, 15), st.integers(0, 4)
    )
    return st.fixed_dictionaries({device: st.lists(one, max_size=1) for device in ("eth0", "lan0")})


def reference(document: Document, family: int, packet: tuple[str, str, str]) -> tuple[str, str | None]:
    """(kind, device) of one packet (source, destination, ingress), read off the document with ipaddress alone."""
    source, destination, ingress = packet
    stack = document["hosts"]["a"]["namespaces"][""]
    own = [
        (device, ipaddress.ip_interface(text))
        for device, texts in [
            *stack["addresses"].items(),
            ("wg0", document["hosts"]["a"]["interfaces"][0]["addresses"]),
        ]
        for text in texts
    ]
    target = ipaddress.ip_address(destination)
    if any(target == one.ip for _device, one in own) or (
        family == 6 and any(target == one.network[0] and one.network.prefixlen <= 126 for _device, one in own)
    ):
        return "local", None
    connected = [
        {"destination": str(one.network), "device": device, "metric": 0 if family == 4 else 256}
        for device, one in own
        if one.network.prefixlen < WIDTH[family]
    ]
    table = [
        {"table": "main", "type": "unicast", **route, "metric": route.get("metric") or (0 if family == 4 else 1024)}
        for route in [*connected, *stack["routes"]]
    ]
    table = [{**route, "table": route["table"] or "main"} for route in table]
    fixed = [{"priority": 32766, "table": "main", "default": True}]
    for rule in sorted([*fixed, *stack["rules"]], key=lambda one: (one["priority"], "default" not in one)):
        if applies(rule, source, destination, ingress):
            found = winner(table, rule, family, target, ingress)
            if found is not None:
                return found["type"], found["device"] if found["type"] == "unicast" else None
    return "no_route", None


def applies(rule: Document, source: str, destination: str, ingress: str) -> bool:
    tests = [
        rule.get("from") is None or ipaddress.ip_address(source) in ipaddress.ip_network(rule["from"]),
        rule.get("to") is None or ipaddress.ip_address(destination) in ipaddress.ip_network(rule["to"]),
        rule.get("iif") in (None, ingress),
        not rule.get("fwmark"),
    ]
    return all(tests) != rule.get("invert", False)


def winner(table: list[Document], rule: Document, family: int, target: t.Any, ingress: str) -> Document | None:
    network = ipaddress.ip_network
    fitting = [route for route in table if route["table"] == rule["table"] and target in network(route["destination"])]
    if not fitting:
        return None
    length = max(network(route["destination"]).prefixlen for route in fitting)
    longest = [route for route in fitting if network(route["destination"]).prefixlen == length]
    lowest = min(route["metric"] for route in longest)
    best = [route for route in longest if route["metric"] == lowest]
    chosen = best[0]
    if family == 6:
        chosen = next((one for one in best if one["device"] == ingress and one["type"] == "unicast"), chosen)
    suppressed = rule.get("suppress_prefixlength")
    if chosen["type"] == "throw":
        return None
    return None if chosen["type"] == "unicast" and suppressed is not None and length <= suppressed else chosen


def fib_of(document: Document) -> Fib:
    return Model.of(parse_fleet(document)).stacks[StackId("a", "")].fib


@pytest.mark.parametrize("family", [4, 6])
@settings(max_examples=40)
@given(data=st.data())
def test_every_packet_is_routed_as_the_rules_read(family: int, data: st.DataObject) -> None:
    document = fleet(
        a=host(
            interface("a", [address(family, 9)]),
            addresses=data.draw(held(family)),
            routes=data.draw(routes(family)),
            rules=[rule for rule in data.draw(rules(family)) if rule["from"] or rule["to"]],
            forwarding={"ipv6": True},
        )
    )
    document["hosts"]["a"]["interfaces"][0]["addresses"] = [address(family, 9)]
    fib, fresh = fib_of(document), fib_of(document)
    everywhere = (parse_address(address(family, 0)).number, parse_address(address(family, 15)).number + 1)
    for source_number in (0, 3, 8, 15):
        source = address(family, source_number)
        number = parse_address(source).number
        for ingress in ("lo", "eth0", "wg0"):
            clipped = fresh.split(family, number, everywhere, ingress=ingress)
            whole = fib.decide(family, number, ingress=ingress)
            assert {(one.kind, one.device): part for one, part in clipped.items()} == {
                (one.kind, one.device): part for one, part in whole.split(everywhere).items()
            }
            for to in range(16):
                destination = address(family, to)
                target = parse_address(destination).number
                expected = reference(document, family, (source, destination, ingress))
                decided = whole.at(target)
                found = fib.lookup(family, number, target, ingress=ingress).decision
                (few,) = fib.split(family, number, (target, target + 1), ingress=ingress)
                assert (decided.kind, decided.device) == expected
                assert (few.kind, few.device) == expected
                assert (found.kind, found.device) == expected


@given(data=st.data())
def test_source_classes_divide_all_sources(data: st.DataObject) -> None:
    document = pair()
    document["hosts"]["a"]["namespaces"][""]["rules"] = data.draw(rules(4))
    fib = fib_of(document)
    edges = sorted(edge for members, _sample in fib.source_classes(4) for edge in members)
    assert (edges[0], edges[-1]) == (0, 2**32)
    assert edges[1:-1:2] == edges[2:-1:2]
    for members, sample in fib.source_classes(4):
        for low in members[::2]:
            assert fib.decide(4, low) is fib.decide(4, sample)


def test_routes_that_follow_allowed_ips_have_every_length_and_beat_shorter_ones() -> None:
    document = fleet(
        a=host(
            interface("a", ["10.0.0.1/24"], peer("b", "10.0.0.2/32", "10.0.0.8/29"), peer("c", "10.0.0.10/32")),
            addresses={"eth0": ["10.0.0.129/28"]},
            routes=[{**AUTO, "metric": 5}, {"destination": "10.0.0.10/32", "device": "eth0"}],
        )
    )
    fib = fib_of(document)

    def device(number: int) -> tuple[str | None, int]:
        found = fib.lookup(4, 0, parse_address(f"10.0.0.{number}").number)
        return found.decision.device, found.prefix.length if found.prefix else 0

    assert device(2) == ("wg0", 32)
    assert device(9) == ("wg0", 29)
    assert device(10) == ("eth0", 32)
    assert device(130) == ("eth0", 28)
    assert device(77) == ("wg0", 24)


def test_two_devices_that_follow_allowed_ips_keep_their_prefix_lengths_apart() -> None:
    document = fleet(
        a=host(
            interface("a", ["fd00::1/128"], peer("b", "fd00::40/124", "fd00::4a/128")),
            interface("a", [], peer("c", "fd00::40/124", "fd00::4a/128"), name="wg1", public_key=None),
            interface("a", [], peer("d", "fd00::48/125"), name="wg2", public_key=None),
            routes=[{"destination": "allowed_ips", "device": device} for device in ("wg0", "wg1", "wg2")],
        )
    )
    found = fib_of(document).lookup(6, 0, parse_address("fd00::4a").number)
    assert found.decision.device == "wg0"
    assert found.prefix is not None
    assert found.prefix.length == 128


def test_a_mark_chooses_the_rule_of_wg_quick() -> None:
    document = fleet(
        a=host(
            interface("a", ["10.0.0.1/32"], peer("b", "0.0.0.0/0"), fwmark=51820),
            addresses={"eth0": ["192.0.2.10/24"]},
            routes=[
                {"destination": "0.0.0.0/0", "device": "eth0"},
                {"destination": "allowed_ips", "device": "wg0", "table": 51820},
            ],
            rules=[
                {"priority": 32764, "table": "main", "suppress_prefixlength": 0},
                {"priority": 32765, "fwmark": 51820, "invert": True, "table": 51820},
            ],
        )
    )
    fib = fib_of(document)
    internet = parse_address("198.51.100.1").number
    assert fib.lookup(4, 0, internet).decision.device == "wg0"
    assert fib.lookup(4, 0, internet, mark=51820).decision.device == "eth0"
    assert fib.lookup(4, 0, parse_address("192.0.2.77").number).decision.device == "eth0"


def test_anycast_is_local_only_while_ipv6_is_forwarded() -> None:
    for forwarding, kind in ((True, "local"), (False, "unicast")):
        document = fleet(
            a=host(interface("a", ["fd00::1/64", "fd01::1/127"]), forwarding={"ipv6": forwarding}, routes=[])
        )
        fib = fib_of(document)
        assert fib.lookup(6, 0, parse_address("fd00::").number).decision.kind == kind
        assert fib.lookup(6, 0, parse_address("fd01::").number).decision.kind == "unicast"


def test_where_ipv6_is_disabled_nothing_is_routed() -> None:
    document = fleet(a=host(interface("a", ["fd00::1/64"], peer("b", "fd00::2/128")), ipv6=False))
    assert fib_of(document).lookup(6, 0, parse_address("fd00::2").number).decision.kind == "no_route"


@pytest.mark.parametrize(
    ("rules", "kinds"),
    [
        ([], ["unicast", "prohibit", "prohibit"]),
        ([{"priority": 50, "to": "fd00::/16", "table": 200}], ["unicast", "prohibit", "prohibit"]),
        ([{"priority": 50, "to": "10.9.0.0/16", "table": 200}], ["prohibit", "prohibit", "prohibit"]),
    ],
    ids=["no rule", "a rule for IPv6", "a rule"],
)
def test_local_and_main_are_one_trie_until_the_first_ipv4_rule(rules: list[Document], kinds: list[str]) -> None:
    """As the comparison with the kernel has found: then the longest prefix of both wins, and local among equal ones."""
    stack = {
        "addresses": {"eth0": ["192.0.2.1/24", "2001:db8::1/64"]},
        "rules": rules,
        "routes": [
            *({"destination": text, "device": "eth0"} for text in ("10.0.0.0/29", "10.0.1.0/24", "fd00::/120")),
            *({"destination": text, "type": "prohibit", "table": "local"} for text in ("10.0.0.0/24", "10.0.1.0/24")),
            {"destination": "fd00::/64", "type": "prohibit", "table": 255},
        ],
    }
    fib = Model.of(parse_fleet(fleet(a=host(interface("a", []), **stack)))).stacks[StackId("a", "")].fib
    asked = [(4, "10.0.0.1"), (4, "10.0.1.1"), (6, "fd00::1")]
    numbers = [(family, parse_address(text).number) for family, text in asked]
    assert [fib.lookup(family, 0, number).decision.kind for family, number in numbers] == kinds
    assert [fib.decide(family, 0).at(number).kind for family, number in numbers] == kinds


@pytest.mark.parametrize(
    ("rules", "kinds"),
    [
        ([], ["prohibit", "unicast", "unicast"]),
        ([{"priority": 50, "to": "fd00::/16", "table": 200}], ["prohibit", "unicast", "unicast"]),
        ([{"priority": 50, "to": "10.9.0.0/16", "table": 200}], ["unicast", "unicast", "unicast"]),
    ],
    ids=["no rule", "a rule for IPv6", "a rule"],
)
def test_so_are_routes_that_follow_allowed_ips_into_local(rules: list[Document], kinds: list[str]) -> None:
    one = interface("a", ["10.7.0.1/32"], peer("b", "10.0.0.0/24", "10.0.1.0/24", "fd00::/64"))
    stack = {
        "rules": rules,
        "routes": [
            {**AUTO, "table": "local", "metric": 7},
            *({"destination": text, "type": "prohibit"} for text in ("10.0.0.0/29", "10.0.1.0/24", "fd00::/120")),
        ],
    }
    fib = Model.of(parse_fleet(fleet(a=host(one, **stack)))).stacks[StackId("a", "")].fib
    asked = [(4, "10.0.0.1"), (4, "10.0.1.1"), (6, "fd00::1")]
    numbers = [(family, parse_address(text).number) for family, text in asked]
    assert [fib.lookup(family, 0, number).decision.kind for family, number in numbers] == kinds
    assert [fib.decide(family, 0).at(number).kind for family, number in numbers] == kinds


@pytest.mark.parametrize(
    ("metrics", "devices"),
    [((7, 5), ["b", "eth1"]), ((5, 7), ["a", "eth0"]), ((5, 5), ["a", "eth0"])],
    ids=["the second is lower", "the first is lower", "equal, so the first"],
)
def test_among_equal_prefixes_of_local_the_metric_decides(metrics: tuple[int, int], devices: list[str]) -> None:
    """As `ip route get` says of one prefix in table local by two devices, with a route of main at metric 1 beside."""
    tunnels = [interface(name, [], peer("c", "10.0.0.0/24"), name=name) for name in ("a", "b")]
    stack = {
        "addresses": {"eth0": ["192.0.2.1/24"], "eth1": ["192.0.2.2/24"], "eth2": ["192.0.2.3/24"]},
        "routes": [
            *({"destination": text, "device": "eth2", "metric": 1} for text in ("10.0.0.0/24", "10.0.1.0/24")),
            *(
                {**AUTO, "device": name, "table": "local", "metric": one}
                for name, one in zip("ab", metrics, strict=True)
            ),
            *(
                {"destination": "10.0.1.0/24", "device": name, "table": "local", "metric": one}
                for name, one in zip(("eth0", "eth1"), metrics, strict=True)
            ),
        ],
    }
    fib = Model.of(parse_fleet(fleet(a=host(*tunnels, **stack)))).stacks[StackId("a", "")].fib
    numbers = [parse_address(text).number for text in ("10.0.0.1", "10.0.1.1")]
    assert [fib.lookup(4, 0, number).decision.device for number in numbers] == devices
    assert [fib.decide(4, 0).at(number).device for number in numbers] == devices
