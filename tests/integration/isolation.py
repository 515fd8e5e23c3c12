# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network and a mount namespace of its own for a test, and WireGuard hosts in it.

The test's own thread moves there and back, so that the code under test runs as it does on a host: "" is the namespace
it finds itself in, /run is its own. Nothing of it can be seen from outside, and nothing outlives it.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import errno
import os
import pathlib
import re
import subprocess
import time
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils import (
    _daemon,
    _netns,
    _syscall,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import (
    DeviceUpdate,
    PeerUpdate,
    WireguardDriver,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._host import LinuxHost
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
    PrivateKey,
    PublicKey,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    Prefix,
    parse_interface_address,
    parse_prefix,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    Endpoint,
    Route,
)

_CLONE_NEWNS = 0x00020000
_MS_PRIVATE_RECURSIVE = (1 << 18) | 0x4000


class Place:
    """What a test has in its namespaces: hosts, names, commands."""

    def __init__(self) -> None:
        self._hosts: list[LinuxHost] = []

    def host(self) -> LinuxHost:
        host = LinuxHost()
        self._hosts.append(host)
        return host

    def namespace(self, name: str) -> str:
        _netns.create(name)
        return name

    def run(self, *command: str, namespace: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
        prefix = ["ip", "netns", "exec", namespace] if namespace else []
        done = subprocess.run(
            [*prefix, *command], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False
        )
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done

    def connect(self, one: str, other: str) -> None:
        """An underlay between two namespaces: 192.0.2.1 and 192.0.2.2, fd99::1 and fd99::2."""
        self.run("ip", "link", "add", "under1", "netns", one, "type", "veth", "peer", "name", "under2", "netns", other)
        for number, namespace in ((1, one), (2, other)):
            device = f"under{number}"
            self.run("ip", "-n", namespace, "address", "add", f"192.0.2.{number}/24", "dev", device)
            self.run("ip", "-n", namespace, "address", "add", f"fd99::{number}/64", "dev", device, "nodad")
            self.run("ip", "-n", namespace, "link", "set", device, "up")

    def close(self) -> None:
        """Leave every namespace and end every engine that was started here, also by a module."""
        here = {_netns.own_inode(), *(_netns.inode(name) for name in _netns.names())}
        for host in self._hosts:
            host.close()
        for daemon in list(_daemon.marked_daemons()):
            if daemon.namespace in here or daemon.birthplace in here:
                _daemon.stop(daemon)


@contextlib.contextmanager
def isolated() -> t.Iterator[Place]:
    descriptors = [os.open(f"/proc/thread-self/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC) for kind in ("net", "mnt")]
    folder = os.getcwd()
    _syscall.unshare(_syscall.CLONE_NEWNET | _CLONE_NEWNS)
    try:
        _syscall.mount("none", "/", flags=_MS_PRIVATE_RECURSIVE)
        _mount_tmpfs("/run")
        pathlib.Path("/run/lock").mkdir()
        _netns._loopback_up()
        place = Place()
        try:
            yield place
        finally:
            place.close()
    finally:
        for descriptor, kind in zip(descriptors, (_syscall.CLONE_NEWNET, _CLONE_NEWNS), strict=True):
            _return(descriptor, kind)
            os.close(descriptor)
        os.chdir(folder)


def _return(descriptor: int, kind: int) -> None:
    """A thread that was joined may share its file system state with us for a moment longer: EINVAL (setns(2))."""
    deadline = time.monotonic() + 5
    while True:
        try:
            _syscall.setns(descriptor, kind)
            return
        except OSError as error:
            if error.errno != errno.EINVAL or time.monotonic() > deadline:
                raise
        time.sleep(0.01)


def _mount_tmpfs(path: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"tmpfs", path.encode(), b"tmpfs", ctypes.c_ulong(0), b"mode=0755"):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), path)


@dataclasses.dataclass(frozen=True)
class Ping:
    transmitted: int
    received: int

    @property
    def lost(self) -> int:
        return self.transmitted - self.received


class Pinging:
    """A ping in the background. It waits for its last answers, so that what is missing at its end was lost."""

    def __init__(self, destination: str, *, namespace: str, count: int, interval: float = 0.002) -> None:
        command = [
            "ip",
            "netns",
            "exec",
            namespace,
            "ping",
            "-q",
            "-n",
            "-i",
            str(interval),
            "-W",
            "5",
            "-c",
            str(count),
        ]
        self._process = subprocess.Popen(
            [*command, destination],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    def result(self) -> Ping:
        output, _nothing = self._process.communicate(timeout=120)
        counts = re.search(r"(\d+) packets transmitted, (\d+) received", output)
        assert counts, output
        return Ping(int(counts[1]), int(counts[2]))


def ping(destination: str, *, namespace: str, count: int = 3, interval: float = 0.02) -> Ping:
    return Pinging(destination, namespace=namespace, count=count, interval=interval).result()


@dataclasses.dataclass(frozen=True)
class End:
    """One end of a tunnel."""

    namespace: str
    driver: WireguardDriver
    private_key: PrivateKey
    public_key: PublicKey


class Tunnel:
    """Two devices that know each other: wg0 in two namespaces with an underlay, 10.0.0.1 on port 51821 and 10.0.0.2.

    Each end owns, besides its address, whatever prefixes are asked for; the second answers to an address of each.
    """

    def __init__(self, place: Place, host: LinuxHost, backend: str, *, prefixes: t.Sequence[str] = ()) -> None:
        self.host = host
        self.ends = tuple(self._end(place, backend, name) for name in ("left", "right"))
        self.left, self.right = self.ends
        place.connect("left", "right")
        for number, (end, other) in enumerate((self.ends, self.ends[::-1]), start=1):
            owned = [f"10.0.0.{3 - number}/32", *(prefixes if number == 1 else [])]
            end.driver.write(
                DeviceUpdate(
                    private_key=end.private_key,
                    listen_port=51820 + number,
                    peers=(
                        PeerUpdate(
                            other.public_key,
                            action="add",
                            endpoint=Endpoint(f"192.0.2.{3 - number}", 51823 - number),
                            add_allowed_ips=tuple(map(parse_prefix, owned)),
                        ),
                    ),
                )
            )
            network = host.network(end.namespace)
            network.add_address("wg0", parse_interface_address(f"10.0.0.{number}/24"))
            network.set_up("wg0", True)
        for text in prefixes:
            prefix = parse_prefix(text)
            host.network("left").add_route(Route(prefix, device="wg0", metric=7))
            host.network("right").add_address("wg0", prefix_address(prefix))

    def _end(self, place: Place, backend: str, name: str) -> End:
        place.namespace(name)
        self.host.create("wg0", namespace=name, socket_namespace=name, backend=backend)
        key = PrivateKey.generate()
        return End(name, self.host.wireguard(name, "wg0"), key, self.host.public_key(key))


def prefix_address(prefix: Prefix) -> t.Any:
    """The second address of a prefix, alone."""
    number = prefix.network + (1 if prefix.length < 32 else 0)
    return parse_interface_address(str(Prefix(prefix.family, number, 32 if prefix.family == 4 else 128)))
