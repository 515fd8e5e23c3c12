# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""6xx: addressing."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._device_name import why_invalid
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import shown
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    Address,
    InterfaceAddress,
    Prefix,
    parse_prefix,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import FAMILIES, Interface, StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._likeness import doubtful_interfaces, doubtful_stacks
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import StackModel
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ownership import NetworkOwnership
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rules._rule import (
    ERROR,
    WARNING,
    Case,
    Finding,
    Rule,
    listed,
    on_interface,
)

_LINK_LOCAL = parse_prefix("fe80::/10")
# The longest prefixes that have a network and a broadcast address (RFC 3021), and a subnet-router anycast address.
_WITH_BROADCAST, _WITH_ANYCAST = 30, 126


def _same_address(case: Case) -> t.Iterator[Finding]:
    held = [(one.family, one.number) for interface in case.model.interfaces for one in interface.addresses]
    if len(set(held)) == len(held):
        return
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
    owned_prefixes = sorted(
        (prefix, stack)
        for stack, owned in network.stacks.items()
        for prefix in owned.prefixes
        if prefix.family == family
    )
    around: list[tuple[Prefix, StackId]] = []
    for prefix, stack in owned_prefixes:
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


def _end_of_prefix(case: Case) -> t.Iterator[Finding]:
    for stack in doubtful_stacks(case.model, _has_ends):
        held = list(_held(stack))
        broadcasts = {
            address.prefix.last: (address.prefix, device)
            for device, _interface, address in held
            if address.family == 4 and address.length <= _WITH_BROADCAST
        }
        for device, interface, address in held:
            reason = _why_no_host(address, broadcasts)
            if reason:
                yield Finding(
                    host=stack.id.host,
                    namespace=stack.id.namespace,
                    interface=None if interface is None else interface.name,
                    prefixes=(address.address.prefix,),
                    message=f"{address.address} on {device} of {stack.id} {reason}",
                    hint=f"give {device} of {stack.id} another address",
                )


def _has_ends(stack: StackModel) -> bool:
    """Whether some address has a prefix with a network, a broadcast or an anycast address."""
    longest = {4: _WITH_BROADCAST, 6: _WITH_ANYCAST}
    return any(address.length <= longest[address.family] for _device, _interface, address in _held(stack))


def _held(stack: StackModel) -> t.Iterator[tuple[str, Interface | None, InterfaceAddress]]:
    """Every address of a stack with its device."""
    for device, addresses in stack.stack.addresses.items():
        yield from ((device, None, address) for address in addresses)
    for interface in stack.devices.values():
        yield from ((interface.name, interface, address) for address in interface.addresses)


def _why_no_host(address: InterfaceAddress, broadcasts: dict[int, tuple[Prefix, str]]) -> str:
    """Why an address is no ordinary one: an end of its own prefix, or the broadcast address of another (RFC 1122)."""
    prefix = address.prefix
    if address.family == 6:
        is_anycast = address.length <= _WITH_ANYCAST and address.number == prefix.network
        return f"is the subnet-router anycast address of {prefix} (RFC 4291, 2.6.1)" if is_anycast else ""
    if address.length <= _WITH_BROADCAST and address.number == prefix.network:
        return f"is the network address of {prefix}"
    if address.number not in broadcasts:
        return ""
    other, device = broadcasts[address.number]
    if other == prefix:
        return f"is the broadcast address of {prefix}"
    return f"is the broadcast address of {other} on {device}; the kernel makes no connected route for it"


def _disabled_family(case: Case) -> t.Iterator[Finding]:
    for stack in case.model.stacks.values():
        if stack.stack.ipv6:
            continue
        found = [(f"{address} on {device}", address.address.prefix) for device, address in _disabled(stack)]
        advertised = [*(stack.stack.advertise or ())]
        for interface in stack.devices.values():
            advertised += interface.advertise or ()
        found += [(f"{prefix} behind it", prefix) for prefix in dict.fromkeys(advertised) if prefix.family == 6]
        found += [
            (f"a route to {route.destination}", route.destination)
            for route in stack.stack.routes
            if route.destination is not None and route.destination.family == 6 and route.type == "unicast"
        ]
        if found:
            device = next((one for one in stack.devices.values() if any(a.family == 6 for a in one.addresses)), None)
            yield Finding(
                host=stack.id.host,
                namespace=stack.id.namespace,
                interface=None if device is None else device.name,
                prefixes=tuple(prefix for _what, prefix in found),
                message=f"IPv6 is disabled on {stack.id}, but it is to have {listed(what for what, _prefix in found)}",
                hint=f"take what is IPv6 away from {stack.id}, or enable it there (ipv6: true)",
            )


def _disabled(stack: StackModel) -> t.Iterator[tuple[str, InterfaceAddress]]:
    for device, addresses in stack.stack.disabled.items():
        yield from ((device, address) for address in addresses)
    for interface in stack.devices.values():
        yield from ((interface.name, address) for address in interface.addresses if address.family == 6)


def _bad_name(case: Case) -> t.Iterator[Finding]:
    for interface in doubtful_interfaces(case.model, lambda one: _may_be_bad_name(case, one)):
        reason = why_invalid(interface.name)
        if reason:
            yield on_interface(
                interface,
                f"{shown(interface.name)} of {interface.host} is no interface name: it {reason}",
                "use up to 15 letters, digits, dashes and dots, such as wg0",
            )
        stack = case.model.stacks[interface.stack]
        is_second = stack.devices[interface.name] is not interface
        if is_second or interface.name in stack.stack.addresses:
            other = "another WireGuard interface" if is_second else "another device"
            yield on_interface(
                interface,
                f"{interface.label} has the name of {other} in the same namespace",
                "give every device of a namespace a name of its own",
            )


def _may_be_bad_name(case: Case, interface: Interface) -> bool:
    stack = case.model.stacks[interface.stack]
    taken = interface.name in stack.stack.addresses or stack.devices[interface.name] is not interface
    return taken or bool(why_invalid(interface.name))


RULES = (
    Rule(
        id="WG601",
        name="address-twice",
        severity=ERROR,
        summary="one address on two stacks",
        decide=_same_address,
    ),
    Rule(
        id="WG603",
        name="no-host-address",
        severity=WARNING,
        summary="network or broadcast address assigned",
        decide=_end_of_prefix,
    ),
    Rule(
        id="WG605",
        name="owners-overlap",
        severity=ERROR,
        summary="two stacks of one network own overlapping prefixes",
        decide=_overlapping_owners,
    ),
    Rule(
        id="WG608",
        name="disabled-family",
        severity=ERROR,
        summary="IPv6 declared where it is disabled",
        decide=_disabled_family,
    ),
    Rule(
        id="WG609",
        name="interface-name",
        severity=ERROR,
        summary="interface name longer than 15 bytes, invalid, or twice in a namespace",
        decide=_bad_name,
    ),
)
