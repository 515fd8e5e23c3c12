# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For every option of every module for hosts a value that is refused, with its place and what to write instead.

The modules run from their arguments to what they print. What ansible-core refuses itself, it words itself.
"""

from __future__ import annotations

import importlib
import pathlib
import re
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _argspec
from ansible_collections.cryptokey.wireguard.tests.integration.module_calls import MODULES, Calls

KEY = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="
A_KEY = "a key is 44 characters of base64"
A_NAME = "use 1 to 15 letters, digits, dots, dashes and underscores"
A_PATH = "write one such as /etc/wireguard/"
A_PRIORITY = "use one from 1 to 32765"
A_NAMESPACE = "use letters, digits, dot, dash and underscore"
AN_ADDRESS = "is not an IPv4 address; write one such as 10.0.0.1"
A_BOOLEAN = "Valid booleans include"
A_TABLE = "use main, default or a number"

Case = t.Tuple[t.Any, str]
"""The refused value of an option, and the remedy that the message has to name."""

PEER: dict[str, Case] = {
    "name": ("two\nlines", "leave them out"),
    "public_key": ("short", A_KEY),
    "preshared_key": ("short", A_KEY),
    "endpoint": ("host", "write host:port or [IPv6 address]:port"),
    "persistent_keepalive": (-1, "use seconds from 1 to 65535, or 0 for off"),
    "allowed_ips": (["10.0.0.0/33"], "'33' is not a number from 0 to 32"),
    "state": ("gone", "must be one of: present, absent"),
}
ROUTE: dict[str, Case] = {
    "destination": ("10.0.0", AN_ADDRESS),
    "gateway": ("router", AN_ADDRESS),
    "table": ("vpn", A_TABLE),
    "metric": (-1, "use a number from 0 to 4294967295"),
    "type": ("local", "must be one of: unicast, blackhole, unreachable, prohibit, throw"),
    "source": ("10.0.0.0/8", AN_ADDRESS),
}
RULE: dict[str, Case] = {
    "priority": (0, A_PRIORITY),
    "from": ("everywhere", AN_ADDRESS),
    "to": ("10.0.0.0/99", "'99' is not a number from 0 to 32"),
    "iif": ("much-too-long-a-name", A_NAME),
    "fwmark": ("big", "use a number such as 51820 or 0xca6c, or off"),
    "invert": ("maybe", A_BOOLEAN),
    "table": ("vpn", A_TABLE),
    "suppress_prefixlength": (129, "use a number from 0 to 128"),
}
PLACE: dict[str, Case] = {
    "namespace": ("a/b", A_NAMESPACE),
    "state": ("gone", "must be one of: present, absent"),
    "state_directory": ("state", A_PATH),
}
INTERFACE: dict[str, Case] = {
    **PLACE,
    "name": ("a/b", A_NAME),
    "socket_namespace": ("..", A_NAMESPACE),
    "backend": ("magic", "must be one of: auto, kernel, userspace"),
    "userspace_engine": ("bin/engine", "write one such as wireguard-go or /usr/local/bin/boringtun-cli"),
    "private_key": ("short", A_KEY),
    "private_key_file": ("wg0.key", A_PATH),
    "public_key": ("short", A_KEY),
    "keep_private_key": ("maybe", A_BOOLEAN),
    "listen_port": (70000, "use a number from 0 to 65535"),
    "fwmark": ("big", "use a number such as 51820 or 0xca6c, or off"),
    "mtu": (5, "use a number from 576 to 65535"),
    "addresses": (["10.0.0.1/33"], "'33' is not a number from 0 to 32"),
    "peers": ([{"public_key": KEY}, {"public_key": KEY}], "peers[0]"),
    "peers_policy": ("some", "must be one of: merged, exact"),
    "endpoint_policy": ("guess", "must be one of: learn, enforce"),
    "routing": ("some", "must be one of: auto, explicit, off"),
    "table": ("vpn", A_TABLE),
    "metric": (-1, "use a number from 0 to 4294967295"),
    "routes": ([{"destination": "10.9.0.0/16"}] * 2, "change the metric or drop one"),
    "rules": ([{"priority": 32766, "table": "77"}], A_PRIORITY),
    "full_tunnel": ("maybe", A_BOOLEAN),
    "clamp_mss": ("maybe", A_BOOLEAN),
    "open_port": ("iptables", "must be one of: auto, firewalld, ufw, nftables, off"),
    "rp_filter": ({"eth/0": 0}, A_NAME),
    "masquerade": ({"ipv5": ["eth0"]}, "Supported parameters include: ipv4, ipv6"),
    "masquerade.ipv4": ({"ipv4": ["eth/0"]}, A_NAME),
    "masquerade.ipv6": ({"ipv6": ["eth/0"]}, A_NAME),
    "forwarding": ({"ipv5": True}, "Supported parameters include: ipv4, ipv6"),
    "forwarding.ipv4": ({"ipv4": "maybe"}, A_BOOLEAN),
    "forwarding.ipv6": ({"ipv6": "maybe"}, A_BOOLEAN),
    **{f"peers.{option}": ([{"public_key": KEY, option: case[0]}], case[1]) for option, case in PEER.items()},
    **{
        f"routes.{option}": ([{"destination": "10.9.0.0/16", option: case[0]}], case[1])
        for option, case in ROUTE.items()
    },
    **{f"rules.{option}": ([{"priority": 100, option: case[0]}], case[1]) for option, case in RULE.items()},
}
KEYPAIR: dict[str, Case] = {
    "path": ("wg0.key", A_PATH),
    "state": ("gone", "must be one of: present, absent"),
    "type": ("public", "must be one of: private, preshared"),
    "private_key": ("short", A_KEY),
    "preshared_key": (KEY, "write `type: preshared`"),
    "regenerate": ("often", "must be one of: never, partial, always"),
    "public_key_path": ("wg0.pub", A_PATH),
}
CASES: dict[str, dict[str, Case]] = {
    "interface": INTERFACE,
    "peer": {**PLACE, **PEER, "interface": ("eth/0", A_NAME), "endpoint_policy": ("guess", "one of: learn, enforce")},
    "route": {**PLACE, **ROUTE, "device": ("much-too-long-a-name", A_NAME)},
    "rule": {**PLACE, **RULE},
    "namespace": {
        "name": ("a/b", A_NAMESPACE),
        "state": PLACE["state"],
        "force": ("maybe", A_BOOLEAN),
        "state_directory": PLACE["state_directory"],
    },
    "keypair": KEYPAIR,
    "interface_info": {
        "namespace": ("a/b", A_NAMESPACE),
        "name": ("a/b", A_NAME),
        "state_directory": ("state", A_PATH),
        "probe": ({"send": True}, "add destination, or peer"),
        "probe.destination": ({"destination": "there"}, AN_ADDRESS),
        "probe.source": ({"source": "here"}, AN_ADDRESS),
        "probe.incoming_source": ({"incoming_source": "10.0.0.0/8"}, AN_ADDRESS),
        "probe.seconds": ({"seconds": 99}, "use a number from 1 to 60"),
        "probe.send": ({"send": "maybe"}, A_BOOLEAN),
    },
}
ASKED_OF_THE_HOST = {"interface_info": {"probe.peer"}}
"""Any text may be a name that the host knows: tests/integration/test_diagnosis.py has one that it does not know."""
GOOD: dict[str, dict[str, t.Any]] = {
    "interface": {"name": "wg0"},
    "peer": {"interface": "wg0", "public_key": KEY},
    "route": {"destination": "10.9.0.0/16", "device": "eth0"},
    "rule": {"priority": 100},
    "namespace": {"name": "blue"},
    "keypair": {"path": "/nowhere/wg0.key"},
    "interface_info": {"name": "wg0"},
}
SPECS = {
    "interface": _argspec.interface,
    "peer": _argspec.lone_peer,
    "route": _argspec.lone_route,
    "rule": _argspec.lone_rule,
}


def options(spec: t.Mapping[str, t.Mapping[str, t.Any]]) -> t.Iterator[str]:
    """Every option, with those inside of it behind a dot."""
    for name, entry in spec.items():
        yield name
        yield from (f"{name}.{inner}" for inner in options(entry.get("options", {})))


@pytest.mark.parametrize("module", CASES)
def test_every_option_has_a_value_that_is_refused(module: str) -> None:
    """A new option has to be written into the table above."""
    spec = SPECS[module]() if module in SPECS else importlib.import_module(f"{MODULES}.{module}").ARGUMENTS
    assert sorted(CASES[module]) == sorted(set(options(spec)) - ASKED_OF_THE_HOST.get(module, set()))


@pytest.mark.parametrize(
    ("module", "option"), [(module, option) for module, cases in CASES.items() for option in cases]
)
def test_a_bad_value_is_refused_with_its_place_and_what_to_write_instead(
    tmp_path: pathlib.Path, module: str, option: str
) -> None:
    value, remedy = CASES[module][option]
    outer, _dot, inner = option.partition(".")
    calls = Calls(tmp_path)
    calls.add(module, check=True, **{**GOOD[module], outer: value})
    [result] = calls.run()
    assert result.get("failed"), result
    message = result["msg"]
    assert remedy in message
    assert _names(message, outer, inner), message
    assert not list(tmp_path.iterdir())


def _names(message: str, outer: str, inner: str) -> bool:
    """Ours begin with the path, such as ``peers[0].endpoint: ``. ansible-core's name the option somewhere."""
    place = re.sub(r"\[\d+\]", "", message.partition(": ")[0])
    if place == (f"{outer}.{inner}" if inner else outer) or (not inner and place.startswith(f"{outer}.")):
        return True
    quoted = [
        f"value of {inner or outer} must be",
        f"argument '{inner or outer}'",
        f"parameters for (basic.py) module: {outer}",
    ]
    return any(text in message for text in quoted) and outer in message
