# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab comes up whole or not at all, is reached only by its own connection, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import pytest

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab import plan_lab
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab_record import LabRecord
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.lab_fleets import two_sites

TOP = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = TOP / "roles" / "lab" / "files" / "lab.py"
NAME = f"test-lab-{os.getpid()}"


def lab(verb, *options, document=None, name=NAME):
    text = "" if document is None else json.dumps(document)
    command = [sys.executable, str(PROGRAM), verb, "--lab", name, *options]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=60)


def up(*options, document=None):
    result = lab("up", *options, document=document or plan_lab(two_sites()))
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def machine():
    """What this machine shows of namespaces, devices, rules, and of our lab's processes and files.

    Other tests of this machine have labs of their own, hence only what bears our name; the machine's own network is
    compared as a whole.
    """
    commands = (["ip", "netns", "list"], ["ip", "-oneline", "link"], ["ip", "rule"], ["ip", "-6", "rule"])
    texts = [subprocess.run(command, check=True, capture_output=True, text=True).stdout for command in commands]
    names = [re.sub(r" (state|mode|qlen) \S+", "", text) for text in texts]
    return names, processes(), [str(path) for path in pathlib.Path("/run/cryptokey-lab").glob(f"*{NAME}*")]


def processes():
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if NAME.encode() in words:
            found.append(int(path.parent.name))
    return sorted(found)


def wait_until(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.05)


@pytest.fixture
def clean():
    """The machine as it was, and the certainty that it is so again."""
    before = machine()
    assert before[1:] == ([], [])
    yield
    lab("down")
    assert machine() == before


@pytest.fixture
def running(clean):
    up()
    return LabRecord(NAME)


def test_a_lab_is_seen_in_no_network_but_its_own(clean):
    before = machine()[0]
    up()
    assert machine()[0] == before
    assert len(processes()) == 4


def test_down_ends_everything_and_again_nothing(running):
    assert json.loads(lab("down").stdout) == {"changed": True, "lab": NAME}
    assert processes() == []
    assert not running.path.exists()
    assert json.loads(lab("down").stdout) == {"changed": False, "lab": NAME}


def test_the_same_lab_again_changes_nothing_and_another_replaces_it(running):
    holders = processes()
    assert up()["changed"] is False
    assert processes() == holders
    assert up(document=plan_lab(two_sites(), others=["more"]))["changed"] is True
    assert len(processes()) == 5
    assert not set(processes()) & set(holders)


def test_a_host_that_was_killed_is_missed_and_the_lab_made_again(running):
    holder = running.host("b")
    os.kill(holder.pid, signal.SIGKILL)
    wait_until(lambda: not holder.runs)
    result = ansible("b", "ansible.builtin.command", "true")
    assert "the lab host 'b'" in result.stdout
    assert "has ended; bring the lab up again" in result.stdout
    assert up()["changed"] is True
    assert running.host("b").runs


def test_the_whole_lab_dies_with_its_first_process(running):
    os.kill(running.lab().pid, signal.SIGKILL)
    wait_until(lambda: processes() == [])
    assert running.path.exists(), "a SIGKILL leaves no time to tidy up"
    assert up()["changed"] is True, "leftovers of a dead lab are no obstacle"


def test_everything_that_runs_in_a_host_ends_with_it(running):
    holder = running.host("a")
    enter = ["nsenter", f"--target={holder.pid}", "--pid", "--mount", "--net", "--uts", "--"]
    child = subprocess.Popen([*enter, "sleep", "300"], start_new_session=True)
    os.kill(running.lab().pid, signal.SIGKILL)
    assert child.wait(timeout=10) != 0


def test_a_lab_ends_with_its_owner_and_takes_its_files_along(clean):
    owner = subprocess.Popen(["sleep", "300"])
    up("--owner", str(owner.pid))
    record = LabRecord(NAME)
    assert record.host("a").runs
    owner.kill()
    owner.wait()
    wait_until(lambda: not record.path.exists() and processes() == [])


@pytest.mark.parametrize("seconds", [0.1, 0.25, 0.4])
def test_a_lab_whose_run_is_killed_on_the_way_up_is_gone(clean, seconds):
    """Whatever stands by then ends by itself."""
    owner = subprocess.Popen(["sleep", "300"])
    command = [sys.executable, str(PROGRAM), "up", "--lab", NAME, "--owner", str(owner.pid)]
    starter = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    starter.stdin.write(json.dumps(plan_lab(two_sites())).encode())
    starter.stdin.close()
    time.sleep(seconds)
    for process in (starter, owner):
        process.kill()
        process.wait()
    wait_until(lambda: processes() == [])


def test_a_lab_that_another_run_uses_is_left_alone(clean):
    owner = subprocess.Popen(["sleep", "300"])
    up("--owner", str(owner.pid))
    result = lab("up", "--owner", str(os.getpid()), document=plan_lab(two_sites(), others=["more"]))
    assert result.returncode == 1
    assert f"in use by process {owner.pid}" in result.stderr
    assert len(processes()) == 4
    owner.kill()
    owner.wait()


def test_a_lab_that_cannot_be_completed_is_not_there(clean):
    document = plan_lab(two_sites())
    document["hosts"]["b"]["namespaces"][""]["commands"].append("route add 10.0.0.0/8 dev nowhere")
    result = lab("up", document=document)
    assert result.returncode == 1
    assert "nowhere" in result.stderr
    assert processes() == []
    assert not LabRecord(NAME).path.exists()


def test_the_machines_wireguard_is_not_the_labs(running):
    words = ["nsenter", f"--target={running.host('a').pid}", "--mount", "--", "sh", "-c"]
    seen = subprocess.run(
        [*words, "ls -A /etc/wireguard /etc/netns /run/netns; touch /etc/wireguard/mark"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert [line for line in seen.stdout.splitlines() if line and not line.endswith(":")] == []
    assert not pathlib.Path("/etc/wireguard/mark").exists()


def ansible(host, module, arguments, *options):
    """One module on one lab host, through the connection plugin."""
    command = [
        str(pathlib.Path(sys.executable).parent / "ansible"), "all", "-i", f"{host},", "-m", module, "-a", arguments,
        "-e", "ansible_connection=cryptokey.wireguard.netns", "-e", f"ansible_netns_lab={NAME}",
        "-e", f"ansible_python_interpreter={sys.executable}", *options,
    ]  # fmt: skip
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


def test_tasks_run_inside_the_host(running):
    words = "hostname; readlink /proc/self/ns/net; echo $$; ip -brief address show lan0; cat"
    result = ansible("a", "ansible.builtin.shell", json.dumps({"cmd": words, "stdin": "an input"}))
    assert result.returncode == 0, result.stdout
    _status, name, network, pid, device, text = result.stdout.splitlines()[:6]
    assert name == "a"
    assert network != os.readlink("/proc/self/ns/net")
    assert int(pid) < 1000, "a number of the host's own PID namespace"
    assert "192.168.10.1/24" in device
    assert text == "an input"


@pytest.mark.parametrize("pipelining", ["true", "false"])
def test_files_go_into_the_hosts_mounts_and_out_of_them(running, tmp_path, pipelining):
    """Binary, and where a host has its own: never into the machine's /run or /etc."""
    content = bytes(range(256)) * 40
    (tmp_path / "from here").write_bytes(content)
    option = ("-e", f"ansible_pipelining={pipelining}")
    target = f"/run/there-{os.getpid()}"
    copied = ansible("a", "ansible.builtin.copy", f"src='{tmp_path}/from here' dest={target} mode=0600", *option)
    assert copied.returncode == 0, copied.stdout
    assert not pathlib.Path(target).exists()
    fetched = ansible("a", "ansible.builtin.fetch", f"src={target} dest={tmp_path}/back flat=true", *option)
    assert fetched.returncode == 0, fetched.stdout
    assert (tmp_path / "back").read_bytes() == content


def test_a_failing_command_and_an_unknown_host_say_so(running):
    assert "rc=7" in ansible("a", "ansible.builtin.shell", "exit 7").stdout
    result = ansible("nobody", "ansible.builtin.command", "true")
    assert result.returncode != 0
    assert f"the lab '{NAME}' has no host 'nobody'" in result.stdout
    assert "bring the lab up first" in result.stdout


def test_packets_cross_the_underlay_and_the_nat_but_not_back_in(running, packets):
    def ping(host, address):
        words = ["nsenter", f"--net={running.host(host).network()}", "--", "ping", "-n", "-c", "1", "-W", "1", address]
        packets.sent(1)
        return subprocess.run(words, check=False, capture_output=True).returncode == 0

    assert ping("c", "203.0.113.10"), "out through the NAT"
    assert ping("a", "198.18.0.1"), "to a host whose address the lab made up"
    assert ping("b", "203.0.113.10")
    assert ping("a", "192.168.10.254"), "the host in the LAN"
    assert not ping("a", "192.168.178.23"), "nobody dials what is behind a NAT"
    assert not ping("b", "192.168.10.254"), "a LAN is not on the internet"
