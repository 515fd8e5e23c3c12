# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The findings of a plan: the mistakes in the inventory's values, and what the rules say about the document."""

from __future__ import annotations

import datetime
import typing as t
from collections.abc import Iterable, Mapping

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import shortened, shown
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._declaration import Inventory
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ignore import split_ignored, unused_entries
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._reader import Problem
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rules import BY_ID

Finding = Mapping[str, t.Any]

# An unknown key, two sockets on one port, and a name that the kernel refuses or that is taken.
_NOT_TO_BE_BUILT = frozenset({"WG109", "WG507", "WG609"})
_OF_PREFIXES = ("WG205", "WG206", "WG211")
_SEVERITIES = ("error", "warning", "info")


class Findings(t.NamedTuple):
    """Both the worst first. ignored: those that the inventory wants, each with its ``reason``."""

    open: list[dict[str, t.Any]]
    ignored: list[dict[str, t.Any]]


def merge_findings(inventory: Inventory, checked: Iterable[Finding], *, today: datetime.date | None = None) -> Findings:
    """One that only repeats a mistake in the inventory is left out.

    A value that could not be read cannot be ignored: what it says is missing from the plan. today: what ``until`` of an
    entry of wireguard_ignore is held against.
    """
    own = [_finding(inventory, problem) for problem in sorted(set(inventory.problems), key=str)]
    repeated = _Repeated(inventory)
    found = own + [dict(finding) for finding in checked if not repeated(finding)]
    unread = [finding for finding in own if finding["severity"] == "error"]
    split = split_ignored((one for one in found if one not in unread), inventory.ignored, today=today)
    used = split.used | split_ignored(unread, inventory.ignored).used
    notes = unused_entries(inventory.ignored, used, today=today)
    return Findings(sorted([*unread, *split.remaining, *notes], key=_order), sorted(split.silenced, key=_order))


def is_void(findings: Findings) -> bool:
    """Whether something is wrong that a proof of the intended flows does not show.

    An error that is ignored on purpose does not count, unless the hosts could not even set up what the document says.
    """
    is_wrong = any(finding["severity"] == "error" for finding in findings.open)
    return is_wrong or any(finding["rule"] in _NOT_TO_BE_BUILT for finding in findings.ignored)


def _order(finding: Finding) -> tuple[t.Any, ...]:
    place = (finding.get(key) or "" for key in ("host", "namespace", "interface", "peer"))
    return (_SEVERITIES.index(finding["severity"]), finding["rule"], *place, finding["message"])


class _Repeated:
    """A bad key is left out of the document, where it then looks like a missing one; a bad name stands in it.

    So is the address of a member for which the pool had none: it then looks like a peer without AllowedIPs.
    """

    def __init__(self, inventory: Inventory) -> None:
        problems = {(problem.rule, problem.host, problem.path) for problem in inventory.problems}
        self._keys = {path for rule, _host, path in problems if rule == "WG101"}
        self._names = {problem.value for problem in inventory.problems if problem.rule == "WG609"}
        self._places = {(p.host, p.path.split(".")[1]) for p in inventory.problems if p.rule == "WG101" and p.host}
        self._unaddressed = {_subject(path, host) for rule, host, path in problems if rule == "WG602"}
        self._networks = {
            (member.host, member.interface): member.network
            for host in inventory.hosts.values()
            for member in host.members.values()
        }

    def __call__(self, finding: Finding) -> bool:
        if finding["rule"] == "WG609":
            return finding.get("interface") in self._names
        host, peer = finding.get("host") or "", finding.get("peer")
        network = self._networks.get((host, finding.get("interface") or ""), "")
        subject = peer or host
        if finding["rule"] in ("WG207", "WG602"):
            return (subject, network) in self._unaddressed
        if finding["rule"] != "WG109":
            return False
        paths = (
            f"public_keys.{subject}.{network}",
            f"wireguard_networks.{network}.external_peers.{subject}.public_key",
        )
        return (subject, network) in self._places or any(path in self._keys for path in paths)


def _subject(path: str, host: str) -> tuple[str, str]:
    """(member or external peer, network) of a path such as ``wireguard.corp.addresses``."""
    steps = path.split(".")
    return (host, steps[1]) if host else (steps[3] if len(steps) > 3 else "", steps[1])


def _finding(inventory: Inventory, problem: Problem) -> dict[str, t.Any]:
    rule = BY_ID[t.cast("str", problem.rule)]
    path = shortened(problem.path)
    place = f"{path} of host {problem.host}" if problem.host else path
    value = "" if problem.value is None else f"{shown(problem.value)} "
    member = _member(inventory, problem)
    prefixes = [problem.value] if problem.rule in _OF_PREFIXES and _fits(problem.value) else []
    return {
        "rule": problem.rule,
        "name": rule.name,
        "severity": rule.severity,
        "host": problem.host,
        "namespace": member.namespace if member else "",
        "interface": member.interface if member else None,
        "peer": None,
        "prefixes": prefixes,
        "message": f"{place}: {value}{problem.reason}",
        "hint": problem.remedy,
        "witness": None,
        "path": problem.path,
    }


def _fits(value: t.Any) -> bool:
    """Whether a wrong value can be listed as it is."""
    return isinstance(value, str) and value.isprintable() and shown(value) == repr(value)


def _member(inventory: Inventory, problem: Problem) -> t.Any:
    """The membership that the mistake stands in, if it stands in one."""
    host = inventory.hosts.get(problem.host)
    inside = [m for m in (host.members.values() if host else ()) if problem.path.startswith(f"{m.path}.")]
    return inside[0] if inside else None
