# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What there is to draw of one network: its hosts and their links, or its groups where the hosts are many."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

Document = Mapping[str, t.Any]

# So many hosts and outside peers are drawn one by one.
_ONE_BY_ONE = 24
_OUTSIDE = "outside"
_SEVERITIES = ("error", "warning", "info")


class _Peer(t.NamedTuple):
    """ours: whether it is a host of the fleet."""

    name: str
    ours: bool
    standby: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """kind: host | group | external. severity: of the worst finding at it, or empty.

    peers: how many from outside the fleet it stands for, 0 where it is a single one or none.
    """

    name: str
    kind: str
    hosts: tuple[str, ...] = ()
    peers: int = 0
    addresses: tuple[str, ...] = ()
    behind: tuple[str, ...] = ()
    severity: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """links: pairs of positions in nodes, the lower first. troubled: those of them that an error is about.

    standby: those of them by which nothing goes unless another fails.
    """

    network: str
    nodes: tuple[Node, ...]
    links: tuple[tuple[int, int], ...]
    troubled: frozenset[tuple[int, int]] = frozenset()
    standby: frozenset[tuple[int, int]] = frozenset()

    def neighbours(self) -> list[list[int]]:
        found: list[list[int]] = [[] for _node in self.nodes]
        for one, other in self.links:
            found[one].append(other)
            found[other].append(one)
        return found


def draw(plan: Document) -> list[Picture]:
    """One picture per network that has an interface, in the order of their names."""
    found = _Interfaces(plan["fleet"])
    worst = _worst(plan["findings"])
    tables = {table["network"]: table for table in plan.get("matrix") or ()}
    return [_picture(plan, found, name, worst=worst, table=tables.get(name)) for name in sorted(found.by_network)]


def _whole(fleet: Document, network: str) -> str:
    """The members of one network that are apart have a network each in the document, and one picture together."""
    whole = network.partition("/")[0]
    return whole if whole in (fleet.get("networks") or {}) else network


def _worst(findings: Iterable[Document]) -> dict[str, str]:
    found: dict[str, str] = {}
    for finding in findings:
        known = found.setdefault(finding["host"] or "", finding["severity"])
        found[finding["host"] or ""] = min(known, finding["severity"], key=_SEVERITIES.index)
    return found


@dataclass(slots=True)
class _Interfaces:
    """The interfaces of a fleet document by network, and whose key is whose."""

    fleet: Document
    by_network: dict[str, list[tuple[str, Document]]] = field(init=False, default_factory=dict)
    owners: dict[str, str] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        for host, entry in sorted(self.fleet["hosts"].items()):
            for interface in entry.get("interfaces") or ():
                self.by_network.setdefault(_whole(self.fleet, interface.get("network") or ""), []).append(
                    (host, interface)
                )
                if interface.get("public_key"):
                    self.owners[interface["public_key"]] = host

    def peers_of(self, peers: Iterable[Document]) -> list[_Peer]:
        hosts = self.fleet["hosts"]
        found = []
        for peer in peers:
            name = str(peer.get("name") or "")
            host = self.owners.get(peer.get("public_key") or "") or (name if name in hosts else "")
            standby = (peer.get("options") or {}).get("standby") is True
            found.append(_Peer(host or name or "without a name", bool(host), standby))
        return found

    def links(self, network: str) -> Iterator[tuple[str, list[_Peer]]]:
        """Each host with its peers; those of a shared row are one list for all that have it."""
        rows = {name: self.peers_of(row) for name, row in (self.fleet.get("peer_groups") or {}).items()}
        for host, interface in self.by_network[network]:
            yield host, self.peers_of(interface.get("peers") or ())
            yield host, rows.get(interface.get("peer_group") or "", [])


def _picture(
    plan: Document, found: _Interfaces, network: str, *, worst: Mapping[str, str], table: Document | None
) -> Picture:
    held = found.by_network[network]
    hosts = sorted({host for host, _interface in held})
    links = list(found.links(network))
    outside = sorted({peer.name for peer in _once(links) if not peer.ours})
    if len(hosts) + len(outside) <= _ONE_BY_ONE or table is None:
        groups = {host: host for host in hosts}
        nodes = [_host(plan["fleet"], host, held, worst) for host in hosts]
        nodes += [Node(name=name, kind="external") for name in outside]
        position = {(name, True): number for number, name in enumerate(hosts)}
        position |= {(name, False): len(hosts) + number for number, name in enumerate(outside)}
    else:
        rows = table["rows"]
        groups = {host: row["name"] for row in rows for host in row["hosts"]}
        nodes = [_group(row, worst) for row in rows]
        nodes += [Node(name=_OUTSIDE, kind="external", peers=len(outside))] if outside else []
        place = {row["name"]: number for number, row in enumerate(rows)}
        position = {(host, True): place[group] for host, group in groups.items()}
        position |= {(name, False): len(rows) for name in outside}
    used, spare = (_links(links, position, standby=standby) for standby in (False, True))
    return Picture(
        network=network,
        nodes=tuple(nodes),
        links=tuple(sorted(used | spare)),
        standby=frozenset(spare - used),
        troubled=frozenset(_troubled(plan["findings"], position)),
    )


def _once(links: Iterable[tuple[str, list[_Peer]]]) -> Iterator[_Peer]:
    """The peers of every list, each list once."""
    seen: dict[int, list[_Peer]] = {id(peers): peers for _host, peers in links}
    for peers in seen.values():
        yield from peers


def _links(
    links: Iterable[tuple[str, list[_Peer]]], position: Mapping[tuple[str, bool], int], *, standby: bool
) -> set[tuple[int, int]]:
    """Between different nodes. A shared row is read once, not once for each of its members."""
    reached: dict[int, set[int]] = {}
    found: set[tuple[int, int]] = set()
    for host, peers in links:
        if id(peers) not in reached:
            named = [(peer.name, peer.ours) for peer in peers if peer.standby is standby]
            reached[id(peers)] = {position[peer] for peer in named if peer in position}
        one = position[host, True]
        found.update((min(one, other), max(one, other)) for other in reached[id(peers)] if other != one)
    return found


def _troubled(findings: Iterable[Document], position: Mapping[tuple[str, bool], int]) -> Iterator[tuple[int, int]]:
    for finding in findings:
        if finding["severity"] == "error" and finding.get("peer"):
            one = position.get((finding["host"], True))
            other = position.get((finding["peer"], True), position.get((finding["peer"], False)))
            if one is not None and other is not None:
                yield (min(one, other), max(one, other))


def _host(fleet: Document, host: str, held: list[tuple[str, Document]], worst: Mapping[str, str]) -> Node:
    interfaces = [interface for name, interface in held if name == host]
    stacks = fleet["hosts"][host].get("namespaces") or {}
    behind: list[str] = []
    for interface in interfaces:
        stack = stacks.get(interface.get("namespace") or "") or {}
        behind += interface.get("advertise") or stack.get("advertise") or ()
    return Node(
        name=host,
        kind="host",
        hosts=(host,),
        addresses=tuple(address for interface in interfaces for address in interface.get("addresses") or ()),
        behind=tuple(dict.fromkeys(behind)),
        severity=worst.get(host, ""),
    )


def _group(row: Document, worst: Mapping[str, str]) -> Node:
    found = [worst[host] for host in row["hosts"] if host in worst]
    return Node(
        name=row["name"],
        kind="group",
        hosts=tuple(row["hosts"]),
        severity=min(found, key=_SEVERITIES.index, default=""),
    )
