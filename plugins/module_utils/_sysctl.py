# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel parameters of the calling thread's network namespace (sysctl(8), Documentation/networking/ip-sysctl.rst).

/proc/sys/net shows the namespace of the reading thread, so these run where a Worker of _netns puts them.
"""

from __future__ import annotations

import errno
import os

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    HostError,
)

ROOT = "/proc/sys/net"


def read(name: str) -> str | None:
    """The value of net/<name>, such as ``ipv4/ip_forward``; None where the kernel has no such parameter."""
    try:
        with open(f"{ROOT}/{name}", encoding="ascii") as handle:
            return handle.read().strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise HostError(f"cannot read net/{name}: {error.strerror}", errno=error.errno) from None


def claimable() -> dict[str, str]:
    """The parameters that an interface can claim (_setting): every device's reverse path filter, and what marks do."""
    names = ["ipv4/conf/all/src_valid_mark"]
    try:
        names += [f"ipv4/conf/{device}/rp_filter" for device in sorted(os.listdir(f"{ROOT}/ipv4/conf"))]
    except OSError:
        return {}
    values = ((name, read(name)) for name in names)
    return {name: value for name, value in values if value is not None}


def write(name: str, value: str) -> None:
    try:
        with open(f"{ROOT}/{name}", "w", encoding="ascii") as handle:
            handle.write(value)
    except OSError as error:
        remedies = {
            errno.ENOENT: "this kernel, or this namespace, has that family disabled",
            errno.EROFS: "/proc/sys is read-only here; set it from outside the container",
            errno.EACCES: "it takes root in the namespace's user namespace, and a writable /proc/sys",
        }
        remedy = remedies.get(error.errno or 0, "")
        what = f"cannot set net/{name} to {value}: {error.strerror}"
        raise HostError(what, remedy=remedy, errno=error.errno) from None
