# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._formats import render_as
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._html import render_html
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._markdown import LIMIT, render_markdown
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._markup import escaped, fenced
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.reports import PLANS, broken_mesh, hostile
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.schemas import problems


def test_the_verdict_comes_first_and_errors_are_not_folded() -> None:
    text = render_markdown(PLANS["two-owners"])
    assert text.startswith("## ❌ WireGuard plan: refuted under ")
    shown = re.sub(r"<details>.*?</details>", "", text, flags=re.DOTALL)
    assert "**WG201 prefix-on-two-peers** · host laptop, interface wg0, peer fra1" in shown
    assert "**→ take 192.168.10.0/24 away from all but one of fra1, nyc1**" in shown
    assert "nft list ruleset" not in shown


def test_the_way_of_a_packet_and_the_table_are_there_for_a_click() -> None:
    text = render_markdown(PLANS["two-owners"])
    assert "<details><summary>its way, and how to see it</summary>\n\n```\nfra1 → 10.77.0.3" in text
    assert "| from \\ to | fra1 | laptop | nyc1 |" in text
    assert "```mermaid\nflowchart LR" in text


def test_changes_are_a_diff() -> None:
    text = render_markdown(PLANS["changed"])
    assert re.search(r"```diff\n.*^\+ wg0: 10\.77\.0\.3/32$", text, re.MULTILINE | re.DOTALL)
    assert "*Nothing changes against the earlier plan.*" in render_markdown(PLANS["unchanged"])


def test_what_does_not_fit_is_counted_and_the_verdict_is_never_left_out() -> None:
    text = render_markdown(broken_mesh(80))
    assert len(text) <= LIMIT
    assert text.startswith("## ❌ WireGuard plan: refuted")
    assert "more of WG" in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("fra-1.example.net", "fra-1.example.net"),
        ("10.0.0.0/24 and fd00::/8", "10.0.0.0/24 and fd00::/8"),
        ("a_b*c`d", "a\\_b\\*c\\`d"),
        ("<b>&", "&lt;b&gt;&amp;"),
        ("@org/team", "@<!-- -->org/team"),
        ("see #12", "see #<!-- -->12"),
        ("http://evil.example", "http:<!-- -->//evil.example"),
        ("www.evil.example", "www.<!-- -->evil.example"),
    ],
)
def test_text_is_shown_as_it_is(text: str, shown: str) -> None:
    assert escaped(text) == shown


def test_nobody_is_mentioned_and_nothing_linked() -> None:
    outside = re.sub(
        r"^(`{3,}).*?^\1$", "", render_markdown(hostile("@org/team #1 http://evil.example www.evil")), flags=re.M | re.S
    )
    assert not re.search(r"@\w|#\d|://|www\.\w", outside)


def test_a_fence_is_longer_than_any_in_it() -> None:
    lines: t.Iterable[str] = ["````", "x"]
    assert fenced(lines).splitlines()[0] == "`" * 5


def test_what_a_change_does_to_packets_is_told() -> None:
    summary = {
        **PLANS["changed"]["summary"],
        "reachability": {
            "lost": {"pairs": 1, "entries": [{"text": "laptop to fra1"}], "more": 2},
            "rerouted": {"pairs": 0, "entries": [], "more": 0},
            "gained": {"pairs": 1, "entries": [{"text": "laptop to nyc1"}], "more": 0},
            "intents": [{"network": "corp", "from": "a", "to": "b", "reach": True, "before": True, "after": False}],
        },
        "rollout": {"verdict": "ordered", "text": "one host after the other", "judged": 3, "more": 0,
                    "steps": [{"hosts": ["fra1"], "text": "fra1", "breaks": []}]},
    }  # fmt: skip
    plan = {**PLANS["changed"], "summary": summary}
    assert problems("plan", plan) == []
    text = render_markdown(plan)
    for line in (
        "- lost: laptop to fra1",
        "- lost: … and 2 more",
        "+ gained: laptop to nyc1",
        "- intent a reaches b: no longer",
        "  1. fra1",
    ):
        assert f"\n{line}" in text
    assert "gained: laptop to nyc1" in render_html(plan)
    assert '"rollout": null' in render_as("json", plan)
