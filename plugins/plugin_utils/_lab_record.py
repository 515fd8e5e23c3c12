# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a running lab is written down, and whether what is written there still runs.

    /run/cryptokey-lab/<lab>/.holder          the lab itself: everything of it dies with this process
    /run/cryptokey-lab/<lab>/<host>/holder    PID 1 of one lab host

A holder is "<pid> <start time>". A pid alone may long belong to somebody else; together with the start time of
proc_pid_stat(5) it names one process until the machine restarts.
"""

from __future__ import annotations

import os
import re
import typing as t
import urllib.parse
from pathlib import Path

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import HostError, InvalidInput

DIRECTORY = "/run/cryptokey-lab"
_LAB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}\Z")


class Holder(t.NamedTuple):
    """One process that keeps namespaces alive. pid: as the initial PID namespace numbers it."""

    pid: int
    started: int

    def __str__(self) -> str:
        return f"{self.pid} {self.started}"

    @property
    def runs(self) -> bool:
        """True while exactly this process is there, and not just another one with its number."""
        return start_time(self.pid) == self.started

    @property
    def root(self) -> Path:
        """The holder's file tree, seen from outside."""
        return Path(f"/proc/{self.pid}/root")

    def network(self, namespace: str = "") -> str:
        """The path of one of its network namespaces; the empty name is its own."""
        return f"{self.root}/run/netns/{namespace}" if namespace else f"/proc/{self.pid}/ns/net"


class LabRecord:
    """The directory of one lab."""

    def __init__(self, name: str, directory: str = DIRECTORY) -> None:
        if not isinstance(name, str) or not _LAB_NAME.match(name):
            remedy = "use up to 63 letters, digits, - and _, beginning with a letter or digit"
            raise InvalidInput("is not a name for a lab", path="lab", value=name, remedy=remedy)
        self.name = name
        self.path = Path(directory) / name

    @property
    def keys(self) -> Path:
        """Where a rehearsal keeps the public keys of this lab; goes away with it."""
        return self.path / ".keys"

    @property
    def lock(self) -> Path:
        """Beside the directory, which comes and goes."""
        return self.path.parent / f".{self.name}.lock"

    @property
    def owner(self) -> Path:
        """The process with which the lab ends, where it has one."""
        return self.path / ".owner"

    @property
    def specification(self) -> Path:
        return self.path / ".specification.json"

    def lab(self) -> t.Optional[Holder]:
        """The process on which the whole lab depends, whether it still runs or not."""
        return read_holder(self.path / ".holder")

    def host(self, host: str) -> Holder:
        """The running holder of a lab host. Raises HostError with what to do where there is none."""
        remedy = f"bring the lab up first (role cryptokey.wireguard.lab, lab_name: {self.name})"
        if not self.path.is_dir():
            raise HostError(f"there is no lab {self.name!r} on this machine", remedy=remedy)
        holder = read_holder(self.path / directory_name(host) / "holder")
        if holder is None:
            raise HostError(f"the lab {self.name!r} has no host {host!r}", remedy=remedy)
        if not holder.runs:
            again = f"bring the lab up again (role cryptokey.wireguard.lab, lab_name: {self.name})"
            raise HostError(f"the lab host {host!r} of lab {self.name!r} has ended", remedy=again)
        return holder


def directory_name(host: str) -> str:
    """A host's name as one path component that can be neither hidden nor a way out."""
    quoted = urllib.parse.quote(host, safe="")
    return "%2E" + quoted[1:] if quoted.startswith(".") else quoted


def start_time(pid: int) -> t.Optional[int]:
    """When the process began, in clock ticks since boot; None where it is gone or only waits to be reaped."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The command's name stands in parentheses and may itself hold spaces and parentheses.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def read_holder(path: Path) -> t.Optional[Holder]:
    try:
        pid, started = path.read_text(encoding="ascii").split()
        return Holder(int(pid), int(started))
    except (OSError, ValueError):
        return None


def write_holder(directory: int, name: str, holder: Holder) -> None:
    """Write a holder's file below an open directory: its path may mean something else in the holder's mounts."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    with os.fdopen(os.open(name, flags, 0o600, dir_fd=directory), "w", encoding="ascii") as file:
        file.write(f"{holder}\n")
