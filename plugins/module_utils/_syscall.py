# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The four system calls around namespaces and mounts that Python offers only from 3.12 on, or not at all."""

from __future__ import annotations

import ctypes
import os

CLONE_NEWNET = 0x40000000
MS_BIND = 0x1000
MS_REC = 0x4000
MS_SHARED = 1 << 20
MNT_DETACH = 2

_libc = ctypes.CDLL(None, use_errno=True)


def setns(descriptor: int, kind: int) -> None:
    """setns(2): moves the calling *thread* into a namespace."""
    _checked(_libc.setns(descriptor, kind), "setns")


def unshare(kind: int) -> None:
    """unshare(2): gives the calling *thread* a new namespace."""
    _checked(_libc.unshare(kind), "unshare")


def mount(source: str, target: str, *, flags: int) -> None:
    """mount(2) for bind mounts and changes of propagation."""
    result = _libc.mount(os.fsencode(source), os.fsencode(target), b"none", ctypes.c_ulong(flags), None)
    _checked(result, target)


def unmount(target: str) -> None:
    """umount2(2), lazily: what still uses the mount keeps it."""
    _checked(_libc.umount2(os.fsencode(target), MNT_DETACH), target)


def _checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
