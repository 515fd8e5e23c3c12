# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Three hosts in a full mesh, and what the first of them can be told while packets flow through it."""

from __future__ import annotations

import base64
import contextlib
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _public_key
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PrivateKey
from ansible_collections.cryptokey.wireguard.tests.integration.interface_calls import (
    KEY_A,
    KEY_B,
    KEY_C,
    apply,
)
from ansible_collections.cryptokey.wireguard.tests.integration.stacks import (
    Stack,
    stacks,
    wait_until,
)

KEYS = [KEY_A, KEY_B, KEY_C]
PUBLIC_KEYS = [str(_public_key.of(PrivateKey.parse(key))) for key in KEYS]
Declaration = dict[str, t.Any]


@contextlib.contextmanager
def mesh() -> t.Iterator[list[Stack]]:
    """Host number n has 10.7.0.n; the second and the third both have 10.9.0.1, which belongs to the second."""
    with stacks(3) as hosts:
        for number, host in enumerate(hosts):
            host.call(apply, declaration(number))
            if number:
                host.run("ip", "address", "add", "10.9.0.1/32", "dev", "lo")
        for target in ("10.7.0.2", "10.7.0.3", "10.9.0.1"):
            wait_until(lambda target=target: hosts[0].run("ping", "-c1", "-W1", target, check=False).returncode == 0)
        yield hosts


def declaration(
    number: int = 0,
    *,
    owner: int = 1,
    prefixes: t.Sequence[str] = (),
    owner_of_prefixes: int = 1,
    extra: t.Sequence[Declaration] = (),
    keepalive: int = 0,
    **fields: t.Any,
) -> Declaration:
    """Of one host. owner: who has 10.9.0.0/24; extra: more peers; fields: replace those of the interface."""
    peers = [
        {
            "name": f"host{other + 1}",
            "public_key": PUBLIC_KEYS[other],
            "endpoint": f"192.0.2.{other + 1}:51820",
            "persistent_keepalive": keepalive,
            "allowed_ips": [
                f"10.7.0.{other + 1}/32",
                *(["10.9.0.0/24"] if other == owner else []),
                *(prefixes if other == owner_of_prefixes else []),
            ],
        }
        for other in range(3)
        if other != number
    ]
    return {
        "private_key": KEYS[number],
        "listen_port": 51820,
        "addresses": [f"10.7.0.{number + 1}/32"],
        "peers_policy": "exact",
        "peers": [*peers, *extra],
        **fields,
    }


def strangers(count: int) -> list[Declaration]:
    """Peers that never answer, each with prefixes of its own around and beside those in use."""
    return [
        {
            "public_key": stranger_key(number),
            "endpoint": "192.0.2.99:1",
            "persistent_keepalive": 25,
            "allowed_ips": [f"10.{100 + number // 250}.{number % 250}.0/24", *(["10.8.0.0/13"] if not number else [])],
        }
        for number in range(count)
    ]


def stranger_key(number: int) -> str:
    return base64.b64encode(b"\7" + number.to_bytes(31, "big")).decode()
