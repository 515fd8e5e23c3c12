# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan as JUnit XML, which every CI shows as test results: the rules, the intents and the proof are the tests.

No standard exists; this keeps to what Jenkins and GitLab read. ``file`` and ``line`` are understood by most.
"""

from __future__ import annotations

import typing as t
import xml.etree.ElementTree as etree
from collections.abc import Iterator, Mapping

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report import _words as words
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rules import CATALOGUE
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._trace_text import render_steps

# Of one rule; the rest is one more test.
_PER_RULE = 20


class _Case(t.NamedTuple):
    """outcome: failure | skipped | system-out, or empty for a test that says nothing."""

    name: str
    outcome: str = ""
    message: str = ""
    text: str = ""
    place: Mapping[str, t.Any] | None = None


def render_junit(plan: Mapping[str, t.Any]) -> str:
    """Deterministic: no time and no host name in it; without a newline at the end."""
    return words.rendered(_document, plan)


def _document(plan: words.Document) -> str:
    root = etree.Element("testsuites", name="WireGuard plan")
    suites = {"rules": list(_rules(plan)), "intents": list(_intents(plan)), "proof": [_proof(plan)]}
    for name, cases in suites.items():
        counts = {kind: str(sum(case.outcome == kind for case in cases)) for kind in ("failure", "skipped")}
        numbers = {"tests": str(len(cases)), "failures": counts["failure"], "errors": "0", "skipped": counts["skipped"]}
        suite = etree.SubElement(root, "testsuite", {"name": f"wireguard.{name}", **numbers, "time": "0"})
        for case in cases:
            _add(suite, name, case)
    etree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + etree.tostring(root, encoding="unicode")


def _add(suite: etree.Element, name: str, case: _Case) -> None:
    place = case.place or {}
    where = {key: str(place[key]) for key in ("file", "line") if place.get(key)}
    named = {"name": case.name, "classname": f"wireguard.{name}", **where, "time": "0"}
    element = etree.SubElement(suite, "testcase", named)
    if case.outcome:
        message = {} if case.outcome == "system-out" else {"message": case.message}
        etree.SubElement(element, case.outcome, message).text = case.text or case.message


def _rules(plan: words.Document) -> Iterator[_Case]:
    """A rule without a finding is a test that passes; else each finding is one, and an error fails."""
    found: dict[str, list[words.Document]] = {}
    for severity in words.SEVERITIES:
        for finding in words.by_severity(plan["findings"], severity):
            found.setdefault(finding["rule"], []).append(finding)
    names = {rule.id: rule.name for rule in CATALOGUE} | {rule: same[0]["name"] for rule, same in found.items()}
    for rule in sorted(names):
        title = f"{rule} {names[rule]}"
        same = found.get(rule, [])
        if not same:
            yield _Case(title)
        for finding in same[:_PER_RULE]:
            yield _finding(plan, finding, title)
        if len(same) > _PER_RULE:
            rest = same[_PER_RULE:]
            text = f"{len(rest):,} more; the plan document has them all"
            yield _Case(f"{title}: {len(rest):,} more", _outcome(rest[0]), text)


def _outcome(finding: words.Document) -> str:
    return "failure" if finding["severity"] == "error" else "system-out"


def _finding(plan: words.Document, finding: words.Document, title: str) -> _Case:
    at = words.subject(finding)
    lines = [finding["message"]]
    lines += [f"prefixes: {words.listed(finding['prefixes'])}"] if words.unsaid(finding) else []
    lines += [f"→ {finding['hint']}"] if finding["hint"] else []
    trace = words.trace_of(plan, finding.get("witness"))
    lines += ["", render_steps(trace)] if trace else []
    return _Case(
        f"{title}: {at}" if at else title,
        _outcome(finding),
        finding["message"],
        "\n".join(lines),
        finding.get("place"),
    )


def _intents(plan: words.Document) -> Iterator[_Case]:
    for entry in plan.get("expectations") or ():
        failed = not entry.get("holds")
        reason = str(entry.get("reason") or "does not hold")
        yield _Case(words.intent(entry), "failure" if failed else "", reason if failed else "")


def _proof(plan: words.Document) -> _Case:
    verdict, about = words.headline(plan)
    outcome = {"proved": "", "refuted": "failure"}.get(plan["proof"]["verdict"], "skipped")
    return _Case("every intended flow arrives, both ways", outcome, f"{verdict}: {about}" if outcome else "")
