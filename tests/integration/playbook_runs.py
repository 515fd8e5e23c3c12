# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the collection's playbooks as a user does, in a process of their own."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import re
import subprocess
import sys
import typing as t

NAMES = ("plan", "keys", "apply", "verify")


@dataclasses.dataclass(frozen=True)
class Run:
    """What a playbook run said. hosts: the recap, {host: {"ok": 3, "changed": 0 ...}}."""

    code: int
    output: str

    @property
    def hosts(self) -> dict[str, dict[str, int]]:
        recap = self.output.partition("PLAY RECAP")[2]
        lines = re.findall(r"^(\S+)\s+: (ok=.*)$", recap, re.MULTILINE)
        return {host: {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", counts)} for host, counts in lines}

    @property
    def changed(self) -> dict[str, int]:
        return {host: counts["changed"] for host, counts in self.hosts.items() if counts["changed"]}

    @property
    def tasks(self) -> list[str]:
        return re.findall(r"^TASK \[(?:cryptokey\.wireguard\.\w+ : )?(.*?)\] \*", self.output, re.MULTILINE)

    def succeeded(self) -> Run:
        assert self.code == 0, self.output
        return self


class Fleet:
    """An inventory in a folder of its own, and runs of the playbooks on it."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.inventory = folder / "inventory.yml"
        self.prefix: list[str] = []
        self.environment: dict[str, str] = {}
        self.ansible_playbook = pathlib.Path(sys.executable).parent / "ansible-playbook"

    def write(self, inventory: t.Mapping[str, t.Any]) -> None:
        self.inventory.write_text(json.dumps(inventory, indent=1), encoding="utf-8")

    def run(self, playbook: str, *arguments: str) -> Run:
        """playbook: plan, keys, apply, verify, or a file."""
        name = f"cryptokey.wireguard.{playbook}" if playbook in NAMES else playbook
        command = [*self.prefix, str(self.ansible_playbook), "-i", str(self.inventory), name, *arguments]
        environment = {
            **os.environ,
            "HOME": str(self.folder),
            "ANSIBLE_HOME": str(self.folder / ".ansible"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_FORCE_COLOR": "0",
            "COLUMNS": "120",
            **self.environment,
        }
        process = subprocess.run(
            command, cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300, check=False,
        )  # fmt: skip
        return Run(process.returncode, process.stdout)


def commit_keys(folder: pathlib.Path, keys: t.Mapping[str, t.Mapping[str, str]]) -> None:
    """keys: {network: {host: public key}}."""
    for network, members in keys.items():
        (folder / network).mkdir(parents=True, exist_ok=True)
        for host, key in members.items():
            (folder / network / f"{host}.pub").write_text(f"{key}\n", encoding="ascii")
