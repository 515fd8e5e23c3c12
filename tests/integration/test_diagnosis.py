# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes of what only a userspace engine can have: its end. Every other cause is in tests/conformance."""

from __future__ import annotations

import os
import signal

import pytest

from ansible_collections.cryptokey.wireguard.tests.integration.isolation import isolated
from ansible_collections.cryptokey.wireguard.tests.integration.module_calls import Calls
from ansible_collections.cryptokey.wireguard.tests.integration.stacks import wait_until


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
