# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._github import render_github
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.reports import PLANS, broken_mesh


def test_a_finding_annotates_the_line_that_it_is_about() -> None:
    plan = copy.deepcopy(PLANS["two-owners"])
    first = next(finding for finding in plan["findings"] if finding["rule"] == "WG201")
    first.update(place={"file": "host_vars/a,b:c%.yml", "line": 4}, message="100%\nof it, all: gone")
    plan["findings"] = [first]
    line = render_github(plan).splitlines()[0]
    # As escapeProperty and escapeData of @actions/core give it; a line break in a message is none of ours.
    assert line.startswith("::error file=host_vars/a%2Cb%3Ac%25.yml,line=4,title=WG201 prefix-on-two-peers (host ")
    assert "::100%25\\nof it, all: gone%0A→ take " in line


def test_a_place_without_a_line_has_none() -> None:
    plan = copy.deepcopy(PLANS["two-owners"])
    plan["findings"][0]["place"] = {"file": "inventory.yml", "line": None}
    assert "::error file=inventory.yml,title=" in render_github(plan)


def test_notes_are_notices_and_the_verdict_ends_it() -> None:
    lines = render_github(PLANS["minimal"]).splitlines()
    assert lines[-1].startswith("::notice title=WireGuard plan::PROVED under 3 assumptions")
    assert render_github(PLANS["two-owners"]).splitlines()[-1].startswith("::error title=WireGuard plan::REFUTED")


def test_a_thousand_findings_are_not_a_thousand_lines() -> None:
    lines = render_github(broken_mesh(80)).splitlines()
    assert len(lines) <= 153
    assert any("more; the plan document has them all" in line for line in lines)
