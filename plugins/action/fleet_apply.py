# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes one host what the plan says: a module call per namespace and interface, one task, no secret in its arguments.

A loop over modules in the role would print every item, with the preshared keys of all peers, into the output.
"""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase

from ansible_collections.cryptokey.wireguard.plugins.module_utils._argspec import state_directory
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import WireguardError
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._host_part import HostPart, read_host_part
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._task import HostModules
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._task_result import ModuleFailed

ARGUMENTS = state_directory()
_SHOWN = ("public_key", "backend")


class ActionModule(ActionBase):
    def run(self, tmp: t.Optional[str] = None, task_vars: t.Optional[dict[str, t.Any]] = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        variables = task_vars or {}
        _validation, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        modules = HostModules(self, variables)
        try:
            part = read_host_part(variables, self._templar, state_directory=arguments["state_directory"])
            if not part.interfaces:
                return {"skipped": True, "changed": False, "skip_reason": "the host is no member of a network"}
            interfaces = _apply(part, modules)
        except (WireguardError, ModuleFailed) as error:
            return {**modules.total.as_dict(), **getattr(error, "details", {}), "failed": True, "msg": str(error)}
        return {**modules.total.as_dict(), "interfaces": interfaces}


def _apply(part: HostPart, modules: HostModules) -> list[dict[str, t.Any]]:
    """The plan puts first what leaves: it may hold the port or the address that another interface is about to take."""
    for namespace in part.namespaces:
        modules.run_namespace(namespace)
    done = []
    for interface in part.interfaces:
        result = modules.run("interface", label=part.label(interface), arguments=part.arguments(interface))
        place = {
            "name": interface["name"],
            "namespace": interface.get("namespace", ""),
            "network": part.network(interface),
        }
        seen = {name: result[name] for name in _SHOWN if result.get(name)}
        done.append({**place, "changed": bool(result.get("changed")), **seen})
    return sorted(done, key=lambda entry: (entry["namespace"], entry["name"]))
