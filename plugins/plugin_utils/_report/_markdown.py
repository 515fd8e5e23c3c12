# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan as Markdown for a comment on a pull request: the verdict first, details folded, never too long for one."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator, Mapping

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._difference import difference
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report import _words as words
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._changes_text import change_lines
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._live import live_command
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._markup import cut, escaped, fenced, folded
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._mermaid import render_mermaid
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._paint import Paint
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._trace_text import render_steps

Document = Mapping[str, t.Any]

# GitHub refuses a comment of more than 65,536 characters.
LIMIT = 65000
# Kept for the line that says what is left out.
_RESERVED = 300
_LONGEST = 4000
_LISTED = 60
_PER_RULE = 5
_SIGNS = {"error": "❌", "warning": "⚠️", "info": "ℹ️"}
_TITLES = {"error": "Errors", "warning": "Warnings", "info": "Notes"}
_VERDICTS = {"proved": "✅", "refuted": "❌", "unproven": "⚠️"}


def render_markdown(plan: Document) -> str:
    """Deterministic, at most LIMIT characters; without a newline at the end."""
    return words.rendered(_render, plan)


def _render(plan: Document) -> str:
    blocks: list[str] = []
    left, dropped = LIMIT - _RESERVED, 0
    for block in _blocks(plan):
        if len(block) + 2 > left:
            dropped += 1
            continue
        blocks.append(block)
        left -= len(block) + 2
    if dropped:
        what = "1 part is" if dropped == 1 else f"{dropped:,} parts are"
        blocks.append(f"*{what} left out here, for a comment may not be longer. The plan document has everything.*")
    return "\n\n".join(blocks)


def _blocks(plan: Document) -> Iterator[str]:
    """The most wanted first: what does not fit is left out whole."""
    yield from _head(plan)
    for severity in words.SEVERITIES:
        yield from _findings(plan, severity)
    yield from _changes(plan)
    yield from _consequences(plan)
    yield from _matrix(plan)
    yield from _intents(plan)
    yield from _assumptions(plan)
    yield from _ignored(plan)
    if plan["summary"]["hosts"]:
        yield folded("Picture of the fleet", fenced([render_mermaid(plan)], "mermaid"))


def _head(plan: Document) -> Iterator[str]:
    verdict, about = words.headline(plan)
    sign = "⚠️" if words.nothing_to_prove(plan) else _VERDICTS[plan["proof"]["verdict"]]
    yield f"## {sign} WireGuard plan: {verdict.lower()}"
    summary = plan["summary"]
    nouns = (("errors", "error"), ("warnings", "warning"), ("notes", "note"))
    counted = " · ".join(words.count(summary[key], noun) for key, noun in nouns if summary[key])
    yield f"**{escaped(about)}** · {counted or 'no findings'}"
    yield escaped(words.scope(summary))


def _findings(plan: Document, severity: str) -> Iterator[str]:
    found = words.by_severity(plan["findings"], severity)
    if not found:
        return
    yield f"### {_SIGNS[severity]} {_TITLES[severity]} ({len(found):,})"
    by_rule: dict[str, list[Document]] = {}
    for finding in found:
        by_rule.setdefault(finding["rule"], []).append(finding)
    for rule, same in by_rule.items():
        for finding in same[:_PER_RULE]:
            yield _finding(plan, finding)
        if len(same) > _PER_RULE:
            lines = [f"- {escaped(cut(_at(one) + one['message'], 300))}" for one in same[_PER_RULE:][:_LISTED]]
            rest = len(same) - _PER_RULE - len(lines)
            lines += [f"- … and {rest:,} more; the plan document has them all"] if rest else []
            yield folded(f"{len(same) - _PER_RULE:,} more of {escaped(rule)}", "\n".join(lines))


def _at(finding: Document) -> str:
    subject = words.subject(finding)
    return f"{subject}: " if subject else ""


def _finding(plan: Document, finding: Document) -> str:
    at = words.subject(finding)
    lines = [f"**{escaped(finding['rule'])} {escaped(finding['name'])}**" + (f" · {escaped(at)}" if at else "")]
    lines.append(escaped(cut(finding["message"], _LONGEST)))
    if words.unsaid(finding):
        lines.append(f"prefixes: {escaped(words.listed(finding['prefixes']))}")
    if finding["hint"]:
        lines.append(f"**→ {escaped(cut(finding['hint'], _LONGEST))}**")
    if words.written(finding):
        lines.append(f"written in {escaped(words.written(finding))}")
    # Two spaces at the end break the line.
    text = "  \n".join(lines)
    details = list(_details(plan, finding))
    return text + (
        "\n\n" + folded("how to see it" if len(details) == 1 else "its way, and how to see it", "\n\n".join(details))
        if details
        else ""
    )


def _details(plan: Document, finding: Document) -> Iterator[str]:
    trace = words.trace_of(plan, finding.get("witness"))
    if trace:
        yield fenced(cut(line, 400) for line in render_steps(trace).splitlines())
    elif finding.get("witness"):
        yield escaped(f"for example {words.witness(finding['witness'])}")
    host, command = live_command(finding)
    if command:
        yield fenced([f"{command}   # on {host}"], "shell")


def _changes(plan: Document) -> Iterator[str]:
    changes = plan["summary"]["changes"]
    if changes is None:
        summary = plan["summary"]
        there = f"{words.count(summary['interfaces'], 'interface')} on {words.count(summary['hosts'], 'host')}"
        title = f"What changes: there is no earlier plan; this one declares {there}"
        changes = difference({"hosts": {}}, plan)
    else:
        title = f"What changes ({len(changes):,})" if changes else "Nothing changes against the earlier plan"
    left = [f"- {host}: {entry['name']}" for host, gone in sorted(_removals(plan)) for entry in gone]
    lines = [_diff(line) for line in change_lines(changes[:_LISTED], paint=Paint(False), width=200)] + left
    if len(changes) > _LISTED:
        lines.append(f"  … and {len(changes) - _LISTED:,} more")
    yield folded(escaped(title), fenced(lines, "diff")) if lines else f"*{escaped(title)}.*"


def _consequences(plan: Document) -> Iterator[str]:
    told = words.consequences(plan["summary"])
    if told:
        signs = {"~": "!"}
        lines = [f"{signs.get(sign, sign)} {cut(text, 300)}" for sign, text in told[:_LISTED]]
        title = "What that does to reachability, and the order of hosts"
        yield folded(title, fenced(lines, "diff"), is_open=any(sign == "-" for sign, _text in told))


def _removals(plan: Document) -> Iterable[tuple[str, t.Any]]:
    return (plan.get("removals") or {}).items() if plan["summary"]["changes"] is None else ()


def _diff(line: str) -> str:
    """The sign comes first, as diff(1) has it; a heading and an altered line have none that it knows."""
    text = line.strip()
    return {"+": f"+ {text[2:]}", "-": f"- {text[2:]}", "~": f"! {text[2:]}"}.get(text[:1], f"  {text}")


def _matrix(plan: Document) -> Iterator[str]:
    for table in plan.get("matrix") or ():
        names = [_row_name(row) for row in table["rows"]]
        lines = [f"| from \\ to | {' | '.join(names)} |", f"|---|{':-:|' * len(names)}"]
        for name, cells in zip(names, table["cells"], strict=True):
            lines.append(f"| **{name}** | {' | '.join(map(_cell, cells))} |")
        yield folded(f"Who reaches whom in {escaped(table['network'])}", "\n".join(lines))


def _row_name(row: Document) -> str:
    name = escaped(cut(row["name"], 40))
    return name if row["kind"] == "host" else f"{name} ({len(row['hosts']):,})"


def _cell(cell: Document | None) -> str:
    if cell is None:
        return "·"
    sign = "✅" if cell["delivered"] == cell["pairs"] else "❌"
    return sign if cell["pairs"] == 1 else f"{sign} {cell['delivered']:,}/{cell['pairs']:,}"


def _intents(plan: Document) -> Iterator[str]:
    entries = sorted(plan.get("expectations") or (), key=lambda entry: bool(entry.get("holds")))
    if not entries:
        return
    broken = sum(not entry.get("holds") for entry in entries)
    lines = [
        f"- {'✅' if one.get('holds') else '❌'} {escaped(cut(words.intent(one), 300))}" for one in entries[:_LISTED]
    ]
    lines += [f"- … and {len(entries) - _LISTED:,} more"] if len(entries) > _LISTED else []
    title = f"Intents ({len(entries):,}, {f'{broken:,} broken' if broken else 'all hold'})"
    yield folded(title, "\n".join(lines), is_open=bool(broken))


def _assumptions(plan: Document) -> Iterator[str]:
    entries = plan["assumptions"]
    if not entries:
        return
    parts = []
    for entry in entries[:_LISTED]:
        sentence = cut(entry["assumption"] + words.where(entry), 1000)
        parts.append(f"{escaped(sentence)}\n\n{fenced([cut(entry['settle'], 400)], 'shell')}")
    yield folded(f"Assumed ({len(entries):,}), each with the command that settles it", "\n\n".join(parts))


def _ignored(plan: Document) -> Iterator[str]:
    found = plan.get("ignored") or ()
    if found:
        lines = [f"- {escaped(cut(_ignored_line(finding), 500))}" for finding in found[:_LISTED]]
        yield folded(f"Ignored ({len(found):,}), as wireguard\\_ignore says", "\n".join(lines))


def _ignored_line(finding: Document) -> str:
    return f"{finding['rule']} {finding['name']}, {_at(finding)}{finding['message']}; because {finding['reason']}"
