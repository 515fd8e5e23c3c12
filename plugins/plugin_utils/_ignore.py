# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``wireguard_ignore``: findings that somebody has looked at and wants, each with the reason.

What day it is, is an argument: a plan depends on nothing but what it is given.
"""

from __future__ import annotations

import datetime
import re
import typing as t
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._reader import Cursor, Problem, nearest
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rules import BY_ID

VARIABLE = "wireguard_ignore"
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)

Finding = Mapping[str, t.Any]


@dataclass(frozen=True, kw_only=True)
class Ignored:
    """One entry at one host, or, without a host, for what concerns the whole fleet. None: whatever stands there.

    until: the last day on which it holds, in ISO format. named: whether the entry itself says the host. path: where it
    stands, at the first host that has it.
    """

    rule: str
    reason: str
    host: str
    interface: str | None = None
    peer: str | None = None
    prefix: str | None = None
    until: str | None = None
    named: bool = False
    path: str = field(default=VARIABLE, compare=False)

    @property
    def entry(self) -> tuple[t.Any, ...]:
        """What is the same at every host that has the entry from its group."""
        host = self.host if self.named else None
        return self.rule, self.reason, host, self.interface, self.peer, self.prefix, self.until

    def is_over(self, today: datetime.date | None) -> bool:
        """Without a date, an entry never ends."""
        return None not in (today, self.until) and str(today) > str(self.until)

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
    refused: list[t.Any] = []
    for host, declared in variables.items():
        if declared.get(VARIABLE) is None:
            continue
        mistakes: list[Problem] = []
        for entry in Cursor(declared[VARIABLE], path=VARIABLE, host=host, problems=mistakes).items():
            found.update(dict.fromkeys(_entry(entry, variables)))
        # The same list is seen by every host of its group: one host's mistakes are enough.
        if mistakes and declared[VARIABLE] not in refused:
            problems.extend(mistakes)
            refused.append(declared[VARIABLE])
    return tuple(found)


def _entry(cursor: Cursor, hosts: t.Collection[str]) -> Iterable[Ignored]:
    options = cursor.options(("rule", "host", "interface", "peer", "prefix", "reason", "until"))
    if "rule" not in options or "reason" not in options:
        remedy = "write {rule: WG202, host: fra1, reason: why this is meant to be so}"
        cursor.refuse("needs a rule and a reason", remedy=remedy, show=False)
        return
    if isinstance(options["reason"].value, str):
        # A reason may have been written over several lines.
        options["reason"].value = " ".join(options["reason"].value.split())
    texts = {name: option.text() for name, option in options.items() if name not in ("prefix", "until")}
    until = _until(options["until"]) if "until" in options else None
    prefix = options["prefix"].prefix() if "prefix" in options else None
    rule, host, reason = texts["rule"], texts.get("host"), texts["reason"]
    if rule is not None and rule not in BY_ID:
        options["rule"].refuse("is not a rule", remedy=nearest(rule, BY_ID))
    elif host is not None and host not in hosts:
        options["host"].refuse("is not a host of this inventory", remedy=nearest(host, hosts))
    elif rule is not None and reason is not None:
        where = {"interface": texts.get("interface"), "peer": texts.get("peer"), "prefix": prefix and str(prefix)}
        path = f"{cursor.path} of host {cursor.host}"
        # What concerns the whole fleet is told of no host, and everybody may speak for it.
        for one in (host,) if host else (cursor.host, ""):
            yield Ignored(rule=rule, reason=reason, host=one, until=until, named=bool(host), path=path, **where)


def _until(cursor: Cursor) -> str | None:
    """A day, as YAML reads it from 2026-12-31 with or without quotes."""
    value = cursor.value
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value.isoformat()
    try:
        return str(parse_date(value))
    except InvalidInput as error:
        cursor.refuse(error.reason, remedy=error.remedy)
        return None


def parse_date(value: t.Any) -> datetime.date:
    """A date in the one ISO format that people read alike. Raises InvalidInput (path empty)."""
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return datetime.date.fromisoformat(str.__str__(value))
        except ValueError:
            pass
    raise InvalidInput("is not a date", value=value, remedy="write year, month and day: 2026-12-31")


class Split(t.NamedTuple):
    """remaining: the findings that stay open. silenced: the others, each with its ``reason``. used: what matched."""

    remaining: list[dict[str, t.Any]]
    silenced: list[dict[str, t.Any]]
    used: set[tuple[t.Any, ...]]


def split_ignored(
    findings: Iterable[Finding], ignored: Iterable[Ignored], *, today: datetime.date | None = None
) -> Split:
    """An entry that is over silences nothing any more; the finding tells of it."""
    by_place: dict[tuple[str, str], list[Ignored]] = {}
    for entry in ignored:
        by_place.setdefault((entry.rule, entry.host), []).append(entry)
    split = Split([], [], set())
    for finding in findings:
        matches = [one for one in by_place.get((finding["rule"], finding["host"] or ""), ()) if one.covers(finding)]
        split.used.update(one.entry for one in matches)
        holding = next((one for one in matches if not one.is_over(today)), None)
        if holding is not None:
            until = {} if holding.until is None else {"until": holding.until}
            split.silenced.append({**finding, "reason": holding.reason, **until})
        elif matches:
            last = max(matches, key=lambda one: str(one.until))
            told = f"{finding['message']} (ignored until {last.until}, which is over)"
            split.remaining.append({**finding, "message": told})
        else:
            split.remaining.append(dict(finding))
    return split


def unused_entries(
    ignored: Iterable[Ignored], used: t.Container[tuple[t.Any, ...]], *, today: datetime.date | None = None
) -> Iterable[dict[str, t.Any]]:
    """A note for every entry that matches no finding at any host that has it, in the shape of a finding of its rule."""
    alike: dict[tuple[t.Any, ...], list[Ignored]] = {}
    for entry in ignored:
        alike.setdefault(entry.entry, []).append(entry)
    for key, copies in alike.items():
        if key not in used:
            yield _note(copies, today)


def _note(copies: list[Ignored], today: datetime.date | None) -> dict[str, t.Any]:
    first = copies[0]
    hosts = {one.host for one in copies if one.host}
    ended = f" ended on {first.until} and" if first.is_over(today) else ""
    return {
        "rule": first.rule,
        "name": BY_ID[first.rule].name,
        "severity": "info",
        "host": hosts.pop() if len(hosts) == 1 else "",
        "namespace": "",
        "interface": None,
        "peer": None,
        "prefixes": [] if first.prefix is None else [first.prefix],
        "message": f"{first.path}{ended} matches nothing: there is no such finding of {first.rule} to ignore",
        "hint": "take the entry out, or correct what it names",
        "witness": None,
    }
