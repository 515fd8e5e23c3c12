# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import hashlib
import html.parser
import re

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._html import render_html
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._live import live_command
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._mermaid import render_mermaid
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.reports import PLANS, mesh, plan_of


class _Ids(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.links += [value or "" for name, value in attrs if name == "href"]


def test_every_link_leads_somewhere_on_the_page() -> None:
    for plan in PLANS.values():
        found = _Ids()
        found.feed(render_html(plan))
        assert len(set(found.ids)) == len(found.ids)
        # Nothing has the id -, so that closing a trace scrolls nowhere.
        assert {link[1:] for link in found.links} - {"-"} <= set(found.ids)


def test_the_policy_lets_the_own_style_through_and_nothing_else() -> None:
    page = render_html(PLANS["proved"])
    style = re.search("<style>(.*)</style>", page, re.DOTALL)
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"default-src &#39;none&#39;; style-src &#39;sha256-{digest}&#39;; base-uri" in page
    assert " style=" not in page
    assert "url(" not in page
    assert "@import" not in page


def test_findings_come_with_remedy_place_and_command() -> None:
    page = render_html(PLANS["two-owners"])
    assert "take 192.168.10.0/24 away from all but one of fra1, nyc1" in page
    assert "wg show wg0 allowed-ips" in page


def test_a_proved_plan_says_so_and_an_empty_one_does_not() -> None:
    assert "<h1>Proved under 3 assumptions</h1>" in render_html(PLANS["minimal"])
    assert "<h1>Nothing to prove</h1>" in render_html(PLANS["empty"])


def test_a_flowchart_names_hosts_groups_and_outside_peers() -> None:
    text = render_mermaid(PLANS["two-hubs"])
    assert text.startswith("flowchart LR\n  subgraph s0[")
    assert '(["anna-phone"]):::external' in text
    assert '[["all hosts #40;30 hosts#41;"]]' in render_mermaid(mesh(30))


def test_the_command_is_for_a_shell() -> None:
    finding = {"rule": "WG201", "host": "a", "namespace": "", "interface": "wg0; reboot", "witness": None}
    assert live_command(finding) == ("a", "wg show 'wg0; reboot' allowed-ips")
    packet = {"host": "b", "namespace": "blue", "source": "10.0.0.1", "destination": "10.0.0.2"}
    expected = ("b", "ip netns exec blue ip route get 10.0.0.2 from 10.0.0.1")
    assert live_command({**finding, "witness": packet}) == expected
    assert live_command({**finding, "rule": "WG701", "namespace": "blue", "interface": "wg0"}) == (
        "a",
        "ip netns exec blue sh -c 'ip rule; ip route show table all dev wg0'",
    )
    assert live_command({**finding, "interface": None}) == ("", "")


def test_the_picture_explains_what_it_draws_and_nothing_else() -> None:
    def told(name: str) -> list[str]:
        return re.findall(r"</svg>([^<]+)</li>", render_html(PLANS[name]))

    assert told("minimal") == []
    assert told("two-owners") == ["a link that an error is about", "has an error", "has networks behind it"]
    backup = "a backup: nothing goes this way unless the first choice is down"
    assert told("two-hubs") == [backup, "not managed here", "has networks behind it"]


def test_hosts_with_long_names_are_told_apart_by_the_ends_of_them() -> None:
    names = [f"frankfurt-production-app{number:02}.example.net" for number in range(2)]
    plan = plan_of({name: {"addresses": [f"10.77.0.{n}", f"10.77.1.{n}"]} for n, name in enumerate(names)})
    page = render_html(plan)
    shown = re.findall(
        r'class="name">([^<]+)<', render_html(plan_of({n[:-12]: {"addresses": ["10.77.0.1"]} for n in names}))
    )
    assert shown == ["frankfu…-app00", "frankfu…-app01"]
    assert re.findall(r'class="under">([^<]+)<', page) == ["10.77.0.0/32 +1", "10.77.0.1/32 +1"]
