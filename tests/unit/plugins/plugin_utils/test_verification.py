# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._verification import (
    find_interface,
    has_drift,
    render_verdict,
    silent_peers,
    unplanned,
)


def declared(**peer: t.Any) -> dict[str, t.Any]:
    full = {"name": "hub", "public_key": "K", "endpoint": "192.0.2.1:51820", "persistent_keepalive": 25, **peer}
    return {"name": "wg0", "peers": [full]}


def observed(age: t.Any, key: str = "K") -> dict[str, t.Any]:
    return {"name": "wg0", "namespace": "", "peers": [{"public_key": key, "latest_handshake_age": age}]}


@pytest.mark.parametrize(
    ("peer", "seen", "silent"),
    [
        ({}, observed(None), [{"name": "hub", "age": None}]),
        ({}, observed(181), [{"name": "hub", "age": 181}]),
        ({}, observed(180), []),
        ({}, observed(3), []),
        ({"persistent_keepalive": 0}, observed(None), []),
        ({"persistent_keepalive": None}, observed(None), []),
        ({"endpoint": None}, observed(None), []),
        ({}, observed(None, key="other"), []),
        ({}, None, []),
        ({"name": None}, observed(None), [{"name": "K", "age": None}]),
    ],
)
def test_only_a_peer_that_is_kept_alive_and_does_not_answer_is_silent(
    peer: dict[str, t.Any], seen: t.Any, silent: list[dict[str, t.Any]]
) -> None:
    assert silent_peers(declared(**peer), seen) == silent


def test_interfaces_of_equal_name_are_told_apart_by_their_namespace() -> None:
    here, there = {"name": "wg0", "namespace": ""}, {"name": "wg0", "namespace": "blue"}
    assert find_interface([there, here], name="wg0", namespace="") is here
    assert find_interface([here, there], name="wg0", namespace="blue") is there
    assert find_interface([here], name="wg0", namespace="blue") is None


def test_what_was_declared_once_and_is_in_no_plan_is_named_and_no_drift() -> None:
    planned = [{"name": "wg0"}, {"name": "wg1", "namespace": "blue", "state": "absent"}]
    seen = [
        {"name": "wg0", "namespace": "", "declared": True},
        {"name": "wg0", "namespace": "blue", "declared": True},
        {"name": "wg1", "namespace": "blue", "declared": True},
        {"name": "wg9", "namespace": "", "declared": False},
    ]
    found = unplanned(planned, seen)
    assert found == ["wg0 in namespace blue"]
    verification = {"drift": [], "interfaces": [], "unplanned": found}
    assert not has_drift(verification)
    text = "a\n  extra    wg0 in namespace blue: declared once, in no plan now; state: absent removes it\n\n"
    assert render_verdict(["a"], {"a": verification}) == f"{text}verified: 1 host, no drift"


def test_an_error_counts_like_drift() -> None:
    assert has_drift({"drift": ["wg0: add peer a"]})
    assert has_drift({"drift": [], "error": "no python"})
    assert not has_drift({"drift": [], "interfaces": [{"silent": [{"name": "a", "age": None}], "rejected_source": 9}]})


def test_the_verdict_lists_hosts_with_something_to_say_and_sums_up() -> None:
    interface = {"name": "wg0", "namespace": "blue", "silent": [{"name": "hub", "age": None}], "rejected_source": 2}
    verifications = {
        "a": {"drift": ["wg0: remove peer X"], "interfaces": []},
        "b": {"drift": [], "interfaces": [interface]},
        "c": {"drift": [], "interfaces": [{"name": "wg0", "namespace": "", "silent": [], "rejected_source": 0}]},
        "d": {"drift": [], "error": "interface_info: no python"},
    }
    text = render_verdict(["a", "b", "c", "d", "e"], verifications)
    assert text == (
        "a\n"
        "  drift    wg0: remove peer X\n"
        "\n"
        "b\n"
        "  silent   wg0 in namespace blue: peer hub has never answered: no handshake since the interface was made\n"
        "  dropped  wg0 in namespace blue: 2 packets in all came from a peer that has no right to the source address"
        " (AllowedIPs)\n"
        "\n"
        "d\n"
        "  error    interface_info: no python\n"
        "\n"
        "e\n"
        "  unknown  the host was not reached\n"
        "\n"
        "verified: 5 hosts, 2 with drift, 1 silent peer, 1 not reached\n"
        "to find out why a peer is silent or a packet dropped, ask the host itself: module interface_info, option probe"
        " (docs/diagnosis.md)"
    )


def test_a_fleet_as_planned_is_one_line() -> None:
    assert render_verdict(["a"], {"a": {"drift": [], "interfaces": []}}) == "verified: 1 host, no drift"


@pytest.mark.parametrize(("age", "text"), [(181, "3 min"), (119, "119 s"), (7300, "2 h"), (200000, "2 d")])
def test_the_age_of_a_handshake_is_readable(age: int, text: str) -> None:
    interface = {"name": "wg0", "silent": [{"name": "hub", "age": age}]}
    assert f"its last handshake is {text} old" in render_verdict(["a"], {"a": {"drift": [], "interfaces": [interface]}})
