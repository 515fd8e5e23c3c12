# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes on this machine: an engine's end, questions that cannot be asked, the examples of the module.

Every other cause is in tests/conformance, for both backends.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess

import pytest
import yaml

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _probe_sockets
from ansible_collections.cryptokey.wireguard.plugins.module_utils._probe import Probe
from ansible_collections.cryptokey.wireguard.plugins.modules import interface_info
from ansible_collections.cryptokey.wireguard.tests.integration.interface_calls import (
    KEY_A,
    KEY_B,
    STATE,
    apply,
    public_key,
)
from ansible_collections.cryptokey.wireguard.tests.integration.isolation import Tunnel, isolated, ping
from ansible_collections.cryptokey.wireguard.tests.integration.module_calls import Calls
from ansible_collections.cryptokey.wireguard.tests.integration.playbook_runs import Fleet
from ansible_collections.cryptokey.wireguard.tests.integration.stacks import stacks, wait_until


@pytest.fixture
def place():
    with isolated() as here:
        yield here


def probe(folder, **question):
    calls = Calls(folder)
    calls.add("interface_info", name="wg0", probe=question)
    return calls.run()[0]


def test_an_engine_that_has_ended_is_named(place, tmp_path):
    host = place.host()
    host.create("wg0", namespace="", socket_namespace="", backend="userspace")
    daemon = host.daemon("", "wg0")
    os.kill(daemon.pid, signal.SIGKILL)
    wait_until(lambda: host.network("").link("wg0") is None)
    answer = probe(tmp_path, destination="10.0.0.2", send=True)["probe"]
    assert (answer["cause"], answer["problem"]) == ("engine_dead", True)
    assert answer["evidence"] == ["the userspace engine of wg0 has ended"]


def test_what_is_no_interface_is_an_error_with_its_place(place, tmp_path):
    place.run("ip", "link", "add", "wg0", "type", "bridge")
    result = probe(tmp_path)
    assert result["failed"]
    assert result["msg"].startswith("there is no WireGuard interface wg0; ")


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ({"seconds": 61}, "probe.seconds: 61 is not a number of seconds; use a number from 1 to 60"),
        ({"seconds": 0}, "probe.seconds: 0 is not a number of seconds; use a number from 1 to 60"),
        ({"destination": "10.0.0.0/24"}, "probe.destination: '10.0.0.0/24' is not an IPv4 address"),
        ({"send": True}, "probe.send: True does not say where to send to; add destination, or peer"),
        ({"peer": "nobody"}, "probe.peer: 'nobody' is no peer of wg0; name it as interface_info does, or by its key"),
        (
            {"destination": "10.0.0.2", "source": "10.0.0.77"},
            "probe.source: '10.0.0.77' is no address of this host's network namespace; name one of its own addresses",
        ),
    ],
)
def test_a_question_that_cannot_be_asked(place, tmp_path, question, text):
    place.host().create("wg0", namespace="", socket_namespace="", backend="userspace")
    result = probe(tmp_path, **question)
    assert result["failed"]
    assert result["msg"].startswith(text)


def test_without_packet_sockets_counters_are_compared_and_the_answer_says_so(place, tmp_path, monkeypatch, packets):
    tunnel = Tunnel(place, place.host(), "userspace")
    packets.sent(ping("10.0.0.2", namespace="left").transmitted)
    place.run("ip", "-n", "right", "address", "add", "10.5.5.5/32", "dev", "wg0")
    pings = [
        subprocess.Popen(["ip", "netns", "exec", "right", *f"ping -q -i 0.1 -I {source} 10.0.0.1".split()])
        for source in ("10.5.5.5", "10.0.0.2")
    ]
    try:
        for name in ("inner", "outer"):
            monkeypatch.setattr(_probe_sockets, name, refuse)
        answer = Probe(tunnel.host, None, namespace="left", name="wg0").run({"seconds": 2})
    finally:
        for running in pings:
            running.kill()
            running.wait()
    assert answer["cause"] == "source_rejected"
    assert answer["rejected_source"]["exact"] is False
    assert answer["rejected_source"]["bytes_at_most"] > 10 * 128
    assert answer["evidence"][-1] == "packets could not be watched, so that only counters were compared"


def refuse(*_arguments):
    raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))


def test_the_examples_of_the_module_do_what_they_say(tmp_path, packets):
    """As one play, on two hosts of a tunnel that works."""
    with stacks(2) as hosts:
        keys = [public_key(hosts[0], key) for key in (KEY_A, KEY_B)]
        for number, host in enumerate(hosts):
            host.call(apply, declaration(number, keys))
        hosts[1].run("ip", "address", "add", "10.9.0.1/32", "dev", "lo")
        hosts[0].run("ip", "netns", "add", "blue")
        tasks = yaml.safe_load(interface_info.EXAMPLES)
        defaults = {"cryptokey.wireguard.interface_info": {"state_directory": STATE}}
        play = {"hosts": "localhost", "gather_facts": False, "module_defaults": defaults, "tasks": tasks}
        (tmp_path / "play.yml").write_text(json.dumps([play]), encoding="utf-8")
        fleet = Fleet(tmp_path)
        here = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        fleet.write({"all": {"hosts": {"localhost": here}}})
        fleet.prefix = hosts[0].argv()
        run = fleet.run(str(tmp_path / "play.yml")).succeeded()
        packets.sent(3)
    assert "10.9.0.1 has answered 3 of 3 packets" in run.output
    assert run.hosts["localhost"]["ok"] == len(tasks)


def declaration(number, keys):
    """Of the host with that number. The first calls the second fra1."""
    other = 1 - number
    prefixes = ["10.9.0.0/24", "192.168.10.0/24"] if number == 0 else []
    peer = {
        "name": "fra1" if number == 0 else "web1",
        "public_key": keys[other],
        "endpoint": f"192.0.2.{other + 1}:51820",
        "allowed_ips": [f"10.7.0.{other + 1}/32", *prefixes],
    }
    return {
        "private_key": (KEY_A, KEY_B)[number],
        "listen_port": 51820,
        "addresses": [f"10.7.0.{number + 1}/32"],
        "peers": [peer],
    }
