# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said about the order of hosts; that it is right is for tests/oracle to show."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _rollout
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._comparison import Comparison
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rollout_summary import summarise_rollout

from .fleets import Document, fleet, host, hub, interface, key, mesh, pair, peer, star
from .test_rules_rollout import moved_lan, wg0


def planned(before: Document, after: Document, **more: t.Any) -> _rollout.Rollout:
    return _rollout.plan_rollout(Comparison(parse_fleet(before), parse_fleet(after)), **more)


def rekeyed() -> Document:
    document = pair()
    wg0(document, "b")["public_key"] = wg0(document, "a")["peers"][0]["public_key"] = key("another one of b")
    return document


def test_nothing_changes_for_packets() -> None:
    after = star()
    wg0(after, "a")["peers"][0]["persistent_keepalive"] = 25
    assert planned(star(), after) == _rollout.Rollout(verdict="any", steps=())
    assert summarise_rollout(planned(star(), after))["text"] == "no host changes what happens to a packet"


@pytest.mark.parametrize("make", [mesh, hub])
def test_a_member_that_joins_needs_no_state_to_be_judged(make: t.Any) -> None:
    found = planned(make(30), make(31))
    assert (found.verdict, found.judged) == ("any", 0)
    assert len(found.steps[0].hosts) == (31 if make is mesh else 32)


def test_the_order_of_a_network_that_moves() -> None:
    found = planned(moved_lan("b"), moved_lan("c"))
    assert found.verdict == "order"
    assert [step.hosts for step in found.steps] == [("c",), ("a",), ("b",)]
    told = summarise_rollout(found)
    assert told["text"].startswith("it matters; in this one no flow that stays breaks meanwhile (")
    assert [step["text"] for step in told["steps"]] == ["c", "a", "b"]


def test_what_has_to_change_at_once_says_what_breaks() -> None:
    found = planned(pair(), rekeyed())
    assert found.verdict == "none"
    (step,) = summarise_rollout(found)["steps"]
    assert step["hosts"] == ["a", "b"]
    assert step["text"].startswith("everyone, at the same time; meanwhile a (10.0.0.1) to 10.0.0.2 ends with ")


def teams(suffix: str) -> Document:
    """Two networks of four hosts, in each of which everybody talks to everybody; suffix: makes other keys."""
    hosts = {}
    for team, names in enumerate(("abcd", "efgh")):
        address = {name: f"10.0.{team}.{number + 1}/32" for number, name in enumerate(names)}
        for name in names:
            peers = [{**peer(one, address[one]), "public_key": key(one + suffix)} for one in names if one != name]
            hosts[name] = host({**interface(name, [address[name]], *peers), "public_key": key(name + suffix)})
    return fleet(**hosts)


def test_no_smaller_set_than_the_named_one_could_change_together() -> None:
    found = planned(teams(""), teams(" again"))
    assert found.verdict == "none"
    assert [(step.hosts, step.breakage is not None) for step in found.steps] == [
        (("a", "b", "c", "d"), True),
        (("e", "f", "g", "h"), True),
    ]


def test_nothing_is_claimed_beyond_the_states_that_may_be_judged() -> None:
    found = planned(moved_lan("b"), moved_lan("c"), limit=1)
    assert (found.verdict, found.judged) == ("unknown", 1)
    assert "none was found" in summarise_rollout(found)["text"]
    assert sorted(name for step in found.steps for name in step.hosts) == ["a", "b", "c"]


def test_any_two_hosts_meet_in_all_four_combinations() -> None:
    for count in range(1, 20):
        names = [f"h{number}" for number in range(count)]
        states = list(_rollout._covering(names))
        assert len(states) <= 2 + 2 * count.bit_length()
        for one in names:
            for other in names:
                found = {(one in state, other in state) for state in states}
                assert len(found) == (2 if one == other else 4)


def test_the_number_of_states_is_bounded() -> None:
    assert [_rollout.limit_for(stacks) for stacks in (0, 10, 1000, 100_000)] == [256, 256, 40, 24]


def behind_a_provider(*, lets_in: bool, back_by: str) -> Document:
    """a sends everything to b by wg0, and b passes it on to vpn. The answers come back to a by back_by.

    lets_in: whether a takes them by wg1.
    """
    second = interface("a2", ["10.0.1.1/32"], peer("b2", "10.0.1.2/32", "10.0.0.2/32"), name="wg1", network="other")
    if lets_in:
        second["peers"][0]["allowed_ips"].append("0.0.0.0/0")
    a = host(interface("a", ["10.0.0.1/32"], peer("b", "10.0.0.2/32", "0.0.0.0/0")), second)
    a["namespaces"][""]["routes"] = [
        {"destination": "0.0.0.0/0", "device": "wg0"},
        {"destination": "10.0.1.2/32", "device": "wg1"},
    ]
    vpn = peer("vpn", "0.0.0.0/0", managed=False, endpoint="198.51.100.9:51820")
    back = interface("b2", ["10.0.1.2/32"], peer("a2", "10.0.1.1/32", "10.0.0.1/32"), name="wg1", network="other")
    b = host(interface("b", ["10.0.0.2/32"], peer("a", "10.0.0.1/32"), vpn), back)
    b["namespaces"][""] = {
        "forwarding": {"ipv4": True},
        "routes": [
            {"destination": "0.0.0.0/0", "device": "wg0"},
            {"destination": "10.0.0.1/32", "device": back_by},
            {"destination": "10.0.1.1/32", "device": "wg1"},
        ],
    }
    intent = {"from": {"host": "a"}, "to": {"peer": "vpn", "beyond": ["0.0.0.0/0"]}, "reach": True}
    return fleet({"networks": {"corp": {"expect": [intent]}}}, a=a, b=b)


def test_the_answers_of_an_external_exit_come_back_meanwhile() -> None:
    first, second = behind_a_provider(lets_in=False, back_by="wg0"), behind_a_provider(lets_in=True, back_by="wg1")
    found = planned(first, second)
    assert (found.verdict, [step.hosts for step in found.steps]) == ("order", [("a",), ("b",)])
    assert found.evidence is not None
    assert (found.evidence.blocked.outcome, found.evidence.blocked.place.stack.host) == ("source_rejected", "a")
    assert found.evidence.source_stack.host == "b"
    assert planned(second, first).steps[0].hosts == ("b",)


def test_answers_that_do_not_come_back_anyway_are_no_reason_to_wait() -> None:
    before, after = behind_a_provider(lets_in=False, back_by="wg0"), behind_a_provider(lets_in=False, back_by="wg1")
    # So that there are two that change, and states between.
    after["hosts"]["a"]["namespaces"][""]["routes"].append({"destination": "203.0.113.0/24", "device": "wg0"})
    found = planned(before, after)
    assert (found.verdict, found.judged > 0) == ("any", True)
