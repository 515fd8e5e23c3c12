# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuses to go on unless the task's own host is a lab host, whatever the inventory or the command line say.

The variables of a play do not decide how a host is reached: extra variables win over them. So this looks at the
connection that Ansible has really made for this task, without using it.
"""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import WireguardError
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab import is_private_path
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab_record import LabRecord

ARGUMENTS = {
    "lab": {"type": "str", "required": True},
    "fleet": {"type": "list", "elements": "str", "required": True},
    "public_keys_dir": {"type": "path", "required": True},
    "state_directory": {"type": "path", "required": True},
}
_CONNECTION = "ansible_collections.cryptokey.wireguard.plugins.connection.netns"


class ActionModule(ActionBase):
    _requires_connection = False

    def run(self, tmp: t.Optional[str] = None, task_vars: t.Optional[dict[str, t.Any]] = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        variables = task_vars or {}
        try:
            record = LabRecord(arguments["lab"])
            reasons: tuple[str, ...] = (
                self._wrong_connection(record.name, str(variables["inventory_hostname"])),
                _left_out(arguments["fleet"], variables["ansible_play_hosts_all"]),
                _foreign_keys(arguments["public_keys_dir"], record),
                _shared_state(arguments["state_directory"]),
            )
        except WireguardError as error:
            reasons = (str(error),)
        reason = next(filter(None, reasons), "")
        if reason:
            return {"changed": False, "failed": True, "msg": f"refused: {reason}; nothing was touched"}
        return {"changed": False, "guarded": True}

    def _wrong_connection(self, lab: str, host: str) -> str:
        connection = self._connection
        if type(connection).__module__ != _CONNECTION:
            name = getattr(connection, "ansible_name", None) or connection.transport
            return (
                f"{host} would be reached by the connection {name!r} instead of cryptokey.wireguard.netns, so"
                " this would not be a rehearsal; take away what sets ansible_connection (-e, --extra-vars)"
            )
        reached = {"lab": connection.get_option("lab"), "host": connection.get_option("host")}
        if reached != {"lab": lab, "host": host}:
            return (
                f"{host} would be reached as lab host {reached['host']!r} of lab {reached['lab']!r};"
                " take away what sets ansible_netns_host or ansible_netns_lab"
            )
        return ""


def _left_out(fleet: t.Sequence[str], play: t.Sequence[str]) -> str:
    missing = sorted(set(fleet) - set(play))
    if not missing:
        return ""
    return f"a rehearsal is of the whole fleet, and {', '.join(missing)} would be left out (--limit?)"


def _foreign_keys(directory: str, record: LabRecord) -> str:
    """Lab keys must never be written over those of the real hosts."""
    if directory == str(record.keys):
        return ""
    return f"public keys would go to {directory} instead of {record.keys} (fleet_public_keys_dir)"


def _shared_state(directory: str) -> str:
    if is_private_path(directory):
        return ""
    return (
        f"{directory} is shared with the machine itself, and private keys would be made there (fleet_state_directory)"
    )
