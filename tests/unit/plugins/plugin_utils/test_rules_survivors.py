# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What no other test noticed when ``tests/tools/mutation.py`` broke single lines of the rules."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _rules
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet

from .fleets import Document, fleet, host, interface, key, pair, peer, star


def found(document: Document, rule: str) -> list[dict[str, t.Any]]:
    return [finding for finding in _rules.check(parse_fleet(document)) if finding["rule"] == rule]


def with_intent(document: Document, source: Document, target: Document, *, reach: bool) -> Document:
    return {**document, "networks": {"corp": {"expect": [{"from": source, "to": target, "reach": reach}]}}}


def test_a_broken_intent_names_the_packet_and_the_host() -> None:
    """The relay has no route to it, so no device of it is concerned."""
    document = star()
    document["hosts"]["a"]["interfaces"][0]["peers"][1]["allowed_ips"] = []
    broken = with_intent(document, {"host": "b"}, {"prefix": "10.0.0.3/32"}, reach=True)
    (intent,) = (finding for finding in found(broken, "WG001") if "expects that" in finding["message"])
    assert intent["witness"] == {"host": "b", "namespace": "", "source": "10.0.0.2", "destination": "10.0.0.3"}
    assert (intent["host"], intent["interface"], intent["prefixes"]) == ("a", None, ["10.0.0.3/32"])


def test_an_intent_that_no_peer_takes_stands_at_the_device() -> None:
    document = pair()
    document["hosts"]["a"]["interfaces"][0]["peers"][0]["allowed_ips"] = []
    document["hosts"]["a"]["namespaces"][""]["routes"] = [{"destination": "10.0.0.0/24", "device": "wg0"}]
    broken = with_intent(document, {"host": "a"}, {"host": "b"}, reach=True)
    at = [(finding["host"], finding["interface"]) for finding in found(broken, "WG001")]
    assert at
    assert ("a", "wg0") in at
    assert all(interface in ("wg0", None) for _host, interface in at)
    flow = next(finding for finding in found(broken, "WG001") if "not arrive" in finding["message"])
    assert (flow["host"], flow["interface"]) == ("a", "wg0")


def test_a_packet_that_leaves_by_another_device_is_told_without_an_interface() -> None:
    """The place is eth0, which is no WireGuard interface."""
    document = pair()
    stack = document["hosts"]["a"]["namespaces"][""]
    stack.update(addresses={"eth0": ["203.0.113.1/24"]}, routes=[{"destination": "0.0.0.0/0", "device": "eth0"}])
    for finding in found(with_intent(document, {"host": "a"}, {"host": "b"}, reach=True), "WG001"):
        assert (finding["host"], finding["interface"]) in (("a", None), ("b", "wg0"), ("b", None), ("a", "wg0"))
    assert ("a", None) in [(one["host"], one["interface"]) for one in found(document, "WG001")]


def test_an_intent_that_nobody_can_even_try_has_no_witness() -> None:
    broken = with_intent(pair(), {"prefix": "198.51.100.1/32"}, {"host": "b"}, reach=True)
    (finding,) = found(broken, "WG001")
    assert (finding["host"], finding["witness"], finding["hint"]) == ("", None, "correct that entry of expect")


def test_a_peer_whose_key_nobody_knows_is_told_once_with_who_needs_it() -> None:
    document = star()
    for name in "bc":
        peers = document["hosts"][name]["interfaces"][0]["peers"]
        peers.append({**peer("phone", f"10.0.9.{len(peers)}/32"), "public_key": None, "managed": False})
    (finding,) = found(document, "WG109")
    assert (finding["host"], finding["peer"]) == ("b", "phone")
    assert "needed by wg0 of b, wg0 of c" in finding["message"]


def test_a_host_without_a_key_is_told_at_the_host_and_not_again_at_its_peers() -> None:
    document = pair()
    document["hosts"]["b"]["interfaces"][0]["public_key"] = None
    document["hosts"]["a"]["interfaces"][0]["peers"][0]["public_key"] = None
    (finding,) = found(document, "WG109")
    assert (finding["host"], finding["peer"]) == ("b", None)


def test_a_foreign_key_is_shown_by_its_first_eight_characters_as_everywhere() -> None:
    document = pair()
    first = document["hosts"]["a"]["interfaces"][0]["peers"][0]
    first.update(name="stranger", public_key=key("stranger"), managed=True)
    (finding,) = found(document, "WG108")
    assert f"its key ({key('stranger')[:8]}...)" in finding["message"]


@pytest.mark.parametrize("shared", [False, True])
def test_nested_entries_of_a_row_that_one_member_leaves_out_are_told_at_another(shared: bool) -> None:
    """A host is no peer of itself: what it would own of the row is only nested at the other members."""
    row = [peer("h0", "10.1.0.0/16"), peer("h1", "10.1.2.0/24"), peer("h2", "10.77.0.3/32")]
    hosts: Document = {}
    for number, name in enumerate(("h0", "h1", "h2")):
        link = {"name": "wg0", "network": "corp", "public_key": key(name), "addresses": [f"10.77.0.{number + 1}/32"]}
        own = [] if shared else [one for one in row if one["name"] != name]
        link.update({"peer_group": "corp", "peers": []} if shared else {"peers": own})
        hosts[name] = {"namespaces": {"": {}}, "interfaces": [link]}
    document = {"version": 1, "hosts": hosts, "peer_groups": {"corp": row} if shared else {}}
    assert {finding["host"] for finding in found(document, "WG202")} == {"h2"}
    assert {finding["peer"] for finding in found(document, "WG202")} == {"h1"}
    del document["hosts"]["h2"]
    assert found(document, "WG202") == [], "nobody is left who has both peers"


def test_an_intent_between_networks_names_the_one_packet_that_has_no_route() -> None:
    """Only what is declared asks for it: nothing is implied from one network to another."""
    document = fleet(
        {"networks": {"corp": {"expect": [{"from": {"host": "a"}, "to": {"host": "c", "network": "lab"}}]}}},
        a=host(interface("a", ["10.0.0.1/32"], peer("b", "10.0.0.2/32"))),
        b=host(interface("b", ["10.0.0.2/32"], peer("a", "10.0.0.1/32"))),
        c=host(interface("c", ["10.9.0.3/32"], peer("d", "10.9.0.4/32"), network="lab")),
        d=host(interface("d", ["10.9.0.4/32"], peer("c", "10.9.0.3/32"), network="lab")),
    )
    (there,) = (finding for finding in found(document, "WG301") if finding["host"] == "a")
    assert (there["prefixes"], there["interface"]) == (["10.9.0.3/32"], None)
    declared = document.pop("networks")
    assert found(document, "WG301") == []
    declared["corp"]["expect"][0]["reach"] = False
    assert found({**document, "networks": declared}, "WG301") == []


def test_an_address_of_two_stacks_is_no_stop_on_the_way() -> None:
    """The packet arrives, if not at everybody who has the address: WG605 and the proof say so, no rule of routing."""
    document = pair()
    document["hosts"]["b"]["interfaces"][0]["addresses"] = ["10.0.0.1/32"]
    said = {finding["rule"] for finding in _rules.check(parse_fleet(document)) if finding["rule"].startswith("WG3")}
    assert not said & {"WG301", "WG304", "WG305", "WG307"}


def test_what_is_stopped_in_one_place_is_one_finding_with_all_prefixes() -> None:
    """An intent for one of the destinations adds nothing to the flows that are implied."""
    document = star()
    document["hosts"]["a"]["namespaces"][""]["routes"] = []
    for case in (document, with_intent(document, {"host": "a"}, {"host": "b"}, reach=True)):
        (there,) = (finding for finding in found(case, "WG301") if finding["host"] == "a")
        assert there["prefixes"] == ["10.0.0.2/31"]
    document["hosts"]["c"]["interfaces"][0]["addresses"] = ["10.0.0.9/32"]
    document["hosts"]["a"]["interfaces"][0]["peers"][1]["allowed_ips"] = ["10.0.0.9/32"]
    (there,) = (finding for finding in found(document, "WG301") if finding["host"] == "a")
    assert there["prefixes"] == ["10.0.0.2/32", "10.0.0.9/32"]
    assert there["message"].endswith(" (2 prefixes are concerned)")


def test_one_stop_is_told_by_one_rule_with_its_device_and_its_sources() -> None:
    document = pair()
    document["hosts"]["b"]["interfaces"][0]["peers"][0]["allowed_ips"] = ["10.0.0.7/32"]
    document["hosts"]["b"]["namespaces"][""]["routes"] = [{"destination": "10.0.0.0/24", "device": "wg0"}]
    (there,) = found(document, "WG304")
    assert (there["host"], there["interface"], there["prefixes"]) == ("b", "wg0", ["10.0.0.1/32"])
    assert "prefixes are concerned" not in there["message"]
    others = {rule for rule in ("WG301", "WG305", "WG307") if found(document, rule)}
    assert others == set()


def test_an_intent_whose_sender_is_rejected_names_that_one_sender() -> None:
    document = fleet(
        a=host(interface("a", ["10.0.0.2/32"], peer("c", "10.9.0.3/32"))),
        c=host(interface("c", ["10.9.0.3/32"], peer("a", "10.0.0.7/32"), network="lab")),
    )
    wanted = {"from": {"host": "a"}, "to": {"host": "c", "network": "lab"}}
    (there,) = found({**document, "networks": {"corp": {"expect": [wanted]}}}, "WG304")
    assert (there["host"], there["prefixes"]) == ("c", ["10.0.0.2/32"])


def test_an_intent_that_holds_stops_nowhere() -> None:
    kept = with_intent(pair(), {"host": "a"}, {"host": "b"}, reach=True)
    assert [rule for rule in ("WG001", "WG301", "WG304", "WG306") if found(kept, rule)] == []


def test_a_gap_says_whether_anybody_owns_it() -> None:
    document = pair()
    document["hosts"]["a"]["namespaces"][""]["routes"] = [{"destination": "10.0.0.0/24", "device": "wg0"}]
    (rest,) = found(document, "WG302")
    assert rest["severity"] == "info"
    assert rest["message"].startswith("a part of ")
    assert rest["hint"] == "nothing to do until these addresses are assigned"
    document["hosts"]["a"]["interfaces"][0]["peers"][0]["allowed_ips"] = []
    errors = [finding for finding in found(document, "WG302") if finding["severity"] == "error"]
    assert errors
    for finding in errors:
        assert not finding["message"].startswith("a part of ")
        assert finding["hint"].startswith("add it to the AllowedIPs of the right peer on wg0")
