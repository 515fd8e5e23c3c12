# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Userspace engines as processes: found again without a pid file, ended for sure. _engine_start starts them.

An engine is found by what the kernel says about it now, never by a number that was written down: its environment
names the device it was started for (a mark), it runs as our own user, and one of its descriptors is that tun (the
``iff`` line of /proc/PID/fdinfo, drivers/net/tun.c). A pid that was given to another process fails all three.

Engines put their socket below /var/run/wireguard, which belongs to a mount namespace, not to a network namespace. So
those of named namespaces get a tmpfs of their own there and are reached through /proc/PID/root.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import select
import signal
import socket
import struct
import time
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils import (
    _systemd,
    _uapi,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    HostError,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._supervisor import (
    MARK,
    STOP_SECONDS,
    unit_of,
)

if t.TYPE_CHECKING:
    import subprocess

DIRECTORY = "/var/run/wireguard"
ANSWER_SECONDS = 20.0
"""Patience with a running engine. It counts as dead, and is then made again, only after this: a busy host is no
reason to interrupt its tunnels."""

children: list[subprocess.Popen[bytes]] = []
"""Engines that this very process has started; kept so that one that ends is reaped."""


@dataclasses.dataclass(frozen=True)
class Daemon:
    """A running engine. birth_name: what it was told to call its tun, and so the name of its socket.

    namespace: the inode of the network namespace that its device was made for; None where nobody marked it.
    has_device: it still holds a tun of the name that was asked for.
    """

    pid: int
    birth_name: str
    namespace: int | None
    device: str
    has_device: bool

    @property
    def socket_path(self) -> str:
        return f"/proc/{self.pid}/root{os.path.realpath(DIRECTORY)}/{self.birth_name}.sock"

    @property
    def unit(self) -> str | None:
        """The unit of systemd that holds it; None where it runs detached."""
        return unit_of(_text(f"/proc/{self.pid}/cgroup"))

    @property
    def birthplace(self) -> int | None:
        """The inode of the network namespace that it runs in, where its UDP socket is."""
        return _namespace_of(self.pid)

    def answers(self) -> bool:
        try:
            with _uapi.connected(self.socket_path, timeout=ANSWER_SECONDS) as connection:
                connection.sendall(_uapi.GET.encode())
                return bool(connection.recv(1))
        except (HostError, OSError):
            return False


def shared_socket(name: str) -> str:
    """The socket's path where the engine has no directory of its own."""
    return f"{os.path.realpath(DIRECTORY)}/{name}.sock"


def shared_socket_is_taken(name: str) -> bool:
    try:
        with _uapi.connected(shared_socket(name), timeout=ANSWER_SECONDS):
            return True
    except HostError:
        return False


def is_stale(name: str) -> bool:
    """A socket is left there that nobody listens on."""
    return os.path.lexists(shared_socket(name)) and not shared_socket_is_taken(name)


def remove_stale(name: str) -> None:
    if is_stale(name):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(shared_socket(name))


def wait_until_gone(gone: t.Callable[[], bool]) -> None:
    """The kernel takes a tun away shortly after its last descriptor is closed."""
    deadline = time.monotonic() + STOP_SECONDS
    while not gone() and time.monotonic() < deadline:
        time.sleep(0.005)


def find(name: str, namespace: int) -> Daemon | None:
    """The engine of a device. One that somebody else has started counts where its device is in its own namespace."""
    marked = [daemon for daemon in marked_daemons() if daemon.device == name and daemon.namespace == namespace]
    marked.sort(key=lambda daemon: not daemon.has_device)
    return marked[0] if marked else _unmarked(name, namespace)


def marked_daemons() -> t.Iterator[Daemon]:
    """Every engine that this collection has started and that this process can see."""
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            mark = _mark_of(entry)
            if mark is not None:
                namespace, _slash, device = mark.partition("/")
                pid = int(entry)
                if namespace.isdigit() and not is_starting(pid):
                    yield Daemon(pid, _last_argument(pid), int(namespace), device, device in _tun_names(pid))


def stop(daemon: Daemon) -> None:
    """End it: politely, then for sure. The process is held by a descriptor, so that no other one can be hit."""
    unit = daemon.unit
    if unit is not None and _is_still(daemon):
        _systemd.stop(unit)
    try:
        handle = os.pidfd_open(daemon.pid)
    except ProcessLookupError:
        return
    try:
        if not _is_still(daemon):
            return
        for number, patience in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, STOP_SECONDS)):
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, number)
            if select.select([handle], [], [], patience)[0]:
                return
        raise HostError(f"the userspace engine with process id {daemon.pid} does not end")
    finally:
        os.close(handle)
        for child in list(children):
            if child.pid == daemon.pid and child.poll() is not None:
                children.remove(child)


def udp_port_is_bound(daemon: Daemon, port: int) -> bool:
    """True if some socket of the engine's birthplace has that port (proc(5), /proc/PID/net/udp)."""
    wanted = f":{port:04X}"
    for table in ("udp", "udp6"):
        with contextlib.suppress(OSError), open(f"/proc/{daemon.pid}/net/{table}", encoding="ascii") as handle:
            if any(line.split()[1].endswith(wanted) for line in handle if ":" in line.split()[1]):
                return True
    return False


def _unmarked(name: str, namespace: int) -> Daemon | None:
    """The one behind the shared socket of that name, if its tun is in the namespace it runs in."""
    try:
        with _uapi.connected(shared_socket(name), timeout=ANSWER_SECONDS) as connection:
            credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    except HostError:
        return None
    pid = struct.unpack("3i", credentials)[0]
    if not _is_ours(pid) or name not in _tun_names(pid) or _namespace_of(pid) != namespace or _mark_of(str(pid)):
        return None
    return Daemon(pid, name, None, name, has_device=True)


def _is_still(daemon: Daemon) -> bool:
    if daemon.namespace is None:
        return daemon.device in _tun_names(daemon.pid)
    return _mark_of(str(daemon.pid)) == f"{daemon.namespace}/{daemon.device}"


def _mark_of(pid: str) -> str | None:
    try:
        with open(f"/proc/{pid}/environ", "rb") as handle:
            variables = handle.read().split(b"\0")
    except OSError:
        return None
    start_of_mark = f"{MARK}=".encode()
    mark = next((variable[len(start_of_mark) :] for variable in variables if variable.startswith(start_of_mark)), None)
    return mark.decode("utf-8", "replace") if mark is not None and _is_ours(int(pid)) else None


def _is_ours(pid: int) -> bool:
    """It runs as the user that we are: nobody else may tell us that he is the engine and take the private key."""
    for line in _text(f"/proc/{pid}/status").splitlines():
        if line.startswith("Uid:"):
            return line.split()[1:3] == [str(os.geteuid())] * 2
    return False


def is_starting(pid: int) -> bool:
    """Still the shell or unshare(1) that is to become the engine."""
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe")) in ("sh", "dash", "bash", "busybox", "unshare")
    except OSError:
        return True


def has_ended(pid: int) -> bool:
    """Nothing but a zombie is left of it, or not even that."""
    return not os.path.exists(f"/proc/{pid}/exe")


def _last_argument(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as handle:
            return handle.read().rstrip(b"\0").split(b"\0")[-1].decode("utf-8", "replace")
    except OSError:
        return ""


def _tun_names(pid: int) -> set[str]:
    """The devices of its /dev/net/tun descriptors, by the names they have now."""
    names = set()
    with contextlib.suppress(OSError):
        for descriptor in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{pid}/fd/{descriptor}").endswith("/net/tun"):
                    names |= _interface_names(f"/proc/{pid}/fdinfo/{descriptor}")
    return names


def _interface_names(path: str) -> set[str]:
    with open(path, encoding="utf-8", errors="replace") as handle:
        return {line.split(":", 1)[1].strip() for line in handle if line.startswith("iff:")}


def _namespace_of(pid: int) -> int | None:
    try:
        return os.stat(f"/proc/{pid}/ns/net").st_ino
    except OSError:
        return None


def _text(path: str) -> str:
    """Of a file below /proc; empty where its process has ended."""
    with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as handle:
        return handle.read()
    return ""
