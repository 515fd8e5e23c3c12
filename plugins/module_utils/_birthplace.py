# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a device's UDP socket is: it stays in the namespace the device was born in, wherever the device goes."""

from __future__ import annotations

import contextlib
import errno
import os
import time
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    HostError,
)

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._daemon import Daemon
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._netns import Worker
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._userspace import (
        UserspaceDriver,
    )

BIND_SECONDS = 3.0


def of_kernel_socket(port: int, places: t.Mapping[str, Worker]) -> str | None:
    """The namespace with a UDP socket on that port that no process has; None where that does not decide it.

    No netlink attribute tells the birthplace of a kernel device, but its socket is in /proc/net/udp like any other.
    """
    if not port:
        return None
    sockets = {name: worker.run(_sockets_on, port) for name, worker in places.items()}
    found = [name for name, inodes in sockets.items() if inodes]
    if len(found) > 1:
        held = _sockets_of_processes()
        found = [name for name in found if sockets[name] - held]
    return found[0] if len(found) == 1 else None


def wait_for_socket(daemon: Daemon, driver: UserspaceDriver, *, name: str) -> None:
    """Returns once the engine has bound its port. Raises HostError where another process has it."""
    from ansible_collections.cryptokey.wireguard.plugins.module_utils import _daemon

    declared = driver.read()[0].listen_port
    deadline = time.monotonic() + BIND_SECONDS
    pause = 0.002
    while time.monotonic() < deadline:
        port = driver.read()[0].listen_port
        if port and _daemon.udp_port_is_bound(daemon, port):
            return
        if declared and not port:
            raise HostError(
                f"{name} is up without a socket: UDP port {declared} is in use on this host",
                remedy="choose another listen_port or stop what uses it (ss -lunp)",
                errno=errno.EADDRINUSE,
            )
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


def _sockets_on(port: int) -> set[str]:
    """The inodes of the sockets on that port, of both families, in the calling thread's namespace (proc(5))."""
    wanted = f":{port:04X}"
    inodes = set()
    for table in ("udp", "udp6"):
        with contextlib.suppress(OSError), open(f"/proc/thread-self/net/{table}", encoding="ascii") as handle:
            lines = [line.split() for line in handle]
            inodes |= {words[9] for words in lines if len(words) > 9 and words[1].endswith(wanted)}
    return inodes


def _sockets_of_processes() -> set[str]:
    inodes = set()
    for pid in os.listdir("/proc"):
        if pid.isdigit():
            with contextlib.suppress(OSError):
                for descriptor in os.listdir(f"/proc/{pid}/fd"):
                    with contextlib.suppress(OSError):
                        target = os.readlink(f"/proc/{pid}/fd/{descriptor}")
                        if target.startswith("socket:["):
                            inodes.add(target[len("socket:[") : -1])
    return inodes
