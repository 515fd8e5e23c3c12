# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._plan import make_plan
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._text import render_report
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.inventories import (
    fleet,
    numbered,
    public_keys,
)

MEMBERS: dict[str, t.Any] = {
    "fra1": {"addresses": ["10.77.0.1"], "endpoint": "203.0.113.10", "advertise": ["192.168.10.0/24"]},
    "nyc1": {"addresses": ["10.77.0.2"], "endpoint": "203.0.113.20"},
    "ams1": {"addresses": ["10.77.0.3"], "endpoint": "203.0.113.30"},
}
OVERLAP = {**MEMBERS, "nyc1": {**MEMBERS["nyc1"], "advertise": ["192.168.10.0/24"]}}


def planned(members: t.Any, network: t.Any = None, **more: t.Any) -> dict[str, t.Any]:
    hostvars = fleet(network or {}, members)
    return make_plan(hostvars, hostvars, public_keys=public_keys(hostvars), **more)


def headings(text: str) -> list[str]:
    return [line for line in text.splitlines() if re.match(r"[A-Z]{4}", line)]


def test_a_proved_plan_says_so_in_its_last_lines() -> None:
    text = render_report(planned(MEMBERS))
    assert text.startswith("WireGuard plan: 3 hosts, 3 interfaces; network corp (3 members)\n")
    assert "PROVED under 5 assumptions: 6 of 6 flows delivered, IPv4\n" in text
    assert "3 stacks, 3 interfaces, 6 peers, 8 AllowedIPs" in " ".join(text.split())
    assert "classified 3 × 2^32 IPv4 and 3 × 2^128 IPv6 addresses" in " ".join(text.split())
    assert "Not to be applied" not in text


def test_sections_come_in_the_order_of_their_urgency() -> None:
    members = {**OVERLAP, "ams1": {**MEMBERS["ams1"], "advertise": ["10.5.5.5/24"]}}
    expect = [{"from": {"host": "ams1"}, "to": {"host": "fra1"}, "reach": True}]
    found = [heading.split()[0] for heading in headings(render_report(planned(members, {"expect": expect})))]
    assert found == ["ERRORS", "WARNINGS", "WHAT", "ASSUMED", "INTENTS", "REFUTED"]


def test_a_finding_names_host_peer_prefix_and_remedy() -> None:
    text = " ".join(render_report(planned(OVERLAP)).split())
    assert "WG201 prefix-on-two-peers host ams1, interface wg0, peer fra1" in text
    assert "192.168.10.0/24 is given to fra1 and nyc1" in text
    assert "nyc1 wins" in text
    assert "→ take 192.168.10.0/24 away" in text


def test_causes_come_before_what_follows_from_them() -> None:
    found = re.findall(r"^  (WG\d+) ", render_report(planned(OVERLAP)), re.MULTILINE)
    assert found[0] == "WG201"
    causes = [rule for rule in found if rule[:3] not in ("WG0", "WG3")]
    assert found[: len(causes)] == causes
    assert found[-1] == "WG001"


def test_a_mistake_that_shows_at_many_hosts_does_not_fill_the_screen() -> None:
    members = numbered(30)
    for membership in members.values():
        membership["advertise"] = ["10.5.0.0/16"]
    text = render_report(planned(members))
    assert "more of WG" in text
    assert len(text.splitlines()) < 200


def test_changes_are_told_with_their_signs() -> None:
    before = planned(MEMBERS)
    after = planned({name: MEMBERS[name] for name in ("fra1", "nyc1")}, previous=before)
    text = render_report(after)
    assert "    - wg0: 10.77.0.3/32" in text
    assert "    - peer ams1: 10.77.0.3/32" in text
    assert "Nothing changes against the previous plan." in render_report(planned(MEMBERS, previous=before))


def test_removals_are_announced_without_an_earlier_plan() -> None:
    text = render_report(planned({**MEMBERS, "ams1": {"state": "absent"}}))
    assert "ams1 has left a network: wg0 will be removed there." in text
    assert "    + fra1  wg0  10.77.0.1/32\n    + nyc1  wg0  10.77.0.2/32\n" in text


@pytest.mark.parametrize("width", [40, 60, 100, 200])
def test_lines_stay_within_the_width(width: int) -> None:
    for plan in (planned(OVERLAP), planned(MEMBERS, previous=planned(OVERLAP))):
        for line in render_report(plan, width=width).splitlines():
            # Commands are copied, so they are never broken; neither are headings.
            text_is_broken = line.startswith("    ") and not line.startswith("      ")
            assert len(line) <= width or not text_is_broken or " " not in line.strip("→ ")


def test_an_inventory_without_members_is_not_called_proved() -> None:
    text = render_report(make_plan({"a": {"wireguard_networks": {"corp": {}}}}, ["a"]))
    assert "NOTHING TO PROVE: no host is a member of a network" in text
    assert "PROVED" not in text


def test_colour_only_when_it_is_asked_for() -> None:
    plan = planned(OVERLAP)
    plain, coloured = render_report(plan), render_report(plan, color=True)
    assert "\033" not in plain
    assert "\033[1;31mERRORS" in coloured
    assert re.sub(r"\033\[[0-9;]*m", "", coloured) == plain


def test_what_is_no_plan_is_refused() -> None:
    with pytest.raises(InvalidInput, match="the plan: has no findings"):
        render_report({"fleet": {}})
