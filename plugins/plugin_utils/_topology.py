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

    carried: by member, for whom it forwards; only members that forward at all.
    """

    is_mesh: bool
    members: tuple[str, ...]
    neighbours: Mapping[str, tuple[Neighbour, ...]]
    carried: Mapping[str, frozenset[str]]


def build_topology(network: Network, members: Mapping[str, Member]) -> Topology:
    """members: the present ones. Hubs and links of hosts that have left the network are passed over."""
    names = tuple(sorted(members))
    if network.topology == "mesh":
        return Topology(True, names, {}, {})
    if network.topology == "hub":
        return _hub(names, home_hubs(network, members))
    links = [link for link in network.links if link.one in members and link.other in members]
    return _graph(network.name, names, links)


def home_hubs(network: Network, members: Mapping[str, Member]) -> dict[str, t.Optional[str]]:
    """For every member the hub that it is behind: the first of its own list, then the network's, that is there.

    A hub is its own. None where no hub is left.
    """
    hubs = [hub for hub in network.hubs if hub in members]
    homes = {}
    for name, member in members.items():
        order = [hub for hub in (*member.hubs, *hubs) if hub in hubs]
        homes[name] = name if name in hubs else next(iter(order), None)
    return homes


def link_number(network: str, one: str, other: str) -> int:
    """The number of a link: the same from both ends, on every controller and in every run."""
    name = "\0".join((network, *sorted((one, other))))
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[: _ID_BITS // 8], "big")


def _hub(names: tuple[str, ...], homes: Mapping[str, t.Optional[str]]) -> Topology:
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
    return Topology(False, names, neighbours, carried)


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
    return Topology(False, names, neighbours, carried)


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
