# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares one host with its part of the plan: the interface module in check mode, and what the peers have said."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase

from ansible_collections.cryptokey.wireguard.plugins.module_utils._argspec import state_directory
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import WireguardError
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._host_part import HostPart, read_host_part
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._task import HostModules
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._task_result import ModuleFailed
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._verification import (
    find_interface,
    rejected_packets,
    silent_peers,
    unplanned,
)

ARGUMENTS = state_directory()


class ActionModule(ActionBase):
    def run(self, tmp: t.Optional[str] = None, task_vars: t.Optional[dict[str, t.Any]] = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        variables = task_vars or {}
        _validation, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        # Whatever the command line says: looking must not change anything.
        self._task.check_mode = True
        modules = HostModules(self, variables)
        found: dict[str, t.Any] = {"interfaces": [], "unplanned": []}
        try:
            part = read_host_part(variables, self._templar, state_directory=arguments["state_directory"])
            if not part.interfaces:
                return {"skipped": True, "changed": False, "skip_reason": "the host is no member of a network"}
            _compare(part, modules)
            observed = _observe(part, modules)
            found = {"interfaces": _look(part, observed), "unplanned": unplanned(part.interfaces, observed)}
        except (WireguardError, ModuleFailed) as error:
            # The verdict over all hosts fails the run; this host's part of it must not be lost.
            found["error"] = str(error)
        result = modules.total.as_dict()
        drift = result.pop("actions")
        return {**result, **found, "changed": False, "drift": drift}


def _compare(part: HostPart, modules: HostModules) -> None:
    for namespace in part.namespaces:
        modules.run_namespace(namespace)
    for interface in part.interfaces:
        modules.run("interface", label=part.label(interface), arguments=part.arguments(interface))


def _observe(part: HostPart, modules: HostModules) -> list[dict[str, t.Any]]:
    arguments = {"state_directory": part.state_directory}
    return modules.run("interface_info", label="interface_info", arguments=arguments).get("interfaces") or []


def _look(part: HostPart, observed: list[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    """What no configuration says: who has answered, and what was dropped."""
    looks = []
    for interface in part.present:
        name, namespace = str(interface["name"]), str(interface.get("namespace") or "")
        found = find_interface(observed, name=name, namespace=namespace)
        looks.append(
            {
                "name": name,
                "namespace": namespace,
                "network": part.network(interface),
                "silent": silent_peers(interface, found),
                "rejected_source": rejected_packets(found),
            }
        )
    return looks
