# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan as text for a terminal: findings first, then what changes, then what was assumed, then the proof."""

from __future__ import annotations

import itertools
import textwrap
import typing as t
from collections.abc import Iterable, Mapping

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._difference import difference
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report import _words as words
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._changes_text import change_lines
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._live import live_command
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._paint import Paint
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._reachability_text import (
    reachability_lines,
    rollout_lines,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._trace_text import render_steps

Document = Mapping[str, t.Any]

_SEVERITIES = (("error", "ERRORS", "red"), ("warning", "WARNINGS", "yellow"), ("info", "NOTES", "cyan"))
_VERDICTS = {"proved": "green", "refuted": "red", "unproven": "yellow"}
_NARROWEST = 40
# How many interfaces are listed where all of them are new.
_SHOWN_AS_NEW = 20
# How many findings of one rule and severity are shown in full: one mistake often shows at many hosts.
_PER_RULE = 3


def render_report(plan: Document, *, width: int = 100, color: bool = False) -> str:
    """Deterministic; without a newline at the end."""
    return words.rendered(lambda shown: _render(shown, width=width, color=color), plan)


def _render(plan: Document, *, width: int, color: bool) -> str:
    page = _Page(max(width, _NARROWEST), Paint(color))
    sections = [
        page.title(plan["summary"]),
        *(page.findings(plan, *severity) for severity in _SEVERITIES),
        page.ignored(plan.get("ignored") or ()),
        page.changes(plan),
        page.assumptions(plan["assumptions"]),
        page.expectations(plan.get("expectations") or ()),
        page.proof(plan),
    ]
    return "\n\n".join("\n".join(lines) for lines in map(list, sections) if lines)


class _Page:
    """Sections of a report as lines."""

    def __init__(self, width: int, paint: Paint) -> None:
        self.width = width
        self.paint = paint

    def title(self, summary: Document) -> Iterable[str]:
        yield self.paint.bold("WireGuard plan") + f": {words.scope(summary)}"

    def findings(self, plan: Document, severity: str, title: str, color: str) -> Iterable[str]:
        found = words.by_severity(plan["findings"], severity)
        if not found:
            return
        yield self.paint(f"{title} ({len(found)})", color, bold=True)
        for rule, grouped in itertools.groupby(found, key=lambda finding: finding["rule"]):
            same = list(grouped)
            for finding in same[:_PER_RULE]:
                yield ""
                yield from self.finding(plan, finding, color)
            if len(same) > _PER_RULE:
                rest = same[_PER_RULE:]
                hosts = sorted({finding["host"] for finding in rest if finding["host"]})
                at = f", at {words.listed(hosts)}" if hosts else ""
                yield ""
                yield from self.wrapped(f"… and {len(rest):,} more of {rule}{at}; the plan document has them all", 2)

    def finding(self, plan: Document, finding: Document, color: str) -> Iterable[str]:
        at = words.subject(finding)
        yield f"  {self.paint(finding['rule'], color, bold=True)} {finding['name']}" + (f"   {at}" if at else "")
        yield from self.wrapped(finding["message"], 4)
        if words.unsaid(finding):
            yield from self.wrapped(f"prefixes: {words.listed(finding['prefixes'])}", 4)
        if finding["witness"]:
            yield from self.wrapped(f"for example {words.witness(finding['witness'])}", 4)
            yield from self.blockers(words.trace_of(plan, finding["witness"]))
        if words.written(finding):
            yield from self.wrapped(f"written in {words.written(finding)}", 4)
        host, command = live_command(finding)
        if command:
            yield f"      {self.paint.dim(f'{command}   # on {host}')}"
        if finding["hint"]:
            yield from self.wrapped(f"→ {finding['hint']}", 4, hanging=2)

    def blockers(self, trace: Document | None) -> Iterable[str]:
        """The whole way, where more than what the finding says is in it."""
        if trace is not None and len(trace["blockers"]) > 1:
            for line in render_steps(trace).splitlines():
                yield f"      {self.paint.dim(line)}"

    def ignored(self, findings: Iterable[Document]) -> Iterable[str]:
        found = list(findings)
        if not found:
            return
        yield self.paint(f"IGNORED ({len(found)}), as wireguard_ignore says", "cyan", bold=True)
        for finding in found:
            at = f"   {words.subject(finding)}" if words.subject(finding) else ""
            text = f"· {finding['rule']} {finding['name']}{at}: {finding['message']}"
            until = f", until {finding['until']}" if finding.get("until") else ""
            yield from self.wrapped(f"{text}; because {finding['reason']}{until}", 2, hanging=2)

    def changes(self, plan: Document) -> Iterable[str]:
        """Against the previous plan; without one, everything is new."""
        changes = plan["summary"]["changes"]
        if changes is not None:
            yield self.paint("WHAT CHANGES" + (f" ({len(changes)})" if changes else ""), "cyan", bold=True)
            if not changes:
                yield "  Nothing changes against the previous plan."
            yield from change_lines(changes, paint=self.paint, width=self.width)
            yield from self.consequences(plan["summary"])
            return
        yield self.paint("WHAT CHANGES", "cyan", bold=True)
        summary = plan["summary"]
        there = f"{words.count(summary['interfaces'], 'interface')} on {words.count(summary['hosts'], 'host')}"
        yield from self.wrapped(f"There is no earlier plan to compare with; this one declares {there}.", 2)
        if plan["summary"]["interfaces"] <= _SHOWN_AS_NEW:
            yield from self.new_interfaces(difference({"hosts": {}}, plan))
        for host, left in sorted(plan.get("removals", {}).items()):
            names = ", ".join(entry["name"] for entry in left)
            yield from self.wrapped(f"{host} has left a network: {names} will be removed there.", 2)

    def consequences(self, summary: Document) -> Iterable[str]:
        """Which flows come and go, and the order of hosts in which no other flow breaks meanwhile."""
        lines: list[tuple[str, int]] = []
        if summary.get("reachability"):
            lines += reachability_lines(summary["reachability"], paint=self.paint)
        if summary.get("rollout"):
            lines += rollout_lines(summary["rollout"], paint=self.paint)
        for line, hanging in lines:
            indent = len(line) - len(line.lstrip())
            yield from self.wrapped(line.lstrip(), indent, hanging=hanging - indent)

    def new_interfaces(self, changes: t.Sequence[Document]) -> Iterable[str]:
        """A table: host, interface, addresses."""
        host, interface = (max((len(change[key]) for change in changes), default=0) for key in ("host", "interface"))
        for change in changes:
            cells = (change["host"].ljust(host), change["interface"].ljust(interface), change["after"])
            yield f"    {self.paint('+', 'green')} {'  '.join(cells)}"

    def assumptions(self, assumptions: Iterable[Document]) -> Iterable[str]:
        entries = list(assumptions)
        if not entries:
            return
        yield self.paint(f"ASSUMED ({len(entries)}), each with the command that settles it", "cyan", bold=True)
        for entry in entries:
            yield from self.wrapped(f"· {entry['assumption']}{words.where(entry)}", 2, hanging=2)
            yield f"      {self.paint.dim(entry['settle'])}"

    def expectations(self, expectations: Iterable[Document]) -> Iterable[str]:
        entries = list(expectations)
        if not entries:
            return
        yield self.paint(f"INTENTS ({len(entries)})", "cyan", bold=True)
        for entry in entries:
            yield from self.wrapped(self.intent(entry), 2, hanging=2)

    def intent(self, entry: Document) -> str:
        mark = self.paint("✓", "green") if entry.get("holds") else self.paint("✗", "red", bold=True)
        return f"{mark} {words.intent(entry)}"

    def proof(self, plan: Document) -> Iterable[str]:
        proof = plan["proof"]
        verdict, about = words.headline(plan)
        nothing = words.nothing_to_prove(plan)
        yield self.paint(verdict, "yellow" if nothing else _VERDICTS[proof["verdict"]], bold=True) + f": {about}"
        if not plan["summary"]["hosts"]:
            yield from self.wrapped("A host joins with the variable wireguard: {<network>: {addresses: [...]}}.", 2)
        if nothing:
            return
        yield from self.wrapped(words.classified(proof), 2)
        errors = plan["summary"]["errors"]
        if errors:
            yield from self.wrapped(f"Not to be applied: {words.count(errors, 'error')}, see above.", 2)

    def wrapped(self, text: str, indent: int, *, hanging: int = 0) -> Iterable[str]:
        return textwrap.wrap(
            text,
            self.width,
            initial_indent=" " * indent,
            subsequent_indent=" " * (indent + hanging),
            break_long_words=False,
            break_on_hyphens=False,
        )
