# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small hosts for tests of modules and drivers: one holder process with its own network, mounts and processes.

Ending the holder ends everything in it, so no test can leave an engine or a device behind.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import pickle
import re
import signal
import subprocess
import tempfile
import time
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _public_key, _syscall
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import HostError
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PrivateKey

# What they load, pyroute2 and cryptography, is loaded once here instead of in every call.
importlib.import_module("pyroute2")
with contextlib.suppress(HostError):
    _public_key.of(PrivateKey.generate())

UNDERLAY = "192.0.2"
_NEW_PID = 0x20000000
_NAMESPACES = (("net", 0x40000000), ("mnt", 0x00020000))
_HOLDER = """
set -e
read -r pid rest </proc/self/stat
mount --make-rprivate /
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
mkdir /run/netns /run/state
ip link set lo up
echo "ready $pid"
exec sleep infinity
"""


class Stack:
    """One host. pid: its holder as this machine sees it."""

    def __init__(self) -> None:
        command = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", _HOLDER]
        # Its complaints matter until it is ready; later there is one, that SIGKILL cannot be unblocked (unshare(1)).
        with tempfile.TemporaryFile() as complaints:
            self._unshare = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=complaints, stdin=subprocess.DEVNULL, text=True
            )
            assert self._unshare.stdout is not None
            answer = self._unshare.stdout.readline().split()
            complaints.seek(0)
            assert answer[:1] == ["ready"], complaints.read().decode()
        self.pid = int(answer[1])

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self._unshare.wait()

    def argv(self, *command: str) -> list[str]:
        return ["nsenter", "--target", str(self.pid), "--pid", "--net", "--mount", "--root", "--wd=/", *command]

    def run(self, *command: str, check: bool = True, **options: t.Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.argv(*command), check=check, text=True, capture_output=True, **options)

    def out(self, *command: str) -> str:
        return self.run(*command).stdout

    def ip(self, *lines: str) -> None:
        """Commands of ip(8) in one process: in a guest (tests/kernel) each start of one is what takes the time."""
        self.run("ip", "-batch", "-", input="\n".join(lines))

    def start(self, *command: str) -> subprocess.Popen[str]:
        return subprocess.Popen(self.argv(*command), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def call(self, function: t.Callable[..., t.Any], *arguments: t.Any) -> t.Any:
        """What function returns when it runs in this host; its error as a Failed with the error's type and text."""
        reading, writing = os.pipe()
        child = self._fork_inside()
        if child == 0:
            os.close(reading)
            _enter_and_answer(self.pid, writing, function, arguments)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            answer = pipe.read()
        os.waitpid(child, 0)
        if not answer:
            raise Killed("the call ended without an answer")
        kind, value = pickle.loads(answer)
        if kind == "error":
            raise Failed(*value)
        return value

    def _fork_inside(self) -> int:
        """Only children are born in another process namespace; their parent returns to its own (setns(2))."""
        with contextlib.ExitStack() as opened:
            own, theirs = (os.open(f"/proc/{who}/ns/pid", os.O_RDONLY) for who in ("thread-self", self.pid))
            for handle in (own, theirs):
                opened.callback(os.close, handle)
            child = -1
            _syscall.setns(theirs, _NEW_PID)
            try:
                child = os.fork()
            finally:
                if child:
                    _syscall.setns(own, _NEW_PID)
            return child


class Killed(AssertionError):
    """The process of a call has ended before it could answer."""


class Failed(Exception):
    """An error inside of a Stack. kind: the name of its type."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind


def _enter_and_answer(pid: int, writing: int, function: t.Callable[..., t.Any], arguments: t.Any) -> t.NoReturn:
    """In the child, which lives in the process namespace already, so that /proc/self exists in there."""
    try:
        # Collecting would touch, and so copy, every page that it shares with the test.
        gc.disable()
        handles = [(os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY), kind) for name, kind in _NAMESPACES]
        root = os.open(f"/proc/{pid}/root", os.O_RDONLY)
        for handle, kind in handles:
            _syscall.setns(handle, kind)
        os.fchdir(root)
        os.chroot(".")  # where this machine itself runs in one, entering the mounts leads out of it
        try:
            answer = ("value", function(*arguments))
        except BaseException as error:
            answer = ("error", (type(error).__name__, str(error)))
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(pickle.dumps(answer))
    finally:
        os._exit(1)


@contextlib.contextmanager
def stack() -> t.Iterator[Stack]:
    made = Stack()
    try:
        yield made
    finally:
        made.close()


@contextlib.contextmanager
def stacks(count: int) -> t.Iterator[list[Stack]]:
    """Hosts on one underlay: the first one bridges the others; number n has the address 192.0.2.n (from 1)."""
    with contextlib.ExitStack() as cleanup:
        made = [cleanup.enter_context(stack()) for _number in range(count)]
        first = made[0]
        lines = [
            "link add under type bridge",
            f"address add {UNDERLAY}.1/24 dev under",
            "link set under up",
        ]
        for number, other in enumerate(made[1:], start=2):
            lines.append(f"link add port{number} type veth peer name eth0 netns {other.pid}")
            lines.append(f"link set port{number} master under up")
        # By the numbers of this machine: inside of the first host the processes of the others have none.
        command = ["nsenter", f"--target={first.pid}", "--net", "ip", "-batch", "-"]
        subprocess.run(command, check=True, input="\n".join(lines), text=True)
        for number, other in enumerate(made[1:], start=2):
            other.ip(f"address add {UNDERLAY}.{number}/24 dev eth0", "link set eth0 up")
        yield made


class Ping:
    """A running ping: many packets, each known by its number. Whoever has one has a ping that sends already."""

    def __init__(self, host: Stack, target: str, *, count: int, interval: float = 0.002) -> None:
        command = host.argv("ping", "-n", "-W", "3", "-i", str(interval), "-c", str(count), target)
        # Not a pipe, which a thousand answers would fill: the ping would wait for a reader.
        descriptor = os.memfd_create("ping")
        self._process = subprocess.Popen(command, stdout=descriptor, stderr=descriptor)
        self._output = descriptor
        self.unanswered: list[int] = []
        # Its heading comes with the first packet (or its complaint instead of both).
        wait_until(lambda: os.fstat(descriptor).st_size > 0)

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    def result(self) -> tuple[int, int]:
        """(sent, received); from then on ``unanswered`` holds the numbers of the others."""
        self._process.wait(timeout=120)
        with os.fdopen(self._output) as output:
            output.seek(0)
            text = output.read()
        found = re.search(r"(\d+) packets transmitted, (\d+) received", text)
        assert found, text
        answered = {int(number) for number in re.findall(r" icmp_seq=(\d+) ttl=", text)}
        self.unanswered = [number for number in range(1, int(found[1]) + 1) if number not in answered]
        return int(found[1]), int(found[2])


def echo_requests(host: Stack) -> int:
    """How many echo requests its IPv4 has received so far (proc(5), /proc/net/snmp: InEchos)."""
    names, values = (
        line.split() for line in host.out("cat", "/proc/net/snmp").splitlines() if line.startswith("Icmp:")
    )
    return int(values[names.index("InEchos")])


def wait_until(condition: t.Callable[[], bool], *, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)
