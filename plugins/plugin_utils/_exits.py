# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Full tunnels: which members send what nobody owns to which exit, and the routing that makes it work.

A default route in AllowedIPs belongs to one peer per interface and family. So a member on the way can pass on to one
next hop only, whoever asks; and what comes back carries any source, so every member on the way has the default at
the same peer.

An exit is a member or an external peer. The way to an external one leads to a member that speaks to it: the user itself
where its ``via`` names him, else the first that it names.
"""

from __future__ import annotations

import typing as t
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ansible_collections.cryptokey.wireguard.plugins.module_utils._full_tunnel import (
    rule_entries as full_tunnel_rules,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Prefix
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._declaration import (
    ExternalPeer,
    Member,
    Network,
    Routing,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._reader import Problem
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._topology import Topology

# The highest that rules of ours can have: every rule of the user's comes first, as with wg-quick(8).
_LAST_PRIORITY = 32765
# 253 to 255 are the kernel's own tables; wg-quick(8) counts from 51820, which is the port that most interfaces have.
_LAST_OWN_TABLE = 255


@dataclass(frozen=True, kw_only=True)
class Exits:
    """One network's full tunnels.

    towards: by member and family, the peer that takes its default route. users: by exit, the families that each
    member uses it for. relayed: by member, the families of the default routes that it passes on for others.
    problems: members that would have to pass on in two directions.
    """

    towards: Mapping[str, Mapping[int, str]]
    users: Mapping[str, Mapping[str, tuple[int, ...]]]
    relayed: Mapping[str, frozenset[int]]
    problems: tuple[Problem, ...] = ()

    def defaults(self, observer: str, peer: str) -> list[Prefix]:
        """The default routes that a peer takes at an observer."""
        found = self.towards.get(observer)
        return [] if not found else [Prefix(family, 0, 0) for family, one in sorted(found.items()) if one == peer]

    def uses(self, name: str) -> bool:
        return any(name in users for users in self.users.values())

    def involved(self, users: Iterable[str]) -> set[str]:
        """Everybody whose routing decides what some users' packets meet: they, and whoever passes on at all."""
        return {*users, *(name for name in self.towards if not self.uses(name))}


def find_exits(network: Network, members: Mapping[str, Member], topology: Topology) -> Exits:
    """Members whose exit is not there, or with whom it shares no family, use none."""
    users = _users(network, members)
    hops = _NextHops(topology)
    towards: dict[str, dict[int, str]] = {}
    relayed: dict[str, set[int]] = {}
    walked: set[tuple[str, int, str]] = set()
    problems: dict[tuple[str, int], Problem] = {}
    for name, target, families in _in_order(members, users):
        peer = network.external_peer(target)
        speakers = None if peer is None else _speakers(peer, members, users[target])
        for family in families:
            for observer, following in hops.way(name, target, speakers):
                if observer != name:
                    relayed.setdefault(observer, set()).add(family)
                if (observer, family, target) in walked:
                    break
                walked.add((observer, family, target))
                known = towards.setdefault(observer, {}).setdefault(family, following)
                if known != following:
                    problems.setdefault((observer, family), _two_ways(members, observer, family, (known, following)))
                    break
    for target in users.keys() & members.keys():
        for family in towards.get(target, ()):
            if family in members[target].exit_families:
                peers = (towards[target][family], "its own way out")
                problems.setdefault((target, family), _two_ways(members, target, family, peers))
    return Exits(
        towards=towards,
        users=users,
        relayed={name: frozenset(families) for name, families in relayed.items()},
        problems=tuple(problems[place] for place in sorted(problems)),
    )


def _users(network: Network, members: Mapping[str, Member]) -> dict[str, dict[str, tuple[int, ...]]]:
    """By exit, who uses it, and for which families: those that it takes and the user has an address of itself."""
    users: dict[str, dict[str, tuple[int, ...]]] = {}
    for name, member in members.items():
        found = None if member.exit is None else members.get(member.exit) or network.external_peer(member.exit)
        if found is not None and member.exit is not None and member.exit != name:
            families = tuple(family for family in found.exit_families if family in member.families)
            if families:
                users.setdefault(member.exit, {})[name] = families
    return users


def _in_order(
    members: Mapping[str, Member], users: Mapping[str, Mapping[str, tuple[int, ...]]]
) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """(user, exit, families), in the order of the members."""
    for name, member in members.items():
        families = users.get(member.exit or "", {}).get(name)
        if families and member.exit is not None:
            yield name, member.exit, families


def _speakers(peer: ExternalPeer, members: Mapping[str, Member], users: Collection[str]) -> tuple[str, ...]:
    """The members that hand packets to an external exit: the first that it names, for all, and users among the rest."""
    present = [name for name in peer.via if name in members]
    return tuple(name for index, name in enumerate(present) if not index or name in users)


def _two_ways(members: Mapping[str, Member], observer: str, family: int, peers: tuple[str, str]) -> Problem:
    return Problem(
        path=members[observer].path,
        host=observer,
        reason=f"has to pass the default route of IPv{family} on to {peers[0]} and to {peers[1]}, and can only do one",
        remedy="let all members that reach their exits through this one use the same exit",
        rule="WG208",
    )


class _NextHops:
    """The next hop of every member on the way to an exit; found out once per member that is on such a way."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._known: dict[str, dict[str, str]] = {}

    def way(self, name: str, target: str, speakers: t.Optional[Sequence[str]] = None) -> Iterator[tuple[str, str]]:
        """(member, its next hop) up to the target; ends early where no way leads on.

        speakers: the members that speak to a target outside; the way leads to the first of them, or ends before.
        """
        goal = target if speakers is None else next(iter(speakers), None)
        while name != target:
            if speakers is not None and name in speakers:
                yield name, target
                return
            peer = None if goal is None else goal if self._topology.is_mesh else self._next(name, goal)
            if peer is None:
                return
            yield name, peer
            name = peer

    def _next(self, name: str, target: str) -> t.Optional[str]:
        if name not in self._known:
            neighbours = self._topology.neighbours[name]
            whole = [neighbour.peer for neighbour in neighbours if neighbour.owners is None]
            found = {owner: neighbour.peer for neighbour in neighbours for owner in neighbour.owners or ()}
            self._known[name] = {"": whole[0]} if whole else found
        return self._known[name].get(target, self._known[name].get(""))


def routing_of(network: Network, member: Member, exits: Exits, stack: Mapping[str, t.Any]) -> Routing:
    """The network's routing, and where a default route goes through the tunnel the arrangement of wg-quick(8).

    The automatic routes have a table of their own. First come the host's own routes but for its default, then that
    table: for everything but the encrypted packets, which carry the mark, where the host itself uses the exit; for
    what comes out of the tunnel where it only passes on. ``stack``: the document of the device's namespace.
    """
    routing = network.routing
    families = exits.towards.get(member.host)
    if not families or not routing.automatic:
        return routing
    uses = exits.uses(member.host)
    if uses and member.namespace != member.socket_namespace and not _has_default(stack, families):
        # The tunnel is the only way out of this namespace, and its own packets take another one.
        return routing
    number = member.listen_port if member.listen_port > _LAST_OWN_TABLE else member.listen_port + (1 << 16)
    table = routing.table if routing.table not in (None, "main") else str(number)
    if uses:
        fwmark = member.fwmark or number
        return _with_rules(replace(routing, table=table, fwmark=fwmark), full_tunnel_rules(fwmark, table))
    local: dict[str, t.Any] = {"table": "main", "suppress_prefixlength": 0}
    known = {"table": table, "suppress_prefixlength": 0}
    return _with_rules(replace(routing, table=table), [local, known, {"iif": member.interface, "table": table}])


def _with_rules(routing: Routing, rules: list[dict[str, t.Any]]) -> Routing:
    first = _LAST_PRIORITY + 1 - len(rules)
    numbered = ({"priority": first + index, **rule} for index, rule in enumerate(rules))
    return replace(routing, rules=(*routing.rules, *numbered))


def _has_default(stack: Mapping[str, t.Any], families: t.Collection[int]) -> bool:
    defaults = {"0.0.0.0/0": 4, "::/0": 6}
    return any(defaults.get(route["destination"]) in families for route in stack.get("routes", ()))
