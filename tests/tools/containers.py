# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which containers the molecule scenario runs in, and what it takes to have them."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "containers"
DEFAULT = "bookworm"
# What tests/containers/sandbox and podman run, and what makes an image; tests/setup test installs it.
RUNS_WITH = ("podman", "conmon", "runc", "iptables", "ip", "unshare")
MADE_WITH = ("mmdebstrap", "apt-get", "dpkg-deb")


def wanted() -> list[str]:
    """The releases of Debian that DEBIAN lists, by their names."""
    return (os.environ.get("DEBIAN") or DEFAULT).split()


def cannot_run() -> str:
    """Why there can be no such containers here; empty where there can."""
    if os.geteuid() != 0:
        return "needs root"
    needed = RUNS_WITH if all(is_made(release) for release in wanted()) else RUNS_WITH + MADE_WITH
    missing = [name for name in needed if not shutil.which(name)]
    return f"not installed: {', '.join(missing)}; tests/setup test installs what is missing" if missing else ""


def is_made(release: str) -> bool:
    command = [str(FOLDER / "image"), "--cached", release]
    return subprocess.run(command, check=False, capture_output=True, stdin=subprocess.DEVNULL).returncode == 0
