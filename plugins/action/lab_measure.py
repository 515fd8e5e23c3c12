# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends real packets through a lab and fails unless every cell of the matrix is as the plan predicts."""

from __future__ import annotations

import os
import typing as t

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import WireguardError
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab_command import run_lab
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._task import find_plan

ARGUMENTS = {
    "lab": {"type": "str", "required": True},
    "patience": {"type": "int", "default": 30},
}


class ActionModule(ActionBase):
    _requires_connection = False
    _supports_check_mode = False

    def run(self, tmp: t.Optional[str] = None, task_vars: t.Optional[dict[str, t.Any]] = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        try:
            fleet = find_plan(task_vars or {})["fleet"]
            patience = str(arguments["patience"])
            result = run_lab("measure", "--patience", patience, lab=arguments["lab"], document=fleet)
        except WireguardError as error:
            return {"changed": False, "failed": True, "msg": str(error)}
        Display().display("\n" + result.pop("text") + "\n")
        _count_packets(result["packets_sent"])
        reason = _reason(result)
        return {"changed": False, **result, **({"failed": True, "msg": reason} if reason else {})}


def _reason(result: t.Mapping[str, t.Any]) -> str:
    if not result["packets_sent"]:
        return "no packet was sent, so nothing was compared"
    if result["differences"]:
        return f"{result['differences']} of {result['cells']} cells are not as the plan predicts, see above"
    return ""


def _count_packets(packets: int) -> None:
    """For a test suite that must not pass without having sent anything."""
    path = os.environ.get("WIREGUARD_PACKET_COUNT")
    if path and packets:
        with open(path, "a", encoding="ascii") as file:
            file.write(f"{packets}\n")
