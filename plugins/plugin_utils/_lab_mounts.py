# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file tree of a lab host: the machine's own, but with /run, /etc, /proc and /sys of its own."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
from pathlib import Path

NEW_MOUNT = 0x00020000
NEW_UTS = 0x04000000
NEW_PID = 0x20000000
NEW_NETWORK = 0x40000000
_NOSUID_NODEV_NOEXEC = 0x2 | 0x4 | 0x8
_BIND = 0x1000
_PRIVATE_RECURSIVE = 0x40000 | 0x4000

# What the machine itself keeps there must be neither seen nor touched from a lab host.
_EMPTIED = {"/etc/wireguard": 0o700, "/etc/netns": 0o755}

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mount.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p)


def make_mounts_private() -> None:
    """No mount made from here on is seen outside this mount namespace (mount_namespaces(7))."""
    _mount("none", "/", flags=_PRIVATE_RECURSIVE)


def mount_own_views() -> None:
    """Processes, devices and run-time files of these namespaces only."""
    _mount("tmpfs", "/run", options="mode=755")
    _mount("proc", "/proc", flags=_NOSUID_NODEV_NOEXEC)
    _mount("sysfs", "/sys", flags=_NOSUID_NODEV_NOEXEC)
    for directory in ("/run/netns", "/run/lock"):
        os.mkdir(directory)


def mount_own_etc(files: dict[str, str]) -> None:
    """A private /etc: the machine's, with these files instead of its own and nothing of its WireGuard."""
    layers = Path("/run/.etc")
    for layer in ("upper", "work"):
        (layers / layer).mkdir(parents=True)
    try:
        _mount("overlay", "/etc", options=f"lowerdir=/etc,upperdir={layers}/upper,workdir={layers}/work")
    except OSError:
        # Some container file systems cannot be a lower layer; a copy takes longer and does as well.
        shutil.copytree("/etc", layers / "copy", symlinks=True, ignore_dangling_symlinks=True)
        _mount(str(layers / "copy"), "/etc", flags=_BIND)
    for path, mode in _EMPTIED.items():
        shutil.rmtree(path, ignore_errors=True)
        os.makedirs(path, mode=mode)
    for path, text in files.items():
        with contextlib.suppress(FileNotFoundError):  # /etc/resolv.conf may be a link into the machine's /run
            os.unlink(path)
        Path(path).write_text(text, encoding="utf-8")


def _mount(source: str, target: str, *, options: str = "", flags: int = 0) -> None:
    """mount(2) where the kind of the file system is its source's name, as with everything that needs no device."""
    if _libc.mount(source.encode(), target.encode(), source.encode(), flags, options.encode()) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"mount {source}: {os.strerror(number)}", target)
