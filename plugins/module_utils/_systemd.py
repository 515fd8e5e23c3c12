# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units of systemd that hold userspace engines: made, ended, and found again where their engine is not running."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    HostError,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._supervisor import (
    Launch,
    Manager,
    is_ours,
    systemd_run,
    unit_name,
)

_BOOTED = "/run/systemd/system"
_TRANSIENT = "/run/systemd/transient"
_SECONDS = 90.0
"""Patience with systemd: as long as it has by default for a job of its own."""
_LINES = 20


def manager(namespaces: t.Iterable[str]) -> Manager:
    """namespaces: the names of the network namespaces that it has to find."""
    if not _is_booted() or not shutil.which("systemd-run") or not shutil.which("systemctl"):
        return Manager(booted=False)
    found = re.match(r"systemd (\d+)", _run("systemctl", "--version").stdout)
    inodes = {name: _inode(name) for name in namespaces}
    return Manager(
        booted=True,
        version=int(found[1]) if found else 0,
        inodes={name: number for name, number in inodes.items() if number is not None},
    )


def start(launch: Launch) -> tuple[str, int]:
    """The unit and the process id of its engine, 0 where that has ended already. Raises HostError."""
    unit = unit_name(launch.namespace, launch.device)
    inode = launch.inodes[launch.namespace]
    end_leftover(launch.namespace, launch.device, inode=inode)
    done = _run("systemd-run", *systemd_run(launch))
    if done.returncode:
        reason = (last_words(unit, launch.program) or done.stderr.strip() or "systemd-run fails").splitlines()[-1]
        end_leftover(launch.namespace, launch.device, inode=inode)  # never one that somebody else calls so
        raise HostError(
            f"systemd cannot start the userspace engine {launch.program}: {reason}",
            remedy=f"see journalctl --unit={unit}",
        )
    pid = _run("systemctl", "show", "--property=MainPID", "--value", unit).stdout.strip()
    return unit, int(pid) if pid.isdigit() else 0


def stop(unit: str) -> None:
    """Ends the engine and its restarts; a unit that is not there is no error."""
    done = _run("systemctl", "stop", unit)
    if done.returncode and _is_transient(unit):
        reason = (done.stderr.strip() or "no reason given").splitlines()[-1]
        raise HostError(f"systemd cannot stop the unit {unit}: {reason}", remedy=f"see systemctl status {unit}")
    if _is_transient(unit):
        _run("systemctl", "reset-failed", unit)


def leftover(namespace: str, device: str, *, inode: int) -> str | None:
    """The unit of ours for that interface, whether or not an engine runs in it now: it may be between two restarts.

    inode: that of the namespace. Where systemd knows another one by its name, the unit is for that one.
    """
    unit = unit_name(namespace, device)
    with contextlib.suppress(OSError), open(f"{_TRANSIENT}/{unit}", encoding="utf-8", errors="replace") as handle:
        if is_ours(handle.read()) and _is_booted() and _inode(namespace) == inode:
            return unit
    return None


def end_leftover(namespace: str, device: str, *, inode: int) -> None:
    unit = leftover(namespace, device, inode=inode)
    if unit is not None:
        stop(unit)


def last_words(unit: str, program: str) -> str:
    """What the engine itself has last written into the journal; empty where nobody knows."""
    if not shutil.which("journalctl"):
        return ""
    _run("journalctl", "--sync")
    options = [f"--unit={unit}", f"--identifier={os.path.basename(program)}", f"--lines={_LINES}"]
    lines = _run("journalctl", "--quiet", "--no-pager", "--boot", "--output=cat", *options).stdout.strip().splitlines()
    return lines[-1] if lines else ""


def _is_booted() -> bool:
    """As sd_booted(3), and PID 1 has the same /run: not so in a namespace that only shares its processes."""
    try:
        return os.path.samefile(_BOOTED, f"/proc/1/root{_BOOTED}")
    except OSError:
        return False


def _inode(namespace: str) -> int | None:
    """The network namespace that systemd finds under a name, its own one under ""."""
    with contextlib.suppress(OSError):
        return os.stat(f"/proc/1/root/run/netns/{namespace}" if namespace else "/proc/1/ns/net").st_ino
    return None


def _is_transient(unit: str) -> bool:
    return os.path.lexists(f"{_TRANSIENT}/{unit}")


def _run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """In English and without colours or a pager, whatever the caller has set."""
    environment = {
        "PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
        "LC_ALL": "C",
        "SYSTEMD_COLORS": "0",
        "SYSTEMD_PAGER": "",
    }
    try:
        return subprocess.run(  # pylint: disable=ansible-bad-function
            [program, *arguments], env=environment, cwd="/", timeout=_SECONDS, check=False,
            stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", errors="replace",
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        what = "cannot be run" if isinstance(error, OSError) else f"does not end within {_SECONDS:.0f} s"
        raise HostError(f"{program} {what}", remedy="is systemd well? see systemctl is-system-running") from None
