# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""6xx: the pools that the addresses of a network come from."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    WIDTH,
    InterfaceAddress,
    Prefix,
    parse_prefix,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fib import LOOPBACK
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import FAMILIES, Interface, StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._likeness import doubtful_stacks
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import StackModel
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rules._rule import (
    ERROR,
    Case,
    Finding,
    Rule,
    listed,
    on_interface,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import (
    EMPTY,
    Intervals,
    contains,
    from_numbers,
    from_prefixes,
    subtract,
)

_LINK_LOCAL = parse_prefix("fe80::/10")


def _outside_pool(case: Case) -> t.Iterator[Finding]:
    for network, members in _with_pools(case):
        pools = case.fleet.pools[network]
        spaces = {family: from_prefixes(one for one in pools if one.family == family) for family in FAMILIES}
        for interface in members:
            outside = [one for one in interface.addresses if _is_outside(spaces[one.family], one)]
            if outside:
                which = [pool for pool in pools if pool.family in {one.family for one in outside}]
                yield on_interface(
                    interface,
                    f"{listed(one.address for one in outside)} of {interface.label} is not in the pool of network "
                    f"{network} ({listed(which)})",
                    f"give {interface.host} an address of the pool, or widen the pool",
                    prefixes=tuple(one.address.prefix for one in outside),
                )
        yield from _exhausted(network, pools, members)


def _with_pools(case: Case) -> t.Iterator[tuple[str, list[Interface]]]:
    """The networks that have a pool, with their interfaces."""
    members: dict[str, list[Interface]] = {}
    for interface in case.model.interfaces:
        members.setdefault(interface.network or "", []).append(interface)
    for network in sorted(case.fleet.pools):
        if case.fleet.pools[network] and network in members:
            yield network, members[network]


def _is_outside(space: Intervals, address: InterfaceAddress) -> bool:
    """A family without a pool claims nothing, and link-local addresses come from no pool."""
    return bool(space) and not contains(space, address.number) and not _LINK_LOCAL.contains(address.address.prefix)


def _exhausted(network: str, pools: t.Sequence[Prefix], members: list[Interface]) -> t.Iterator[Finding]:
    """Members that have no address in a family whose pool has none left."""
    for family in sorted({pool.family for pool in pools}):
        mine = [pool for pool in pools if pool.family == family]
        taken = [one.number for interface in members for one in interface.addresses if one.family == family]
        waiting = [interface for interface in members if not interface.addresses]
        if waiting and subtract(_assignable(mine), from_numbers(taken)) == EMPTY:
            first = waiting[0]
            yield on_interface(
                first,
                f"the pool {listed(mine)} of network {network} is exhausted: {listed(one.label for one in waiting)} "
                "can get no address of it",
                f"widen the pool of network {network}",
                prefixes=tuple(mine),
            )


def _assignable(pools: t.Iterable[Prefix]) -> Intervals:
    """The addresses of pools that hosts can have: not the first of a prefix, and in IPv4 not the last (RFC 3021)."""
    ends: list[int] = []
    pools = list(pools)
    for pool in pools:
        if WIDTH[pool.family] - pool.length > 1:
            ends += [pool.network, *([pool.last] if pool.family == 4 else [])]
    return subtract(from_prefixes(pools), from_numbers(ends))


def _pool_overlaps(case: Case) -> t.Iterator[Finding]:
    around = {
        stack.id: list(_around(stack))
        for stack in doubtful_stacks(case.model, lambda one: any(True for _prefix in _around(one)))
    }
    for network, members in _with_pools(case) if around else ():
        found: dict[tuple[Prefix, Prefix, str], list[StackId]] = {}
        for stack in dict.fromkeys(one for interface in members for one in _stacks_of(interface)):
            for prefix, what in around.get(stack, ()):
                for pool in case.fleet.pools[network]:
                    if pool.contains(prefix) or prefix.contains(pool):
                        found.setdefault((pool, prefix, what), []).append(stack)
        for (pool, prefix, what), stacks in found.items():
            yield Finding(
                host=stacks[0].host,
                namespace=stacks[0].namespace,
                prefixes=(prefix,),
                message=f"the pool {pool} of network {network} overlaps {prefix}, {what} of {listed(stacks)}: "
                "an address of the one may be an address of the other",
                hint=f"move the pool of network {network} or {prefix} so that they have nothing in common",
            )


def _stacks_of(interface: Interface) -> tuple[StackId, StackId]:
    return interface.stack, StackId(interface.host, interface.socket_namespace)


def _around(found: StackModel) -> t.Iterator[tuple[Prefix, str]]:
    """The prefixes that a stack has besides its tunnels, once each; single addresses and defaults are none."""
    advertised = [*(found.stack.advertise or ())]
    for interface in found.devices.values():
        advertised += interface.advertise or ()
    told: set[Prefix] = set()
    for device, held in found.stack.addresses.items():
        for address in held:
            prefix = address.prefix
            wide = 1 < prefix.length < WIDTH[prefix.family] and not _LINK_LOCAL.contains(prefix)
            if device != LOOPBACK and wide and prefix not in told:
                told.add(prefix)
                yield prefix, f"which is connected to {device}"
    for prefix in dict.fromkeys(advertised):
        if 1 < prefix.length < WIDTH[prefix.family] and prefix not in told:
            yield prefix, "which is behind the tunnel"


RULES = (
    Rule(
        id="WG602",
        name="outside-pool",
        severity=ERROR,
        summary="address outside its pool, or pool exhausted",
        decide=_outside_pool,
    ),
    Rule(
        id="WG604",
        name="pool-overlaps",
        severity=ERROR,
        summary="pool overlaps a LAN or the underlay",
        decide=_pool_overlaps,
    ),
)
