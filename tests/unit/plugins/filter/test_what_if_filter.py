# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter what_if, as Ansible calls it."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.cryptokey.wireguard.plugins.filter.what_if import what_if
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.fleets import hub, mesh, star

FLEET = star()


def texts(told: dict[str, t.Any]) -> list[str]:
    return [entry["text"] for entry in told["entries"]]


def test_a_relay_that_is_down_takes_with_it_what_it_relayed() -> None:
    result = what_if(FLEET, ["a"])
    assert (result["pairs"], result["lost"]["pairs"], result["lost_between_others"]) == (6, 6, 2)
    assert texts(result["lost"]) == [
        "a → 10.0.0.2/31 (everyone else)",
        "b and c → 10.0.0.1/32 (a)",
        "b and c → 10.0.0.2/31 (each other)",
    ]
    assert result["remaining"]["entries"] == []


def test_a_link_that_is_down_leaves_the_rest_alone() -> None:
    result = what_if({"fleet": FLEET}, links_down=[["b", "a"]])
    assert (result["hosts_down"], result["links_down"]) == ([], [["a", "b"]])
    assert (result["lost"]["pairs"], result["lost_between_others"], result["remaining"]["pairs"]) == (4, 4, 2)
    assert texts(result["remaining"]) == ["a and c → 10.0.0.1/32, 10.0.0.3/32 (each other)"]


def test_nothing_down_is_nothing_lost() -> None:
    result = what_if(FLEET)
    assert (result["lost"], result["intents"]) == ({"pairs": 0, "entries": [], "more": 0}, [])
    assert result["remaining"]["pairs"] == result["pairs"] == 6


def test_an_intent_that_no_longer_holds_is_told() -> None:
    document = star()
    document["networks"] = {"corp": {"expect": [{"from": {"host": "b"}, "to": {"host": "c"}, "reach": True}]}}
    (intent,) = what_if(document, ["a"])["intents"]
    assert (intent["from"], intent["to"], intent["before"], intent["after"]) == ("host b", "host c", True, False)


def test_alike_hosts_are_one_entry_whatever_their_number() -> None:
    assert len(json.dumps(what_if(mesh(40), ["h0003"]))) < len(json.dumps(what_if(mesh(9), ["h0003"]))) * 1.2
    assert len(what_if(hub(40), ["hub"])["lost"]["entries"]) == 3


def test_the_result_is_plain_and_the_same_every_time() -> None:
    result = what_if(mesh(6), ["h0003"], [["h0001", "h0002"]])
    assert json.loads(json.dumps(result)) == result == what_if(mesh(6), ["h0003"], [["h0002", "h0001"]])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: what_if("x"), "cryptokey.wireguard.what_if: the input: is a text where a fleet document or a plan"),
        (lambda: what_if(FLEET, "a"), "hosts_down: is a text where a list is expected; write what_if(hosts_down=["),
        (lambda: what_if(FLEET, [1]), "hosts_down[0]: is a number where a text is expected"),
        (lambda: what_if(mesh(3), ["h001"]), "hosts_down[0]: 'h001' is not a host of this fleet; did you mean h000"),
        (lambda: what_if(FLEET, [], "ab"), "links_down: is a text where a list is expected"),
        (lambda: what_if(FLEET, [], ["ab"]), "links_down[0]: is a text where a list is expected"),
        (lambda: what_if(FLEET, [], [["a"]]), "links_down[0]: 'a' is not two hosts; write what_if(links_down=["),
        (lambda: what_if(FLEET, links_down=[["a", "z"]]), "links_down[0][1]: 'z' is not a host of this fleet"),
        (lambda: what_if(FLEET, links_down=[["b", "c"]]), "'b, c' is no link: neither b nor c lists the other"),
        (lambda: what_if(FLEET, host_down=["a"]), "host_down: is not an argument of this filter; did you mean hosts_"),
    ],
)
def test_wrong_arguments_are_named(call: t.Callable[[], t.Any], words: str) -> None:
    with pytest.raises(AnsibleFilterError) as error:
        call()
    assert words in str(error.value)
