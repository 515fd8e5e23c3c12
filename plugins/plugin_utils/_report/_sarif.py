# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan as SARIF 2.1.0 (OASIS, docs.oasis-open.org/sarif/sarif/v2.1.0), for code scanning; a trace is a code flow."""

from __future__ import annotations

import hashlib
import json
import string
import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report import _words as words
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rules import BY_ID

Document = dict[str, t.Any]

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}
# GitHub takes 25,000 results and shows 5,000; of one rule nobody reads so many.
_RESULTS = 1000
_UNRESERVED = frozenset(string.ascii_letters + string.digits + "-._~/")


def render_sarif(plan: Mapping[str, t.Any]) -> str:
    """Deterministic; without a newline at the end."""
    return words.rendered(lambda shown: json.dumps(_log(shown), indent=1, ensure_ascii=False), plan)


def _log(plan: words.Document) -> Document:
    found = [one for severity in words.SEVERITIES for one in words.by_severity(plan["findings"], severity)]
    ignored = list(plan.get("ignored") or ())
    ids = sorted({finding["rule"] for finding in (*found, *ignored)})
    position = {rule: number for number, rule in enumerate(ids)}
    names = {finding["rule"]: finding["name"] for finding in (*found, *ignored)}
    results = [_result(plan, finding, position) for finding in found[:_RESULTS]]
    results += [_suppressed(plan, finding, position) for finding in ignored[: _RESULTS - len(results)]]
    verdict, about = words.headline(plan)
    run: Document = {
        "tool": {
            "driver": {
                "name": "cryptokey.wireguard.plan",
                "organization": "cryptokey",
                "rules": [_rule(rule, names[rule]) for rule in ids],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": results,
        "properties": {"verdict": plan["proof"]["verdict"], "summary": f"{verdict}: {about}", "findings": len(found)},
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(ident: str, name: str) -> Document:
    known = BY_ID.get(ident)
    summary = known.summary if known else name
    level = _LEVELS[known.severity if known else "warning"]
    return {
        "id": ident,
        "name": "".join(word.capitalize() for word in name.split("-")),
        "shortDescription": {"text": summary},
        "fullDescription": {"text": summary},
        "help": {"text": f"{summary}. docs/rules/{ident}.md of the collection says what happens on the wire."},
        "defaultConfiguration": {"level": level},
    }


def _result(plan: words.Document, finding: words.Document, position: Mapping[str, int]) -> Document:
    remedy = f". Remedy: {finding['hint']}" if finding["hint"] else ""
    locations = [_location(finding)]
    result: Document = {
        "ruleId": finding["rule"],
        "ruleIndex": position[finding["rule"]],
        "level": _LEVELS[finding["severity"]],
        "message": {"text": f"{finding['message']}{remedy}"},
        "locations": locations,
        "partialFingerprints": {"wireguardFinding/v1": _fingerprint(finding)},
        "properties": {"prefixes": list(finding["prefixes"][:100])},
    }
    trace = words.trace_of(plan, finding.get("witness"))
    if trace:
        result["codeFlows"] = [_code_flow(trace, locations[0])]
    return result


def _suppressed(plan: words.Document, finding: words.Document, position: Mapping[str, int]) -> Document:
    reason = str(finding.get("reason") or "")
    suppression = {"kind": "external", "status": "accepted", "justification": reason}
    return {**_result(plan, finding, position), "suppressions": [suppression]}


def _location(finding: words.Document) -> Document:
    """The line of the inventory, where it is known, and the place in the fleet."""
    location: Document = {}
    place = finding.get("place")
    if place:
        physical: Document = {"artifactLocation": {"uri": _uri(place["file"])}}
        if place["line"]:
            physical["region"] = {"startLine": place["line"]}
        location["physicalLocation"] = physical
    names = [finding[key] for key in ("host", "namespace", "interface", "peer") if finding.get(key)]
    if names:
        location["logicalLocations"] = [_logical(names)]
    return location


def _logical(names: Sequence[str]) -> Document:
    return {"name": names[-1], "fullyQualifiedName": "/".join(names), "kind": "resource"}


def _code_flow(trace: words.Document, location: Document) -> Document:
    steps = []
    for number, step in enumerate(trace["steps"], start=1):
        rule = f" [{step['rule']}]" if step["rule"] else ""
        way = "return path, " if step["direction"] == "back" else ""
        names = [name for name in (step["host"], step["namespace"]) if name]
        here = {
            **{key: value for key, value in location.items() if key == "physicalLocation"},
            "logicalLocations": [_logical(names)],
            "message": {"text": f"{way}{'/'.join(names)}: {step['text']}{rule}"},
        }
        importance = "essential" if step["rule"] else "important"
        steps.append({"executionOrder": number, "importance": importance, "location": here})
    packet = f"{trace['host']} → {trace['destination']} (source {trace['source']}): {trace['verdict']}"
    return {"message": {"text": packet}, "threadFlows": [{"locations": steps}]}


def _fingerprint(finding: words.Document) -> str:
    """The same for the same finding of a later run, whatever its wording and line are then."""
    places = [finding.get(key) or "" for key in ("rule", "host", "namespace", "interface", "peer")]
    return hashlib.sha256(json.dumps([*places, *finding["prefixes"]]).encode()).hexdigest()


def _uri(path: str) -> str:
    """A relative reference to a file below the working directory, else a file URI (RFC 3986, RFC 8089)."""
    quoted = "".join(
        chr(byte) if chr(byte) in _UNRESERVED else f"%{byte:02X}" for byte in path.encode("utf-8", "replace")
    )
    return f"file://{quoted}" if path.startswith("/") else quoted
