# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Full tunnels: WireGuard devices that take most of the public internet, and the part of it that they take.

"Most", because a list that leaves out a private range or an endpoint is a full tunnel as well as 0.0.0.0/0 or halves.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import parse_prefix
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import (
    FAMILIES,
    Interface,
    Route,
    StackId,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._likeness import doubtful_stacks
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model, StackModel
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._prefix_lists import NAMED
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rows import Row
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import (
    Intervals,
    everything,
    from_prefixes,
    intersect,
    size,
    subtract,
    union,
)

# RFC 1122, 3.2.1.3 and RFC 1112, 4: this network, loopback, and what never was unicast.
_NEVER_PUBLIC = ("0.0.0.0/8", "127.0.0.0/8", "240.0.0.0/4")
_GLOBAL_UNICAST = "2000::/3"  # RFC 4291, 2.4
# The source that a socket has before the kernel chooses one, so that no `from` of a rule matches.
UNBOUND = 0
# Routes and AllowedIPs of this length and shorter are defaults: whole ones and the halves of wg-quick(8).
DEFAULT_LENGTH = 1


def _prefixes(family: int, *names: str) -> Intervals:
    texts = [text for name in names for text in NAMED[name]]
    return from_prefixes(one for one in map(parse_prefix, texts) if one.family == family)


PRIVATE: dict[int, Intervals] = {family: _prefixes(family, "private", "cgnat", "link_local") for family in FAMILIES}
INTERNET: dict[int, Intervals] = {
    4: subtract(
        everything(4),
        union(PRIVATE[4], _prefixes(4, "multicast"), from_prefixes(map(parse_prefix, _NEVER_PUBLIC))),
    ),
    6: from_prefixes([parse_prefix(_GLOBAL_UNICAST)]),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FullTunnel:
    """A device that takes most of what a stack itself sends to the internet. destinations: what it takes of it."""

    stack: StackId
    family: int
    interface: Interface
    destinations: Intervals


def find_full_tunnels(model: Model) -> tuple[FullTunnel, ...]:
    """Every full tunnel, in document order; computed once per fleet."""
    memo = model.fleet.memo
    if "full_tunnels" not in memo:
        memo["full_tunnels"] = tuple(_find(model))
    found: tuple[FullTunnel, ...] = memo["full_tunnels"]
    return found


def _find(model: Model) -> t.Iterator[FullTunnel]:
    for stack in doubtful_stacks(model, lambda one: _may_be_full(model, one)):
        for family in FAMILIES:
            if not any(takes_internet(model, interface, family) for interface in stack.devices.values()):
                continue
            for decision, part in stack.fib.split(family, UNBOUND, INTERNET[family]).items():
                interface = stack.devices.get(decision.device or "")
                if interface is not None and is_most(part, family):
                    yield FullTunnel(stack=stack.id, family=family, interface=interface, destinations=part)


def _may_be_full(model: Model, stack: StackModel) -> bool:
    return any(may_take_internet(model, one, family) for one in stack.devices.values() for family in FAMILIES)


def takes_internet(model: Model, interface: Interface, family: int) -> bool:
    """Whether the AllowedIPs of an interface hold most of the internet, whatever its routes say."""
    if not may_take_internet(model, interface, family):
        return False
    cryptokey = model.cryptokey(interface)
    if _is_most(_held(model, interface, family) - size(cryptokey.left_out(family)), family):
        return True
    return is_most(intersect(cryptokey.covered(family), INTERNET[family]), family)


def may_take_internet(model: Model, interface: Interface, family: int) -> bool:
    """Whether they do where nothing is left out of the rows: the same for all interfaces with these rows."""
    return _is_most(_held(model, interface, family), family)


def _held(model: Model, interface: Interface, family: int) -> int:
    """How many public addresses the rows of an interface hold."""
    cryptokey = model.cryptokey(interface)
    memo: dict[tuple[t.Any, ...], int] = model.fleet.memo.setdefault("held_internet", {})
    key = family, cryptokey.rows
    if key not in memo:
        memo[key] = size(union(*(_coverage(model, row, family) for row in cryptokey.shared_rows())))
    return memo[key]


def _coverage(model: Model, row: Row, family: int) -> Intervals:
    """The public addresses that a row holds; the same for all that share it."""
    memo: dict[tuple[int, int], Intervals] = model.fleet.memo.setdefault("coverage", {})
    key = id(row), family
    if key not in memo:
        covered = row.partition(family).where(lambda owner: owner is not None)
        memo[key] = intersect(covered, INTERNET[family])
    return memo[key]


def is_most(part: Intervals, family: int) -> bool:
    """Whether a part of the public internet is more than three quarters of it; half of the space is none."""
    return _is_most(size(part), family)


def _is_most(count: int, family: int) -> bool:
    return count * 4 > size(INTERNET[family]) * 3


def default_routes(stack: StackModel, interface: Interface, family: int) -> list[Route]:
    """The routes of a stack that lead the default, or a half of it, into a device, and those that follow AllowedIPs."""
    return [
        route
        for route in stack.fib.routes
        if route.device == interface.name
        and (
            route.destination is None
            or (route.destination.family == family and route.destination.length <= DEFAULT_LENGTH)
        )
    ]
