# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting a userspace engine: as a unit where systemd runs, detached elsewhere. It is there once its socket answers.

Exit status 0 or a unit that is active prove nothing, so the socket is asked until it answers.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import time
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils import (
    _daemon,
    _systemd,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    HostError,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._supervisor import (
    Launch,
    why_detached,
)

READY_SECONDS = 30.0
_TOO_SLOW = f"does not answer within {READY_SECONDS:.0f} s"
_LOG_BYTES = 1 << 16
_MOUNT = 'mount -t tmpfs -o mode=0700,size=1m wireguard "$1" && shift && exec "$@"'


def start(launch: Launch) -> _daemon.Daemon:
    """To be called in a thread that is in the birthplace. Raises HostError, and then nothing of it runs any more.

    A private socket directory takes CAP_SYS_ADMIN, whoever supervises.
    """
    os.makedirs(_daemon.DIRECTORY, mode=0o755, exist_ok=True)
    if why_detached(_systemd.manager(launch.inodes), launch.inodes):
        return _start_detached(launch)
    return _start_unit(launch)


def _start_unit(launch: Launch) -> _daemon.Daemon:
    unit, pid = _systemd.start(launch)
    daemon = _of(launch, pid)
    try:
        if pid and _answers_in_time(daemon, lambda: not _daemon.has_ended(pid)):
            return daemon
        raise _failed(
            launch,
            outcome=_TOO_SLOW if pid and not _daemon.has_ended(pid) else "ended at once",
            reason=_systemd.last_words(unit, launch.program),
        )
    except BaseException:
        _systemd.stop(unit)
        raise


def _start_detached(launch: Launch) -> _daemon.Daemon:
    command = launch.command
    if launch.private:
        command = [
            "unshare", "--mount", "--propagation", "slave", "--",
            "sh", "-c", _MOUNT, "sh", os.path.realpath(_daemon.DIRECTORY), *command,
        ]  # fmt: skip
    log = _bounded_log()
    try:
        environment = {"PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), **launch.environment}
        child = subprocess.Popen(  # pylint: disable=consider-using-with,ansible-bad-function
            command, cwd="/", env=environment, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
        _daemon.children.append(child)
        daemon = _of(launch, child.pid)
        if _answers_in_time(daemon, lambda: child.poll() is None):
            return daemon
        raise _failed(launch, outcome=_end(child), reason=_last_line(log))
    except FileNotFoundError as error:
        raise HostError(f"cannot run {error.filename}", remedy="install util-linux") from None
    finally:
        os.close(log)


def _of(launch: Launch, pid: int) -> _daemon.Daemon:
    return _daemon.Daemon(pid, launch.birth_name, launch.inodes[launch.namespace], launch.device, has_device=True)


def _answers_in_time(daemon: _daemon.Daemon, runs: t.Callable[[], bool]) -> bool:
    deadline = time.monotonic() + READY_SECONDS
    pause = 0.002
    while runs() and time.monotonic() < deadline:
        if not _daemon.is_starting(daemon.pid) and daemon.answers():
            return True
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)
    return False


def _end(child: subprocess.Popen[bytes]) -> str:
    """How it failed; afterwards it is gone for sure."""
    ended = child.poll()
    if ended is None:
        child.kill()
        child.wait()
    _daemon.children.remove(child)
    return _TOO_SLOW if ended is None else f"ended at once (status {ended})"


def _failed(launch: Launch, *, outcome: str, reason: str) -> HostError:
    return HostError(
        f"the userspace engine {launch.program} {outcome}{': ' + reason if reason else ''}",
        remedy="it needs /dev/net/tun and CAP_NET_ADMIN",
    )


def _last_line(log: int) -> str:
    lines = os.pread(log, _LOG_BYTES, 0).rstrip(b"\0").decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else ""


def _bounded_log() -> int:
    """What an engine may complain into: in memory, without a name, and of a size that never grows (memfd_create(2)).

    A pipe would kill or block the engine once nobody reads it, a file would fill the disk.
    """
    descriptor = os.memfd_create("engine-log", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, _LOG_BYTES)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK)
    return descriptor
