# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import parse_address
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab import plan_lab, with_lab_addresses
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab_journey import Spot, World
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.lab_fleets import two_sites

A, B, C, BLUE, LAN = Spot("a", ""), Spot("b", ""), Spot("c", ""), Spot("c", "blue"), Spot("a", "", "lan-1")


def echo(start, source, destination, *, fleet=None):
    fleet = fleet or two_sites()
    specification = plan_lab(fleet)
    world = World(with_lab_addresses(fleet, specification), specification)
    return world.echo(start, parse_address(source), parse_address(destination))


@pytest.mark.parametrize(
    ("start", "source", "destination", "outcome", "in_clear"),
    [
        (A, "10.77.0.1", "10.77.0.2", "delivered", False),
        (BLUE, "10.77.0.3", "192.168.10.254", "exits", False),
        (LAN, "192.168.10.254", "10.77.0.3", "delivered", False),
        (A, "203.0.113.10", "198.18.0.1", "delivered", True),
        (C, "192.168.178.23", "203.0.113.10", "delivered", True),
    ],
    ids=["tunnel", "into a LAN", "out of a LAN", "underlay", "out of a NAT"],
)
def test_answered(start, source, destination, outcome, in_clear):
    found = echo(start, source, destination)
    assert (found.answered, found.outcome, found.in_clear) == (True, outcome, in_clear)


@pytest.mark.parametrize(
    ("start", "source", "destination", "outcome"),
    [
        (A, "203.0.113.10", "192.168.178.23", "exits"),
        (A, "203.0.113.10", "10.77.0.2", "source_rejected"),
        (A, "10.77.0.1", "10.77.200.1", "unmanaged_peer"),
        (BLUE, "10.77.0.3", "203.0.113.10", "no_route"),
        (BLUE, "10.77.0.3", "192.168.10.77", "exits"),
        (LAN, "192.168.10.254", "203.0.113.99", "exits"),
    ],
    ids=["into a NAT", "foreign source", "phone", "sealed namespace", "nobody in a LAN", "nobody"],
)
def test_blocked(start, source, destination, outcome):
    found = echo(start, source, destination)
    assert (found.answered, found.outcome) == (False, outcome)


def test_a_reply_that_is_lost_says_so():
    """A tunnel address that is sent out in the clear arrives; the answer has no way back through a NAT."""
    found = echo(C, "192.168.178.23", "10.77.0.1")
    assert (found.answered, found.outcome) == (False, "exits")
    fleet = two_sites()
    fleet["hosts"]["a"]["namespaces"][""]["forwarding"] = {}
    found = echo(BLUE, "10.77.0.3", "192.168.10.1", fleet=fleet)
    assert found.answered
    assert echo(BLUE, "10.77.0.3", "192.168.10.254", fleet=fleet).outcome == "not_forwarded"
    assert echo(LAN, "192.168.10.254", "10.77.0.3", fleet=fleet).outcome == "not_forwarded"
    fleet["hosts"]["a"]["namespaces"][""]["forwarding"] = {"ipv4": True}
    fleet["hosts"]["a"]["namespaces"][""]["routes"].append(
        {"destination": "10.77.0.3/32", "type": "blackhole", "table": "9"}
    )
    rules = [{"priority": 5, "to": "10.77.0.3/32", "table": "9"}]
    fleet["hosts"]["a"]["namespaces"][""]["rules"] = rules
    found = echo(BLUE, "10.77.0.3", "192.168.10.1", fleet=fleet)
    assert (found.answered, found.outcome, found.place) == (False, "reply blackhole", "a")


def test_a_forwarded_address_leads_in():
    fleet = two_sites()
    fleet["peer_groups"]["corp"][2]["endpoint"] = "198.51.100.9:51820"
    found = echo(A, "203.0.113.10", "198.51.100.9", fleet=fleet)
    assert (found.answered, found.request.arrived, found.in_clear) == (True, C, True)


def test_what_a_host_masquerades_comes_back():
    fleet = two_sites()
    assert echo(LAN, "192.168.10.254", "198.18.0.1", fleet=fleet).outcome == "reply source_rejected"
    fleet["hosts"]["a"]["namespaces"][""]["masquerade"] = ["eth0"]
    found = echo(LAN, "192.168.10.254", "198.18.0.1", fleet=fleet)
    assert (found.answered, found.request.arrived, str(found.request.source)) == (True, B, "203.0.113.10")
    assert echo(A, "203.0.113.10", "198.18.0.1", fleet=fleet).answered
    assert echo(A, "192.168.10.1", "198.18.0.1", fleet=fleet).answered
