# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts the lab's program from an Ansible task.

A process of its own: the lab outlives the task, and must hold nothing of Ansible's.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import HostError

_PROGRAM = pathlib.Path(__file__).resolve().parents[2] / "roles" / "lab" / "files" / "lab.py"


def run_lab(verb: str, *words: str, lab: str, document: t.Any = None) -> dict[str, t.Any]:
    """What the verb answers. document: its standard input, as JSON. Raises HostError with what it said."""
    command = [sys.executable, str(_PROGRAM), verb, "--lab", lab, *words]
    text = "" if document is None else json.dumps(document)
    # What else is in the environment of a run may be secret, and would stay in /proc as long as the lab.
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}
    result = subprocess.run(command, input=text, env=environment, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise HostError(result.stderr.strip() or f"the lab's program ended with status {result.returncode}")
    return t.cast("dict[str, t.Any]", json.loads(result.stdout))
