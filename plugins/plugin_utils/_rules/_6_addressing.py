# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""6xx: addressing."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._device_name import why_invalid
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import shown
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Address, Prefix, parse_prefix
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import FAMILIES, Interface, StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ownership import NetworkOwnership
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rules._rule import (
    ERROR,
    Case,
    Finding,
    Rule,
    on_interface,
)

_LINK_LOCAL = parse_prefix("fe80::/10")


def _same_address(case: Case) -> t.Iterator[Finding]:
    holders: dict[Address, list[Interface]] = {}
    for interface in case.model.interfaces:
        for address in interface.addresses:
            if not _LINK_LOCAL.contains(address.address.prefix):
                holders.setdefault(address.address, []).append(interface)
    for shared, found in holders.items():
        told: set[StackId] = set()
        for index, other in enumerate(found):
            rival = next((one for one in found[:index] if one.stack != other.stack and _meet(one, other)), None)
            if rival is None or other.stack in told:
                continue
            told.add(other.stack)
            yield on_interface(
                other,
                f"{shared} is an address of {other.label} and of {rival.label}; replies go to only one of them",
                f"give {other.label} an address of its own",
                peer=rival.host,
                prefixes=(shared.prefix,),
            )


def _meet(one: Interface, other: Interface) -> bool:
    """Networks that are told apart by name may repeat addresses."""
    return one.network is None or other.network is None or one.network == other.network


def _overlapping_owners(case: Case) -> t.Iterator[Finding]:
    for network in case.ownership.networks.values():
        told: set[tuple[StackId, StackId]] = set()
        for family in FAMILIES:
            if not network.contested[family]:
                continue
            for outer, inner, first, second in _overlaps(network, family):
                if outer == inner and _is_host(outer) and _both_addresses(case, first, second, outer):
                    continue
                if (first, second) in told:
                    continue
                told.add((first, second))
                same = f"both own {inner}" if outer == inner else f"own {outer} and {inner}, which overlap"
                yield Finding(
                    host=second.host,
                    namespace=second.namespace,
                    peer=first.host,
                    prefixes=(inner,),
                    message=f"{first} and {second} {same} in network {network.name}; traffic goes to only one of them",
                    hint=f"renumber one of the two, or advertise {inner} from one host only",
                )


def _overlaps(network: NetworkOwnership, family: int) -> t.Iterator[tuple[Prefix, Prefix, StackId, StackId]]:
    """(outer, inner, who owns the outer, who the inner) of every pair that one sweep meets."""
    listed = sorted(
        (prefix, stack)
        for stack, owned in network.stacks.items()
        for prefix in owned.prefixes
        if prefix.family == family
    )
    around: list[tuple[Prefix, StackId]] = []
    for prefix, stack in listed:
        while around and not around[-1][0].contains(prefix):
            around.pop()
        other = next((one for one in reversed(around) if one[1] != stack), None)
        if other is not None:
            yield other[0], prefix, other[1], stack
        around.append((prefix, stack))


def _is_host(prefix: Prefix) -> bool:
    return prefix.network == prefix.last


def _both_addresses(case: Case, first: StackId, second: StackId, prefix: Prefix) -> bool:
    """Whether it is one address on two stacks, which WG601 tells."""
    return all(
        any(
            address.address.prefix == prefix
            for interface in case.model.stacks[stack].devices.values()
            for address in interface.addresses
        )
        for stack in (first, second)
    )


def _bad_name(case: Case) -> t.Iterator[Finding]:
    taken: dict[tuple[StackId, str], str] = {}
    for interface in case.model.interfaces:
        reason = why_invalid(interface.name)
        if reason:
            yield on_interface(
                interface,
                f"{shown(interface.name)} of {interface.host} is no interface name: it {reason}",
                "use up to 15 letters, digits, dashes and dots, such as wg0",
            )
        others = case.model.stacks[interface.stack].stack.addresses
        first = taken.setdefault((interface.stack, interface.name), interface.path)
        if first != interface.path or interface.name in others:
            other = "another WireGuard interface" if first != interface.path else "another device"
            yield on_interface(
                interface,
                f"{interface.label} has the name of {other} in the same namespace",
                "give every device of a namespace a name of its own",
            )


RULES = (
    Rule(
        id="WG601",
        name="address-twice",
        severity=ERROR,
        summary="one address on two stacks",
        decide=_same_address,
    ),
    Rule(
        id="WG605",
        name="owners-overlap",
        severity=ERROR,
        summary="two stacks of one network own overlapping prefixes",
        decide=_overlapping_owners,
    ),
    Rule(
        id="WG609",
        name="interface-name",
        severity=ERROR,
        summary="interface name longer than 15 bytes, invalid, or twice in a namespace",
        decide=_bad_name,
    ),
)
