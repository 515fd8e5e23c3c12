# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan as one HTML page that needs nothing else: no network, no script, no font; safe to open and to attach.

Names come from inventories that others have written: everything goes through jinja2 with autoescape, and a content
security policy allows the page's own style and nothing more.
"""

from __future__ import annotations

import base64
import hashlib
import typing as t
from collections.abc import Iterator, Mapping

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._difference import difference
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._difference import sign as mark_of
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report import _words as words
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._changes_text import changes_by_place
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._html_style import STYLE
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._html_template import TEMPLATE
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._layout import lay_out
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._lines import lines_between
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._live import live_command
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._markup import cut
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._picture import Node, Picture, draw

Document = Mapping[str, t.Any]
View = dict[str, t.Any]

# What keeps a page of any fleet below a few hundred kilobytes.
_PER_RULE = 8
_IN_FULL = 150
_IN_SHORT = 200
_LISTED = 150
_NETWORKS = 12
_LONGEST = 2000
# Characters in the box of a host.
_LONGEST_NAME = 14
_SIGNS = {"error": "✗", "warning": "!", "info": "i"}
_ACTIONS = {"+": "add", "~": "change", "-": "remove"}
_TITLES = {"error": "Errors", "warning": "Warnings", "info": "Notes"}


def render_html(plan: Document) -> str:
    """Deterministic; ends with a newline."""
    return words.rendered(_render, plan)


def _render(plan: Document) -> str:
    import jinja2  # comes with ansible-core

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    # The style is ours: escaped, its > would be no selector any more and its digest another.
    template = environment.from_string(TEMPLATE.replace("[[style]]", STYLE))
    return template.render(policy=policy, **_view(plan)) + "\n"


def _view(plan: Document) -> View:
    verdict, about = words.headline(plan)
    nothing = words.nothing_to_prove(plan)
    tables = {table["network"]: table for table in plan.get("matrix") or ()}
    pictures = draw(plan)
    return {
        "tone": "unproven" if nothing else plan["proof"]["verdict"],
        "verdict": verdict,
        "about": about,
        "scope": words.scope(plan["summary"]),
        "classified": "" if nothing else words.classified(plan["proof"]),
        "counts": _counts(plan["summary"]),
        "severities": [found for found in (_severity(plan, one) for one in words.SEVERITIES) if found["count"]],
        "networks": [_network(plan, one, tables.get(one.network)) for one in pictures[:_NETWORKS]],
        "more_networks": max(0, len(pictures) - _NETWORKS),
        "traces": [_trace(trace, number) for number, trace in enumerate(plan.get("traces") or ())],
        "changes": _changes(plan),
        "intents": _intents(plan),
        "assumptions": [
            {"text": cut(entry["assumption"] + words.where(entry), _LONGEST), "settle": entry["settle"]}
            for entry in plan["assumptions"][:_LISTED]
        ],
        "assumed": len(plan["assumptions"]),
        "ignored": [_ignored(finding) for finding in (plan.get("ignored") or ())[:_LISTED]],
        "silenced": len(plan.get("ignored") or ()),
    }


def _counts(summary: Document) -> list[tuple[str, str, str]]:
    """(figure, noun, class) for the head of the page."""
    kinds = (("errors", "error"), ("warnings", "warning"), ("notes", "note"))
    found = [(f"{summary[key]:,}", noun if summary[key] == 1 else key, noun) for key, noun in kinds]
    if summary["changes"] is not None:
        found.append(
            (f"{len(summary['changes']):,}", "change" if len(summary["changes"]) == 1 else "changes", "change")
        )
    return found


def _severity(plan: Document, severity: str) -> View:
    found = words.by_severity(plan["findings"], severity)
    full: list[View] = []
    short: list[Document] = []
    shown: dict[str, int] = {}
    for finding in found:
        shown[finding["rule"]] = shown.get(finding["rule"], 0) + 1
        if shown[finding["rule"]] <= _PER_RULE and len(full) < _IN_FULL:
            full.append(_finding(plan, finding))
        else:
            short.append(finding)
    return {
        "name": severity,
        "title": _TITLES[severity],
        "sign": _SIGNS[severity],
        "count": len(found),
        "findings": full,
        "short": [_short(finding) for finding in short[:_IN_SHORT]],
        "rest": max(0, len(short) - _IN_SHORT),
    }


def _finding(plan: Document, finding: Document) -> View:
    host, command = live_command(finding)
    return {
        **_short(finding),
        "message": cut(finding["message"], _LONGEST),
        "prefixes": words.listed(words.unsaid(finding)),
        "hint": cut(finding["hint"] or "", _LONGEST),
        "written": words.written(finding),
        "witness": words.witness(finding["witness"]) if finding.get("witness") else "",
        "trace": _trace_number(plan, finding.get("witness")),
        "command": command,
        "command_host": host,
    }


def _short(finding: Document) -> View:
    return {
        "rule": finding["rule"],
        "name": finding["name"],
        "at": words.subject(finding),
        "message": cut(finding["message"], 300),
    }


def _ignored(finding: Document) -> View:
    return {**_short(finding), "reason": cut(str(finding["reason"]), 300)}


def _trace_number(plan: Document, packet: Document | None) -> int | None:
    found = words.trace_of(plan, packet)
    return None if found is None else next(n for n, trace in enumerate(plan["traces"]) if trace is found)


def _trace(trace: Document, number: int) -> View:
    ways = (("there", "forward"), ("back", "back"))
    return {
        "number": number,
        "title": f"{trace['host']} → {trace['destination']}",
        "source": trace["source"],
        "blocked": bool(trace["blockers"]),
        "verdict": trace["verdict"],
        "ways": [
            (name, [_step(step) for step in trace["steps"] if step["direction"] == direction])
            for name, direction in ways
            if any(step["direction"] == direction for step in trace["steps"])
        ],
        "remedies": list(dict.fromkeys(blocker["hint"] for blocker in trace["blockers"] if blocker["hint"])),
    }


def _step(step: Document) -> View:
    host = f"{step['host']}/{step['namespace']}" if step["namespace"] else step["host"]
    return {"host": host, "text": cut(step["text"], 500), "rule": step["rule"]}


def _network(plan: Document, picture: Picture, table: Document | None) -> View:
    layout = lay_out(picture)
    return {
        "name": picture.network or "without a network",
        "width": layout.width,
        "height": layout.height,
        "nodes": [_node(node, point) for node, point in zip(picture.nodes, layout.points, strict=True)],
        "links": [
            {"path": path, "troubled": link in picture.troubled, "standby": link in picture.standby}
            for link, path in zip(picture.links, lines_between(layout, picture.links), strict=True)
        ],
        "legend": list(_legend(picture)),
        "table": None if table is None else _table(plan, table),
    }


def _node(node: Node, point: tuple[int, int]) -> View:
    under = _first(node.addresses)
    if node.kind == "group":
        under = words.count(len(node.hosts), "host")
    elif node.peers:
        under = words.count(node.peers, "peer")
    told = [node.name, *node.addresses[:8], *(f"behind it: {prefix}" for prefix in node.behind[:8])]
    return {
        "x": point[0],
        "y": point[1],
        "kind": node.kind,
        "severity": node.severity,
        "name": _fitting(node.name),
        "under": cut(under, 22),
        "title": "\n".join(told),
        "gateway": bool(node.behind),
    }


def _first(addresses: tuple[str, ...]) -> str:
    """``10.77.0.1/32 +1``: all of them stand in the tip."""
    more = f" +{len(addresses) - 1}" if len(addresses) > 1 else ""
    return f"{addresses[0]}{more}" if addresses else ""


def _fitting(name: str) -> str:
    """Without its middle where it is long: hosts are told apart by the end of their names."""
    return name if len(name) <= _LONGEST_NAME else f"{name[:7]}…{name[-6:]}"


def _legend(picture: Picture) -> Iterator[tuple[str, str]]:
    """(class of the sign, words) of what is drawn otherwise than a plain host and its link."""
    severities = {node.severity for node in picture.nodes}
    kinds = {node.kind for node in picture.nodes}
    found = {
        "standby": (
            picture.standby - picture.troubled,
            "a backup: nothing goes this way unless the first choice is down",
        ),
        "troubled": (picture.troubled, "a link that an error is about"),
        "error": ("error" in severities, "has an error"),
        "warning": ("warning" in severities, "has a warning"),
        "external": ("external" in kinds, "not managed here"),
        "gateway": (any(node.behind for node in picture.nodes), "has networks behind it"),
    }
    yield from ((name, told) for name, (there, told) in found.items() if there)


def _table(plan: Document, table: Document) -> View:
    numbers = {words.packet_key(trace): number for number, trace in enumerate(plan.get("traces") or ())}
    return {
        "names": [(cut(row["name"], 40), 0 if row["kind"] == "host" else len(row["hosts"])) for row in table["rows"]],
        "rows": [[_cell(cell, numbers) for cell in row] for row in table["cells"]],
    }


def _cell(cell: Document | None, numbers: Mapping[tuple[str, ...], int]) -> View | None:
    if cell is None:
        return None
    good = cell["delivered"] == cell["pairs"]
    figure = ("✓" if good else "✗") if cell["pairs"] == 1 else f"{cell['delivered']:,}/{cell['pairs']:,}"
    return {
        "good": good,
        "figure": figure,
        "told": f"{cell['delivered']:,} of {words.count(cell['pairs'], 'flow')} delivered",
        "trace": numbers.get(words.packet_key(cell["packet"])) if cell["packet"] else None,
    }


def _changes(plan: Document) -> View:
    changes = plan["summary"]["changes"]
    first = changes is None
    listed = difference({"hosts": {}}, plan) if first else changes
    return {
        "first": first,
        "count": len(listed),
        "places": [
            (place, [(change["action"], mark_of(change), cut(line, 300)) for change, line in lines])
            for place, lines in changes_by_place(listed[:_LISTED])
        ],
        "rest": max(0, len(listed) - _LISTED),
        "removals": [f"{host}: {name}" for host, name in _removals(plan)] if first else [],
        "consequences": [
            (_ACTIONS.get(sign, ""), sign, cut(text, 500))
            for sign, text in words.consequences(plan["summary"])[:_LISTED]
        ],
    }


def _removals(plan: Document) -> Iterator[tuple[str, str]]:
    for host, left in sorted((plan.get("removals") or {}).items()):
        yield from ((host, entry["name"]) for entry in left)


def _intents(plan: Document) -> View:
    entries = sorted(plan.get("expectations") or (), key=lambda entry: bool(entry.get("holds")))
    return {
        "count": len(entries),
        "entries": [
            (bool(entry.get("holds")), cut(words.intent(entry), 300), cut(str(entry.get("reason") or ""), 500))
            for entry in entries[:_LISTED]
        ],
        "rest": max(0, len(entries) - _LISTED),
    }
