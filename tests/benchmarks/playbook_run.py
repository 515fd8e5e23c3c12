# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole runs of ansible-playbook over an inventory, without and with the plan.

Both runs do the same few things for every host, on the controller alone, which is less than any real run does. The
other one also plans the fleet first and looks its own part up in the plan at every host.
"""

from __future__ import annotations

import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile

from ansible_collections.cryptokey.wireguard.tests.benchmarks import fleets

HOSTS = 200
LIMIT = 1.25
_TREE = pathlib.Path(__file__).resolve().parents[2] / ".venv" / "tree"

_TASKS = [
    {"ansible.builtin.set_fact": {"benchmark_name": "{{ inventory_hostname }}"}},
    {"ansible.builtin.assert": {"that": "benchmark_name == inventory_hostname", "quiet": True}},
    {"ansible.builtin.debug": {"msg": "{{ wireguard.corp.addresses }}"}},
    {"ansible.builtin.assert": {"that": "wireguard.corp.addresses | length > 0", "quiet": True}},
]


def playbooks() -> dict[str, list[dict[str, object]]]:
    """By name; JSON is YAML."""
    look_up = {**_TASKS[1]["ansible.builtin.assert"], "that": "fleet_plan.fleet.hosts[inventory_hostname] | length > 0"}
    play = {"hosts": "all", "gather_facts": False}
    return {
        "without": [{**play, "tasks": _TASKS}],
        "with": [
            {"ansible.builtin.import_playbook": "cryptokey.wireguard.plan"},
            {**play, "tasks": [*_TASKS[:3], {"ansible.builtin.assert": look_up}]},
        ],
    }


def inventory(hosts: int) -> dict[str, object]:
    variables = fleets.mesh(hosts)
    networks = variables[fleets.host(0)]["wireguard_networks"]
    members = {name: {"wireguard": found["wireguard"]} for name, found in variables.items()}
    return {"all": {"vars": {"wireguard_networks": networks, "ansible_connection": "local"}, "hosts": members}}


def measure(*, hosts: int = HOSTS, pairs: int = 3) -> dict[str, float]:
    """Processor seconds of both runs, and the median of the ratios of runs that follow each other."""
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        (place / "inventory.yml").write_text(json.dumps(inventory(hosts)), encoding="utf-8")
        for name, plays in playbooks().items():
            (place / f"{name}.yml").write_text(json.dumps(plays), encoding="utf-8")
        taken: dict[str, list[float]] = {"without": [], "with": []}
        for _again in range(pairs):
            for name, seconds in taken.items():
                seconds.append(_run(place, name))
    ratios = [after / before for before, after in zip(taken["without"], taken["with"], strict=True)]
    return {
        "without": statistics.median(taken["without"]),
        "with": statistics.median(taken["with"]),
        "ratio": statistics.median(ratios),
    }


def _run(place: pathlib.Path, name: str) -> float:
    """The processor time of one run and of everything that it started."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "ansible", "playbook", "-i", "inventory.yml", f"{name}.yml"]
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(_TREE), "ANSIBLE_LOCALHOST_WARNING": "false"}
    done = subprocess.run(command, cwd=place, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"the playbook {name} failed:\n{done.stdout[-4000:]}{done.stderr[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    print(json.dumps(measure()))
