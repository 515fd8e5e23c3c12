# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Around a task that runs on the controller: its variables, its text for people, and the modules it starts."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping

from ansible import constants as C
from ansible.utils.color import ANSIBLE_COLOR
from ansible.utils.display import Display

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._reader import visible
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._task_result import TaskResult

COLLECTION = "cryptokey.wireguard"
_COLOR = re.compile("\x1b\\[[0-9;]*m")
_COLOR_OR_LINE = re.compile("(\n|\x1b\\[[0-9;]*m)")
# Longer lines tire the eye.
WIDEST = 120

PLAN_VARIABLE = "fleet_plan"
SECRET_VARIABLE = "wireguard_fleet_secret"
PRIVATE_KEYS_VARIABLE = "wireguard_private_keys"

Variables = Mapping[str, t.Any]


class Runner(t.Protocol):
    """The part of ansible.plugins.action.ActionBase that starts a module."""

    def _execute_module(
        self, *, module_name: str, module_args: dict[str, t.Any], task_vars: t.Any
    ) -> dict[str, t.Any]: ...


class Shown(t.NamedTuple):
    """Where a text for people goes, as this run of Ansible is set up."""

    width: int
    color: bool


def shown() -> Shown:
    """Ansible has measured the terminal before it forked; the process of a task has none to measure."""
    return Shown(min(Display().columns, WIDEST), ANSIBLE_COLOR)


def show(text: str, *, color: t.Optional[str] = None) -> None:
    """Prints text as it is, whatever the callback plugin makes of results; not into the stream that is to be JSON."""
    callback = str(C.DEFAULT_STDOUT_CALLBACK).rpartition(".")[2]
    Display().display(f"\n{_harmless(text)}\n", color=color, stderr=callback in ("json", "jsonl"))


def _harmless(text: str) -> str:
    """Colours and lines pass; whatever else could move the cursor or rename the window shows as an escape."""
    return "".join(
        part if part == "\n" or _COLOR.fullmatch(part) else visible(part) for part in _COLOR_OR_LINE.split(text)
    )


class Templar(t.Protocol):
    def template(self, variable: t.Any) -> t.Any: ...


class HostModules:
    """Runs the collection's modules on the task's host, in check mode if the task is, and adds up what they say."""

    def __init__(self, runner: Runner, task_vars: Variables) -> None:
        self.total = TaskResult()
        self._runner = runner
        self._task_vars = task_vars

    def run(self, name: str, *, label: str, arguments: Mapping[str, t.Any]) -> dict[str, t.Any]:
        """label: what the call is about, for people. Raises ModuleFailed."""
        result = self._runner._execute_module(
            module_name=f"{COLLECTION}.{name}",
            # Ansible puts its own entries among the arguments, hence the copy.
            module_args=dict(arguments),
            task_vars=self._task_vars,
        )
        self.total.add(label, result)
        return result

    def run_namespace(self, name: str) -> None:
        self.run("namespace", label=f"namespace {name}", arguments={"name": name, "state": "present"})


def find_plan(task_vars: Variables) -> Mapping[str, t.Any]:
    """The plan that the role has left as a fact.

    It is taken as it stands. As an argument of the task it would be walked by the template engine, value by value,
    for every host.
    """
    plan = task_vars.get(PLAN_VARIABLE)
    if not isinstance(plan, Mapping):
        raise InvalidInput("is not a plan", path=PLAN_VARIABLE, remedy="run the entry point plan of the role before")
    return plan


def find_fleet_secret(task_vars: Variables, templar: Templar) -> t.Optional[str]:
    secret = templar.template(task_vars.get(SECRET_VARIABLE))
    if secret is not None and not isinstance(secret, str):
        raise InvalidInput("is not a text", path=SECRET_VARIABLE, remedy="write one long random text, in a vault")
    return secret


def find_private_keys(task_vars: Variables, templar: Templar) -> dict[str, str]:
    """{network: private key}: the keys that the user brings along, instead of having them made on the host."""
    keys = templar.template(task_vars.get(PRIVATE_KEYS_VARIABLE))
    if keys is None:
        return {}
    if not isinstance(keys, Mapping) or not all(isinstance(key, str) for key in keys.values()):
        raise InvalidInput("is not a mapping from network to private key", path=PRIVATE_KEYS_VARIABLE)
    return {str(network): key for network, key in keys.items()}
