# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules beside ``interface``, called inside of a Stack, and killed there."""

from __future__ import annotations

import contextlib
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils import (
    _keypair,
    _lone_routing,
    _namespace,
    _public_key,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared_peer import declare_peer
from ansible_collections.cryptokey.wireguard.plugins.module_utils._engine import converge_peer
from ansible_collections.cryptokey.wireguard.plugins.module_utils._host import LinuxHost
from ansible_collections.cryptokey.wireguard.plugins.module_utils._store import FileStore
from ansible_collections.cryptokey.wireguard.tests.conformance.strikes import Struck, kill_the_run, leftovers, of_others
from ansible_collections.cryptokey.wireguard.tests.integration.interface_calls import STATE, Faulty

Arguments = t.Dict[str, t.Any]


def _route(arguments: Arguments, host: t.Any, store: t.Any) -> bool:
    request = _lone_routing.request_route(arguments)
    return bool(_lone_routing.converge(request, host=host, store=store, check=False)["changed"])


def _rule(arguments: Arguments, host: t.Any, store: t.Any) -> bool:
    request = _lone_routing.request_rule(arguments)
    return bool(_lone_routing.converge(request, host=host, store=store, check=False)["changed"])


def _peer(arguments: Arguments, host: t.Any, store: t.Any) -> bool:
    return converge_peer(declare_peer({"state_directory": STATE, **arguments}), host=host, store=store).changed


def _key(arguments: Arguments, _host: t.Any, _store: t.Any) -> bool:
    given = {"type": "private", "regenerate": "never", "state": "present", **arguments}
    return bool(_keypair.converge(_keypair.parse_request(given), derive=_public_key.of, check=False)["changed"])


def _name(arguments: Arguments, host: t.Any, store: t.Any) -> bool:
    present = arguments.get("state") != "absent"
    result = _namespace.converge(arguments["name"], present=present, force=False, host=host, store=store, check=False)
    return bool(result["changed"])


MODULES = {"route": _route, "rule": _rule, "peer": _peer, "keypair": _key, "namespace": _name}


def run(module: str, arguments: Arguments) -> bool:
    """Whether it changed anything."""
    with contextlib.closing(LinuxHost()) as host:
        return MODULES[module](arguments, host, FileStore(STATE))


def killed_at(module: str, arguments: Arguments, at: int) -> bool:
    """Killed before that change, counted from 1; False where there are fewer."""
    with Struck(kill_the_run, at, late=False) as faults:
        MODULES[module](arguments, Faulty(LinuxHost(), "host", faults), Faulty(FileStore(STATE), "store", faults))
    return False


def aftermath(module: str, arguments: Arguments) -> tuple[bool, list[str], list[str]]:
    """The next run: (whether one more would still change something, what belongs to others, what is left over)."""
    run(module, arguments)
    return run(module, arguments), of_others(), leftovers()
