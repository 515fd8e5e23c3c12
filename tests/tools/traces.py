# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a suite leaves behind on the machine: namespaces, links, policy rules, lab directories. Processes: warden.py."""

from __future__ import annotations

import contextlib
import os
import pathlib
import subprocess
import time

COMMANDS = {
    "link": ["ip", "-o", "link"],
    "rule": ["ip", "rule"],
    "IPv6 rule": ["ip", "-6", "rule"],
}
FOLDERS = {"namespace": pathlib.Path("/run/netns"), "lab": pathlib.Path("/run/cryptokey-lab")}
# What has been told to end may take a moment.
PATIENCE = 5.0

Traces = dict[str, set[str]]


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
