# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``wireguard_ignore``: findings that somebody has looked at and wants, each with the reason."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._reader import Cursor, Problem, nearest
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rules import BY_ID

VARIABLE = "wireguard_ignore"

Finding = Mapping[str, t.Any]


@dataclass(frozen=True, kw_only=True)
class Ignored:
    """One entry at one host, or, without a host, for what concerns the whole fleet. None: whatever stands there."""

    rule: str
    reason: str
    host: str
    interface: str | None = None
    peer: str | None = None
    prefix: str | None = None

    def covers(self, finding: Finding) -> bool:
        return (
            self.rule == finding["rule"]
            and self.host == (finding["host"] or "")
            and self.interface in (None, finding["interface"])
            and self.peer in (None, finding["peer"])
            and (self.prefix is None or self.prefix in finding["prefixes"])
        )


def read_ignored(variables: Mapping[str, Mapping[str, t.Any]], problems: list[Problem]) -> tuple[Ignored, ...]:
    """variables: by host. An entry that names no host holds at those that have it: everywhere from group_vars/all."""
    found: dict[Ignored, None] = {}
    refused: set[str] = set()
    for host, declared in variables.items():
        if declared.get(VARIABLE) is None:
            continue
        mistakes: list[Problem] = []
        for entry in Cursor(declared[VARIABLE], path=VARIABLE, host=host, problems=mistakes).items():
            found.update(dict.fromkeys(_entry(entry, variables)))
        # The same list is seen by every host of its group: one host's mistakes are enough.
        if repr(declared[VARIABLE]) not in refused:
            problems.extend(mistakes)
        if mistakes:
            refused.add(repr(declared[VARIABLE]))
    return tuple(found)


def _entry(cursor: Cursor, hosts: t.Collection[str]) -> Iterable[Ignored]:
    options = cursor.options(("rule", "host", "interface", "peer", "prefix", "reason"))
    if "rule" not in options or "reason" not in options:
        remedy = "write {rule: WG202, host: fra1, reason: why this is meant to be so}"
        cursor.refuse("needs a rule and a reason", remedy=remedy, show=False)
        return
    if isinstance(options["reason"].value, str):
        # A reason may have been written over several lines.
        options["reason"].value = " ".join(options["reason"].value.split())
    texts = {name: option.text() for name, option in options.items() if name != "prefix"}
    prefix = options["prefix"].prefix() if "prefix" in options else None
    rule, host, reason = texts["rule"], texts.get("host"), texts["reason"]
    if rule is not None and rule not in BY_ID:
        options["rule"].refuse("is not a rule", remedy=nearest(rule, BY_ID))
    elif host is not None and host not in hosts:
        options["host"].refuse("is not a host of this inventory", remedy=nearest(host, hosts))
    elif rule is not None and reason is not None:
        where = {"interface": texts.get("interface"), "peer": texts.get("peer"), "prefix": prefix and str(prefix)}
        # What concerns the whole fleet is told of no host, and everybody may speak for it.
        for one in (host,) if host else (cursor.host, ""):
            yield Ignored(rule=rule, reason=reason, host=one, **where)


def split_ignored(
    findings: Iterable[Finding], ignored: Iterable[Ignored]
) -> tuple[list[dict[str, t.Any]], list[dict[str, t.Any]]]:
    """(what remains, what is ignored; each of these with its ``reason``)."""
    by_rule: dict[str, list[Ignored]] = {}
    for entry in ignored:
        by_rule.setdefault(entry.rule, []).append(entry)
    remaining, silenced = [], []
    for finding in findings:
        match = next((one for one in by_rule.get(finding["rule"], ()) if one.covers(finding)), None)
        if match is None:
            remaining.append(dict(finding))
        else:
            silenced.append({**finding, "reason": match.reason})
    return remaining, silenced
