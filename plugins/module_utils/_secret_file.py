# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that hold a secret: written whole or not at all, never readable by others, never through a symlink."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import stat
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    HostError,
)

MODE = 0o600
DIRECTORY_MODE = 0o700


def read(path: str) -> str | None:
    """The text without surrounding white space; None where there is no file. Refuses files that others can change."""
    data = read_bytes(path)
    return None if data is None else data.strip().decode("utf-8", errors="replace")


def read_bytes(path: str) -> bytes | None:
    """The same as it stands there."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _refused("read", path, error) from None
    try:
        _check_owner(path, os.fstat(descriptor))
        with open(descriptor, "rb", closefd=False) as handle:
            return handle.read()
    finally:
        os.close(descriptor)


def write(path: str, text: str, mode: int = MODE) -> None:
    """Replace the file atomically and for good (fsync before and after the rename); a missing directory gets 0700."""
    write_pieces(path, [text if text.endswith("\n") else text + "\n"], mode)


def write_pieces(path: str, pieces: t.Iterable[str], mode: int = MODE) -> None:
    """The same of a text that need not be there as a whole."""
    make_directory(os.path.dirname(path) or ".")
    sweep(*_split(path))
    try:
        with contextlib.suppress(FileNotFoundError):
            _check_owner(path, os.lstat(path))
        temporary, descriptor = _beside(path, mode)
        try:
            with open(descriptor, "w", encoding="utf-8") as handle:
                os.fchmod(descriptor, mode)
                handle.writelines(pieces)
                handle.flush()
                os.fsync(descriptor)
            os.replace(temporary, path)
            _sync_folder(path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
    except OSError as error:
        raise _refused("write", path, error) from None


def _sync_folder(path: str) -> None:
    """The new name survives a power cut only then (fsync(2)). Some file systems cannot, and need not."""
    descriptor = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _beside(path: str, mode: int) -> tuple[str, int]:
    """A new file beside it, locked while it is being written: one that is not locked belongs to nobody any more."""
    while True:
        temporary = f"{path}.unfinished-{os.urandom(4).hex()}"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
        if _lock_unless_taken(descriptor) and os.fstat(descriptor).st_nlink:
            return temporary, descriptor
        os.close(descriptor)  # taken for a leftover before it was locked


def _split(path: str) -> tuple[str, str]:
    folder, name = os.path.split(path)
    return folder or ".", name


def sweep(folder: str, name: str | None = None) -> None:
    """Remove what a run that was killed while it wrote has left of a file, or of any file: it may hold a key."""
    unfinished = re.compile((re.escape(name) if name else ".+") + r"\.unfinished-[0-9a-f]{8}")
    with contextlib.suppress(OSError):
        for entry in filter(unfinished.fullmatch, os.listdir(folder)):
            _remove_unless_locked(os.path.join(folder, entry))


def _remove_unless_locked(path: str) -> None:
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            if stat.S_ISREG(os.fstat(descriptor).st_mode) and _lock_unless_taken(descriptor):
                os.unlink(path)
        finally:
            os.close(descriptor)


def _lock_unless_taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks: nobody else can have it
        return True
    return True


def remove(path: str) -> bool:
    """True if there was one."""
    sweep(*_split(path))
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _refused("remove", path, error) from None
    return True


def mode_of(path: str) -> int | None:
    """The permission bits; None where there is no file."""
    try:
        return stat.S_IMODE(os.lstat(path).st_mode)
    except FileNotFoundError:
        return None


def make_directory(path: str) -> None:
    """Every missing directory of the path with mode 0700; the ones that are there stay as they are."""
    missing = []
    here = os.path.abspath(path)
    while not os.path.isdir(here):
        missing.append(here)
        here = os.path.dirname(here)
    try:
        for directory in reversed(missing):
            os.mkdir(directory, DIRECTORY_MODE)
    except FileExistsError as error:
        if not os.path.isdir(path):
            raise _refused("make", path, error) from None
    except OSError as error:
        raise _refused("make", path, error) from None


def _check_owner(path: str, status: os.stat_result) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise HostError(f"{path} is a symbolic link", remedy="name the file that it leads to")
    if not stat.S_ISREG(status.st_mode):
        raise HostError(f"{path} is not an ordinary file", remedy="name another one")
    if status.st_uid not in (0, os.geteuid()):
        raise HostError(
            f"{path} belongs to user {status.st_uid}, who could change it",
            remedy="chown it to root or name another file",
        )


def _refused(verb: str, path: str, error: OSError) -> HostError:
    if error.errno == errno.ELOOP:
        return HostError(f"{path} is a symbolic link", remedy="name the file that it leads to", errno=error.errno)
    return HostError(f"cannot {verb} {path}: {error.strerror}", errno=error.errno)
