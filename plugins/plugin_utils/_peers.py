# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Peer entries of the fleet document for one network: shared rows for a mesh, single entries for everything else."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Prefix
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._declaration import (
    KEEPALIVE,
    ExternalPeer,
    Host,
    Member,
    Network,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._endpoint import DeclaredEndpoint
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._exits import Exits
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import united
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._texts import text_of
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._topology import Neighbour, Topology

Entry = dict[str, t.Any]

# A shared row may be this many times as long as the single entries that it takes the place of.
_ROW_IS_WORTH = 4


class NetworkPeers:
    """Who stands in whose peer list. The entries of a network are proportional to its members and its links."""

    def __init__(
        self,
        network: Network,
        *,
        members: Mapping[str, Member],
        hosts: Mapping[str, Host],
        topology: Topology,
        exits: Exits,
    ) -> None:
        self.network = network
        self.members = members
        self.hosts = hosts
        self.topology = topology
        self.exits = exits
        self.externals: dict[str, list[ExternalPeer]] = {}
        self.awaited: dict[str, list[ExternalPeer]] = {}
        for peer in network.external_peers:
            here = [name for name in peer.via if name in members]
            first = len(here) if network.apart else 1
            for name in here[:first]:
                self.externals.setdefault(name, []).append(peer)
            for name in here[first:]:
                self.awaited.setdefault(name, []).append(peer)
        self.prefixes = {name: self._reached_through(name) for name in members}
        self._texts = {name: _texts(prefixes) for name, prefixes in self.prefixes.items()}
        self._supernet = united(network.supernet)
        self._viewed = [name for name, member in members.items() if member.endpoint.views]
        self.groups: dict[str, list[Entry]] = {}
        self.sets: dict[str, list[str]] = {}
        self._entries: dict[tuple[str, t.Optional[int], bool], Entry] = {}

    def _reached_through(self, name: str) -> tuple[Prefix, ...]:
        """What a member answers for, and what the external peers behind it answer for."""
        found = self.members[name].prefixes
        if name not in self.externals:
            return found
        return tuple(sorted({*found, *(prefix for peer in self.externals[name] for prefix in peer.prefixes)}))

    def fill(self, interfaces: Mapping[str, Entry]) -> None:
        """Adds ``peer_group`` and ``peers`` to the interface of each member; groups and sets collect in self."""
        if self.topology.is_mesh:
            self._fill_mesh(interfaces)
        else:
            for name, interface in interfaces.items():
                interface["peers"] = [self._neighbour(name, one) for one in self.topology.neighbours[name]]
        for name in interfaces.keys() & {*self.topology.standby, *self.externals, *self.awaited}:
            interface = interfaces[name]
            more = [*self._standing_by(name), *(self._external(name, peer) for peer in self.externals.get(name, ()))]
            more += [self._awaited(name, peer) for peer in self.awaited.get(name, ())]
            if more:
                interface["peers"] = [*interface.get("peers", ()), *more]

    # Mesh

    def _fill_mesh(self, interfaces: Mapping[str, Entry]) -> None:
        """One row per keepalive that is in use, and the entries in which an observer differs from its row."""
        if len(interfaces) < 2:
            return
        rows: dict[int, dict[str, Entry]] = {}
        classes: dict[tuple[int, tuple[tuple[t.Any, ...], ...]], list[str]] = {}
        for name in interfaces:
            keepalive = self._usual_keepalive(name)
            if keepalive not in rows:
                rows[keepalive] = self._row(keepalive)
            different = tuple(_frozen(entry) for entry in self._differing(name, rows[keepalive]))
            classes.setdefault((keepalive, different), []).append(name)
        for (keepalive, different), names in sorted(classes.items(), key=lambda item: item[1]):
            overrides = [{**dict(entry), "allowed_ips": list(dict(entry)["allowed_ips"])} for entry in different]
            row = rows[keepalive]
            if len(overrides) * len(names) * _ROW_IS_WORTH > len(row):
                # So many see it this way that a row of their own is about as short, and proved at one go.
                row, overrides = {**row, **{entry["name"]: entry for entry in overrides}}, []
            group = self._group_named(row, keepalive)
            for name in names:
                interfaces[name]["peer_group"] = group
                if overrides:
                    interfaces[name]["peers"] = [dict(entry) for entry in overrides]

    def _usual_keepalive(self, name: str) -> int:
        member = self.members[name]
        if member.persistent_keepalive is not None:
            return member.persistent_keepalive
        return 0 if member.endpoint.default else KEEPALIVE

    def _row(self, keepalive: int) -> dict[str, Entry]:
        """The members as an observer without a view of its own sees them."""
        row = {}
        for name, member in self.members.items():
            endpoint = member.endpoint.default
            row[name] = self._entry(name, endpoint=endpoint, keepalive=keepalive if endpoint else 0)
            row[name]["allowed_ips"] = self._texts[name]
        return row

    def _differing(self, observer: str, row: Mapping[str, Entry]) -> Iterable[Entry]:
        """Entries can differ only where the endpoint of one of the two depends on who looks, and at an exit."""
        gateways = set(self.exits.towards.get(observer, {}).values()) & self.members.keys()
        peers = self.members if self.members[observer].endpoint.views else sorted({*self._viewed, *gateways})
        for peer in peers:
            if peer != observer:
                entry = self._seen(observer, peer, allowed_ips=self._with_defaults(observer, peer, self._texts[peer]))
                if entry != row[peer]:
                    yield entry

    def _group_named(self, row: Mapping[str, Entry], keepalive: int) -> str:
        entries = list(row.values())
        name = f"{self.network.name}/keepalive-{keepalive}" if keepalive else self.network.name
        stem, number = name, 1
        while self.groups.get(name, entries) != entries:
            number += 1
            name = f"{stem}/view-{number}"
        self.groups[name] = entries
        return name

    # Hubs and links

    def _neighbour(self, observer: str, neighbour: Neighbour) -> Entry:
        """The entry of a neighbour.

        A spoke to which its hub passes the default route on has the exact list even with a supernet: what nobody
        owns of that would go to and fro between the two.
        """
        peer = neighbour.peer
        owners = neighbour.owners
        takes_defaults = bool(self._supernet) and observer in self.exits.towards.get(peer, {}).values()
        if owners is None and (takes_defaults or self.externals.get(observer)):
            # The set leaves out what the observer owns, which its external peers' prefixes are not.
            owners = tuple(name for name in self.members if name != observer)
        if owners is None:
            if self.network.name not in self.sets:
                everybodys = {p for prefixes in self.prefixes.values() for p in prefixes}
                self.sets[self.network.name] = _texts(self._behind_hub(everybodys))
            entry = self._seen(observer, peer, allowed_ips=self._with_defaults(observer, peer, []))
            return {**entry, "allowed_ips_set": self.network.name}
        if len(owners) == 1 and neighbour.owners is not None:
            texts = list(self._texts[owners[0]])
            return self._seen(observer, peer, allowed_ips=self._with_defaults(observer, peer, texts))
        prefixes: Iterable[Prefix] = {prefix for owner in owners for prefix in self.prefixes[owner]}
        if neighbour.owners is None and not takes_defaults:
            prefixes = self._behind_hub(prefixes)
        elif len(owners) > 1:
            prefixes = united(prefixes)
        return self._seen(observer, peer, allowed_ips=self._with_defaults(observer, peer, _texts(prefixes)))

    def _behind_hub(self, prefixes: Iterable[Prefix]) -> list[Prefix]:
        """What a spoke expects from its hub: the supernet in place of everything that lies inside it."""
        if not self._supernet:
            return list(prefixes)
        return [*self._supernet, *(one for one in prefixes if not any(net.contains(one) for net in self._supernet))]

    def _with_defaults(self, observer: str, peer: str, texts: list[str]) -> list[str]:
        """With the default routes that the peer takes at this observer."""
        defaults = self.exits.defaults(observer, peer)
        return [*_texts(defaults), *texts] if defaults else texts

    def _standing_by(self, observer: str) -> Iterable[Entry]:
        """Peers in readiness: known at both ends, so that making it the first hub moves prefixes and nothing else."""
        for peer in self.topology.standby.get(observer, ()):
            if self._endpoint(peer, seen_by=observer) or self._endpoint(observer, seen_by=peer):
                yield _ready(self._seen(observer, peer, allowed_ips=[]))

    # One entry

    def _seen(self, observer: str, peer: str, *, allowed_ips: list[str]) -> Entry:
        """The entry of ``peer`` at ``observer``."""
        member = self.members[observer]
        if member.endpoint.views or self.members[peer].endpoint.views:
            return {**self._seen_by(observer, peer), "allowed_ips": allowed_ips}
        # Where nobody has a view of its own, this is all of the observer that matters.
        asked = peer, member.persistent_keepalive, bool(member.endpoint.default)
        if asked not in self._entries:
            self._entries[asked] = self._seen_by(observer, peer)
        return {**self._entries[asked], "allowed_ips": allowed_ips}

    def _seen_by(self, observer: str, peer: str) -> Entry:
        """The entry of ``peer`` at ``observer`` but for its AllowedIPs."""
        endpoint = self._endpoint(peer, seen_by=observer)
        keepalive = self.members[observer].persistent_keepalive
        if keepalive is None:
            # Who cannot be dialled has to keep the way to him open, and only he.
            keepalive = 0 if self._endpoint(observer, seen_by=peer) else KEEPALIVE
        return self._entry(peer, endpoint=endpoint, keepalive=keepalive if endpoint else 0)

    def _endpoint(self, name: str, *, seen_by: str) -> t.Optional[DeclaredEndpoint]:
        return self.members[name].endpoint.seen_by(seen_by, self.hosts[seen_by].groups)

    def _entry(self, peer: str, *, endpoint: t.Optional[DeclaredEndpoint], keepalive: int) -> Entry:
        member = self.members[peer]
        entry: Entry = {"name": peer, "public_key": member.public_key, "managed": True}
        if endpoint:
            entry["endpoint"] = endpoint.text(member.listen_port)
        if keepalive:
            entry["persistent_keepalive"] = keepalive
        if self.network.preshared_keys == "derived":
            entry["preshared_key_id"] = self._preshared_key_id()
        return entry

    def _external(self, observer: str, peer: ExternalPeer) -> Entry:
        entry: Entry = {"name": peer.name, "public_key": peer.public_key, "managed": False}
        if peer.endpoint and peer.endpoint.port:
            entry["endpoint"] = peer.endpoint.text(peer.endpoint.port)
            keepalive = self.members[observer].persistent_keepalive
            if keepalive is None and not self.members[observer].endpoint.default:
                keepalive = KEEPALIVE
            if keepalive:
                entry["persistent_keepalive"] = keepalive
        if peer.preshared_keys == "derived":
            entry["preshared_key_id"] = self._preshared_key_id()
        allowed_ips = self._with_defaults(observer, peer.name, _texts(peer.prefixes))
        # An exit that nobody has chosen is there to be chosen.
        return {**entry, "allowed_ips": allowed_ips} if allowed_ips else _ready(entry)

    def _awaited(self, observer: str, peer: ExternalPeer) -> Entry:
        """Another member has its prefixes; of an exit that the observer itself uses, it has the default route."""
        defaults = self._with_defaults(observer, peer.name, [])
        entry = self._external(observer, peer)
        return {**entry, "allowed_ips": defaults} if defaults else _ready(entry)

    def _preshared_key_id(self) -> str:
        """Names the derivation, not the pair: rows are shared, and both ends of a pair must have the same id."""
        return f"{self.network.name}/{self.network.preshared_epoch}"


def _ready(entry: Entry) -> Entry:
    """The entry of a peer without any traffic: WireGuard gives a prefix to one peer only, and another one has it."""
    return {**entry, "allowed_ips": [], "options": {"standby": True}}


def _texts(prefixes: Iterable[Prefix]) -> list[str]:
    return [text_of(prefix) for prefix in sorted(prefixes)]


def _frozen(entry: Entry) -> tuple[t.Any, ...]:
    return tuple(sorted((key, tuple(value) if key == "allowed_ips" else value) for key, value in entry.items()))
