# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only the userspace driver has to cope with: engines that die, hang, lie or were started by somebody else.

What both drivers promise is in tests/conformance.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils import (
    _daemon,
    _engine_path,
    _netns,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import (
    DeviceUpdate,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    HostError,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._host import LinuxHost
from ansible_collections.cryptokey.wireguard.tests.integration.isolation import (
    Place,
    isolated,
)
from ansible_collections.cryptokey.wireguard.tests.integration.stacks import wait_until

AVAILABLE = LinuxHost().backends()


@pytest.fixture
def place() -> t.Iterator[Place]:
    with isolated() as here:
        yield here


@pytest.fixture
def host(place):
    return place.host()


@pytest.fixture
def userspace():
    if "userspace" not in AVAILABLE:
        pytest.skip("this machine has no userspace WireGuard")


def test_an_engine_that_was_killed_takes_the_device_along_and_is_made_again(place, host, userspace):
    for namespace in ("", place.namespace("blue")):
        host.create("wg0", namespace=namespace, socket_namespace="", backend="userspace")
        os.kill(host.daemon(namespace, "wg0").pid, signal.SIGKILL)
        _daemon.wait_until_gone(lambda here=namespace: host.network(here).link("wg0") is None)
        assert host.backend_of(namespace, "wg0") in (None, "dead")
        host.delete(namespace, "wg0")
        host.create("wg0", namespace=namespace, socket_namespace="", backend="userspace")
        assert host.backend_of(namespace, "wg0") == "userspace"
    assert not place.host().wireguard("", "wg0").read()[0].peers


def _stopped(pid: int) -> bool:
    """Whether all threads of a process have stopped: one that still runs would answer once more (proc(5), stat)."""
    states = set()
    for thread in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError):
            states.add((thread / "stat").read_text().rpartition(")")[2].split()[0])
    return states == {"T"}


def test_an_engine_that_hangs_is_dead_and_can_be_deleted(place, host, userspace, monkeypatch):
    host.create("wg0", namespace="", socket_namespace="", backend="userspace")
    daemon = host.daemon("", "wg0")
    os.kill(daemon.pid, signal.SIGSTOP)
    wait_until(lambda: _stopped(daemon.pid))
    monkeypatch.setattr(_daemon, "ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(_daemon, "STOP_SECONDS", 0.5)
    assert host.backend_of("", "wg0") == "dead"
    host.delete("", "wg0")
    assert host.backend_of("", "wg0") is None


def test_an_engine_that_somebody_else_started_is_found(place, host, userspace):
    os.makedirs("/run/wireguard", exist_ok=True)
    process = subprocess.Popen(
        [str(_engine_path.engine_path(None)), "--foreground", "wg7"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 10
        while host.backend_of("", "wg7") is None and time.monotonic() < deadline:
            time.sleep(0.02)
        assert host.backend_of("", "wg7") == "userspace"
        host.wireguard("", "wg7").write(DeviceUpdate(fwmark=5))
        assert place.run("wg", "show", "wg7", "fwmark").stdout.strip() == "0x5"
        assert host.backend_of(place.namespace("blue"), "wg7") is None
        host.create("wg7", namespace="blue", socket_namespace="blue", backend="userspace")
        assert host.wireguard("blue", "wg7").read()[0].fwmark == 0
        host.delete("", "wg7")
        assert process.wait(timeout=5) is not None
        assert host.backend_of("blue", "wg7") == "userspace"
    finally:
        process.kill()
        process.wait()


def test_a_process_that_only_claims_to_be_the_engine_is_not_believed(place, host, userspace):
    """It has the mark, it listens on the socket and it answers, but it does not hold the tun."""
    mark = f"{_netns.own_inode()}/wg0"
    place.run("ip", "tuntap", "add", "wg0", "mode", "tun")
    os.makedirs("/run/wireguard", exist_ok=True)
    program = """
import socket
server = socket.socket(socket.AF_UNIX)
server.bind("/run/wireguard/wg0.sock")
server.listen()
print("ready", flush=True)
while True:
    connection = server.accept()[0]
    if connection.recv(100):
        connection.sendall(b"errno=0\\n\\n")
"""
    command = [sys.executable, "-c", program, "wg0"]
    with subprocess.Popen(command, env={**os.environ, _daemon.MARK: mark}, stdout=subprocess.PIPE) as impostor:
        try:
            assert impostor.stdout.readline() == b"ready\n"
            assert _daemon.shared_socket_is_taken("wg0")
            assert host.backend_of("", "wg0") != "userspace"
        finally:
            impostor.kill()


def test_an_engine_that_cannot_start_says_why_and_leaves_nothing(place, host, userspace):
    with pytest.raises(HostError, match="has no userspace engine"):
        host.create("wg0", namespace="", socket_namespace="", backend="userspace", engine="/nowhere/wireguard-go")
    with pytest.raises(HostError, match="ended at once"):
        host.create("wg0", namespace="", socket_namespace="", backend="userspace", engine="/bin/false")
    place.namespace("blue")
    with pytest.raises(HostError, match="ended at once"):
        host.create("wg0", namespace="blue", socket_namespace="", backend="userspace", engine="/bin/false")
    assert [link.name for link in host.network("").links()] == ["lo"]
    assert host.backend_of("", "wg0") is None
