# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints the plan's report as text, writes the plan where that is asked for, and fails on an error finding."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Mapping, Sequence

from ansible.plugins.action import ActionBase

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import WireguardError
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._controller_file import read_text, write_text
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._text import render_report
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._task import SECRET_VARIABLE, show, shown

ARGUMENTS = {
    "plan": {"type": "dict", "required": True},
    "output": {"type": "path"},
    "show": {"type": "bool", "default": True},
    "width": {"type": "int"},
}


class ActionModule(ActionBase):
    _requires_connection = False

    def run(self, tmp: t.Optional[str] = None, task_vars: t.Optional[dict[str, t.Any]] = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        plan = arguments["plan"]
        try:
            if arguments["show"]:
                width, color = shown()
                show(render_report(plan, width=arguments["width"] or width, color=color))
            changed = bool(arguments["output"]) and self._write(arguments["output"], plan)
        except WireguardError as error:
            return {"changed": False, "failed": True, "msg": str(error)}
        counts = {severity: _count(plan["findings"], severity) for severity in ("error", "warning", "info")}
        reason = _refusal(plan["findings"]) or _missing_secret(plan["fleet"], (task_vars or {}).get("hostvars", {}))
        result = {"changed": changed, "verdict": plan["proof"]["verdict"], "counts": counts}
        return {**result, "failed": True, "msg": reason} if reason else result

    def _write(self, path: str, plan: Mapping[str, t.Any]) -> bool:
        """True if the file differs (in check mode: would differ).

        Without what the plan was compared with, so that the same fleet always gives the same bytes.
        """
        lasting = {**plan, "summary": {**plan["summary"], "changes": None}}
        text = json.dumps(lasting, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        if read_text(path) == text:
            return False
        if not self._task.check_mode:
            write_text(path, text)
        return True


def _count(findings: Sequence[Mapping[str, t.Any]], severity: str) -> int:
    return sum(1 for finding in findings if finding["severity"] == severity)


def _refusal(findings: Sequence[Mapping[str, t.Any]]) -> str:
    errors = [finding for finding in findings if finding["severity"] == "error"]
    if not errors:
        return ""
    rules = ", ".join(sorted({finding["rule"] for finding in errors}))
    count = "an error" if len(errors) == 1 else f"{len(errors)} errors"
    return f"the plan has {count} ({rules}), see the report above; no host was touched"


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
