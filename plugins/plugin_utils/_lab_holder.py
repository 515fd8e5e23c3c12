# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes that are a lab: one for the lab itself, below it one per host, each PID 1 of its own namespaces.

All host PID namespaces are nested in the lab's. The kernel ends everything in a PID namespace with its first process
(pid_namespaces(7)), and network namespaces with their last, so one SIGKILL takes down the whole lab, and nothing
of it was ever in the machine's own network namespace. A lab that cannot be completed ends itself.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import socket
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._syscall import unshare
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _lab_mounts
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab_furnish import (
    LabFailed,
    furnish,
    in_child,
    reason,
    run_ip,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab_mounts import (
    NEW_MOUNT,
    NEW_NETWORK,
    NEW_PID,
    NEW_UTS,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab_record import (
    Holder,
    LabRecord,
    directory_name,
    write_holder,
)

Document = t.Mapping[str, t.Any]
_ALL_NEW = NEW_MOUNT | NEW_NETWORK | NEW_PID | NEW_UTS


def start_lab(specification: Document, record: LabRecord, *, owner: int | None = None) -> None:
    """Bring the lab up; returns once all of it stands. Raises LabFailed, and then nothing of it runs any more.

    record: of a lab whose directory is there and empty.  owner: the lab ends when this process does.
    """
    ours, theirs = socket.socketpair()
    watched = os.pidfd_open(owner) if owner else None
    child = os.fork()
    if child == 0:
        ours.close()
        in_child(lambda: _detach(_Lab(specification, record, report=theirs, watched=watched)))
    theirs.close()
    os.waitpid(child, 0)
    if watched is not None:
        os.close(watched)
    with ours:
        answer = _read_all(ours)
    if answer != b"up":
        raise LabFailed(answer.decode(errors="replace") or "the lab's first process ended without a word")


class _Lab:
    def __init__(
        self, specification: Document, record: LabRecord, *, report: socket.socket, watched: int | None
    ) -> None:
        self.specification = specification
        self.record = record
        # What these directories are called leads elsewhere once /run is the lab's own.
        self.parent, self.labs, self.directory = (
            os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            for path in (record.path.parent.parent, record.path.parent, record.path)
        )
        self.report = report
        self.watched = watched
        self.machine_proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
        self.hosts: dict[str, _Host] = {}

    def run(self) -> None:
        """The life of the lab's first process."""
        try:
            write_holder(self.directory, ".holder", self.myself())
            self._build()
            self._tell(b"up")
            _hold(self.watched)
        except Exception as error:  # whatever went wrong, the lab must not stay half built
            with contextlib.suppress(OSError):
                self._tell(reason(error).encode())
                return
        # Neither the owner nor the starter is there any more, so nobody else takes the record away.
        shutil.rmtree(self.record.name, ignore_errors=True, dir_fd=self.labs)
        with contextlib.suppress(OSError):
            os.unlink(self.record.lock.name, dir_fd=self.labs)
            os.rmdir(self.record.path.parent.name, dir_fd=self.parent)

    def _tell(self, answer: bytes) -> None:
        """The starter's answer. Raises BrokenPipeError where there is nobody who waits for it."""
        self.report.sendall(answer)
        self.report.close()

    def myself(self) -> Holder:
        """This process as the machine numbers it: a link in the machine's own proc file system says so."""
        pid = int(os.readlink("self", dir_fd=self.machine_proc))
        stat = os.open(f"{pid}/stat", os.O_RDONLY, dir_fd=self.machine_proc)
        with open(stat, encoding="utf-8", errors="replace") as file:
            return Holder(pid, int(file.read().rpartition(")")[2].split()[19]))

    @property
    def directories(self) -> tuple[int, ...]:
        return (self.parent, self.labs, self.directory, self.machine_proc)

    def close_all_others(self) -> None:
        """Every descriptor inherited from the starter but those that the lab needs."""
        kept = {0, 1, 2, *self.directories, self.report.fileno(), self.watched}
        for descriptor in [int(name) for name in os.listdir("/proc/self/fd")]:
            if descriptor not in kept:
                with contextlib.suppress(OSError):
                    os.close(descriptor)

    def _build(self) -> None:
        _lab_mounts.make_mounts_private()
        _lab_mounts.mount_own_views()
        socket.sethostname(self.record.name)
        nodes = self.specification["nodes"]
        run_ip("", [f"netns add {node}" for node in nodes if node != "internet"])
        for host in self.specification["hosts"]:
            self.hosts[host] = _Host(self, host)
        for member in self.hosts.values():
            member.wait("mounted")
        run_ip("", [self._cable_line(near, far) for near, far in self.specification["cables"]])
        for member in self.hosts.values():
            member.proceed()
        try:
            for node, stack in nodes.items():
                furnish(f"/run/netns/{node}" if node != "internet" else "/proc/self/ns/net", stack)
        finally:
            # A host that has failed takes its end of each cable along: what it says comes before what we miss.
            for member in self.hosts.values():
                member.wait("up")

    def _cable_line(self, near: Document, far: Document) -> str:
        return f"link add {self._end(near)} type veth peer {self._end(far)}"

    def _end(self, end: Document) -> str:
        words = f"name {end['device']} address {end['mac']}"
        if "host" in end:
            return f"{words} netns {self.hosts[end['host']].network(end['namespace'])}"
        return words if end["node"] == "internet" else f"{words} netns {end['node']}"


class _Host:
    """One lab host as the lab's first process sees it."""

    def __init__(self, lab: _Lab, name: str) -> None:
        self.lab = lab
        self.name = name
        self.document = lab.specification["hosts"][name]
        # Packets, so that one message is one receipt.
        self.channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        child = os.fork()
        if child == 0:
            for inherited in (self, *lab.hosts.values()):
                inherited.channel.close()
            lab.report.close()
            in_child(lambda: self._unshare(theirs))
        theirs.close()
        os.waitpid(child, 0)
        self.pid = int(self.wait("pid "))
        self.proceed()

    def network(self, namespace: str) -> str:
        return f"/proc/{self.pid}/root/run/netns/{namespace}" if namespace else f"/proc/{self.pid}/ns/net"

    def wait(self, word: str) -> str:
        """The rest of the host's next message, which has to begin with this word."""
        message = self.channel.recv(4096).decode(errors="replace")
        if not message.startswith(word):
            raise LabFailed(f"host {self.name}: {message or 'its first process ended without a word'}")
        return message[len(word) :]

    def proceed(self) -> None:
        self.channel.sendall(b"go")

    def _unshare(self, channel: socket.socket) -> None:
        unshare(_ALL_NEW)
        child = os.fork()
        if child == 0:
            in_child(lambda: self._run(channel))
        channel.sendall(f"pid {child}".encode())

    def _run(self, channel: socket.socket) -> None:
        """The life of the host's first process."""
        try:
            _say_name(f"lab:{self.name}")
            self._build(channel)
        except Exception as error:  # the lab's first process reports it and ends everything
            channel.sendall(reason(error).encode())
            return
        channel.close()
        _hold(None)

    def _build(self, channel: socket.socket) -> None:
        channel.recv(16)
        holder = self.lab.myself()
        os.mkdir(directory_name(self.name), 0o700, dir_fd=self.lab.directory)
        directory = os.open(directory_name(self.name), os.O_RDONLY | os.O_DIRECTORY, dir_fd=self.lab.directory)
        write_holder(directory, "holder", holder)
        os.close(directory)
        _lab_mounts.make_mounts_private()
        _lab_mounts.mount_own_views()
        _lab_mounts.mount_own_etc(dict(self.document["files"]))
        socket.sethostname(self.name[:64])
        namespaces = self.document["namespaces"]
        run_ip("", [f"netns add {name}" for name in namespaces if name])
        channel.sendall(b"mounted")
        channel.recv(16)
        for name, stack in namespaces.items():
            furnish(f"/run/netns/{name}" if name else "/proc/self/ns/net", stack)
        channel.sendall(b"up")
        for descriptor in self.lab.directories:
            os.close(descriptor)


def _detach(lab: _Lab) -> None:
    os.setsid()
    # Above all the starter's lock: held open here, it would stay locked as long as the lab lives.
    lab.close_all_others()
    unshare(_ALL_NEW)
    if os.fork() == 0:
        _say_name("lab")
        in_child(lab.run)


def _hold(watched: int | None) -> None:
    """Reap whatever ends, as the first process of a PID namespace has to; return when the watched process is gone."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    while True:
        _reap()
        ready, _writable, _exceptional = select.select([reader, *([watched] if watched is not None else [])], [], [])
        if watched in ready:
            return
        with contextlib.suppress(BlockingIOError):
            os.read(reader, 4096)


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            continue


def _say_name(name: str) -> None:
    """What ps(1) shows as the command's name: at most 15 bytes (proc_pid_comm(5))."""
    with contextlib.suppress(OSError), open("/proc/self/comm", "w", encoding="utf-8") as file:
        file.write(name[:15])


def _read_all(channel: socket.socket) -> bytes:
    return b"".join(iter(lambda: channel.recv(4096), b""))
