# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Derives the plan of a fleet from its inventory, in this process, so that a mistake is one clear list.

As a template in the role, the same mistake would come in three nested errors with the list in each of them.
"""

from __future__ import annotations

import datetime
import json
import typing as t
from collections.abc import Mapping

from ansible.plugins.action import ActionBase

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput, WireguardError, placed
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._controller_file import read_text
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ignore import parse_date
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._key_files import read_key_files
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._plan import make_plan
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._reader import InvalidInventory
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._task import show
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._written_at import near, written_at

ARGUMENTS = {
    "hosts": {"type": "list", "elements": "str", "required": True},
    "public_keys_dir": {"type": "path"},
    "previous": {"type": "path"},
    "today": {"type": "str"},
}


class ActionModule(ActionBase):
    _requires_connection = False

    def run(self, tmp: t.Optional[str] = None, task_vars: t.Optional[dict[str, t.Any]] = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        folder, earlier = arguments["public_keys_dir"], arguments["previous"]
        try:
            plan = make_plan(
                (task_vars or {})["hostvars"],
                arguments["hosts"],
                public_keys=read_key_files(folder) if folder else None,
                previous=_read_plan(earlier) if earlier else None,
                locate=written_at,
                today=_day(arguments["today"]),
                source=_inventory_file((task_vars or {})["hostvars"], arguments["hosts"]),
            )
        except InvalidInventory as error:
            show(str(error), color="red")
            return _failed("the inventory cannot be planned, see above; no host was touched")
        except WireguardError as error:
            return _failed(str(error))
        # The report is how a plan is read; -v is not meant to print all of it.
        return {"changed": False, "plan": plan, "_ansible_verbose_override": True}


def _day(text: t.Optional[str]) -> datetime.date:
    """The controller's date, unless the task gives one."""
    with placed("today"):
        return datetime.date.today() if text is None else parse_date(text)


def _failed(message: str) -> dict[str, t.Any]:
    return {"changed": False, "failed": True, "msg": message}


def _inventory_file(hostvars: t.Any, hosts: t.Sequence[str]) -> t.Optional[str]:
    """Where Ansible has the first host from; None for an inventory that is no file, such as -i a,b."""
    try:
        path = hostvars[hosts[0]].get("inventory_file")
    except (LookupError, AttributeError):
        return None
    return near(str(path)) if path else None


def _read_plan(path: str) -> t.Optional[Mapping[str, t.Any]]:
    """None where there is no earlier plan."""
    text = read_text(path)
    if text is None:
        return None
    try:
        plan = json.loads(text)
    except ValueError:
        plan = None
    if not isinstance(plan, Mapping) or "fleet" not in plan:
        remedy = "write it with wireguard_plan_output, or name another file in wireguard_plan_file"
        raise InvalidInput("is not a plan", path=path, remedy=remedy)
    return plan
