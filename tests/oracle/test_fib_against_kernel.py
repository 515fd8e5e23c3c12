# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Route look-ups against the running kernel's: those of the simulator, and those of the planner's own model.

Random tables and rules of both families, in network namespaces that the programs make for themselves. They need root;
where CI promises it (CI=true) its absence is a failure.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import pytest

from ansible_collections.cryptokey.wireguard.tests.oracle.sizes import seed, size

PACKAGE = "ansible_collections.cryptokey.wireguard.tests.oracle"


def _missing() -> str:
    if os.geteuid() != 0:
        return "needs root for a network namespace"
    tools = [tool for tool in ("ip", "unshare") if not shutil.which(tool)]
    return f"not installed: {', '.join(tools)}" if tools else ""


@pytest.mark.parametrize(("program", "what"), [("kernel", "look_ups"), ("fib", "fib_look_ups")])
def test_route_look_ups_are_the_kernels(program: str, what: str) -> None:
    """kernel: the simulator, source checks included. fib: the model that the proof is computed from, with marks."""
    if _missing():
        assert os.environ.get("CI") != "true", _missing()
        pytest.skip(_missing())
    command = ["unshare", "--net", sys.executable, "-m", f"{PACKAGE}.{program}"]
    command += ["--look-ups", str(size(what)), "--seed", seed("1")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run(
        command, capture_output=True, text=True, env=environment, check=False, timeout=60 + size(what) / 5
    )
    print(run.stdout)
    assert run.returncode == 0, run.stdout + run.stderr
    told = re.match(r"([0-9,]+) look-ups .*, 0 differences\n", run.stdout)
    assert told, run.stdout
    assert int(told.group(1).replace(",", "")) >= size(what) > 0
