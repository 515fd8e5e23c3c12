# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The formats of a report by name: each is made from the plan document and nothing else."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Callable, Mapping

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._github import render_github
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._html import render_html
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._junit import render_junit
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._markdown import render_markdown
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._mermaid import render_mermaid
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._sarif import render_sarif
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._text import render_report

Plan = Mapping[str, t.Any]


def render_json(plan: Plan) -> str:
    """The plan without what it was compared with, so that the same fleet always gives the same bytes."""
    compared = [key for key in ("changes", "reachability", "rollout") if key in plan["summary"]]
    lasting = {**plan, "summary": {**plan["summary"], **dict.fromkeys(compared)}}
    return json.dumps(lasting, indent=1, sort_keys=True, ensure_ascii=False)


# All of them fit every screen but the first, which is made for one.
FORMATS: dict[str, Callable[[Plan], str]] = {
    "text": render_report,
    "markdown": render_markdown,
    "github": render_github,
    "junit": render_junit,
    "sarif": render_sarif,
    "mermaid": render_mermaid,
    "html": render_html,
    "json": render_json,
}


def render_as(name: str, plan: Plan, *, width: int = 100, color: bool = False) -> str:
    """name: one of FORMATS. width and color are for the text. Without a newline at the end."""
    if name == "text":
        return render_report(plan, width=width, color=color)
    return FORMATS[name](plan).rstrip("\n")
