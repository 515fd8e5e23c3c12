# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small hosts for tests of modules and drivers: one holder process with its own network, mounts and processes.

Ending the holder ends everything in it, so no test can leave an engine or a device behind.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import tempfile
import time
import typing as t

from ansible_collections.cryptokey.wireguard.tests.integration.inside import Answerer, Failed, Killed, call_once

__all__ = ["UNDERLAY", "Failed", "Killed", "Ping", "Stack", "echo_requests", "stack", "stacks", "wait_until"]

UNDERLAY = "192.0.2"
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
        self._answerer: Answerer | None = None

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self._forget_answerer()
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
        """What function returns when it runs in this host; its error as a Failed with the error's type and text.

        All calls of a host run in one process: in a guest to fork one takes as long as three runs of the engine. So
        function is known by its name (pickle), and closes what it opens.
        """
        if self._answerer is None:
            self._answerer = Answerer(self.pid)
        try:
            return self._answerer.ask(function, arguments)
        except Killed:
            self._forget_answerer()
            raise

    def call_apart(self, function: t.Callable[..., t.Any], *arguments: t.Any) -> t.Any:
        """The same in a process of its own, which may be killed, and which may be given keys."""
        return call_once(self.pid, function, arguments)

    def _forget_answerer(self) -> None:
        if self._answerer is not None:
            self._answerer.close()
            self._answerer = None


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
    """A running ping: many packets, each known by its number. Whoever has one has a ping that sends already.

    interval: seconds from packet to packet; None: each as soon as the one before it is answered (ping -A).
    """

    def __init__(self, host: Stack, target: str, *, count: int, interval: float | None = 0.002) -> None:
        pace = ["-A"] if interval is None else ["-i", str(interval)]
        command = host.argv("ping", "-n", "-W", "3", *pace, "-c", str(count), target)
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
