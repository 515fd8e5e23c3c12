# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the conformance suite finds a real kernel's WireGuard: in the machine's own, or in one made for it."""

from __future__ import annotations

import functools
import os
import pathlib
import platform
import shutil
import subprocess

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "kernel"
OWN = "own"
DEFAULT = "6.12"
NO_SOURCE = 3
# What tests/kernel/build runs; tests/setup test installs it.
BUILDS_WITH = ("apt-get", "dpkg-deb", "make", "gcc", "flex", "bison", "bc", "xz", "strip")


@functools.cache
def own_has_wireguard() -> bool:
    """Whether root can make an interface of that kind; tried in a network namespace that ends with the trial."""
    if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("ip"):
        return False
    trial = ["unshare", "--net", "ip", "link", "add", "wg0", "type", "wireguard"]
    return subprocess.run(trial, check=False, capture_output=True, stdin=subprocess.DEVNULL).returncode == 0


def wanted() -> list[str]:
    """``own``, or the versions that KERNELS lists, as ``tests/kernel/build`` knows them."""
    return [OWN] if own_has_wireguard() else (os.environ.get("KERNELS") or DEFAULT).split()


def cannot_run() -> str:
    """Why there is no kernel's WireGuard to be had here; empty where there is."""
    if own_has_wireguard():
        return ""
    lack = "the kernel has no WireGuard (or this is not root), and"
    if platform.machine() != "x86_64":
        return f"{lack} User-Mode-Linux needs x86_64"
    if all(is_built(version) for version in wanted()):
        return ""
    missing = [name for name in BUILDS_WITH if not shutil.which(name)]
    return f"{lack} to build one is not installed: {', '.join(missing)} (tests/setup test)" if missing else ""


def not_here(version: str) -> int | None:
    """The status of tests/kernel/build where no package has that source; the default one has to be there."""
    return None if version in (OWN, DEFAULT) else NO_SOURCE


def is_built(version: str) -> bool:
    command = [str(FOLDER / "build"), "--cached", version]
    return subprocess.run(command, check=False, capture_output=True, stdin=subprocess.DEVNULL).returncode == 0
