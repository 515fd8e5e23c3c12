# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which source address the kernel gives to what a host itself sends: by the route, else by the device.

IPv4: inet_select_addr in net/ipv4/devinet.c. IPv6: RFC 6724 as ipv6_dev_get_saddr in net/ipv6/addrconf.c has it, as
far as a document can tell: the scope, the outgoing device, the label, the longest match.
"""

from __future__ import annotations

import functools
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    WIDTH,
    InterfaceAddress,
    mask,
    parse_address,
    parse_prefix,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Route
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import StackModel
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._partition import Partition, combine
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import Intervals

_LINK_LOCAL = parse_prefix("fe80::/10")
# ip6addrlbl_init_table in net/ipv6/addrlabel.c, but for IPv4-mapped addresses, which no document may hold.
_LABELS = {
    "::/0": 1, "fc00::/7": 5, "2002::/16": 2, "2001::/32": 6, "2001:10::/28": 7, "::/96": 3,
    "::1/128": 0, "fec0::/10": 11, "3ffe::/16": 12,
}  # fmt: skip


class Choice(t.NamedTuple):
    """Destinations, and the source that packets to them get: one of several where a document cannot tell."""

    destinations: Intervals
    sources: tuple[int, ...]


def default_sources(stack: StackModel, route: Route, family: int, destinations: Intervals) -> list[Choice] | None:
    """What the kernel chooses for destinations of one route; None where too little of the stack is described."""
    if route.source is not None and route.source.family == family:
        return [Choice(destinations, (route.source.number,))]
    own = addresses_of(stack, route.device or "", family)
    if own is None:
        return None
    if not own:
        others = [addresses_of(stack, device, family) for device in _devices(stack) if device != route.device]
        own = [address for found in others if found for address in found]
        if None in others or not own:
            return None
        if family == 4:
            return [Choice(destinations, tuple(sorted({address.number for address in own})))]
    return [Choice(destinations, (_first(own, route),))] if family == 4 else _by_rfc6724(own, destinations)


def addresses_of(stack: StackModel, device: str, family: int) -> list[InterfaceAddress] | None:
    """The addresses of a device that packets to other hosts may get, in order; None where nobody describes it."""
    interface = stack.devices.get(device)
    held = stack.stack.addresses.get(device) if interface is None else interface.addresses
    if not held and interface is None:
        return None
    usable = (one for one in held or () if one.family == family and (family == 4 or stack.stack.ipv6))
    return [one for one in usable if not (family == 6 and _LINK_LOCAL.contains(one.address.prefix))]


def _devices(stack: StackModel) -> list[str]:
    named = (route.device for route in stack.stack.routes if route.device is not None)
    return list(dict.fromkeys((*stack.stack.addresses, *stack.devices, *named)))


def _first(own: list[InterfaceAddress], route: Route) -> int:
    """The first address, but the first in the gateway's network where there is one."""
    if route.gateway is not None:
        gateway = parse_address(route.gateway).prefix
        for address in own:
            if address.prefix.contains(gateway):
                return address.number
    return own[0].number


def _by_rfc6724(own: list[InterfaceAddress], destinations: Intervals) -> list[Choice]:
    """Rules 6 and 8; the match counts as far as the address's own prefix goes (IPV6_SADDR_RULE_PREFIX)."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for low, high, (_score, numbers) in _best(tuple(own)).clipped(destinations):
        group = groups.setdefault(numbers, [])
        if group and group[-1] == low:
            group[-1] = high
        else:
            group += (low, high)
    return [Choice(tuple(part), numbers) for numbers, part in groups.items()]


@functools.lru_cache(maxsize=64)
def _best(own: tuple[InterfaceAddress, ...]) -> Partition:
    """Destination -> (the best score, the numbers of the addresses that have it). Halves, so that many cost little."""
    if len(own) == 1:
        number = own[0].number
        return _scores(own[0]).map(lambda score: (score, (number,)))
    half = len(own) // 2
    return combine(_best(own[:half]), _best(own[half:]), _better)


def _scores(address: InterfaceAddress) -> Partition:
    """Destination -> (whether it has the label of the address, how many bits they have in common)."""
    lengths = [(mask(6, address.number, length), length, length) for length in range(address.length + 1)]
    match = Partition.of_prefixes(WIDTH[6], lengths)
    label = _LABEL.at(address.number)
    return combine(_LABEL, match, lambda one, length: (int(one == label), length))


def _better(one: t.Any, other: t.Any) -> t.Any:
    if one[0] == other[0]:
        return one[0], one[1] + other[1]
    return one if one[0] > other[0] else other


_LABEL = Partition.of_prefixes(
    WIDTH[6],
    [(prefix.network, prefix.length, label) for text, label in _LABELS.items() for prefix in [parse_prefix(text)]],
)
