# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet whose hosts are lab hosts: the playbooks reach them by the netns connection, the tests by nsenter."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab import plan_lab
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab_record import LabRecord
from ansible_collections.cryptokey.wireguard.tests.integration.playbook_runs import Fleet

PROGRAM = pathlib.Path(__file__).resolve().parents[2] / "roles" / "lab" / "files" / "lab.py"


class LabFleet(Fleet):
    def __init__(self, folder: pathlib.Path, name: str) -> None:
        super().__init__(folder)
        self.name = name

    @property
    def variables(self) -> dict[str, t.Any]:
        """What makes every host of an inventory a lab host."""
        return {
            "ansible_connection": "cryptokey.wireguard.netns",
            "ansible_netns_lab": self.name,
            "ansible_become": False,
            "ansible_python_interpreter": sys.executable,
        }

    def up(self, *, without: t.Collection[str] = ()) -> None:
        """Brings the inventory's hosts up but for some, which nobody will reach."""
        output = self.folder / "for-the-lab.json"
        # Fails, because no key is known yet; the plan is written all the same.
        run = self.run("plan", "-e", f"wireguard_plan_output={output}")
        assert output.exists(), run.output
        fleet = json.loads(output.read_text(encoding="utf-8"))["fleet"]
        hosts = {host: entry for host, entry in fleet["hosts"].items() if host not in without}
        self._lab("up", "--owner", str(os.getpid()), text=json.dumps(plan_lab({**fleet, "hosts": hosts})))

    def down(self) -> None:
        self._lab("down")

    def on(self, host: str, *command: str, check: bool = True) -> str:
        """Runs a command on a lab host and returns what it wrote."""
        holder = LabRecord(self.name).host(host)
        words = ["nsenter", f"--target={holder.pid}", "--pid", "--mount", "--net", "--uts", *command]
        process = subprocess.run(words, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        assert not check or process.returncode == 0, f"{host}: {' '.join(command)}\n{process.stdout}"
        return process.stdout

    def pings(self, host: str, target: str, *, count: int = 3) -> int:
        """How many of count pings were answered. The first ones may wait for a handshake, hence the patience."""
        output = self.on(host, "ping", "-n", "-c", str(count), "-i", "0.2", "-W", "6", target, check=False)
        return output.count(" bytes from ")

    def _lab(self, verb: str, *options: str, text: str = "") -> None:
        command = [sys.executable, str(PROGRAM), verb, "--lab", self.name, *options]
        process = subprocess.run(command, input=text, text=True, capture_output=True, check=False)
        assert process.returncode == 0, process.stderr
