# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors become failed tasks in one place, and nothing leaks there."""

from __future__ import annotations

import sys
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._deps import MissingLibrary, require
from ansible_collections.cryptokey.wireguard.plugins.module_utils._engine import Result
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._module import converged, run

SECRET = "eTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="


class Module:
    """What run() uses of AnsibleModule; like it, every way out ends the program."""

    def __init__(self) -> None:
        self.result: dict[str, t.Any] = {}
        self.handled: t.Any = None
        self.warned: list[str] = []
        self._diff = False

    def warn(self, warning: str) -> None:
        self.warned.append(warning)

    def exit_json(self, **result: t.Any) -> None:
        self.result = result
        raise SystemExit(0)

    def fail_json(self, **result: t.Any) -> None:
        self.handled = sys.exc_info()[1]
        self.result = result
        raise SystemExit(1)


def outcome(work: t.Callable[[], t.Any]) -> Module:
    module = Module()
    with pytest.raises(SystemExit):
        run(module, work)
    return module


def failing(error: Exception) -> t.Callable[[], t.Any]:
    def work() -> t.Any:
        raise error

    return work


def test_a_result_is_returned():
    assert outcome(lambda: {"changed": True}).result == {"changed": True}


def test_warnings_are_the_modules_own():
    module = outcome(lambda: {"changed": True, "warnings": ["one", "two"]})
    assert (module.result, module.warned) == ({"changed": True}, ["one", "two"])


@pytest.mark.parametrize("diff", [False, True])
def test_what_the_engine_did_is_the_result_with_a_diff_where_one_is_asked_for(diff):
    module = Module()
    module._diff = diff
    found = converged(module, Result(True, ["act"], {}, None, None, {"name": "wg0"}, ["beware"], ["act: what is lost"]))
    assert (found["changed"], found["actions"], found["disruptive"]) == (True, ["act"], ["act: what is lost"])
    assert found["warnings"] == ["beware"]
    assert ("diff" in found) is diff
    assert not diff or "name: wg0" in found["diff"]["after"]


def test_an_error_of_ours_is_its_text():
    error = InvalidInput("is not a port", path="listen_port", value=0)
    assert outcome(failing(error)).result == {"msg": "listen_port: 0 is not a port"}


def test_an_unforeseen_error_is_named_by_type_and_place_only():
    module = outcome(failing(ValueError(SECRET)))
    assert SECRET not in module.result["msg"]
    assert module.result["msg"].startswith("unforeseen ValueError at test_module.py:")


def test_ansible_sees_no_exception_whose_text_it_would_not_mask():
    assert outcome(failing(ValueError(SECRET))).handled is None


def test_a_missing_library_is_named_with_its_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyroute2", None)
    with pytest.raises(MissingLibrary, match="python3-pyroute2"):
        require("pyroute2")
