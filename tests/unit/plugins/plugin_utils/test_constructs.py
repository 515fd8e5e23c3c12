# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in a document and is not modelled: noted, told of where it lies on a path, and never a wrong verdict."""

from __future__ import annotations

import random
import time
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _constructs, _linux_words, _rules
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._prover import prove
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._trace import trace

from . import test_classes, test_forest
from .fleets import AUTO, Document, gateway, hub, mesh, pair, star

OUT = {"destination": "0.0.0.0/0", "device": "eth0"}
TO_B = {"destination": "10.0.0.2/32"}
HOPS = [{"device": "wg0"}, {"device": "eth0", "gateway": "192.0.2.1"}]


def stack(document: Document, host: str = "a") -> Document:
    found: Document = document["hosts"][host]["namespaces"][""]
    return found


def found(document: Document) -> list[dict[str, t.Any]]:
    fleet = parse_fleet(document)
    findings = [finding for finding in _rules.check(fleet) if finding["rule"] == "WG003"]
    # Nothing else makes these fleets unproven, so the two always go together.
    assert (prove(fleet).verdict == "unproven") == bool(findings)
    return findings


def with_route(**route: t.Any) -> Document:
    document = pair()
    stack(document)["routes"] = [{**TO_B, **route}, AUTO, OUT]
    return document


def with_rule(*, table: str = "200", **rule: t.Any) -> Document:
    """a may send by another table than main, where everything leaves by eth0."""
    document = pair()
    stack(document).update(routes=[AUTO, {**OUT, "table": "200"}], rules=[{"priority": 100, "table": table, **rule}])
    return document


@pytest.mark.parametrize("key", ["nexthops", "multipath"])
def test_several_next_hops_by_different_devices_are_not_modelled(key: str) -> None:
    (finding,) = found(with_route(**{key: HOPS}, metric=0))
    assert (finding["host"], finding["severity"]) == ("a", "warning")
    assert "several next hops (ECMP)" in finding["message"]
    assert f"routes[0].{key}" in finding["message"]


def test_several_next_hops_by_one_device_go_one_way() -> None:
    assert found(with_route(nexthops=[{"device": "wg0"}, {"device": "wg0"}])) == []


def test_next_hops_find_their_device_by_their_gateway() -> None:
    document = pair()
    stack(document).update(
        addresses={"eth0": ["192.0.2.9/24"]},
        routes=[AUTO, {"destination": "0.0.0.0/0", "nexthops": [{"gateway": "192.0.2.1"}, {"gateway": "192.0.2.2"}]}],
    )
    fleet = parse_fleet(document)
    assert [route.device for route in fleet.hosts["a"].stacks[""].routes] == ["wg0", "eth0"]
    assert found(document) == []


def test_a_default_route_by_several_ways_that_no_flow_takes_is_nothing_to_tell_of() -> None:
    document = pair()
    hops = [{"device": "eth0", "gateway": "192.0.2.1"}, {"device": "eth1", "gateway": "198.51.100.1"}]
    stack(document)["routes"] = [AUTO, {"destination": "0.0.0.0/0", "nexthops": hops}]
    assert len(parse_fleet(document).unmodelled) == 1
    assert found(document) == []
    assert prove(parse_fleet(document)).verdict == "proved"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("tos", 16), ("dsfield", "0x10"), ("encap", {"type": "mpls"}), ("nhid", 7), ("vrf", "red"), ("mptcp", True),
        ("pref", "high"),
    ],
)  # fmt: skip
def test_keys_of_routes_that_linux_knows_are_constructs(key: str, value: t.Any) -> None:
    (finding,) = found(with_route(device="eth0" if key != "pref" and key != "encap" else "wg0", **{key: value}))
    assert finding["message"].startswith(f"hosts.a.namespaces[''].routes[0].{key} of a is ")


@pytest.mark.parametrize(("key", "value"), [("tos", 0), ("pref", "medium"), ("nexthops", []), ("vrf", None)])
def test_a_key_that_asks_for_nothing_is_no_construct(key: str, value: t.Any) -> None:
    document = with_route(device="wg0", **{key: value})
    assert parse_fleet(document).unmodelled == ()
    assert found(document) == []


def test_a_route_by_tos_is_not_taken_by_packets_without() -> None:
    document = with_route(device="eth0", tos=16)
    assert prove(parse_fleet(document)).delivered == 2


@pytest.mark.parametrize("key", sorted(_linux_words.ROUTE_WITHOUT_INFLUENCE))
def test_how_a_packet_is_sent_is_not_where_it_goes(key: str) -> None:
    assert found(with_route(device="wg0", **{key: 1})) == []


def test_routes_that_the_kernel_makes_by_itself_are_taken_as_known() -> None:
    document = gateway()
    stack(document, "b")["routes"] += [
        {"destination": "192.168.7.1/32", "device": "lan0", "type": "local"},
        {"destination": "192.168.7.255/32", "device": "lan0", "type": "broadcast", "table": "local"},
        {"destination": "127.0.0.0/8", "device": "lo", "type": "local", "table": 255},
        {"destination": "ff00::/8", "device": "wg0", "type": "multicast", "table": "local"},
    ]
    assert parse_fleet(document).unmodelled == ()


def test_a_prefix_that_is_delivered_as_a_whole_is_a_construct() -> None:
    document = gateway()
    stack(document, "b")["routes"].append({"destination": "192.168.7.0/25", "device": "lo", "type": "local"})
    (finding,) = found(document)
    assert "a route of type local" in finding["message"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("oif", "eth0"), ("sport", 1), ("dport", "80-443"), ("ipproto", "tcp"), ("uidrange", "0-99"), ("tos", "0x10"),
        ("dsfield", 4), ("l3mdev", True), ("suppress_ifgroup", "default"), ("goto", 200), ("action", "prohibit"),
        ("type", "blackhole"), ("flowlabel", 7), ("dscp", 3), ("tun_id", 9),
    ],
)  # fmt: skip
def test_keys_of_rules_that_linux_knows_are_constructs(key: str, value: t.Any) -> None:
    (finding,) = found(with_rule(**{key: value}))
    assert finding["message"].startswith(f"hosts.a.namespaces[''].rules[0].{key} of a is ")
    # The packets that no such key was asked for are still delivered.
    assert prove(parse_fleet(with_rule(**{key: value}))).delivered == 2


@pytest.mark.parametrize(
    "rule", [{"action": "lookup"}, {"type": "unicast"}, {"goto": 0}, {"action": "nop", "to": None}]
)
def test_a_rule_that_looks_up_its_table_or_does_nothing_is_modelled(rule: Document) -> None:
    assert parse_fleet(with_rule(table="main", **rule)).unmodelled == ()


@pytest.mark.parametrize(
    "rule",
    [
        {"to": "10.0.9.0/24", "dport": 80},
        {"from": "10.0.0.9/32", "uidrange": "0-99"},
        {"iif": "eth7", "goto": 200},
        {"fwmark": 7, "action": "prohibit"},
        {"priority": 40000, "to": "10.0.0.2/32", "sport": 1},
        {"table": "300", "ipproto": "udp"},
    ],
)
def test_a_rule_that_no_flow_meets_lies_on_no_path(rule: Document) -> None:
    document = with_rule(**rule)
    assert len(parse_fleet(document).unmodelled) == 1
    assert found(document) == []


def test_an_inverted_rule_with_a_port_is_for_all_packets_of_other_ports() -> None:
    assert len(found(with_rule(invert=True, to="10.0.0.2/32", dport=80))) == 1


def test_a_rule_by_outgoing_device_is_not_for_what_is_forwarded() -> None:
    document = star()
    stack(document).update(
        routes=[AUTO, {**OUT, "table": "200"}],
        rules=[{"priority": 100, "from": "10.0.0.2/32", "oif": "eth0", "table": "200"}],
    )
    assert found(document) == []
    stack(document)["rules"][0].pop("oif")
    stack(document)["rules"][0]["dport"] = 80
    (finding,) = found(document)
    assert finding["witness"] == {"host": "b", "namespace": "", "source": "10.0.0.2", "destination": "10.0.0.3"}


def test_the_way_back_that_the_reverse_path_filter_asks_for_counts_too() -> None:
    document = star()
    stack(document).update(
        rp_filter={"wg0": 1},
        routes=[AUTO, {**OUT, "table": "200"}],
        rules=[{"priority": 100, "iif": "lo", "to": "10.0.0.2/32", "from": "10.0.0.1/32", "dport": 80, "table": "200"}],
    )
    assert len(found(document)) == 1


@pytest.mark.parametrize("key", sorted(_linux_words.STACK))
def test_what_a_stack_does_to_all_packets_lies_on_every_path(key: str) -> None:
    document = star()
    stack(document)[key] = [{"anything": True}]
    assert [finding["host"] for finding in found(document)] == ["a"]
    stack(document)[key] = []
    assert found(document) == []


def test_a_firewall_at_a_stack_without_flows_is_nothing_to_tell_of() -> None:
    document = pair()
    document["hosts"]["a"]["namespaces"]["blue"] = {"firewall": [{"drop": "all"}]}
    assert found(document) == []


def test_what_the_members_of_a_mesh_send_passes_a_construct_too() -> None:
    document = mesh(4)
    one = stack(document, "h0001")
    one["routes"].append({**OUT, "table": "200"})
    one["rules"] = [{"priority": 5, "iif": "wg0", "to": "10.100.1.0/24", "dport": 80, "table": "200"}]
    (finding,) = found(document)
    assert finding["host"] == "h0001"
    assert finding["witness"]["host"] != "h0001"
    assert finding["witness"]["destination"].startswith("10.100.1.")


def test_masquerade_on_a_tunnel_replaces_every_source_but_the_device_itself() -> None:
    document = pair()
    stack(document)["masquerade"] = ["wg0"]
    assert found(document) == []
    document = gateway()
    stack(document, "b")["masquerade"] = ["wg0"]
    (finding,) = found(document)
    assert (finding["host"], finding["interface"]) == ("b", "wg0")
    assert finding["witness"]["source"].startswith("192.168.7.")


def test_the_witness_passes_the_construct() -> None:
    document = star()
    stack(document).update(routes=[AUTO, {**OUT, "table": "9"}], rules=[{"priority": 1, "dport": 80, "table": "9"}])
    (finding,) = found(document)
    traced = trace(parse_fleet(document), **finding["witness"])
    assert "a" in {hop["host"] for hop in traced["hops"]}


@pytest.mark.parametrize(
    ("entry", "nearest"),
    [
        ({**TO_B, "device": "wg0", "nexthop_s": []}, "nexthops"),
        ({**TO_B, "device": "wg0", "gatway": "10.0.0.1"}, "gateway"),
        ({**TO_B, "nexthops": [{"devise": "wg0"}]}, "device"),
    ],
)
def test_a_misspelt_key_of_a_route_is_refused_with_the_nearest_name(entry: Document, nearest: str) -> None:
    document = pair()
    stack(document)["routes"] = [entry]
    with pytest.raises(InvalidInput, match=f"did you mean '{nearest}'"):
        parse_fleet(document)


@pytest.mark.parametrize(("key", "nearest"), [("dports", "dport"), ("uid_range", "uidrange"), ("go_to", "goto")])
def test_a_misspelt_key_of_a_rule_is_refused_with_the_nearest_name(key: str, nearest: str) -> None:
    with pytest.raises(InvalidInput, match=f"did you mean '{nearest}'"):
        parse_fleet(with_rule(**{key: 1}))


JUNK = [
    1,
    -1,
    2**70,
    True,
    "",
    "x",
    "\u0661",
    [],
    [1],
    ["x"],
    [None],
    [{}],
    {},
    {"a": 1},
    [{"device": 1}],
    {"device": "wg0"},
]


@pytest.mark.parametrize("value", JUNK, ids=repr)
def test_junk_under_a_known_word_is_a_construct_or_an_error_with_a_path(value: t.Any) -> None:
    documents = [
        with_route(device="wg0", **{key: value}) for key in (*_linux_words.ROUTE, "source", "protocol", "type")
    ]
    documents += [with_rule(**{key: value}) for key in (*_linux_words.RULE, *_linux_words.RULE_ACTIONS)]
    for key in (*_linux_words.STACK, "masquerade"):
        documents.append(pair())
        stack(documents[-1])[key] = value
    documents.append(pair())
    documents[-1]["hosts"]["a"]["interfaces"][0]["dns"] = value
    for document in documents:
        path = "."
        try:
            _rules.check(parse_fleet(document))
        except InvalidInput as error:
            path = error.path
        assert path


@pytest.mark.parametrize("document", [mesh(300), hub(300)], ids=["mesh", "hub"])
def test_constructs_at_every_host_cost_no_walk_per_pair(document: Document) -> None:
    """A firewall at each of them lies on a path; a default route by two ways, which no flow takes, on none."""
    hops = [{"device": "eth0", "gateway": "203.0.113.254"}, {"device": "lan9"}]
    for one in document["hosts"].values():
        one["namespaces"][""]["routes"][0] = {"destination": "0.0.0.0/0", "nexthops": hops}
        one["namespaces"][""]["firewall"] = [{"accept": "all"}]
    document["hosts"].get("hub", {"namespaces": {"": {}}})["namespaces"][""]["routes"] = [AUTO]
    begin = time.process_time()
    proof = prove(parse_fleet(document))
    # Walking each pair by itself takes more than ten seconds.
    assert time.process_time() - begin < 6
    assert {one.construct.what for one in proof.unmodelled} == {"a firewall"}
    assert len(proof.unmodelled) == len(document["hosts"])


def test_a_route_that_longer_prefixes_hide_makes_no_second_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a table for each of them, a mesh of 1,000 such hosts took fifteen times as long as one without."""
    document = mesh(30)
    hops = [{"device": "eth0", "gateway": "203.0.113.254"}, {"device": "lan9"}]
    for number, one in enumerate(document["hosts"].values()):
        hidden = ("0.0.0.0/0", "10.0.0.0/8")[number % 2]
        one["namespaces"][""]["routes"].append({"destination": hidden, "nexthops": hops})
    monkeypatch.setattr(_constructs.Watch, "_variant", None)
    proof = prove(parse_fleet(document))
    assert (proof.verdict, proof.unmodelled) == ("proved", ())


def watched(dice: random.Random) -> Document:
    """A damaged fleet with constructs at many stacks."""
    document = test_forest.damaged(dice) if dice.random() < 0.5 else mesh(dice.randint(3, 20))
    for one in document["hosts"].values():
        for _again in range(dice.choice([0, 1, 1, 2])):
            there = one["namespaces"][""]
            table = dice.choice(["main", "main", "7", "local"])
            if dice.random() < 0.7:
                listed = test_classes.any_prefix(document, dice)
                wide = dice.choice(["0.0.0.0/0", "10.0.0.0/8", "10.101.7.0/25", "::/0", listed])
                route = {"destination": wide, "table": table, "nexthops": [{"device": "eth0"}, {"device": "lan9"}]}
                there["routes"].insert(dice.randint(0, len(there["routes"])), route)
            else:
                there.setdefault("rules", []).append({"priority": 7, "table": table, "uidrange": "1000-1000"})
            if dice.random() < 0.2:
                there["rp_filter"] = {"wg0": dice.choice([1, 2])}
    return document


@pytest.mark.parametrize("seed", range(60))
def test_what_no_construct_could_touch_is_all_that_is_not_compared(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    document = watched(random.Random(f"watched {seed}"))
    found = prove(parse_fleet(document)).unmodelled
    everything = {"_within_reach": lambda *some: some[-1], "_yields_nothing": lambda *_some: False}
    for name, answer in {**everything, "may_find": lambda *_some, **_more: True}.items():
        monkeypatch.setattr(_constructs.Watch, name, answer)
    compared = prove(parse_fleet(document)).unmodelled
    assert list(map(packet_of, found)) == list(map(packet_of, compared))


def packet_of(one: t.Any) -> tuple[t.Any, ...]:
    return one.construct.path, one.family, one.source, one.destination, one.origin
