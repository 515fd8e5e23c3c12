# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A visit to other network namespaces, with a sure way home."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._syscall import CLONE_NEWNET, setns


class Visit:
    """Moves the calling thread; at the end of the ``with`` block it is back where it was."""

    def __enter__(self) -> Visit:
        self._home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        return self

    def go(self, network: str) -> None:
        """network: the path of a network namespace."""
        with open(network, "rb") as namespace:
            setns(namespace.fileno(), CLONE_NEWNET)

    def __exit__(self, *_error: t.Any) -> None:
        setns(self._home, CLONE_NEWNET)
        os.close(self._home)
