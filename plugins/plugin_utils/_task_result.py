# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What several module calls on one host add up to, as the result of one task."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

# What a failed call may show besides its message. Never its arguments: they hold keys.
_FAILURE = ("rc", "module_stdout", "module_stderr")


class ModuleFailed(Exception):
    """A call failed, and with it the task. label: what it was about."""

    def __init__(self, label: str, result: Mapping[str, t.Any]) -> None:
        super().__init__(f"{label}: {str(result.get('msg') or 'the module failed without a message').strip()}")
        self.details = {name: result[name] for name in _FAILURE if result.get(name)}


class TaskResult:
    """Adds up results: anything changed is a change, actions and diffs are kept apart by their label."""

    def __init__(self) -> None:
        self.changed = False
        self.actions: list[str] = []
        self.disruptive: list[str] = []
        self.diffs: list[dict[str, t.Any]] = []
        self.warnings: list[t.Any] = []
        self.deprecations: list[t.Any] = []
        self.facts: dict[str, t.Any] = {}

    def add(self, label: str, result: Mapping[str, t.Any]) -> None:
        """Raises ModuleFailed for the result of a failed call, after keeping its warnings."""
        self.warnings += result.get("warnings") or []
        self.deprecations += result.get("deprecations") or []
        # The interpreter that Ansible has found on the host: asked for once, not once per task.
        self.facts.update(result.get("ansible_facts") or {})
        if result.get("failed"):
            raise ModuleFailed(label, result)
        self.changed = self.changed or bool(result.get("changed"))
        self.actions += [f"{label}: {action}" for action in result.get("actions") or []]
        self.disruptive += [f"{label}: {action}" for action in result.get("disruptive") or []]
        self.diffs += [_labelled(label, diff) for diff in _as_list(result.get("diff")) if _differs(diff)]

    def as_dict(self) -> dict[str, t.Any]:
        """The keys of an Ansible result; those that a task shows only when there is something in them are left out."""
        found: dict[str, t.Any] = {"changed": self.changed, "actions": self.actions}
        optional: dict[str, t.Any] = {
            "disruptive": self.disruptive,
            "diff": self.diffs,
            "warnings": self.warnings,
            "deprecations": self.deprecations,
            "ansible_facts": self.facts,
        }
        return {**found, **{name: value for name, value in optional.items() if value}}


def _as_list(diff: t.Any) -> list[Mapping[str, t.Any]]:
    if not diff:
        return []
    return list(diff) if isinstance(diff, (list, tuple)) else [diff]


def _differs(diff: Mapping[str, t.Any]) -> bool:
    return "prepared" in diff or diff.get("before") != diff.get("after")


def _labelled(label: str, diff: Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {"before_header": label, "after_header": label, **diff}
