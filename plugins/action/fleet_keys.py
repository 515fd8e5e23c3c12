# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the keys of one host's interfaces there and writes the public ones beside the inventory.

The files are written in this process and not through a connection to localhost: a play that sets its connection by
variable, as the rehearsal does, would redirect that one too.
"""

from __future__ import annotations

import os
import typing as t
from collections.abc import Mapping

from ansible.plugins.action import ActionBase

from ansible_collections.cryptokey.wireguard.plugins.module_utils._argspec import state_directory
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import WireguardError
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._controller_file import read_text, write_text
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._host_part import HostPart, read_key_part
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._task import HostModules
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._task_result import ModuleFailed

ARGUMENTS = {
    "directory": {"type": "path", "required": True},
    "regenerate": {"type": "str", "choices": ["never", "partial", "always"], "default": "never"},
    **state_directory(),
}


class ActionModule(ActionBase):
    def run(self, tmp: t.Optional[str] = None, task_vars: t.Optional[dict[str, t.Any]] = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        variables = task_vars or {}
        _validation, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        modules = HostModules(self, variables)
        try:
            part = read_key_part(variables, self._templar, state_directory=arguments["state_directory"])
            if not part.interfaces:
                return {"skipped": True, "changed": False, "skip_reason": "the host is no member of a network"}
            public_keys = {}
            for interface in part.interfaces:
                public_key = _make(part, interface, modules=modules, regenerate=arguments["regenerate"])
                public_keys[part.network(interface)] = public_key
                if public_key:
                    file = _PublicKeyFile(arguments["directory"], part.network(interface), part.host)
                    modules.total.add(part.label(interface), file.publish(public_key, check_mode=self._task.check_mode))
        except (WireguardError, ModuleFailed) as error:
            return {**modules.total.as_dict(), **getattr(error, "details", {}), "failed": True, "msg": str(error)}
        return {**modules.total.as_dict(), "public_keys": public_keys}


def _make(part: HostPart, interface: Mapping[str, t.Any], *, modules: HostModules, regenerate: str) -> t.Optional[str]:
    """The public key; None in check mode where the private one is yet to be made."""
    given = part.private_keys.get(part.network(interface))
    # A key that the user gives is the key: there is nothing to regenerate.
    choice = {"private_key": given} if given else {"regenerate": regenerate}
    result = modules.run("keypair", label=part.label(interface), arguments={"path": part.key_file(interface), **choice})
    return result.get("public_key")


class _PublicKeyFile:
    """``<directory>/<network>/<host>.pub``."""

    def __init__(self, directory: str, network: str, host: str) -> None:
        self._path = os.path.join(directory, network, f"{host}.pub")
        self._shown = os.path.join(os.path.basename(directory), network, f"{host}.pub")
        self._whose = f"the key of {host} in network {network}"

    def publish(self, public_key: str, *, check_mode: bool) -> dict[str, t.Any]:
        """The result of writing it, in Ansible's words."""
        before, after = read_text(self._path) or "", f"{public_key}\n"
        if before == after:
            return {"changed": False}
        if not check_mode:
            write_text(self._path, after)
        result: dict[str, t.Any] = {
            "changed": True,
            "actions": [f"write the public key to {self._shown}"],
            "diff": {"before": before, "after": after, "before_header": self._shown, "after_header": self._shown},
        }
        if before.strip():
            change = f"{self._whose} has changed from {before.strip()} to {public_key}"
            result["warnings"] = [f"{change}: commit {self._shown}, then apply to the whole fleet"]
        return result
