# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests in a container of their own whose PID 1 is systemd, and which may make network namespaces.

tests/containers/systemd makes it. On any other machine they are skipped: they make units and rules of packet filters.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import time
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _systemd

FOLDERS = ("/run/systemd/transient", "/run/wireguard", "/run/netns", "/etc/wireguard")
LISTS = ("nft list tables", "ip -br link", "ip rule", "ip -6 rule")
# What has been told to end may take a moment.
PATIENCE = 5.0


@pytest.fixture(autouse=True)
def _nothing_is_left() -> t.Iterator[None]:
    """Of what a test has made in this container, whatever it was."""
    if not _systemd.manager([""]).booted or not os.path.exists("/run/systemd/container"):
        pytest.skip(
            "makes units and filter rules: runs in a container whose PID 1 is systemd (make test SUITES=systemd)"
        )
    before = _look()
    yield
    limit = time.monotonic() + PATIENCE
    while (now := _look()) != before and time.monotonic() < limit:
        time.sleep(0.1)
    assert (sorted(now - before), sorted(before - now)) == ([], []), "left behind, and taken away"


def _look() -> frozenset[str]:
    found = {f"{folder}/{name}" for folder in FOLDERS if os.path.isdir(folder) for name in os.listdir(folder)}
    for command in LISTS:
        done = subprocess.run(command.split(), capture_output=True, text=True, check=True)
        found |= {f"{command}: {line.strip()}" for line in done.stdout.splitlines()}
    return frozenset(found | {f"engine {number}" for number in _engines()})


def _engines() -> list[str]:
    """The processes of wireguard-go."""
    names = {path.parent.name: path for path in pathlib.Path("/proc").glob("[0-9]*/comm")}
    return [number for number, path in names.items() if _text(path).strip() == "wireguard-go"]


def _text(path: pathlib.Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
