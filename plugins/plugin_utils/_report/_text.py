# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan as text for a terminal: findings first, then what changes, then what was assumed, then the proof."""

from __future__ import annotations

import itertools
import textwrap
import typing as t
from collections.abc import Iterable, Mapping

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._difference import difference
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._reader import visible
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._changes_text import change_lines
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._paint import Paint
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._reachability_text import (
    reachability_lines,
    rollout_lines,
)

Document = Mapping[str, t.Any]

_SEVERITIES = (("error", "ERRORS", "red"), ("warning", "WARNINGS", "yellow"), ("info", "NOTES", "cyan"))
_VERDICTS = {"proved": "green", "refuted": "red", "unproven": "yellow"}
_NARROWEST = 40
# How many prefixes or hosts are listed before the rest is counted.
_LISTED = 8
# How many interfaces are listed where all of them are new.
_SHOWN_AS_NEW = 20
# How many findings of one rule and severity are shown in full: one mistake often shows at many hosts.
_PER_RULE = 4


def render_report(plan: Document, *, width: int = 100, color: bool = False) -> str:
    """Deterministic; without a newline at the end."""
    remedy = "give it what the plan filter returned"
    for key in ("fleet", "findings", "assumptions", "proof", "summary"):
        if key not in plan:
            raise InvalidInput(f"has no {key}", path="the plan", remedy=remedy)
    try:
        return _render(_visible(plan), width=width, color=color)
    except (AttributeError, LookupError, TypeError, ValueError):
        raise InvalidInput("is not a plan", path="the plan", remedy=remedy) from None


def _render(plan: Document, *, width: int, color: bool) -> str:
    page = _Page(max(width, _NARROWEST), Paint(color))
    sections = [
        page.title(plan["summary"]),
        *(page.findings(plan["findings"], *severity) for severity in _SEVERITIES),
        page.ignored(plan.get("ignored") or ()),
        page.changes(plan),
        page.assumptions(plan["assumptions"]),
        page.expectations(plan.get("expectations") or ()),
        page.proof(plan),
    ]
    return "\n\n".join("\n".join(lines) for lines in map(list, sections) if lines)


def _visible(value: t.Any) -> t.Any:
    """A copy in which no text can move the cursor, change the terminal or begin a line of its own.

    Names come from inventories and plans that others have written.
    """
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, Mapping):
        return {_visible(key): _visible(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_visible(entry) for entry in value]
    return value


class _Page:
    """Sections of a report as lines."""

    def __init__(self, width: int, paint: Paint) -> None:
        self.width = width
        self.paint = paint

    def title(self, summary: Document) -> Iterable[str]:
        networks = ", ".join(f"{name} ({_count(size, 'member')})" for name, size in sorted(summary["networks"].items()))
        counts = f"{_count(summary['hosts'], 'host')}, {_count(summary['interfaces'], 'interface')}"
        yield self.paint.bold("WireGuard plan") + f": {counts}" + (f"; network {networks}" if networks else "")

    def findings(self, findings: Iterable[Document], severity: str, title: str, color: str) -> Iterable[str]:
        found = sorted((one for one in findings if one["severity"] == severity), key=_cause_first)
        if not found:
            return
        yield self.paint(f"{title} ({len(found)})", color, bold=True)
        for rule, grouped in itertools.groupby(found, key=lambda finding: finding["rule"]):
            same = list(grouped)
            for finding in same[:_PER_RULE]:
                yield ""
                yield from self.finding(finding, color)
            if len(same) > _PER_RULE:
                rest = same[_PER_RULE:]
                hosts = sorted({finding["host"] for finding in rest if finding["host"]})
                at = f", at {_listed(hosts)}" if hosts else ""
                yield ""
                yield from self.wrapped(f"… and {len(rest):,} more of {rule}{at}; the plan document has them all", 2)

    def finding(self, finding: Document, color: str) -> Iterable[str]:
        yield f"  {self.paint(finding['rule'], color, bold=True)} {finding['name']}{_place(finding)}"
        yield from self.wrapped(finding["message"], 4)
        if not all(prefix in finding["message"] for prefix in finding["prefixes"]):
            yield from self.wrapped(f"prefixes: {_listed(finding['prefixes'])}", 4)
        if finding["witness"]:
            yield from self.wrapped(f"for example {_witness(finding['witness'])}", 4)
        if finding["hint"]:
            yield from self.wrapped(f"→ {finding['hint']}", 4, hanging=2)

    def ignored(self, findings: Iterable[Document]) -> Iterable[str]:
        found = list(findings)
        if not found:
            return
        yield self.paint(f"IGNORED ({len(found)}), as wireguard_ignore says", "cyan", bold=True)
        for finding in found:
            text = f"· {finding['rule']} {finding['name']}{_place(finding)}: {finding['message']}"
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
        there = f"{_count(plan['summary']['interfaces'], 'interface')} on {_count(plan['summary']['hosts'], 'host')}"
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
            yield from self.wrapped(f"· {entry['assumption']}{_where(entry)}", 2, hanging=2)
            yield f"      {self.paint.dim(entry['settle'])}"

    def expectations(self, expectations: Iterable[Document]) -> Iterable[str]:
        entries = list(expectations)
        if not entries:
            return
        yield self.paint(f"INTENTS ({len(entries)})", "cyan", bold=True)
        for entry in entries:
            yield from self.wrapped(self.intent(entry), 2, hanging=2)

    def intent(self, entry: Document) -> str:
        holds = bool(entry.get("holds"))
        mark = self.paint("✓", "green") if holds else self.paint("✗", "red", bold=True)
        arrow = "reaches" if entry.get("reach") else "does not reach"
        return f"{mark} {_end(entry.get('from'))} {arrow} {_end(entry.get('to'))}"

    def proof(self, plan: Document) -> Iterable[str]:
        proof = plan["proof"]
        if not plan["summary"]["hosts"]:
            yield self.paint("NOTHING TO PROVE", "yellow", bold=True) + ": no host is a member of a network"
            yield from self.wrapped("A host joins with the variable wireguard: {<network>: {addresses: [...]}}.", 2)
            return
        if proof["verdict"] == "proved" and not proof["pairs"] and not plan.get("expectations"):
            # True of every packet, because there is none: nobody should take comfort in it.
            why = ": no two members of a network have an address family in common"
            yield self.paint("NOTHING TO PROVE", "yellow", bold=True) + why
            return
        verdict = proof["verdict"]
        assumptions = f" under {_count(proof['assumptions'], 'assumption')}" if proof["assumptions"] else ""
        pairs = f"{proof['delivered']:,} of {proof['pairs']:,} flows delivered"
        families = " and ".join(f"IPv{family}" for family in proof["families"]) or "no family"
        yield self.paint(f"{verdict.upper()}{assumptions}", _VERDICTS[verdict], bold=True) + f": {pairs}, {families}"
        yield from self.wrapped(_classified(proof), 2)
        errors = plan["summary"]["errors"]
        if errors:
            yield from self.wrapped(f"Not to be applied: {_count(errors, 'error')}, see above.", 2)

    def wrapped(self, text: str, indent: int, *, hanging: int = 0) -> Iterable[str]:
        return textwrap.wrap(
            text,
            self.width,
            initial_indent=" " * indent,
            subsequent_indent=" " * (indent + hanging),
            break_long_words=False,
            break_on_hyphens=False,
        )


def _cause_first(finding: Document) -> int:
    """What is declared wrongly before what follows from it: flows that are lost (0xx), and where on the way (3xx)."""
    return {"WG3": 1, "WG0": 2}.get(finding["rule"][:3], 0)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _place(finding: Document) -> str:
    """``  at host fra1, namespace blue, interface wg0, peer nyc1``, as far as it is known."""
    words = [f"{key} {finding[key]}" for key in ("host", "namespace", "interface", "peer") if finding.get(key)]
    return f"   {', '.join(words)}" if words else ""


def _where(assumption: Document) -> str:
    """The hosts, where the sentence does not name them itself."""
    hosts = assumption.get("hosts") or []
    if not hosts or hosts[0] in assumption["assumption"]:
        return ""
    return f" ({', '.join(hosts)})" if len(hosts) <= _LISTED else f" ({_count(len(hosts), 'host')})"


def _listed(texts: t.Sequence[str]) -> str:
    more = f" and {len(texts) - _LISTED:,} more" if len(texts) > _LISTED else ""
    return ", ".join(texts[:_LISTED]) + more


def _witness(witness: Document) -> str:
    stack = f"{witness['host']}, namespace {witness['namespace']}" if witness.get("namespace") else witness["host"]
    return f"{witness['source']} → {witness['destination']}, sent by {stack}"


def _end(selector: t.Any) -> str:
    if isinstance(selector, Mapping):
        return ", ".join(f"{k} {_listed(v) if isinstance(v, list) else v}" for k, v in selector.items() if v)
    return str(selector)


def _classified(proof: Document) -> str:
    """``1 stack: every one of 4294967296 IPv4 and 2^128 IPv6 addresses decided``."""
    counted = proof.get("addresses_classified") or {}
    shown = " and ".join(f"{_times(int(count), family)} IPv{family}" for family, count in sorted(counted.items()))
    looked = ", ".join(
        _count(proof[f"{noun}s"], noun) for noun in ("stack", "interface", "peer") if f"{noun}s" in proof
    )
    return f"looked at {looked}, {proof.get('allowed_ips', 0):,} AllowedIPs; classified {shown} addresses"


def _times(count: int, family: str) -> str:
    """6 × 2^128 rather than 39 digits."""
    width = 32 if family == "4" else 128
    return f"2^{width}" if count >> width == 1 else f"{count >> width:,} × 2^{width}"
