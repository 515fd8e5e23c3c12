# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Userspace engines as units of systemd. Nothing that they have not made is touched."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import time
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils import (
    _netns,
    _supervisor,
    _syscall,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared import declare
from ansible_collections.cryptokey.wireguard.plugins.module_utils._engine import (
    Result,
    converge,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import HostError
from ansible_collections.cryptokey.wireguard.plugins.module_utils._host import LinuxHost
from ansible_collections.cryptokey.wireguard.plugins.module_utils._store import FileStore
from ansible_collections.cryptokey.wireguard.tests.integration.interface_calls import (
    KEY_A,
    SECRET,
)

UNIT = "cryptokey-wireguard-wgtest0.service"
TRANSIENT = pathlib.Path("/run/systemd/transient")
DECLARED = {
    "private_key": KEY_A,
    "listen_port": 51899,
    "addresses": ["10.255.7.1/24"],
    "peers": [
        {
            "public_key": "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=",
            "preshared_key": SECRET,
            "endpoint": "127.0.0.9:51898",
            "allowed_ips": ["10.255.8.0/24"],
        }
    ],
}


class Machine:
    """This container, with files below a folder of the test's own."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.host = LinuxHost()
        self.folder = folder

    def converge(self, **arguments: t.Any) -> Result:
        place = {"name": "wgtest0", "backend": "userspace", "state_directory": str(self.folder)}
        return converge(declare({**place, **arguments}), host=self.host, store=FileStore(str(self.folder)))

    def pid(self, namespace: str = "", name: str = "wgtest0") -> int:
        daemon = self.host.daemon(namespace, name)
        assert daemon is not None
        return daemon.pid

    def kill(self, namespace: str = "") -> None:
        pid = self.pid(namespace)
        os.kill(pid, signal.SIGKILL)
        until(lambda: not os.path.exists(f"/proc/{pid}/exe"))


@pytest.fixture
def machine(tmp_path) -> t.Iterator[Machine]:
    made = Machine(tmp_path)
    try:
        yield made
    finally:
        for namespace in ("", "wgblue", "wgred"):
            with contextlib.suppress(HostError):
                made.host.delete(namespace, "wgtest0")
        made.host.close()
        for namespace in ("wgblue", "wgred"):
            _netns.delete(namespace)
        assert units() == [], "a unit was left"


@pytest.fixture
def namespaces(machine) -> t.Iterator[list[str]]:
    names = ["wgblue", "wgred"]
    for name in names:
        _netns.create(name)
    return names


def until(condition: t.Callable[[], bool], *, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)


def units() -> list[str]:
    return sorted(path.name for path in TRANSIENT.glob(f"{_supervisor.UNIT_PREFIX}*")) if TRANSIENT.exists() else []


def shown(unit: str, field: str) -> str:
    command = ["systemctl", "show", f"--property={field}", "--value", unit]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def device(machine: Machine, namespace: str = "") -> t.Any:
    return machine.host.wireguard(namespace, "wgtest0").read()[0]


def test_the_engine_runs_in_a_unit_that_knows_no_secret(machine):
    machine.converge(**DECLARED)
    assert units() == [UNIT]
    pid = machine.pid()
    assert shown(UNIT, "MainPID") == str(pid)
    assert not machine.converge(**DECLARED).changed
    everything = "".join(
        pathlib.Path(path).read_bytes().decode("latin-1")
        for path in (TRANSIENT / UNIT, f"/proc/{pid}/environ", f"/proc/{pid}/cmdline")
    )
    key = device(machine).private_key
    assert not [text for text in (KEY_A, SECRET, key.reveal(), key.raw.hex()) if text in everything]
    assert "Restart=on-failure" in everything


def test_the_engine_has_only_the_rights_that_it_needs(machine):
    machine.converge(**DECLARED)
    status = pathlib.Path(f"/proc/{machine.pid()}/status").read_text(encoding="ascii")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert int(fields["CapBnd"], 16) == (1 << 12) | (1 << 10), "CAP_NET_ADMIN and CAP_NET_BIND_SERVICE"
    assert (fields["NoNewPrivs"], fields["Seccomp"]) == ("1", "2")
    assert shown(UNIT, "LimitCORE") == "0"
    done = subprocess.run(
        ["systemd-analyze", "security", "--no-pager", UNIT], capture_output=True, text=True, check=False
    )
    assert float(done.stdout.rsplit(":", 1)[-1].split()[0]) < 4.0


def test_every_property_is_one_that_systemd_knows(machine):
    """Those of a unit file, too: a word that it does not know would only be a warning there."""
    machine.converge(**DECLARED)
    copy = machine.folder / "copy.service"
    copy.write_text((TRANSIENT / UNIT).read_text(encoding="utf-8"), encoding="utf-8")
    done = subprocess.run(["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False)
    assert "copy.service" not in done.stderr, done.stderr


def test_an_engine_that_crashes_is_started_again_and_filled_by_the_next_run(machine):
    machine.converge(**DECLARED)
    before = device(machine)
    machine.kill()
    until(lambda: shown(UNIT, "NRestarts") == "1" and machine.host.backend_of("", "wgtest0") == "userspace")
    assert device(machine).private_key is None, "a restart alone brings no key back"
    result = machine.converge(**DECLARED)
    assert "was started again, without keys and peers" in result.warnings[0]
    assert result.disruptive == [], "its random port is nobody's"
    assert device(machine) == before
    assert units() == [UNIT]
    again = machine.converge(**DECLARED)
    assert (again.changed, again.warnings) == (False, [])


def test_a_run_that_meets_the_engine_between_two_restarts_repairs_it(machine):
    machine.converge(**DECLARED)
    before = device(machine)
    machine.kill()
    assert machine.host.backend_of("", "wgtest0") == "dead"
    result = machine.converge(**DECLARED)
    assert result.actions[0] == "clear away what the ended userspace engine of wgtest0 has left"
    assert device(machine) == before
    time.sleep(1.5)
    assert shown(UNIT, "MainPID") == str(machine.pid()), "the restart that was due does not come any more"


def test_an_interface_that_is_to_be_absent_does_not_come_back(machine):
    machine.converge(**DECLARED)
    machine.kill()
    assert machine.converge(state="absent").changed
    time.sleep(1.5)
    assert (units(), machine.host.backend_of("", "wgtest0")) == ([], None)
    assert not machine.converge(state="absent").changed


def test_a_device_that_somebody_deletes_takes_its_unit_along(machine):
    machine.converge(**DECLARED)
    subprocess.run(["ip", "link", "delete", "wgtest0"], check=True)
    until(lambda: units() == [])
    assert "again: it has gone since it was last declared" in machine.converge(**DECLARED).actions[0]
    machine.converge(state="absent")
    assert units() == []
    assert not os.path.lexists("/run/wireguard/wgtest0.sock")


def test_a_unit_of_somebody_else_is_neither_used_nor_ended(machine):
    subprocess.run(["systemd-run", "--quiet", f"--unit={UNIT}", "--collect", "sleep", "300"], check=True)
    try:
        with pytest.raises(HostError, match="systemd cannot start the userspace engine"):
            machine.converge(**DECLARED)
        assert not machine.converge(state="absent").changed
        assert shown(UNIT, "ActiveState") == "active"
    finally:
        subprocess.run(["systemctl", "stop", UNIT], check=True)


def test_an_engine_that_ends_at_once_says_why_and_leaves_no_unit(machine):
    program = machine.folder / "engine"
    program.write_text("#!/bin/sh\necho the reason >&2\nexit 3\n", encoding="ascii")
    program.chmod(0o755)
    with pytest.raises(HostError, match=": the reason"):
        machine.converge(**DECLARED, userspace_engine=str(program))
    assert units() == []


def test_an_administrator_can_change_every_unit_by_a_drop_in(machine):
    folder = pathlib.Path("/run/systemd/system/cryptokey-wireguard-.service.d")
    folder.mkdir(parents=True)
    try:
        (folder / "nice.conf").write_text("[Service]\nNice=-3\n", encoding="ascii")
        machine.converge(**DECLARED)
        assert shown(UNIT, "Nice") == "-3"
    finally:
        shutil.rmtree(folder)
        subprocess.run(["systemctl", "daemon-reload"], check=True)


def test_equal_names_in_two_namespaces_have_a_unit_and_a_socket_each(machine, namespaces):
    for number, namespace in enumerate(namespaces):
        machine.converge(**{**DECLARED, "listen_port": 51890 + number}, namespace=namespace, socket_namespace=namespace)
    assert units() == [f"cryptokey-wireguard-{name}:wgtest0.service" for name in namespaces]
    assert [device(machine, namespace).listen_port for namespace in namespaces] == [51890, 51891]
    assert not os.path.lexists("/run/wireguard/wgtest0.sock")
    before = device(machine, "wgblue")
    machine.kill("wgblue")
    unit = "cryptokey-wireguard-wgblue:wgtest0.service"
    until(lambda: shown(unit, "NRestarts") == "1" and machine.host.backend_of("wgblue", "wgtest0") == "userspace")
    machine.converge(**{**DECLARED, "listen_port": 51890}, namespace="wgblue", socket_namespace="wgblue")
    assert device(machine, "wgblue") == before
    machine.converge(state="absent", namespace="wgblue")
    assert units() == ["cryptokey-wireguard-wgred:wgtest0.service"]
    assert device(machine, "wgred").listen_port == 51891


def test_a_moved_device_is_not_restarted_in_the_wrong_place(machine, namespaces):
    machine.converge(**DECLARED, namespace="wgblue")
    before = device(machine, "wgblue")
    links = {link.name for link in machine.host.network("").links()}
    machine.kill("wgblue")
    time.sleep(1.5)
    assert {link.name for link in machine.host.network("").links()} == links
    assert "create interface" in machine.converge(**DECLARED, namespace="wgblue").actions[0]
    assert device(machine, "wgblue") == before


def test_a_caller_in_a_network_of_its_own_gets_a_detached_engine(machine, namespaces):
    """The unit of the same name is that of the real initial namespace, and stays untouched."""
    machine.converge(**DECLARED)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            _syscall.unshare(_syscall.CLONE_NEWNET)
            inner = Machine(machine.folder / "inner")
            inner.converge(**{**DECLARED, "listen_port": 51800})
            daemon = inner.host.daemon("", "wgtest0")
            assert daemon is not None
            assert daemon.unit is None
            inner.converge(state="absent")
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert shown(UNIT, "MainPID") == str(machine.pid())
    assert not machine.converge(**DECLARED).changed
