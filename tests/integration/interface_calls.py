# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine called inside of a Stack, and the declarations that the tests of it share."""

from __future__ import annotations

import contextlib
import functools
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared import declare
from ansible_collections.cryptokey.wireguard.plugins.module_utils._engine import converge
from ansible_collections.cryptokey.wireguard.plugins.module_utils._host import LinuxHost
from ansible_collections.cryptokey.wireguard.plugins.module_utils._memory import Faults
from ansible_collections.cryptokey.wireguard.plugins.module_utils._observe import observe
from ansible_collections.cryptokey.wireguard.plugins.module_utils._operations import Site
from ansible_collections.cryptokey.wireguard.plugins.module_utils._store import FileStore
from ansible_collections.cryptokey.wireguard.tests.integration.stacks import Stack

STATE = "/run/state"
BACKEND = "auto"
"""What a declaration means that names none; the conformance suite runs with each."""
KEY_A = "QEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEA="
KEY_B = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="
KEY_C = "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI="
SECRET = "gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIA="
CHANGES = {
    "host": ("create", "delete", "remove_unmoved"),
    "driver": ("write",),
    "network": (
        *("set_mtu", "set_up", "add_address", "remove_address", "add_route", "replace_route", "remove_route"),
        *("add_rule", "remove_rule", "set_forwarding", "change_setting"),
    ),
    "firewall": ("load", "open_port", "close_port"),
    "store": (
        *("write_record", "remove_record", "write_private_key", "remove_private_key"),
        *("write_snapshot", "remove_snapshot"),
    ),
}


class Faulty:
    """One of the real adapters, with every change counted and made to fail as Faults says."""

    def __init__(self, real: t.Any, kind: str, faults: Faults) -> None:
        self._real, self._kind, self._faults = real, kind, faults

    def __getattr__(self, name: str) -> t.Any:
        value = getattr(self._real, name)
        ports = {"network": "network", "wireguard": "driver", "firewall": "firewall"}
        if self._kind == "host" and name in ports:
            kind = ports[name]
            return lambda *arguments: Faulty(value(*arguments), kind, self._faults)
        if name not in CHANGES[self._kind]:
            return value

        @functools.wraps(value)
        def counted(*arguments: t.Any, **options: t.Any) -> t.Any:
            with self._faults.change(name):
                return value(*arguments, **options)

        return counted


def apply(arguments: dict[str, t.Any], *, faults: Faults | None = None, check: bool = False) -> tuple[bool, list[str]]:
    """Inside of a stack: (changed, actions)."""
    faults = faults or Faults()
    given = {"name": "wg0", "state_directory": STATE, "backend": BACKEND, **arguments}
    store = Faulty(FileStore(given["state_directory"]), "store", faults)
    with contextlib.closing(LinuxHost()) as host:
        result = converge(declare(given), host=Faulty(host, "host", faults), store=store, check=check)
    return result.changed, result.actions


def picture(namespace: str = "") -> str:
    """Inside of a stack: everything the engine can see, comparable. Link indexes change with a new device."""
    with contextlib.closing(LinuxHost()) as host:
        site = Site(host, FileStore(STATE), namespace, "wg0")
        seen = observe(site, key_file=f"{STATE}/{namespace or '@'}/wg0.key")
    link = (seen.link.mtu, seen.link.up, sorted(seen.link.addresses)) if seen.link else None
    return repr(
        [
            *(seen.backend, seen.device, link, seen.socket_namespace, sorted(seen.rules, key=str)),
            *(sorted(seen.routes, key=repr), sorted(seen.forwarding.items()), seen.record, seen.key_file),
            *(sorted(seen.settings.items()), seen.ruleset, sorted(seen.filtering.openings)),
        ]
    )


def public_key(stack: Stack, private_key: str) -> str:
    return stack.run("wg", "pubkey", input=private_key).stdout.strip()


FIRST = {
    "private_key": KEY_A,
    "listen_port": 51820,
    "fwmark": "0x10",
    "addresses": ["10.0.0.1/24", "fd00::1/64", "10.0.0.2/24"],
    "peers_policy": "exact",
    "peers": [
        {
            "public_key": "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=",
            "endpoint": "192.0.2.2:51820",
            "preshared_key": SECRET,
            "allowed_ips": ["10.0.0.2/32", "10.1.0.0/16", "fd01::/64"],
        },
        {"public_key": "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=", "allowed_ips": ["10.0.0.3/32"]},
    ],
    "rules": [{"priority": 100, "fwmark": "0x10", "table": "77"}],
    "routes": [
        {"destination": "10.9.0.0/16", "source": "10.0.0.1"},
        {"destination": "0.0.0.0/0", "type": "throw", "table": "77"},
    ],
    "forwarding": {"ipv4": True},
}
SECOND = {
    "private_key": KEY_B,
    "listen_port": 51821,
    "fwmark": "off",
    "mtu": 1380,
    "addresses": ["10.0.0.2/24", "fd00::1/128"],
    "peers_policy": "exact",
    "peers": [
        {
            "public_key": "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=",
            "endpoint": "192.0.2.3:51820",
            "persistent_keepalive": 25,
            "allowed_ips": ["10.1.0.0/16"],
        },
        {"public_key": "gN65BkIKy1eCE9pP1wdc8ROUtkHLF2PfAqYdyYBz6EA=", "allowed_ips": ["fd02::/64", "10.0.0.0/24"]},
    ],
    "rules": [],
    "routes": [{"destination": "10.9.0.0/16", "source": "10.0.0.2"}],
    "forwarding": {"ipv6": True},
}
ABSENT = {"state": "absent", "keep_private_key": False}
