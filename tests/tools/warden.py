# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""warden.py REPORT COMMAND [ARGUMENT ...]: runs a command and is init to whatever it starts and forgets.

Orphans are adopted (prctl(2), PR_SET_CHILD_SUBREAPER) and reaped at once: a zombie that nobody reaps would keep its
PID namespace from ending (pid_namespaces(7)). Who is still alive when the command has ended was left behind: a line
each in the file REPORT, and SIGKILL.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pathlib
import signal
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
# What has been told to end may take a moment, and so may a suite's own clean-up after SIGTERM.
PATIENCE = float(os.environ.get("WARDEN_PATIENCE", "5"))
GRACE = 30


class TooLate(Exception):
    """The command did not end in time after SIGTERM."""


def main(report: str, command: list[str]) -> int:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    # The signals reach the command too, in the same process group; ours is to see it off. Handlers, since what is
    # ignored would stay ignored in the command.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: signal.alarm(GRACE))
    signal.signal(signal.SIGALRM, _too_late)
    try:
        child = os.posix_spawnp(command[0], command, os.environ)
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        return 127
    try:
        code = _wait_for(child)
    except TooLate:
        _kill_all()
        return 124
    signal.alarm(0)
    if not _all_gone():
        with open(report, "a", encoding="utf-8") as file:
            file.writelines(f"process {pid}: {_command_line(pid)}\n" for pid in sorted(_children()))
        _kill_all()
    return code if code >= 0 else 128 - code


def _too_late(*_signal: object) -> None:
    raise TooLate


def _wait_for(child: int) -> int:
    """Reaps everybody until the command itself ends; its exit code."""
    while True:
        pid, status = os.wait()
        if pid == child:
            return os.waitstatus_to_exitcode(status)


def _all_gone() -> bool:
    """Reaps for as long as patience lasts; whether nobody is left."""
    limit = time.monotonic() + PATIENCE
    try:
        while time.monotonic() < limit:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.05)
    except ChildProcessError:
        return True
    return False


def _kill_all() -> None:
    """Children of a killed process become ours in turn, so until there are none."""
    with contextlib.suppress(ChildProcessError):
        while True:
            for pid in _children():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            os.wait()


def _children() -> set[int]:
    with contextlib.suppress(OSError):
        return {int(word) for word in pathlib.Path("/proc/thread-self/children").read_text("ascii").split()}
    return set()


def _command_line(pid: int) -> str:
    with contextlib.suppress(OSError):
        return (
            pathlib.Path(f"/proc/{pid}/cmdline")
            .read_bytes()
            .replace(b"\0", b" ")
            .decode(errors="replace")[:120]
            .strip()
        )
    return "?"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
