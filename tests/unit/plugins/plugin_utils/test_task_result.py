# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._task_result import ModuleFailed, TaskResult


def test_anything_changed_is_a_change_and_actions_name_their_interface() -> None:
    total = TaskResult()
    total.add("wg0", {"changed": True, "actions": ["create it", "add peer a"]})
    total.add("wg1", {"changed": False, "actions": []})
    assert total.as_dict() == {"changed": True, "actions": ["wg0: create it", "wg0: add peer a"]}


def test_what_can_lose_packets_is_told_apart() -> None:
    total = TaskResult()
    total.add("wg0", {"changed": True, "actions": ["a", "b"], "disruptive": ["b: everything"]})
    assert total.as_dict()["disruptive"] == ["wg0: b: everything"]


def test_diffs_are_kept_apart_by_their_label_and_empty_ones_are_dropped() -> None:
    total = TaskResult()
    total.add("wg0", {"changed": True, "diff": {"before": "a", "after": "b"}})
    total.add("wg1", {"changed": False, "diff": {"before": "same", "after": "same"}})
    total.add(
        "wg2", {"changed": True, "diff": [{"before": "", "after": "c", "before_header": "own", "after_header": "own"}]}
    )
    assert total.as_dict()["diff"] == [
        {"before": "a", "after": "b", "before_header": "wg0", "after_header": "wg0"},
        {"before": "", "after": "c", "before_header": "own", "after_header": "own"},
    ]


def test_the_interpreter_that_was_found_and_warnings_survive() -> None:
    total = TaskResult()
    total.add("wg0", {"ansible_facts": {"discovered_interpreter_python": "/usr/bin/python3"}, "warnings": ["w"]})
    result = total.as_dict()
    assert result["ansible_facts"] == {"discovered_interpreter_python": "/usr/bin/python3"}
    assert result["warnings"] == ["w"]


def test_a_failure_names_the_interface_keeps_what_was_done_and_never_shows_arguments() -> None:
    total = TaskResult()
    total.add("wg0", {"changed": True, "actions": ["create it"]})
    failed = {
        "failed": True,
        "msg": "peers[0].endpoint: has no port\n",
        "rc": 1,
        "module_stderr": "sudo: no",
        "module_stdout": "",
        "invocation": {"module_args": {"private_key": "secret"}},
        "warnings": ["w"],
    }
    with pytest.raises(ModuleFailed) as raised:
        total.add("wg1", failed)
    assert str(raised.value) == "wg1: peers[0].endpoint: has no port"
    assert raised.value.details == {"rc": 1, "module_stderr": "sudo: no"}
    assert total.as_dict() == {"changed": True, "actions": ["wg0: create it"], "warnings": ["w"]}


def test_a_failure_without_a_message_still_says_something() -> None:
    with pytest.raises(ModuleFailed, match="wg0: the module failed without a message"):
        TaskResult().add("wg0", {"failed": True})
