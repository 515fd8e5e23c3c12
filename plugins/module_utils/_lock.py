# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time: a lock that the kernel takes back from a run that was killed, and the name of who has it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import HostError

PATIENCE = 60.0
"""Seconds to wait for another run on the same host before giving up."""
_INTERVAL = 0.1


@contextlib.contextmanager
def locked(path: str, *, patience: float = PATIENCE) -> t.Iterator[None]:
    """Holds the lock of a directory, or of a file, which is made (0600) where it is missing.

    Raises HostError, with the holder's name, where another run has it for longer than patience (seconds).
    """
    flags = os.O_RDONLY if os.path.isdir(path) else os.O_RDWR | os.O_CREAT
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise HostError(f"cannot open {path}: {error.strerror}", errno=error.errno) from None
    try:
        _wait(descriptor, path, patience)
        yield
    finally:
        os.close(descriptor)


def _wait(descriptor: int, path: str, patience: float) -> None:
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise _held(path, os.fstat(descriptor), patience) from None
        except OSError as error:
            raise HostError(f"cannot lock {path}: {error.strerror}", errno=error.errno) from None
        time.sleep(_INTERVAL)


def _held(path: str, status: os.stat_result, patience: float) -> HostError:
    pid = _holder(status)
    who = f"process {pid}" if pid else "a process that cannot be seen from here"
    name = _process_name(pid) if pid else ""
    ask = f" (`ps -fp {pid}` shows what it is)" if pid else ""
    return HostError(
        f"another run has held {path} for {patience:g} seconds: {who}" + (f" ({name})" if name else ""),
        remedy=f"try again when it has ended{ask}",
    )


def _holder(status: os.stat_result) -> int | None:
    """By proc(5), /proc/locks: ``1: FLOCK  ADVISORY  WRITE 1234 08:01:42 0 EOF``; waiting ones have an arrow."""
    wanted = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    with contextlib.suppress(OSError, ValueError), open("/proc/locks", encoding="ascii", errors="replace") as file:
        for line in file:
            fields = line.split()
            if len(fields) > 5 and fields[1] == "FLOCK" and fields[5] == wanted and int(fields[4]) > 0:
                return int(fields[4])
    return None


def _process_name(pid: int) -> str:
    """What ps calls it; a command line may hold anything."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
        return file.read().strip()
    return ""
