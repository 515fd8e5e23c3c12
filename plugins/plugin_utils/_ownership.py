# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each stack owns in each network, decided on the bare document.

A stack owns its WireGuard addresses and what it advertises. Where nothing is said about advertising, it owns the
connected prefixes of its other devices that equal, contain or lie inside an AllowedIPs entry of another host, unless
that entry is as good as a default route.
"""

from __future__ import annotations

import typing as t
from bisect import bisect_left
from dataclasses import dataclass, field

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import WIDTH, Prefix, mask
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._cryptokey_document import is_own
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import (
    FAMILIES,
    Fleet,
    Interface,
    StackId,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._partition import Partition
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import (
    EMPTY,
    Intervals,
    from_prefixes,
    pairs,
    union,
)

# Entries of this length or shorter are defaults, not somebody's network.
_DEFAULT_LENGTH = 1
_NOTHING: dict[int, Intervals] = dict.fromkeys(FAMILIES, EMPTY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """What one stack owns in one network: its own addresses, and the prefixes behind it."""

    stack: StackId
    prefixes: tuple[Prefix, ...]
    own: dict[int, Intervals]
    behind: dict[int, Intervals]
    both: dict[int, Intervals]

    def everything(self, family: int) -> Intervals:
        return self.both[family]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkOwnership:
    """One network: who owns what in it."""

    name: str
    stacks: dict[StackId, Owned]
    owners: dict[int, Partition] = field(repr=False)
    total: dict[int, Intervals] = field(repr=False)
    contested: dict[int, Intervals] = field(repr=False)

    @classmethod
    def of(cls, name: str, stacks: dict[StackId, Owned]) -> NetworkOwnership:
        """stacks: sorted."""
        alone = {family: _single_owners(stacks, family) for family in FAMILIES}
        owners = {family: alone[family] or _owners(stacks, family) for family in FAMILIES}
        return cls(
            name=name,
            stacks=stacks,
            owners=owners,
            total={family: owners[family].where(lambda found: found is not None) for family in FAMILIES},
            contested={
                family: EMPTY
                if alone[family]
                else owners[family].where(lambda found: found is not None and len(found) > 1)
                for family in FAMILIES
            },
        )

    def owned(self, stack: StackId, family: int) -> Intervals:
        """What a stack owns here; nothing where it is not in the network."""
        found = self.stacks.get(stack)
        return EMPTY if found is None else found.both[family]


class Ownership:
    """All networks of a fleet; one per fleet, kept in its memo."""

    def __init__(self, networks: dict[str, NetworkOwnership]) -> None:
        self.networks = networks

    @classmethod
    def of(cls, model: Model) -> Ownership:
        """The ownership of a model's fleet, computed once."""
        memo = model.fleet.memo
        if "ownership" not in memo:
            memo["ownership"] = cls(_Reading(model).networks())
        found: Ownership = memo["ownership"]
        return found

    @classmethod
    def declared(cls, owned: dict[str, dict[StackId, Owned]]) -> Ownership:
        """By network, what has been decided elsewhere."""
        return cls({name: NetworkOwnership.of(name, dict(sorted(owned[name].items()))) for name in sorted(owned)})

    def anywhere(self, stack: StackId) -> list[Owned]:
        """What a stack owns, network by network."""
        return [network.stacks[stack] for network in self.networks.values() if stack in network.stacks]


class _Reading:
    """Reads out of the document what each stack owns."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._listed = _ListedPrefixes(model.fleet)

    def networks(self) -> dict[str, NetworkOwnership]:
        grouped: dict[str, dict[StackId, list[Interface]]] = {}
        for interface in self._model.interfaces:
            if interface.network is not None:
                grouped.setdefault(interface.network, {}).setdefault(interface.stack, []).append(interface)
        return {name: self._network(name, stacks) for name, stacks in sorted(grouped.items())}

    def _network(self, name: str, stacks: dict[StackId, list[Interface]]) -> NetworkOwnership:
        return NetworkOwnership.of(
            name, {stack: self._owned(stack, interfaces) for stack, interfaces in sorted(stacks.items())}
        )

    def _owned(self, stack: StackId, interfaces: list[Interface]) -> Owned:
        addresses = [
            Prefix(family, number, WIDTH[family])
            for interface in interfaces
            for family, number, _length in interface.addresses
        ]
        declared = [interface.advertise for interface in interfaces if interface.advertise is not None]
        held = self._model.stacks[stack].stack
        if declared:
            behind = [prefix for prefixes in declared for prefix in prefixes]
        elif held.advertise is not None:
            behind = list(held.advertise)
        else:
            connected = {address.prefix for addresses in held.addresses.values() for address in addresses}
            behind = sorted([prefix for prefix in connected if self._listed.relates(prefix, stack.host)])
        inside, outside = _by_family(addresses), _by_family(behind) if behind else _NOTHING
        return Owned(
            stack=stack,
            prefixes=tuple(sorted({*addresses, *behind})) if behind or len(addresses) > 1 else tuple(addresses),
            own=inside,
            behind=outside,
            both={family: union(inside[family], outside[family]) for family in FAMILIES} if behind else inside,
        )


def _by_family(prefixes: list[Prefix]) -> dict[int, Intervals]:
    if len(prefixes) == 1:
        # Nearly every spoke of a hub.
        ((family, network, length),) = prefixes
        return {**_NOTHING, family: (network, network + (1 << WIDTH[family] - length))}
    return {family: from_prefixes([one for one in prefixes if one.family == family]) for family in FAMILIES}


class _ListedPrefixes:
    """Which AllowedIPs entries exist, and which hosts list them; built when first asked."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._hosts: dict[Prefix, set[str]] | None = None
        self._lengths: dict[int, list[int]] = {}
        self._sorted: dict[int, list[Prefix]] = {}

    def relates(self, prefix: Prefix, host: str) -> bool:
        """Whether an entry of another host equals, contains or lies inside the prefix."""
        if self._hosts is None:
            self._hosts = self._read()
            for family in FAMILIES:
                self._sorted[family] = sorted(one for one in self._hosts if one.family == family)
                self._lengths[family] = sorted({one.length for one in self._sorted[family]})
        for length in self._lengths[prefix.family]:
            if length <= prefix.length:
                around = Prefix(prefix.family, mask(prefix.family, prefix.network, length), length)
                if self._hosts.get(around, set()) - {host}:
                    return True
        entries = self._sorted[prefix.family]
        index = bisect_left(entries, prefix)
        while index < len(entries) and entries[index].network <= prefix.last:
            if self._hosts[entries[index]] - {host}:
                return True
            index += 1
        return False

    def _read(self) -> dict[Prefix, set[str]]:
        """At most two hosts are kept per entry: enough to know whether another one lists it."""
        found: dict[Prefix, set[str]] = {}

        def add(prefixes: t.Iterable[Prefix], host: str) -> None:
            for prefix in prefixes:
                if prefix.length > _DEFAULT_LENGTH:
                    hosts = found.setdefault(prefix, set())
                    if len(hosts) < 2:
                        hosts.add(host)

        members: dict[str, list[Interface]] = {}
        for interface in self._fleet.interfaces():
            for peer in interface.peers:
                if is_own(interface, peer):
                    continue
                add(peer.allowed_ips, interface.host)
                add(self._fleet.prefix_sets.get(peer.allowed_ips_set or "", ()), interface.host)
            if interface.peer_group is not None:
                members.setdefault(interface.peer_group, []).append(interface)
        for name, interfaces in members.items():
            overridden = {one: {peer.ident for peer in one.peers} for one in interfaces if one.peers}
            for peer in self._fleet.peer_groups[name]:
                listing: dict[str, None] = {}
                for one in interfaces:
                    if len(listing) == 2:
                        break
                    # An entry of its own takes the place of the row's.
                    if not is_own(one, peer) and peer.ident not in overridden.get(one, ()):
                        listing[one.host] = None
                for host in listing:
                    add(peer.allowed_ips, host)
                    add(self._fleet.prefix_sets.get(peer.allowed_ips_set or "", ()), host)
        return found


def _single_owners(owned: dict[StackId, Owned], family: int) -> Partition | None:
    """As _owners, where nothing has two owners; None where something has."""
    spans = sorted((low, high, stack) for stack, held in owned.items() for low, high in pairs(held.both[family]))
    starts, values = [0], [None]
    end = 0
    for low, high, stack in spans:
        if low < end:
            return None
        value: t.Any = (stack,)
        if low == starts[-1]:
            values[-1] = value
        else:
            starts.append(low)
            values.append(value)
        end = high
        if not high >> WIDTH[family]:
            starts.append(high)
            values.append(None)
    return Partition(WIDTH[family], starts, values)


def _owners(owned: dict[StackId, Owned], family: int) -> Partition:
    """Address -> the stacks that own it, as a tuple; None where nobody does."""
    edges: dict[int, list[tuple[bool, StackId]]] = {}
    for stack, held in owned.items():
        intervals = held.everything(family)
        for index, edge in enumerate(intervals):
            edges.setdefault(edge, []).append((index % 2 == 0, stack))
    starts, values = [0], [None]
    active: set[StackId] = set()
    for edge in sorted(edges):
        for opens, stack in edges[edge]:
            (active.add if opens else active.discard)(stack)
        if edge >> WIDTH[family]:
            break
        value: t.Any = tuple(sorted(active)) or None
        if starts[-1] == edge:
            values[-1] = value
        else:
            starts.append(edge)
            values.append(value)
    return Partition(WIDTH[family], starts, values)
