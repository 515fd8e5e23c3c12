# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E501  (a table of mistakes reads best with one per line)
"""The filters that read a fleet or lists of prefixes, as Ansible calls them."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.cryptokey.wireguard.plugins.filter.allowed_ips import allowed_ips
from ansible_collections.cryptokey.wireguard.plugins.filter.check import check
from ansible_collections.cryptokey.wireguard.plugins.filter.overlaps import overlaps
from ansible_collections.cryptokey.wireguard.plugins.filter.reachability import reachability
from ansible_collections.cryptokey.wireguard.plugins.filter.subtract import subtract
from ansible_collections.cryptokey.wireguard.plugins.filter.trace import trace
from ansible_collections.cryptokey.wireguard.plugins.filter.union import union

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
        (lambda: allowed_ips(["0.0.0.0/0"], ["endpoints"], endpoints=["1.2.3.4", "vpn.example.net:51820"]),
         "endpoints[1]: 'vpn.example.net:51820' is a name, not an address; a list of prefixes cannot hold a name"),
        (lambda: allowed_ips(["0.0.0.0/0"], ["endpoints"], endpoints=["1.2.3.4:99999"]), "endpoints[0]: '1.2.3.4:99999' is not an endpoint"),
        (lambda: allowed_ips(["0.0.0.0/0"], but=["lan"]), "but: is not an argument of this filter"),
        (lambda: union("10.0.0.0/8"), "cryptokey.wireguard.union: the input: is a text where a list is expected; write a list, such as ['10"),
        (lambda: union(["10.0.0.0/8"], ["10.0.0.0/9"], ["10.0.0.1/9"]), "others[1][0]: '10.0.0.1/9' has host bits set; write 10.0.0.0/9"),
        (lambda: union(["10.0.0.0/8"], "10.0.0.0/9"), "others[0]: is a text where a list is expected"),
        (lambda: union(["10.0.0.0/8"], others=[None]), "others[0]: is empty where a list is expected"),
        (lambda: union(["10.0.0.0/8"], other=[]), "other: is not an argument of this filter; did you mean others?"),
        (lambda: subtract(["10.0.0.0/8"]), "cryptokey.wireguard.subtract: remove: is empty where a list is expected"),
        (lambda: subtract(["10.0.0.0/33"], []), "prefixes[0]: '10.0.0.0/33' has no valid prefix length"),
        (lambda: subtract(["10.0.0.0/8"], ["::ffff:10.0.0.0/120"]), "remove[0]: '::ffff:10.0.0.0/120' is an IPv4-mapped IPv6 address"),
        (lambda: overlaps({"a": 1}), "cryptokey.wireguard.overlaps: the input: is a mapping where a list is expected"),
        (lambda: overlaps(["10.0.0.0/٨"]), "prefixes[0]: '10.0.0.0/٨' has no valid prefix length"),
        (lambda: overlaps([], [None]), "others[0]: is empty where a text is expected"),
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


def test_the_algebra_of_lists_takes_its_arguments_by_position_and_by_name() -> None:
    halves = ["10.0.0.0/25"], ["10.0.0.128/25"]
    assert union(*halves) == union(halves[0], others=[halves[1]]) == union([], others=iter(halves)) == ["10.0.0.0/24"]
    assert union(iter(["10.0.0.0/25", "10.0.0.7"])) == ["10.0.0.0/25"]
    assert subtract(["10.0.0.0/24"], *halves[:1]) == subtract(["10.0.0.0/24"], remove=halves[0]) == ["10.0.0.128/25"]
    pair = {"a": "10.0.0.0/24", "b": "10.0.0.0/25", "common": "10.0.0.0/25"}
    assert overlaps(["10.0.0.0/24"], halves[0]) == overlaps(["10.0.0.0/24"], others=halves[0]) == [pair]
    assert overlaps(["10.0.0.0/25", "10.0.0.0/24"]) == [pair]
    assert overlaps(*halves) == []
