# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a suite leaves behind on the machine: namespaces, links, policy rules, lab directories, processes."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pathlib
import signal
import subprocess
import time

PR_SET_CHILD_SUBREAPER = 36
COMMANDS = {
    "link": ["ip", "-o", "link"],
    "rule": ["ip", "rule"],
    "IPv6 rule": ["ip", "-6", "rule"],
}
FOLDERS = {"namespace": pathlib.Path("/run/netns"), "lab": pathlib.Path("/run/cryptokey-lab")}
# What has been told to end may take a moment.
PATIENCE = 5.0

Traces = dict[str, set[str]]


def adopt_orphans() -> None:
    """Whatever a suite starts and forgets becomes our child instead of init's, so that it can be seen (prctl(2))."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def look() -> Traces:
    found: Traces = {}
    for kind, command in COMMANDS.items():
        with contextlib.suppress(FileNotFoundError):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            # "7: veth1@if6: <...": the number and the flags say nothing about who made it.
            found[kind] = {line.split(":")[1].strip() if kind == "link" else line for line in done.stdout.splitlines()}
    for kind, folder in FOLDERS.items():
        found[kind] = set(os.listdir(folder)) if folder.is_dir() else set()
    return found


def left_behind(before: Traces) -> list[str]:
    """What is there now and was not before, after some patience."""
    limit = time.monotonic() + PATIENCE
    while True:
        now = look()
        new = [f"{kind} {name}" for kind in sorted(now) for name in sorted(now[kind] - before.get(kind, set()))]
        if not new or time.monotonic() > limit:
            return new
        time.sleep(0.1)


def end_orphans(known: set[int]) -> list[str]:
    """The living children of this process that nobody waits for, as texts; they are ended."""
    limit = time.monotonic() + PATIENCE
    while (orphans := _children() - known) and time.monotonic() < limit:
        time.sleep(0.1)
    texts = [f"process {pid}: {_command_line(pid)}" for pid in sorted(orphans)]
    for pid in orphans:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return texts


def _children() -> set[int]:
    """Children of this process, of all its threads, but zombies."""
    found = set()
    for task in pathlib.Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found |= {int(word) for word in task.read_text(encoding="ascii").split()}
    return {pid for pid in found if _state(pid) not in ("Z", "X", "")}


def _state(pid: int) -> str:
    try:
        return (
            pathlib.Path(f"/proc/{pid}/stat")
            .read_text(encoding="utf-8", errors="replace")
            .rpartition(")")[2]
            .split()[0]
        )
    except OSError:
        return ""


def _command_line(pid: int) -> str:
    try:
        raw = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return "?"
    return raw.replace(b"\0", b" ").decode(errors="replace").strip()[:120]
