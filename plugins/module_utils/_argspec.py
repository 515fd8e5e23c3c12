# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The argument specifications of the modules. Pure data: the controller side reads names and choices from it, too."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared import (
    STATE_DIRECTORY,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._opening import CHOICES
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    ROUTE_TYPES,
)

BACKENDS = ("auto", "kernel", "userspace")
ROUTING = ("auto", "explicit", "off")
PEERS_POLICIES = ("merged", "exact")
ENDPOINT_POLICIES = ("learn", "enforce")
DEFAULT_SECONDS = 6
"""How long a probe watches; here, so that no other module has to load what a probe needs."""

Spec = t.Dict[str, t.Dict[str, t.Any]]


def state_directory() -> Spec:
    """What every module that works with records or keys takes."""
    return {"state_directory": {"type": "path", "default": STATE_DIRECTORY}}


def _state() -> dict[str, t.Any]:
    return {"type": "str", "choices": ["present", "absent"], "default": "present"}


def _strings() -> dict[str, t.Any]:
    return {"type": "list", "elements": "str"}


def _options(spec: Spec) -> dict[str, t.Any]:
    return {"type": "list", "elements": "dict", "options": spec}


def peer() -> Spec:
    """One entry of ``peers``."""
    return {
        "name": {"type": "str"},
        "public_key": {"type": "str", "required": True, "no_log": False},
        "preshared_key": {"type": "str", "no_log": True},
        "endpoint": {"type": "str"},
        "persistent_keepalive": {"type": "int"},
        "allowed_ips": _strings(),
        "state": _state(),
    }


def probe() -> Spec:
    """The question of ``interface_info``."""
    return {
        "seconds": {"type": "int", "default": DEFAULT_SECONDS},
        "send": {"type": "bool", "default": False},
        "peer": {"type": "str"},
        "destination": {"type": "str"},
        "source": {"type": "str"},
        "incoming_source": {"type": "str"},
    }


def route() -> Spec:
    """One entry of ``routes``."""
    return {
        "destination": {"type": "str", "required": True},
        "gateway": {"type": "str"},
        "table": {"type": "str"},
        "metric": {"type": "int"},
        "type": {"type": "str", "choices": list(ROUTE_TYPES), "default": "unicast"},
        "source": {"type": "str"},
    }


def rule() -> Spec:
    """One entry of ``rules``."""
    return {
        "priority": {"type": "int", "required": True},
        "from": {"type": "str"},
        "to": {"type": "str"},
        "iif": {"type": "str"},
        "fwmark": {"type": "str"},
        "invert": {"type": "bool", "default": False},
        "table": {"type": "str"},
        "suppress_prefixlength": {"type": "int"},
    }


def lone_route() -> Spec:
    """The whole module ``route``."""
    return {**route(), "device": {"type": "str"}, **_place(), **state_directory()}


def lone_rule() -> Spec:
    """The whole module ``rule``."""
    return {**rule(), **_place(), **state_directory()}


def lone_peer() -> Spec:
    """The whole module ``peer``."""
    return {
        "interface": {"type": "str", "required": True},
        **peer(),
        "endpoint_policy": {"type": "str", "choices": list(ENDPOINT_POLICIES), "default": "learn"},
        "namespace": {"type": "str", "default": ""},
        **state_directory(),
    }


def _place() -> Spec:
    return {"namespace": {"type": "str", "default": ""}, "state": _state()}


def interface() -> Spec:
    """The whole module ``interface``."""
    return {
        "name": {"type": "str", "required": True},
        "state": _state(),
        "namespace": {"type": "str", "default": ""},
        "socket_namespace": {"type": "str"},
        "backend": {"type": "str", "choices": list(BACKENDS), "default": "auto"},
        "userspace_engine": {"type": "str"},
        "private_key": {"type": "str", "no_log": True},
        "private_key_file": {"type": "path", "no_log": False},
        "public_key": {"type": "str", "no_log": False},
        "keep_private_key": {"type": "bool", "default": True, "no_log": False},
        "listen_port": {"type": "int"},
        "fwmark": {"type": "str"},
        "mtu": {"type": "int"},
        "addresses": _strings(),
        "peers": _options(peer()),
        "peers_policy": {"type": "str", "choices": list(PEERS_POLICIES), "default": "merged"},
        "endpoint_policy": {"type": "str", "choices": list(ENDPOINT_POLICIES), "default": "learn"},
        "routing": {"type": "str", "choices": list(ROUTING)},
        "table": {"type": "str"},
        "metric": {"type": "int"},
        "routes": _options(route()),
        "rules": _options(rule()),
        "forwarding": {"type": "dict", "options": {"ipv4": {"type": "bool"}, "ipv6": {"type": "bool"}}},
        "full_tunnel": {"type": "bool"},
        "rp_filter": {"type": "dict"},
        "masquerade": {"type": "dict", "options": {"ipv4": _strings(), "ipv6": _strings()}},
        "clamp_mss": {"type": "bool"},
        "open_port": {"type": "str", "choices": list(CHOICES)},
        **state_directory(),
    }
