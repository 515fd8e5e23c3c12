# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workflow commands of GitHub Actions, which show a finding beside the line of the inventory that it is about.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report import _words as words

_COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}
# GitHub shows ten of a kind in a step and fifty in a run; the rest stands in the plan.
_PER_KIND = 50


def render_github(plan: Mapping[str, t.Any]) -> str:
    """One line per finding, the worst first, and the verdict; without a newline at the end."""
    return words.rendered(lambda shown: "\n".join(_lines(shown)), plan)


def _lines(plan: words.Document) -> Iterator[str]:
    for severity in words.SEVERITIES:
        found = words.by_severity(plan["findings"], severity)
        for finding in found[:_PER_KIND]:
            yield _command(_COMMANDS[severity], _message(finding), _properties(finding))
        if len(found) > _PER_KIND:
            rest = f"{len(found) - _PER_KIND:,} more; the plan document has them all"
            yield _command(_COMMANDS[severity], rest, {"title": "WireGuard plan"})
    verdict, about = words.headline(plan)
    kind = "notice" if plan["proof"]["verdict"] == "proved" and not plan["summary"]["errors"] else "error"
    yield _command(kind, f"{verdict}: {about}", {"title": "WireGuard plan"})


def _properties(finding: words.Document) -> dict[str, str]:
    place = finding.get("place") or {}
    known = {"file": place.get("file"), "line": place.get("line")}
    at = words.subject(finding)
    title = f"{finding['rule']} {finding['name']}" + (f" ({at})" if at else "")
    return {**{key: str(value) for key, value in known.items() if value}, "title": title}


def _message(finding: words.Document) -> str:
    lines = [finding["message"]]
    if finding.get("witness"):
        lines.append(f"for example {words.witness(finding['witness'])}")
    return "\n".join([*lines, *([f"→ {finding['hint']}"] if finding["hint"] else [])])


def _command(name: str, message: str, properties: Mapping[str, str]) -> str:
    listed = ",".join(f"{key}={_escaped(value, property_too=True)}" for key, value in properties.items())
    return f"::{name} {listed}::{_escaped(message)}"


def _escaped(text: str, *, property_too: bool = False) -> str:
    """As @actions/core does it (command.ts: escapeData, escapeProperty)."""
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if property_too else text
