# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters check, trace, reachability and allowed_ips, as Ansible calls them."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.cryptokey.wireguard.plugins.filter.allowed_ips import allowed_ips
from ansible_collections.cryptokey.wireguard.plugins.filter.check import check
from ansible_collections.cryptokey.wireguard.plugins.filter.reachability import reachability
from ansible_collections.cryptokey.wireguard.plugins.filter.trace import trace

FLEET = {
    "version": 1,
    "hosts": {
        "a": {
            "namespaces": {"": {"routes": [{"destination": "10.0.0.0/24", "device": "wg0"}]}},
            "interfaces": [{"name": "wg0", "network": "corp", "addresses": ["10.0.0.1/32"], "public_key": None}],
        }
    },
}
PLAN = {"version": 1, "fleet": FLEET, "findings": []}


@pytest.mark.parametrize("document", [FLEET, PLAN])
def test_every_filter_takes_a_fleet_or_a_plan(document: dict[str, t.Any]) -> None:
    assert "WG109" in [finding["rule"] for finding in check(document, previous=document)]
    assert reachability(document, "a")[0]["at"]["host"] == "a"
    found = trace(document, "a", "10.0.0.1", "10.0.0.2")
    assert (found["outcome"], found["text"].splitlines()[0]) == ("no_peer", "a → 10.0.0.2   (src 10.0.0.1)")


def test_the_results_are_plain_data() -> None:
    for result in (check(FLEET), reachability(FLEET, "a"), trace(FLEET, "a", "10.0.0.1", "10.0.0.2")):
        assert json.loads(json.dumps(result)) == result


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: check("x"), "wireguard.check: the input: is a text where a fleet document or a plan is expected"),
        (lambda: check({"hosts": []}), "cryptokey.wireguard.check: hosts: must be a mapping, not a list"),
        (lambda: check(FLEET, prevous=FLEET), "cryptokey.wireguard.check: prevous: is not an argument of this filter"),
        (lambda: check(FLEET, previous=[]), "cryptokey.wireguard.check: previous: is a list"),
        (lambda: reachability(FLEET), "cryptokey.wireguard.reachability: host: is empty"),
        (lambda: reachability(FLEET, "b"), "cryptokey.wireguard.reachability: host: 'b' is not a host of this fleet"),
        (lambda: reachability(FLEET, "a", "blue"), "namespace: 'blue' is not a namespace of this host"),
        (lambda: trace(FLEET, "a", "10.0.0.1"), "cryptokey.wireguard.trace: destination: is empty"),
        (lambda: trace(FLEET, "a", "10.0.0.1", "10.0.0"), "destination: '10.0.0' is not an IPv4 address"),
        (lambda: trace(FLEET, "a", "10.0.0.1", "10.0.0.2", dst="x"), "dst: is not an argument of this filter"),
        (lambda: allowed_ips("0.0.0.0/0"), "cryptokey.wireguard.allowed_ips: the input: is a text where a list"),
        (lambda: allowed_ips(["0.0.0.0/0"], ["lan"]), "exclude[0]: 'lan' names a set that was not given"),
        (lambda: allowed_ips(["0.0.0.0/0"], but=["lan"]), "but: is not an argument of this filter"),
    ],
)  # fmt: skip
def test_bad_arguments_are_one_clear_line(call: t.Callable[[], t.Any], words: str) -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        call()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_endpoints_may_be_given_with_their_port() -> None:
    assert allowed_ips(["203.0.113.8/30"], ["endpoints"], endpoints=["203.0.113.10:51820"]) == [
        "203.0.113.8/31",
        "203.0.113.11/32",
    ]
