# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address behind a name, seen from a network namespace."""

from __future__ import annotations

import contextlib
import socket
import subprocess

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _netns
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    HostError,
    InvalidInput,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    Address,
    parse_address,
)

SECONDS = 30


def address_of(host: str, worker: _netns.Worker) -> Address:
    """An address is itself. A name: the first one by the order of getaddrinfo(3), as ``wg`` takes it.

    In a named namespace its own files below /etc/netns count, so the question goes through ``ip netns exec``, which
    puts them in place (ip-netns(8)).
    """
    with contextlib.suppress(InvalidInput):
        return parse_address(host)
    texts = _by_getaddrinfo(host) if worker.namespace == _netns.INITIAL else _by_getent(host, worker.namespace)
    for text in texts:
        with contextlib.suppress(InvalidInput):
            return parse_address(text.partition("%")[0])
    place = f" in network namespace {worker.namespace!r}" if worker.namespace else ""
    remedy = "check the name, and resolv.conf and hosts as that namespace sees them"
    raise HostError(f"cannot resolve {host!r}{place}", remedy=remedy)


def _by_getaddrinfo(host: str) -> list[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        return []
    return [str(entry[4][0]) for entry in found]


def _by_getent(host: str, namespace: str) -> list[str]:
    command = ["ip", "netns", "exec", namespace, "getent", "ahosts", "--", host]
    try:
        answer = subprocess.run(  # pylint: disable=ansible-bad-function
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [line.split()[0] for line in answer.stdout.splitlines() if line.strip()]
