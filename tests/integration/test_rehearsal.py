# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rehearsal of the example: right where everything is right, and failing with a reason where anything is not."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab_record import LabRecord
from ansible_collections.cryptokey.wireguard.tests.integration.lab_fleet import PROGRAM, LabFleet

TOP = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE = TOP / "examples" / "two-hubs"
REHEARSE = "cryptokey.wireguard.rehearse"
NAME = f"test-rehearsal-{os.getpid()}"


# What an inventory says about real hosts, none of which may matter.
PRODUCTION = {
    "ansible_connection": "ssh",
    "ansible_host": "203.0.113.200",
    "ansible_become": True,
    "ansible_python_interpreter": "/nowhere/python3",
    "wireguard_public_keys_dir": "/nowhere/keys",
    "wireguard_state_directory": "/nowhere/state",
    "wireguard_plan_output": "/nowhere/plan.json",
    "wireguard_private_keys": {"corp": "iO9Ix2OvK4bbCX1Nyl6z4hdF3Kxl9cP7wVZZ8r4Q0kE="},
}


class Rehearsed(LabFleet):
    """The example, rehearsed once and kept; plan is the one with the lab's keys."""

    def __init__(self, folder, name):
        super().__init__(folder, name)
        shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True)
        (folder / "group_vars" / "hubs.yml").write_text(json.dumps(PRODUCTION), encoding="utf-8")
        self.keys_before = self.committed_keys()
        owner = f"rehearsal_owner={os.getpid()}"
        self.rehearsal = self.run(REHEARSE, "-e", f"lab_name={name}", "-e", "rehearsal_keep=true", "-e", owner)
        keys = f"wireguard_public_keys_dir={LabRecord(name).keys}"
        self.run(
            "plan", "-e", f"fleet_public_keys_dir={keys.partition('=')[2]}", "-e", "wireguard_plan_output=plan.json"
        )
        self.plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))

    def committed_keys(self):
        files = sorted((self.folder / "wireguard_keys").rglob("*.pub"))
        return {str(path): path.read_text(encoding="ascii") for path in files}

    def measure(self, plan, packets, patience="4"):
        command = [sys.executable, str(PROGRAM), "measure", "--lab", self.name, "--patience", patience]
        process = subprocess.run(command, input=json.dumps(plan), capture_output=True, text=True, check=False)
        assert process.returncode == 0, process.stderr
        result = json.loads(process.stdout)
        packets.sent(result["packets_sent"])
        return result


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory):
    lab = Rehearsed(tmp_path_factory.mktemp("rehearsal"), NAME)
    yield lab
    lab.down()


def test_what_the_plan_says_is_what_happens(rehearsed):
    output = rehearsed.rehearsal.succeeded().output
    summary = re.search(r"^rehearsal: (\d+) cells, (\d+) delivered.* (\d+) packets sent, differences 0$", output, re.M)
    assert summary, output
    cells, delivered, sent = map(int, summary.groups())
    assert cells > delivered > 100
    assert sent >= cells
    assert "PROVED" in output
    assert not re.search(r"^(ERRORS|WARNINGS)", output, re.M)


def test_at_least_three_kinds_of_blocked_cells_are_seen_to_be_blocked(rehearsed):
    blocked = re.search(r"\d+ blocked \((.*?)\), \d+ packets", rehearsed.rehearsal.output)[1]
    counts = {outcome: int(count) for outcome, count in re.findall(r"([a-z_ ]+) (\d+)", blocked)}
    assert len(counts) >= 3
    assert sum(counts.values()) >= 6
    assert {"source_rejected", "no_route", "unmanaged_peer"} <= {outcome.strip() for outcome in counts}


def test_the_keys_of_the_real_hosts_are_not_touched(rehearsed):
    assert rehearsed.committed_keys() == rehearsed.keys_before
    lab_keys = {path.name: path.read_text(encoding="ascii") for path in LabRecord(NAME).keys.rglob("*.pub")}
    assert set(lab_keys) == {pathlib.Path(path).name for path in rehearsed.keys_before}
    assert not set(lab_keys.values()) & set(rehearsed.keys_before.values())


def test_measuring_again_gives_the_same(rehearsed, packets):
    assert rehearsed.measure(rehearsed.plan, packets)["differences"] == 0


def test_a_wrong_prediction_is_found_out(rehearsed, packets):
    """As if the planner had left the LAN of ams1 out of the hub's AllowedIPs."""
    plan = json.loads(json.dumps(rehearsed.plan))
    wrong = 0
    for interface in plan["fleet"]["hosts"]["fra1"]["interfaces"]:
        for peer in interface["peers"]:
            if peer["name"] == "ams1":
                peer["allowed_ips"].remove("192.168.10.0/24")
                wrong += 1
    assert wrong == 1
    result = rehearsed.measure(plan, packets)
    assert result["differences"] > 0
    assert all("192.168.10." in title for title in result["differing"])
    assert "NOT AS PREDICTED" in result["text"]


def test_a_sabotaged_host_is_found_out_and_explained(rehearsed, packets):
    """The planner says that dev1 reaches the others; somebody has taken the hub's peer away from it."""
    peer = next(p for p in rehearsed.plan["fleet"]["hosts"]["fra1"]["interfaces"][0]["peers"] if p["name"] == "dev1")
    prefixes = ",".join(peer["allowed_ips"])
    try:
        rehearsed.on("fra1", "wg", "set", "wg0", "peer", peer["public_key"], "allowed-ips", "")
        result = rehearsed.measure(rehearsed.plan, packets)
    finally:
        rehearsed.on("fra1", "wg", "set", "wg0", "peer", peer["public_key"], "allowed-ips", prefixes)
    assert result["differences"] > 0
    assert any(title.startswith("dev1 → fra1 (10.77.0.23 → 10.77.0.1)") for title in result["differing"])
    assert "predicted that it is answered; measured: no answer to" in result["text"]
    assert "1  dev1  route" in result["text"], "the trace of the cell"
    assert rehearsed.measure(rehearsed.plan, packets)["differences"] == 0


REFUSED = {
    "another connection": (["-e", "ansible_connection=ssh"], "would be reached by the connection"),
    "the machine itself": (["-e", "ansible_connection=local"], "would be reached by the connection"),
    "a part of the fleet": (["--limit", "fra1"], "would be left out"),
    "one host for all": (["-e", "ansible_netns_host=fra1"], "would be reached as lab host 'fra1'"),
    "another lab": (["-e", "ansible_netns_lab=other"], "of lab 'other'"),
    "the real keys": (["-e", "fleet_public_keys_dir=/tmp/keys"], "public keys would go to /tmp/keys"),
    "shared files": (["-e", "fleet_state_directory=/var/lib/keys"], "is shared with the machine itself"),
    "an impossible name": (["-e", "lab_name=../x"], "is not a name for a lab"),
}


@pytest.mark.parametrize("way", REFUSED)
def test_no_command_line_leads_out_of_the_lab(rehearsed, way):
    options, reason = REFUSED[way]
    name = f"{NAME}-refused"
    run = rehearsed.run(REHEARSE, "-e", f"lab_name={name}", *options)
    assert run.code != 0
    assert re.search(rf"refused: .*{re.escape(reason)}.*; nothing was touched", run.output), run.output
    assert run.tasks == ["Refuse unless every host is a lab host"]
    assert not LabRecord(name).path.exists()


def test_a_plan_with_an_error_is_not_applied_and_the_lab_is_gone(rehearsed):
    file = rehearsed.folder / "host_vars" / "nyc1.yml"
    before = file.read_text(encoding="utf-8")
    file.write_text(before.replace("10.77.0.2,", "10.77.0.1,"), encoding="utf-8")
    name = f"{NAME}-error"
    try:
        run = rehearsed.run(REHEARSE, "-e", f"lab_name={name}")
    finally:
        file.write_text(before, encoding="utf-8")
    assert run.code != 0
    assert "WG601" in run.output
    assert "Apply this host's part of the plan" not in run.tasks
    assert run.tasks[-1] == "End the lab"
    assert not LabRecord(name).path.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_rehearsal_takes_its_lab_along(rehearsed, number):
    """Whatever ends the run, also where it has no time to clean up."""
    record = LabRecord(f"{NAME}-ended")
    command = [
        str(rehearsed.ansible_playbook),
        "-i",
        str(rehearsed.inventory),
        REHEARSE,
        "-e",
        f"lab_name={record.name}",
    ]
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        wait_until(record.specification.exists, "the lab is up")
        lab = record.lab()
        assert lab.runs
        run.send_signal(number)
        wait_until(lambda: not record.path.exists() and not lab.runs, "the lab is gone")
        run.wait(20)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)


def wait_until(condition, what, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"it never came to pass that {what}"
        time.sleep(0.05)
