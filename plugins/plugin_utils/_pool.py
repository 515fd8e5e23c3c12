# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses out of a network's pool, for members and external peers that declare none.

A name that the previous plan knows keeps its address, whatever else has changed; only a pool that no longer holds it
takes it away. Any other name gets one that is drawn from its own hash, past whatever is taken: so it depends neither
on the order of the hosts nor, but for a collision, on which others there are. Only a plan that is kept rules
collisions out: that is what the ledger says.
"""

from __future__ import annotations

import hashlib
import typing as t
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import WIDTH, InterfaceAddress, Prefix
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._assumed import Assumed
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._declaration import (
    Host,
    Inventory,
    Member,
    Network,
    whole_network,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._reader import Problem
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import (
    Intervals,
    contains,
    from_numbers,
    from_prefixes,
    intersect,
    pairs,
    size,
    subtract,
    union,
)

# How often a name is drawn again before the next free address is taken: a pool that is 90 % full needs ten draws.
_DRAWS = 64

Held = dict[str, tuple[InterfaceAddress, ...]]


class Allocation(t.NamedTuple):
    """inventory: with an address for everybody who could get one; problems are in it. assumed: who rests on a hash."""

    inventory: Inventory
    assumed: list[Assumed]


def allocate(inventory: Inventory, previous: Fleet | None) -> Allocation:
    """previous: the fleet of the plan before."""
    remembered = _Remembered(previous)
    problems: list[Problem] = []
    assumed: list[Assumed] = []
    held: dict[str, Held] = {}
    for network in inventory.networks.values():
        members = inventory.members(network.name)
        pooled = _pooled(network, members)
        if pooled:
            drawn = _Pool(network, members)
            kept = drawn.keep({name: remembered.addresses(network.name, name) for name in pooled})
            held[network.name] = {name: tuple(drawn.addresses(name, kept[name])) for name in pooled}
            assumed += [Assumed("hashed", name, name) for name in sorted(drawn.hashed)]
            problems += [_exhausted(network, members, name, family) for name, family in drawn.missing]
    if not held:
        return Allocation(inventory, [])
    hosts = {name: _with_addresses(host, held) for name, host in inventory.hosts.items()}
    networks = {name: _with_prefixes(network, held.get(name, {})) for name, network in inventory.networks.items()}
    changed = replace(inventory, hosts=hosts, networks=networks, problems=(*inventory.problems, *problems))
    return Allocation(changed, assumed)


def _pooled(network: Network, members: Mapping[str, Member]) -> list[str]:
    found = [name for name, member in members.items() if member.pooled]
    return sorted(found + [peer.name for peer in network.external_peers if peer.pooled])


def _with_addresses(host: Host, held: Mapping[str, Held]) -> Host:
    members = {
        network: replace(member, addresses=held[network][host.name])
        if host.name in held.get(network, {}) and member.pooled and member.state == "present"
        else member
        for network, member in host.members.items()
    }
    return replace(host, members=members)


def _with_prefixes(network: Network, held: Held) -> Network:
    peers = (
        replace(peer, prefixes=tuple(sorted(one.address.prefix for one in held[peer.name])))
        if peer.pooled and peer.name in held
        else peer
        for peer in network.external_peers
    )
    return replace(network, external_peers=tuple(peers))


def _exhausted(network: Network, members: Mapping[str, Member], name: str, family: int) -> Problem:
    prefixes = [prefix for prefix in network.pool if prefix.family == family]
    pool = ", ".join(map(str, prefixes))
    everybody_else = all(not _range(network, members, prefix).capacity for prefix in prefixes)
    why = "has no free address any more"
    if everybody_else:
        why = "is all reserved, advertised by a member or behind an external peer"
    member = members.get(name)
    path = f"wireguard_networks.{network.name}.external_peers.{name}" if member is None else member.path
    return Problem(
        path=f"{path}.addresses",
        host="" if member is None else name,
        reason=f"is left to the pool of network {network.name}, where {pool} {why}",
        remedy="add a prefix to the pool: what is allocated stays where it is",
        rule="WG602",
    )


class _Remembered:
    """The addresses that the previous plan gave, by network and name."""

    def __init__(self, previous: Fleet | None) -> None:
        self._found: dict[tuple[str, str], list[InterfaceAddress]] = {}
        for interface in previous.interfaces() if previous else ():
            network = whole_network(interface.network or "")
            self._found.setdefault((network, interface.host), []).extend(interface.addresses)
            for peer in interface.peers:
                if peer.managed is False:
                    single = (one for one in peer.allowed_ips if one.length == WIDTH[one.family])
                    addresses = [InterfaceAddress(one.family, one.network, one.length) for one in single]
                    self._found.setdefault((network, peer.name), []).extend(addresses)

    def addresses(self, network: str, name: str) -> list[InterfaceAddress]:
        return self._found.get((network, name), [])


@dataclass(slots=True, kw_only=True)
class _Range:
    """One prefix of a pool. left_out: what nobody is given; capacity: how many are left. taken: what somebody has."""

    prefix: Prefix
    left_out: Intervals
    capacity: int
    taken: set[int]

    def take(self, number: int) -> None:
        if self.prefix.network <= number <= self.prefix.last and not contains(self.left_out, number):
            self.taken.add(number)

    def draw(self, seed: str) -> int | None:
        """The first free address that the seed leads to; None where there is none."""
        if len(self.taken) >= self.capacity:
            return None
        count = self.prefix.last + 1 - self.prefix.network
        number = self.prefix.network
        for attempt in range(_DRAWS):
            digest = hashlib.sha256(f"{seed}\0{self.prefix}\0{attempt}".encode()).digest()
            number = self.prefix.network + int.from_bytes(digest, "big") % count
            if number not in self.taken and not contains(self.left_out, number):
                return number
        free = subtract((self.prefix.network, self.prefix.last + 1), union(self.left_out, from_numbers(self.taken)))
        later = intersect(free, (number, self.prefix.last + 1))
        return next(low for low, _high in pairs(later or free))


class _Pool:
    """The pool of one network while it is given out."""

    def __init__(self, network: Network, members: Mapping[str, Member]) -> None:
        self.hashed: set[str] = set()
        self.missing: list[tuple[str, int]] = []
        self._network = network
        self._ranges = [_range(network, members, prefix) for prefix in dict.fromkeys(network.pool)]
        self._kept: set[tuple[int, int]] = set()
        for member in members.values():
            for address in member.addresses:
                self._take(address)

    def keep(self, wanted: Mapping[str, list[InterfaceAddress]]) -> dict[str, dict[int, InterfaceAddress]]:
        """By name and family, the addresses that stay; all of them are taken before anything is drawn."""
        kept: dict[str, dict[int, InterfaceAddress]] = {}
        for name, addresses in sorted(wanted.items()):
            kept[name] = {}
            for address in addresses:
                place = (address.family, address.number)
                if self._holds(address) and address.family not in kept[name] and place not in self._kept:
                    self._kept.add(place)
                    kept[name][address.family] = _single(*place)
                    self._take(address)
        return kept

    def addresses(self, name: str, kept: Mapping[int, InterfaceAddress]) -> Iterator[InterfaceAddress]:
        for family in sorted({one.prefix.family for one in self._ranges}):
            address = kept.get(family) or self._drawn(name, family)
            if address is None:
                self.missing.append((name, family))
            else:
                yield address

    def _drawn(self, name: str, family: int) -> InterfaceAddress | None:
        for one in self._ranges:
            number = one.draw(f"{self._network.name}\0{name}") if one.prefix.family == family else None
            if number is not None:
                one.taken.add(number)
                self.hashed.add(name)
                return _single(family, number)
        return None

    def _holds(self, address: InterfaceAddress) -> bool:
        return any(one.prefix.contains(address.address.prefix) for one in self._ranges)

    def _take(self, address: InterfaceAddress) -> None:
        for one in self._ranges:
            if one.prefix.family == address.family:
                one.take(address.number)


def _single(family: int, number: int) -> InterfaceAddress:
    return InterfaceAddress(family, number, WIDTH[family])


def _range(network: Network, members: Mapping[str, Member], prefix: Prefix) -> _Range:
    """Left out is what is reserved, advertised or an external peer's, and the ends of the prefix that no host can have.

    The network and the broadcast address of IPv4 (not of a /31, RFC 3021), and of IPv6 the subnet-router anycast
    address (RFC 4291, 2.6.1).
    """
    used: Iterable[Prefix] = (
        *network.reserved,
        *(one for member in members.values() for one in member.advertise),
        *(one for peer in network.external_peers for one in peer.prefixes),
    )
    ends = []
    if prefix.length < WIDTH[prefix.family] - 1:
        ends = [prefix.network] if prefix.family == 6 else [prefix.network, prefix.last]
    whole = (prefix.network, prefix.last + 1)
    owned = from_prefixes(one for one in used if one.family == prefix.family)
    left_out = intersect(union(owned, from_numbers(ends)), whole)
    return _Range(prefix=prefix, left_out=left_out, capacity=size(subtract(whole, left_out)), taken=set())
