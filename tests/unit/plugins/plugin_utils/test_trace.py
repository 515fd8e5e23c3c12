# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Traces: the same outcome as the prover, all blockers at once, and the text."""

from __future__ import annotations

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._trace import trace
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._trace_text import render

from .fleets import AUTO, Document, fleet, gateway, host, interface, pair, peer, star


def broken_site() -> Document:
    """A hub that does not forward, and a site that neither accepts the source nor knows the way back."""
    return fleet(
        {"networks": {}},
        **{
            "edge-a": host(interface("edge-a", ["10.8.0.2/32"], peer("hub", "10.8.0.1/32", "192.168.50.0/24"))),
            "hub": host(
                interface(
                    "hub",
                    ["10.8.0.1/32"],
                    peer("edge-a", "10.8.0.2/32"),
                    peer("site-b", "10.8.0.3/32", "192.168.50.0/24"),
                )
            ),
            "site-b": host(
                interface("site-b", ["10.8.0.3/32"], peer("hub", "10.8.0.1/32")),
                addresses={"eth0": ["203.0.113.9/24"], "lan0": ["192.168.50.1/24"]},
                advertise=["192.168.50.0/24"],
                forwarding={"ipv4": True},
                routes=[{"destination": "0.0.0.0/0", "device": "eth0"}, AUTO],
            ),
        },
    )


def test_all_blockers_of_both_ways_are_found_at_once() -> None:
    found = trace(parse_fleet(broken_site()), host="edge-a", source="10.8.0.2", destination="192.168.50.1")
    assert found["outcome"] == "not_forwarded"
    assert found["at"] == {"host": "hub", "namespace": "", "device": None}
    assert [(one["rule"], one["at"]["host"], one["direction"]) for one in found["blockers"]] == [
        ("WG305", "hub", "forward"),
        ("WG304", "site-b", "forward"),
        ("WG301", "site-b", "back"),
    ]
    assert [hop["host"] for hop in found["hops"]] == ["edge-a", "hub", "site-b"]


def test_the_text_tells_every_step() -> None:
    text = render(trace(parse_fleet(broken_site()), host="edge-a", source="10.8.0.2", destination="192.168.50.1"))
    lines = text.splitlines()
    assert lines[0] == "edge-a → 192.168.50.1   (src 10.8.0.2)"
    assert lines[1] == " 1  edge-a  route 192.168.50.0/24 table main → wg0 → peer hub (AllowedIPs 192.168.50.0/24)"
    assert lines[2] == "    hub     accepts source 10.8.0.2 from peer edge-a (AllowedIPs 10.8.0.2/32) ✓"
    assert "✗" in lines[3]
    assert lines[3].endswith("[WG305]")
    assert lines[5] == "    site-b  ✗ source 10.8.0.2 not in AllowedIPs of peer hub (10.8.0.1/32)  [WG304]"
    assert lines[6] == " 3  site-b  delivered here ✓"
    assert lines[-2] == " 1  site-b  route 0.0.0.0/0 table main → eth0  ✗ leaves the overlay  [WG301]"
    assert lines[-1] == "verdict: blocked by 3 findings; all must change"


def test_a_way_in_order_has_no_blockers() -> None:
    found = trace(parse_fleet(gateway()), host="a", source="10.0.0.1", destination="192.168.7.20")
    assert (found["outcome"], found["at"]["device"], found["blockers"]) == ("exits", "lan0", [])
    assert found["back"]["outcome"] == "delivered"
    assert found["back"]["hops"][0]["ingress"] == "lan0"
    assert render(found).endswith("verdict: arrives, and so does the reply")


def test_a_packet_that_leaves_in_clear_is_a_blocker_of_the_route_rule() -> None:
    document = pair()
    document["hosts"]["a"]["namespaces"][""]["routes"] = [{"destination": "0.0.0.0/0", "device": "eth0"}]
    found = trace(parse_fleet(document), host="a", source="10.0.0.1", destination="10.0.0.2")
    assert found["outcome"] == "exits"
    assert [one["rule"] for one in found["blockers"]] == ["WG303"]


def test_a_stolen_source_names_the_thief() -> None:
    document = star()
    document["hosts"]["a"]["interfaces"][0]["peers"][1]["allowed_ips"].append("10.0.0.2/32")
    found = trace(parse_fleet(document), host="b", source="10.0.0.2", destination="10.0.0.1")
    assert found["outcome"] == "source_rejected"
    assert "10.0.0.2/32 of peer c" in found["blockers"][0]["message"]


def test_a_loop_ends_the_trace() -> None:
    document = pair()
    for name in "ab":
        document["hosts"][name]["namespaces"][""]["forwarding"] = {"ipv4": True}
        document["hosts"][name]["interfaces"][0]["peers"][0]["allowed_ips"] += ["10.8.0.0/16", "10.9.0.0/16"]
    found = trace(parse_fleet(document), host="a", source="10.8.0.1", destination="10.9.0.1")
    assert (found["outcome"], found["at"]["host"]) == ("loop", "b")
    assert "for the second time" in render(found)


@pytest.mark.parametrize(("order", "outcome"), [(1, "delivered"), (-1, "not_forwarded")])
def test_of_two_interfaces_with_one_name_the_stack_has_one(order: int, outcome: str) -> None:
    """WG609 says that there are two; the one that the packet was sent to may not be the one that the stack has."""
    document = pair()
    document["hosts"]["b"]["interfaces"].append(
        interface("b again", ["10.9.0.2/32"], peer("c", "10.9.0.3/32"), name="wg0", network="other")
    )
    document["hosts"]["b"]["interfaces"] = document["hosts"]["b"]["interfaces"][::order]
    found = trace(parse_fleet(document), host="a", source="10.0.0.1", destination="10.0.0.2")
    assert found["outcome"] == outcome


def test_a_declared_external_peer_ends_the_trace_without_a_blocker() -> None:
    document = fleet(
        a=host(interface("a", ["10.0.0.1/32"], peer("phone", "10.0.0.9/32", endpoint=None, managed=False)))
    )
    found = trace(parse_fleet(document), host="a", source="10.0.0.1", destination="10.0.0.9")
    assert (found["outcome"], found["blockers"]) == ("unmanaged_peer", [])
    assert "external peer" in render(found)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"source": "10.0.0"}, "source: '10.0.0' is not an IPv4 address"),
        ({"destination": "fd00::1"}, "destination: 'fd00::1' is of another address family than source"),
        ({"host": "z"}, "host: 'z' is not a host of this fleet"),
    ],
)
def test_bad_arguments_are_named(changes: dict[str, str], words: str) -> None:
    arguments = {"host": "a", "source": "10.0.0.1", "destination": "10.0.0.2", **changes}
    with pytest.raises(InvalidInput) as caught:
        trace(parse_fleet(pair()), **arguments)
    assert words in str(caught.value)
