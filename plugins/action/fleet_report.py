# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints the plan's report, writes it in the formats that are asked for, and fails on what the user calls too bad."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Mapping, Sequence

from ansible.plugins.action import ActionBase

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput, WireguardError
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._controller_file import read_text, write_text
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._exit_code import (
    BAD_INPUT,
    LEVELS,
    exit_code,
    refusal,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._reader import nearest
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._formats import FORMATS, render_as
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._task import SECRET_VARIABLE, show, shown

ARGUMENTS = {
    "plan": {"type": "dict", "required": True},
    "output": {"type": "path"},
    "reports": {"type": "dict", "default": {}},
    "fail_level": {"type": "str", "choices": list(LEVELS), "default": "error"},
    "strict": {"type": "bool", "default": False},
    "status_file": {"type": "path"},
    "show": {"type": "bool", "default": True},
    "width": {"type": "int"},
}
# Instead of a path: print it.
_PRINT = "-"
_PRINTED_WIDTH = 100


class ActionModule(ActionBase):
    _requires_connection = False

    def run(self, tmp: t.Optional[str] = None, task_vars: t.Optional[dict[str, t.Any]] = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        plan = arguments["plan"]
        limits = {name: arguments[name] for name in ("fail_level", "strict")}
        try:
            reports = _reports(arguments)
            if arguments["show"]:
                width, color = shown()
                show(render_as("text", plan, width=arguments["width"] or width, color=color))
            changed = sum(self._write(name, path, plan) for name, path in reports) > 0
            secret = _missing_secret(plan["fleet"], (task_vars or {}).get("hostvars", {}))
            if arguments["status_file"]:
                write_status(arguments["status_file"], BAD_INPUT if secret else exit_code(plan, **limits))
        except WireguardError as error:
            return {"changed": False, "failed": True, "msg": str(error)}
        counts = {severity: _count(plan["findings"], severity) for severity in LEVELS}
        reason = refusal(plan, **limits) or secret
        result = {"changed": changed, "verdict": plan["proof"]["verdict"], "counts": counts}
        return {**result, "failed": True, "msg": reason} if reason else result

    def _write(self, name: str, path: str, plan: Mapping[str, t.Any]) -> bool:
        """True if the file differs (in check mode: would differ)."""
        text = render_as(name, plan, width=_PRINTED_WIDTH)
        if path == _PRINT:
            show(text)
            return False
        if read_text(path) == text + "\n":
            return False
        if not self._task.check_mode:
            write_text(path, text + "\n")
        return True


def write_status(path: str, code: int) -> None:
    """The answer for whoever started this run; check mode, too, has one."""
    write_text(path, json.dumps({"exit_code": code}) + "\n")


def _reports(arguments: Mapping[str, t.Any]) -> list[tuple[str, str]]:
    """(format, path), sorted; the plan itself is one of them."""
    wanted = {str(name): path for name, path in arguments["reports"].items() if path}
    for name, path in wanted.items():
        if name not in FORMATS:
            raise InvalidInput("is not a format", path=f"reports.{name}", remedy=nearest(name, FORMATS))
        if not isinstance(path, str):
            raise InvalidInput("is not a path", path=f"reports.{name}", remedy="write the name of a file, or -")
    found = sorted((name, str.__str__(path)) for name, path in wanted.items())
    return found + ([("json", arguments["output"])] if arguments["output"] else [])


def _count(findings: Sequence[Mapping[str, t.Any]], severity: str) -> int:
    return sum(1 for finding in findings if finding["severity"] == severity)


def _missing_secret(fleet: Mapping[str, t.Any], hostvars: t.Any) -> str:
    """Asked here, where nothing has been touched yet, and only whether it is there: planning opens no vault."""
    members = _hosts_with_derived_keys(fleet)
    lacking = [host for host in members if host in hostvars and SECRET_VARIABLE not in hostvars[host]]
    if not lacking:
        return ""
    hosts = ", ".join(lacking[:3]) + (f" and {len(lacking) - 3} more" if len(lacking) > 3 else "")
    return (
        f"{SECRET_VARIABLE} is not set for {hosts}, although a network has preshared_keys: derived;"
        " put one long random text into group_vars/all, in a vault"
    )


def _hosts_with_derived_keys(fleet: Mapping[str, t.Any]) -> list[str]:
    groups = {name for name, peers in (fleet.get("peer_groups") or {}).items() if _any_preshared(peers)}
    return sorted(
        host
        for host, entry in fleet["hosts"].items()
        for interface in entry.get("interfaces") or []
        if interface.get("peer_group") in groups or _any_preshared(interface.get("peers") or [])
    )


def _any_preshared(peers: Sequence[Mapping[str, t.Any]]) -> bool:
    return any(peer.get("preshared_key_id") for peer in peers)
