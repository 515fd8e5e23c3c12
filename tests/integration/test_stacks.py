# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The small hosts of the tests themselves: quiet where all is well, and with a reason where it is not."""

from __future__ import annotations

import os

import pytest

from ansible_collections.cryptokey.wireguard.tests.integration import stacks
from ansible_collections.cryptokey.wireguard.tests.integration.stacks import Failed, Killed, Stack, stack, wait_until


def test_a_host_ends_without_a_word_and_with_all_that_runs_in_it(capfd):
    with stack() as host:
        sleeper = host.start("sleep", "60")
        pid = host.pid
        # The shell that has set it up says so, and then becomes this.
        wait_until(lambda: host.out("cat", "/proc/1/comm") == "sleep\n")
    assert sleeper.wait(timeout=5) != 0
    assert not os.path.exists(f"/proc/{pid}")
    assert capfd.readouterr() == ("", "")


def test_a_host_that_cannot_start_says_why(monkeypatch):
    monkeypatch.setattr(stacks, "_HOLDER", "echo no room for it >&2; exit 1")
    with pytest.raises(AssertionError, match="no room for it"):
        Stack()


def test_a_call_that_is_killed_is_no_answer_and_the_next_one_is_answered():
    with stack() as host:
        for call in (host.call, host.call_apart, host.call):
            with pytest.raises(Killed):
                call(os._exit, 9)
            assert host.call(os.getpid) > 1


def test_calls_share_a_process_but_for_those_that_are_apart():
    with stack() as host:
        first = host.call(os.getpid)
        assert host.call(os.getpid) == first
        assert host.call_apart(os.getpid) != first
        assert host.out("cat", f"/proc/{first}/comm").startswith("py"), "it lives in there"


def test_an_error_of_a_call_is_told_and_the_next_one_is_answered():
    with stack() as host:
        for call in (host.call, host.call_apart):
            with pytest.raises(Failed, match=r"^FileNotFoundError: .*no such place") as failed:
                call(os.listdir, "/no such place")
            assert failed.value.kind == "FileNotFoundError"
        assert host.call(os.getpid) > 1
