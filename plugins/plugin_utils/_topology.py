# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who speaks to whom, and whose traffic goes that way.

AllowedIPs decide both the way out and, by the source, what is let in. So a packet only arrives if every next hop is
symmetric: the path from s to t must be the path from t to s, reversed. Shortest paths alone do not give that where
two are equally short. Here every link has a number of its own, drawn from its name, and a path is as long as (its
cost, the sum of its links' numbers): no two paths are equally long, so there is one shortest path and it is the same
from both ends.
"""

from __future__ import annotations

import hashlib
import heapq
import typing as t
from collections.abc import Iterable, Mapping

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._declaration import Link, Member, Network

# Wide enough that the numbers of 2^32 links add up without reaching the cost, which stands above them.
_ID_BITS = 128
_COST_SHIFT = _ID_BITS + 32


class Neighbour(t.NamedTuple):
    """owners: the members, sorted, whose traffic goes to this peer; None stands for everybody but the observer."""

    peer: str
    owners: t.Optional[tuple[str, ...]]


class Topology(t.NamedTuple):
    """neighbours: by member, sorted; empty for a full mesh, where everybody speaks to everybody for himself alone.

    carried: by member, for whom it forwards; only members that forward at all. standby: by member, the peers that it
    keeps in readiness without any traffic: a spoke its next hub, and that hub the spoke.
    """

    is_mesh: bool
    members: tuple[str, ...]
    neighbours: Mapping[str, tuple[Neighbour, ...]]
    carried: Mapping[str, frozenset[str]]
    standby: Mapping[str, tuple[str, ...]]


def build_topology(network: Network, members: Mapping[str, Member]) -> Topology:
    """members: the present ones. Hubs and links of hosts that have left the network are passed over."""
    names = tuple(sorted(members))
    if network.topology == "mesh":
        return Topology(True, names, {}, {}, {})
    if network.topology == "hub":
        orders = hub_orders(network, members)
        return _hub(names, {name: next(iter(order), None) for name, order in orders.items()}, _standby(orders))
    links = [link for link in network.links if link.one in members and link.other in members]
    return _graph(network.name, names, links)


def hub_orders(network: Network, members: Mapping[str, Member]) -> dict[str, tuple[str, ...]]:
    """For every member its hubs in the order of preference: of its own list, then of the network's, those there are.

    It is behind the first; the second is its backup. A hub is its own and has no backup.
    """
    hubs = tuple(hub for hub in network.hubs if hub in members)
    known = frozenset(hubs)
    orders = {}
    for name, member in members.items():
        preferred = tuple(dict.fromkeys(hub for hub in (*member.hubs, *hubs) if hub in known)) if member.hubs else hubs
        orders[name] = (name,) if name in known else preferred
    return orders


def _standby(orders: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """One backup each: all hubs of a spoke would be a list as long as spokes times hubs."""
    found: dict[str, list[str]] = {}
    for name, order in orders.items():
        if len(order) > 1:
            found.setdefault(name, []).append(order[1])
            found.setdefault(order[1], []).append(name)
    return {name: tuple(sorted(peers)) for name, peers in found.items()}


def link_number(network: str, one: str, other: str) -> int:
    """The number of a link: the same from both ends, on every controller and in every run."""
    name = "\0".join((network, *sorted((one, other))))
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[: _ID_BITS // 8], "big")


def _hub(
    names: tuple[str, ...], homes: Mapping[str, t.Optional[str]], standby: Mapping[str, tuple[str, ...]]
) -> Topology:
    """Spokes behind one hub each, hubs in a full mesh: a tree with one path between any two members."""
    behind: dict[str, list[str]] = {}
    for name in names:
        home = homes[name]
        if home is not None:
            behind.setdefault(home, []).append(name)
    neighbours: dict[str, tuple[Neighbour, ...]] = {}
    carried = {}
    for name in names:
        home = homes[name]
        if home is None:
            neighbours[name] = ()
        elif home != name:
            neighbours[name] = (Neighbour(home, None),)
        else:
            spokes = [Neighbour(spoke, (spoke,)) for spoke in behind[name] if spoke != name]
            others = [Neighbour(hub, tuple(behind[hub])) for hub in sorted(behind) if hub != name]
            neighbours[name] = tuple(sorted(spokes + others))
            # A hub forwards for its spokes; with one neighbour alone there is nobody to forward to.
            if spokes and len(spokes) + len(others) > 1:
                carried[name] = frozenset(names) - {name}
    return Topology(False, names, neighbours, carried, standby)


def _graph(network: str, names: tuple[str, ...], links: Iterable[Link]) -> Topology:
    edges: dict[str, list[tuple[str, int]]] = {name: [] for name in names}
    for link in links:
        length = (link.cost << _COST_SHIFT) + link_number(network, link.one, link.other)
        edges[link.one].append((link.other, length))
        edges[link.other].append((link.one, length))
    owners: dict[str, dict[str, list[str]]] = {name: {peer: [] for peer, _length in edges[name]} for name in names}
    for target in names:
        for name, peer in _next_hops(edges, target).items():
            owners[name][peer].append(target)
    carried: dict[str, frozenset[str]] = {}
    for name in names:
        for peer, found in owners[name].items():
            if len(found) > 1:
                carried[peer] = carried.get(peer, frozenset()) | (frozenset(found) - {peer})
    neighbours = {name: _neighbours(owners[name], len(names)) for name in names}
    return Topology(False, names, neighbours, carried, {})


def _next_hops(edges: Mapping[str, list[tuple[str, int]]], target: str) -> dict[str, str]:
    """For every member that reaches the target: its next hop on the one shortest path (Dijkstra, from the target)."""
    found: dict[str, str] = {}
    best = {target: 0}
    queue = [(0, target, target)]
    while queue:
        length, name, towards = heapq.heappop(queue)
        if name in found:
            continue
        found[name] = towards
        for peer, step in edges[name]:
            if peer not in found and length + step < best.get(peer, length + step + 1):
                best[peer] = length + step
                heapq.heappush(queue, (length + step, peer, name))
    del found[target]
    return found


def _neighbours(owners: Mapping[str, list[str]], size: int) -> tuple[Neighbour, ...]:
    """A link that carries nothing is left out: both ends agree on that, because next hops are symmetric."""
    used = {peer: found for peer, found in owners.items() if found}
    if len(used) == 1:
        ((peer, found),) = used.items()
        return (Neighbour(peer, None if len(found) == size - 1 else tuple(found)),)
    return tuple(Neighbour(peer, tuple(found)) for peer, found in sorted(used.items()))
