# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings up a lab that stages the planned fleet in namespaces of the controller, or ends it."""

from __future__ import annotations

import os
import typing as t

from ansible.plugins.action import ActionBase

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import WireguardError
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab import plan_lab
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab_command import run_lab
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab_record import LabRecord
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._task import find_plan

ARGUMENTS = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "keep": {"type": "bool", "default": True},
    "owner": {"type": "int"},
}


class ActionModule(ActionBase):
    _requires_connection = False
    _supports_check_mode = False

    def run(self, tmp: t.Optional[str] = None, task_vars: t.Optional[dict[str, t.Any]] = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        variables = task_vars or {}
        try:
            record = LabRecord(arguments["name"])
            if arguments["state"] == "absent":
                return run_lab("down", lab=record.name)
            plan = find_plan(variables)
            specification = plan_lab(
                plan["fleet"], stacks=self._stacks(plan, variables), others=plan.get("removals") or ()
            )
            answer = run_lab("up", *_owner(arguments), lab=record.name, document=specification)
        except WireguardError as error:
            return {"changed": False, "failed": True, "msg": str(error)}
        return {**answer, "directory": str(record.path), "public_keys_directory": str(record.keys)}

    def _stacks(self, plan: t.Mapping[str, t.Any], variables: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        hostvars = variables["hostvars"]
        found = {host: hostvars[host].get("wireguard_stacks") for host in plan["fleet"]["hosts"] if host in hostvars}
        return {host: self._templar.template(stacks) for host, stacks in found.items() if stacks}


def _owner(arguments: dict[str, t.Any]) -> list[str]:
    """With which process the lab ends. This runs in a worker, whose parent is the run itself."""
    owner = arguments["owner"] or (None if arguments["keep"] else os.getppid())
    return [] if owner is None else ["--owner", str(owner)]
