# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan comes to as one number, for whoever runs it from a script: the exit codes of ``wireguard-plan``."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

Document = Mapping[str, t.Any]

NOTHING_TO_DO = 0
FINDINGS = 1
CHANGES = 2
UNPROVEN = 3
BAD_INPUT = 4

# From the worst: a level stands for itself and what is worse.
LEVELS = ("error", "warning", "info")


def exit_code(plan: Document, *, fail_level: str = "error", strict: bool = False) -> int:
    """fail_level: the least severe finding that counts. strict: whatever is not proved counts, too."""
    if failing(plan["findings"], fail_level):
        return FINDINGS
    if strict and plan["proof"]["verdict"] != "proved":
        return UNPROVEN
    return CHANGES if _changes(plan) else NOTHING_TO_DO


def failing(findings: Sequence[Document], fail_level: str) -> list[Document]:
    levels = LEVELS[: LEVELS.index(fail_level) + 1]
    return [finding for finding in findings if finding["severity"] in levels]


def refusal(plan: Document, *, fail_level: str = "error", strict: bool = False) -> str:
    """Why such a plan is not to be applied; empty where it may be."""
    code = exit_code(plan, fail_level=fail_level, strict=strict)
    if code == FINDINGS:
        found = failing(plan["findings"], fail_level)
        rules = ", ".join(sorted({finding["rule"] for finding in found}))
        return f"the plan has {_counted(found)} ({rules}), see the report above; no host was touched"
    if code == UNPROVEN:
        verdict = plan["proof"]["verdict"]
        return f"the plan is {verdict}, and strict wants a proof, see the report above; no host was touched"
    return ""


def _counted(findings: Sequence[Document]) -> str:
    kinds = {finding["severity"] for finding in findings}
    noun = {"error": "error", "warning": "warning", "info": "note"}[kinds.pop()] if len(kinds) == 1 else "finding"
    if len(findings) == 1:
        return f"an {noun}" if noun == "error" else f"a {noun}"
    return f"{len(findings)} {noun}s"


def _changes(plan: Document) -> bool:
    """Against the earlier plan; without one everything is new, and what has left a network is still to be removed."""
    changes = plan["summary"]["changes"]
    if changes is None:
        return bool(plan["summary"]["interfaces"] or plan["summary"].get("removals"))
    return bool(changes)
