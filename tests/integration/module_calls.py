# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules run as Ansible runs them, from their arguments to the JSON that they print, but without Ansible's second.

Each call is a process of its own, forked from the test in the namespaces of the calling thread.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pathlib
import sys
import typing as t

import pytest

basic = pytest.importorskip("ansible.module_utils.basic")
MODULES = "ansible_collections.cryptokey.wireguard.plugins.modules"
LIFE = [True, True, False, False, True, True, False, False, True, True, False, False]


class Calls:
    """Calls of modules on one host, made at once; run() hands over their results.

    output: everything that the modules have printed, their arguments included as they show them.
    """

    def __init__(self, folder: pathlib.Path) -> None:
        self.state = str(folder / "state")
        self.output = ""
        self._results: list[dict[str, t.Any]] = []

    def add(self, module: str, *, check: bool = False, **arguments: t.Any) -> None:
        if module != "keypair":
            arguments.setdefault("state_directory", self.state)
        given = {**arguments, "_ansible_check_mode": check, "_ansible_diff": True, "_ansible_verbosity": 3}
        printed = _run(importlib.import_module(f"{MODULES}.{module}").main, given)
        self.output += printed
        self._results.append(json.loads(printed))

    def both(self, module: str, **arguments: t.Any) -> None:
        """In check mode, then for real."""
        self.add(module, check=True, **arguments)
        self.add(module, **arguments)

    def run(self) -> list[dict[str, t.Any]]:
        """The results of add() and both(), in order; a failure is a result with ``failed``."""
        results, self._results = self._results, []
        return results


def changes(results: t.Iterable[t.Mapping[str, t.Any]]) -> list[bool | str]:
    """Per result: whether it changed something, or ``failed``."""
    return ["failed" if result.get("failed") else result["changed"] for result in results]


def live(calls: Calls, module: str, first: dict[str, t.Any], second: dict[str, t.Any], gone: dict[str, t.Any]) -> t.Any:
    """Create, again, modify, again, delete, again; each in check mode, then for real. The results, in that order."""
    for arguments in (first, first, second, second, {**gone, "state": "absent"}, {**gone, "state": "absent"}):
        calls.both(module, **arguments)
    results = calls.run()
    assert changes(results) == LIFE, [result.get("msg") for result in results]
    for foreseen, done in zip(results[::2], results[1::2], strict=True):
        assert (foreseen["actions"], foreseen["diff"]) == (done["actions"], done["diff"])
    return results


def _run(main: t.Callable[[], None], arguments: t.Mapping[str, t.Any]) -> str:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _answer(writing, main, arguments)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as pipe:
        printed = pipe.read()
    os.waitpid(child, 0)
    return printed


def _answer(writing: int, main: t.Callable[[], None], arguments: t.Mapping[str, t.Any]) -> t.NoReturn:
    """In the child: run the module with its standard output on the pipe."""
    # Collecting would touch, and so copy, every page that it shares with the test.
    gc.disable()
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(writing, 1)
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
        basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
        basic._ANSIBLE_PROFILE = "legacy"
        main()
    except SystemExit:
        sys.stdout.flush()
    finally:
        os._exit(0)
