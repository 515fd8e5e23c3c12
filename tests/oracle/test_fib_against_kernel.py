# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator's route look-ups against the running kernel: random tables, rules, both families, source checks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

LOOK_UPS = int(os.environ.get("ORACLE_LOOK_UPS", "20000"))
PROGRAM = "ansible_collections.cryptokey.wireguard.tests.oracle.kernel"


def _missing() -> str:
    if os.geteuid() != 0:
        return "needs root for a network namespace"
    tools = [tool for tool in ("ip", "unshare") if not shutil.which(tool)]
    return f"not installed: {', '.join(tools)}" if tools else ""


def test_route_look_ups_are_the_kernels():
    if _missing():
        pytest.skip(_missing())
    command = ["unshare", "--net", sys.executable, "-m", PROGRAM, "--look-ups", str(LOOK_UPS)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=600)
    print(run.stdout)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "0 differences" in run.stdout
