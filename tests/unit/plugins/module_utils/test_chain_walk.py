# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._chain_walk import Walk

PORT = 51820
OURS = {"comment": "cryptokey.wireguard wg0", "expr": [{"accept": None}]}
ACCEPT: dict[str, t.Any] = {"accept": None}
DROP: dict[str, t.Any] = {"drop": None}


def rule(*entries: dict[str, t.Any]) -> dict[str, t.Any]:
    return {"expr": list(entries)}


def match(left: t.Any, right: t.Any, op: str = "==") -> dict[str, t.Any]:
    kind, _blank, name = left.partition(" ")
    if kind in ("meta", "ct"):
        compared: dict[str, t.Any] = {kind: {"key": name}}
    else:
        compared = {"payload": {"protocol": kind, "field": name}}
    return {"match": {"op": op, "left": compared, "right": right}}


def jump(target: str, *entries: dict[str, t.Any], how: str = "jump") -> dict[str, t.Any]:
    return rule(*entries, {how: {"target": target}})


HERE, ELSEWHERE = match("udp dport", PORT), match("udp dport", 53)
ETH0, FEW = match("meta iifname", "eth0"), match("ip saddr", {"prefix": {"addr": "192.0.2.0", "len": 24}})
EVERY_TCP = match("tcp dport", 22, "!=")


def walked(rules: t.Sequence[t.Any], **others: t.Sequence[t.Any]) -> tuple[list[int], bool, bool]:
    """The places of the rules found, whether all packets are dropped, and whether it ended without saying more."""
    chains = {"base": list(rules), **others}
    walk = Walk(PORT, rules=lambda name: chains[name], is_ours=lambda rule: rule is OURS)
    ends = walk.drops_all("base")
    places = [entry for entries in chains.values() for entry in entries]
    return [next(n for n, entry in enumerate(places) if entry is found) for found in walk.found], ends, walk.is_over


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [HERE],
        [{"counter": None}, HERE, {"log": None}],
        [match("th dport", {"range": [51000, 52000]})],
        [match("udp dport", {"set": [53, {"range": [51000, 52000]}]})],
        [match("udp dport", 53, "!=")],
        [match("meta l4proto", {"set": ["tcp", "udp"]}), HERE],
        [match("ip protocol", "udp")],
        [match("ct state", {"set": ["new", "untracked"]})],
        [match("ct state", ["established", "related"], "!=")],
        [match("meta iifname", "lo", "!=")],
    ],
)
def test_what_drops_every_packet_to_the_port_is_found_and_nothing_comes_after_it(entries):
    assert walked([rule(*entries, DROP), rule(DROP)]) == ([0], True, False)
    assert walked([rule(*entries, {"reject": {"type": "icmpx"}})])[0] == [0]
    assert walked([rule(*entries, ACCEPT), rule(DROP)]) == ([], False, True)


@pytest.mark.parametrize("entries", [[ETH0, HERE], [match("ip daddr", "192.0.2.1")], [match("meta nfproto", "ipv6")]])
def test_what_closes_one_way_in_is_found_and_what_follows_is_judged(entries):
    assert walked([rule(*entries, DROP), rule(HERE, DROP)]) == ([0, 1], True, False)
    assert walked([rule(*entries, ACCEPT), rule(DROP)]) == ([], False, True), "the port may be open that way"


def test_everybody_but_a_few_is_the_world():
    assert walked([rule(match("ip saddr", "192.0.2.7", "!="), HERE, DROP)]) == ([0], False, False)


@pytest.mark.parametrize(
    "entries",
    [
        [ELSEWHERE],
        [match("udp dport", PORT, "!=")],
        [EVERY_TCP],
        [match("meta l4proto", "tcp")],
        [match("ct state", "invalid")],
        [match("ct state", ["established", "related"], "in")],
        [match("meta iifname", "lo")],
        [{"match": {"op": "!=", "left": {"fib": {"result": "type", "flags": ["daddr"]}}, "right": "local"}}],
    ],
)
def test_a_rule_about_other_packets_is_passed_by(entries):
    assert walked([rule(*entries, DROP), rule(*entries, ACCEPT), rule(HERE, DROP)]) == ([2], True, False)


@pytest.mark.parametrize(
    "entries",
    [
        [FEW, HERE],
        [ETH0],
        [match("udp dport", "@ports")],
        [match("meta mark", 7)],
        [match("udp length", 0)],
        [{"limit": {"rate": 10, "per": "second"}}, HERE],
        [{"match": {"op": "==", "left": {"concat": []}, "right": "@pairs"}}],
    ],
)
def test_of_what_cannot_be_decided_or_means_a_few_nothing_is_said(entries):
    assert walked([rule(*entries, DROP)]) == ([], False, False)
    assert walked([rule(*entries, ACCEPT), rule(DROP)]) == ([], False, True), "it may let the port in"


def test_nothing_is_said_behind_what_is_not_known():
    for entry in ({"xt": {"type": "match", "name": "multiport"}}, {"queue": {}}, {"tproxy": {}}, "odd"):
        assert walked([rule(entry, DROP), rule(DROP)]) == ([], False, True)


def test_what_comes_behind_our_rule_is_of_no_importance():
    assert walked([OURS, rule(DROP)]) == ([], False, True)
    assert walked([rule(DROP), OURS]) == ([0], True, False)


def test_a_map_of_verdicts_answers_for_each_of_its_keys():
    def mapped(key: t.Any, *pairs: t.Any) -> t.Any:
        return rule({"vmap": {"key": key, "data": {"set": [list(pair) for pair in pairs]}}})

    port, state, device = ({"payload": {"protocol": "udp", "field": "dport"}}, {"ct": {"key": "state"}}, "iifname")
    assert walked([mapped(port, (53, ACCEPT), (PORT, DROP))]) == ([0], True, False)
    assert walked([mapped(port, (53, DROP), (PORT, ACCEPT)), rule(DROP)]) == ([], False, True)
    usual = mapped(state, ("invalid", DROP), ("established", ACCEPT), ("related", ACCEPT))
    assert walked([usual, rule(DROP)]) == ([1], True, False)
    by_device = mapped({"meta": {"key": device}}, ("lo", ACCEPT), ("eth0", {"jump": {"target": "wan"}}))
    assert walked([by_device], wan=[rule(HERE, DROP)]) == ([], False, False), "eth0 may be no way in"
    assert walked([rule({"vmap": {"key": port, "data": "@named"}}), rule(DROP)]) == ([], False, True)


def test_chains_are_followed_and_returned_from():
    assert walked([jump("side"), rule(DROP)], side=[rule(HERE, DROP)]) == ([2], True, False)
    assert walked([jump("side", ELSEWHERE), rule(DROP)], side=[rule(ACCEPT)]) == ([1], True, False)
    assert walked([jump("side"), rule(DROP)], side=[rule({"return": None}), rule(ACCEPT)]) == ([1], True, False)
    assert walked([jump("side"), rule(DROP)], side=[rule(FEW, {"return": None}), rule(DROP)]) == ([], False, True)
    assert walked([jump("side"), rule(DROP)], side=[rule(ACCEPT)]) == ([], False, True)
    assert walked([jump("side", ETH0, HERE), rule(DROP)], side=[rule(DROP)]) == ([2, 1], True, False)
    assert walked([jump("side", FEW), rule(DROP)], side=[rule(DROP)]) == ([1], True, False)
    assert walked([jump("side", how="goto"), rule(DROP)], side=[rule(HERE, DROP)]) == ([2], False, True)


def test_a_labyrinth_of_chains_ends():
    chains = {str(number): [jump(str(number + 1)), jump(str(number + 1))] for number in range(40)}
    assert walked([jump("0"), rule(DROP)], **chains, **{"40": [rule({"log": None})]}) == ([], False, True)
