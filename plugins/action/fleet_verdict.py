# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints what fleet_verify has found on all hosts, as text, and fails if a host differs from the plan."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._task import show
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._verification import has_drift, render_verdict

ARGUMENTS = {
    "hosts": {"type": "list", "elements": "str", "required": True},
    "variable": {"type": "str", "default": "fleet_verification"},
}


class ActionModule(ActionBase):
    _requires_connection = False

    def run(self, tmp: t.Optional[str] = None, task_vars: t.Optional[dict[str, t.Any]] = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        hostvars = (task_vars or {})["hostvars"]
        found = {host: hostvars[host].get(arguments["variable"]) for host in arguments["hosts"]}
        verifications = {host: result for host, result in found.items() if result and _has_answered(result)}
        members = [host for host in arguments["hosts"] if not (found[host] or {}).get("skipped")]
        show(render_verdict(members, verifications))
        differing = [host for host in members if has_drift(verifications.get(host, {}))]
        missing = [host for host in members if host not in verifications]
        result = {"changed": False, "drift": differing, "unverified": missing}
        return {**result, "failed": True, "msg": _reason(differing, missing)} if differing or missing else result


def _reason(differing: t.Sequence[str], missing: t.Sequence[str]) -> str:
    words = [f"different from the plan: {', '.join(differing)}"] if differing else []
    words += [f"could not be verified: {', '.join(missing)}"] if missing else []
    return "; ".join(words)


def _has_answered(result: t.Mapping[str, t.Any]) -> bool:
    """An unreachable host and a task that has crashed are registered too, without what was looked for."""
    return "drift" in result
