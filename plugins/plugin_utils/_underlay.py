# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stacks of a host around its WireGuard interfaces: what is described, completed where nothing is said.

What is made up here is an assumption, and noted as one.
"""

from __future__ import annotations

import copy
import typing as t
from collections.abc import Iterable, Mapping

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    Prefix,
    parse_interface_address,
    parse_prefix,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._assumed import Assumed
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._content import content_of, value_of
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._declaration import Host, Member

_DEFAULTS = {4: "0.0.0.0/0", 6: "::/0"}

Stack = dict[str, t.Any]


class Undescribed:
    """The stacks of hosts of which nothing is described: made once for all whose memberships ask the same of them."""

    def __init__(self) -> None:
        self._known: dict[t.Any, bytes] = {}

    def complete(self, host: Host, members: list[Member]) -> tuple[dict[str, Stack], list[Assumed]]:
        """As complete_stacks does, whose documents are the caller's to change."""
        if host.stacks or host.knows_by_facts:
            return complete_stacks(host, members)
        asked = tuple([(one.namespace, one.socket_namespace, one.advertise, one.exit_families) for one in members])
        content = self._known.get(asked)
        if content is not None:
            return value_of(content), [_made_up(host)]
        stacks, assumed = complete_stacks(host, members)
        content = content_of(stacks)
        if content is not None and assumed == [_made_up(host)]:
            self._known[asked] = content
        return stacks, assumed


def _made_up(host: Host) -> Assumed:
    return Assumed("underlay", host.name, host.name)


def complete_stacks(host: Host, members: Iterable[Member]) -> tuple[dict[str, Stack], list[Assumed]]:
    """The document's ``namespaces`` of a host, and what had to be assumed for them. members: its present ones."""
    members = list(members)
    assumed: list[Assumed] = []
    sockets = {member.socket_namespace for member in members}
    names = {"", *sockets, *host.stacks, *(member.namespace for member in members)}
    stacks = {}
    for name in sorted(names):
        stack = copy.deepcopy(dict(host.stacks[name])) if name in host.stacks else {}
        if name == "" and host.knows_by_facts:
            assumed.append(Assumed("facts", host.name, host.name))
        advertised = sorted({p for member in members if member.namespace == name for p in member.advertise})
        if (name == "" or name in sockets) and "routes" not in stack:
            made_up = _add_default_routes(stack, host.name, advertised, assumed)
            if made_up and any(member.namespace == name and member.exit_families for member in members):
                stack["masquerade"] = [made_up]
                assumed.append(Assumed("masquerade", host.name, host.name))
        # A LAN that hangs on another stack of the host does not hang here, too: then there is no way to it.
        others = [other for space, other in host.stacks.items() if space != name]
        missing = [
            prefix
            for prefix in advertised
            if not _leads_to(stack, prefix) and not any(_is_connected(other, prefix) for other in others)
        ]
        if missing:
            _add_lan(stack, host.name, missing, assumed)
        if advertised or any(stack.get("addresses", {}).values()):
            stack["advertise"] = [str(prefix) for prefix in advertised]
        stacks[name] = stack
    return stacks, assumed


def _add_default_routes(stack: Stack, host: str, advertised: list[Prefix], assumed: list[Assumed]) -> t.Optional[str]:
    """By the one described device that is no LAN of ours, else by a device that is made up, which is returned."""
    made_up = None
    outward = _outward_devices(stack, advertised)
    if len(outward) == 1:
        device, families = next(iter(outward.items()))
        assumed.append(Assumed("default_route", host, f"{device} of {host}"))
    else:
        device, families = _free_name(stack, "underlay"), (4, 6)
        made_up = device
        stack.setdefault("addresses", {})[device] = []
        assumed.append(Assumed("underlay", host, host))
    stack["routes"] = [{"destination": _DEFAULTS[family], "device": device} for family in families]
    return made_up


def _outward_devices(stack: Stack, advertised: list[Prefix]) -> dict[str, tuple[int, ...]]:
    found = {}
    for device, texts in stack.get("addresses", {}).items():
        connected = [parse_interface_address(text).prefix for text in texts]
        outside = [prefix for prefix in connected if not any(lan.contains(prefix) for lan in advertised)]
        if outside and device != "lo":
            found[device] = tuple(sorted({prefix.family for prefix in outside}))
    return found


def _is_connected(stack: Mapping[str, t.Any], prefix: Prefix) -> bool:
    connected = (parse_interface_address(text).prefix for held in stack.get("addresses", {}).values() for text in held)
    return any(one.contains(prefix) for one in connected)


def _leads_to(stack: Stack, prefix: Prefix) -> bool:
    """Whether a connected prefix or a described route that is no default covers the prefix."""
    if _is_connected(stack, prefix):
        return True
    destinations = (
        parse_prefix(r["destination"]) for r in stack.get("routes", ()) if r.get("type", "unicast") == "unicast"
    )
    return any(destination.length and destination.contains(prefix) for destination in destinations)


def _add_lan(stack: Stack, host: str, prefixes: list[Prefix], assumed: list[Assumed]) -> None:
    device = _free_name(stack, "lan")
    stack.setdefault("addresses", {})[device] = []
    stack.setdefault("routes", []).extend({"destination": str(prefix), "device": device} for prefix in prefixes)
    assumed.extend(Assumed("lan", host, f"{prefix} of {host}") for prefix in prefixes)


def _free_name(stack: Stack, stem: str) -> str:
    taken = stack.get("addresses", {})
    return next(name for name in (f"{stem}{number}" for number in range(len(taken) + 1)) if name not in taken)
