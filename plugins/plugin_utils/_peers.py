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
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._topology import Neighbour, Topology

Entry = dict[str, t.Any]


class NetworkPeers:
    """Who stands in whose peer list. The entries of a network are proportional to its members and its links."""

    def __init__(
        self, network: Network, *, members: Mapping[str, Member], hosts: Mapping[str, Host], topology: Topology
    ) -> None:
        self.network = network
        self.members = members
        self.hosts = hosts
        self.topology = topology
        self.externals: dict[str, list[ExternalPeer]] = {}
        for peer in network.external_peers:
            self.externals.setdefault(peer.via, []).append(peer)
        self.prefixes = {name: self._reached_through(name) for name in members}
        self._texts = {name: _texts(prefixes) for name, prefixes in self.prefixes.items()}
        self._viewed = [name for name, member in members.items() if member.endpoint.views]
        self.groups: dict[str, list[Entry]] = {}
        self.sets: dict[str, list[str]] = {}

    def _reached_through(self, name: str) -> tuple[Prefix, ...]:
        """What a member answers for, and what the external peers behind it answer for."""
        found = set(self.members[name].prefixes)
        return tuple(sorted(found.union(*(peer.prefixes for peer in self.externals.get(name, ())))))

    def fill(self, interfaces: Mapping[str, Entry]) -> None:
        """Adds ``peer_group`` and ``peers`` to the interface of each member; groups and sets collect in self."""
        if self.topology.is_mesh:
            self._fill_mesh(interfaces)
        else:
            for name, interface in interfaces.items():
                interface["peers"] = [self._neighbour(name, one) for one in self.topology.neighbours[name]]
        for name, interface in interfaces.items():
            external = [self._external(name, peer) for peer in self.externals.get(name, ())]
            if external:
                interface["peers"] = [*interface.get("peers", ()), *external]

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
            if len(overrides) * len(names) > len(row):
                # So many see it this way that a row of their own is shorter.
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
        """Entries can differ only where the endpoint of one of the two depends on who looks."""
        peers = self.members if self.members[observer].endpoint.views else self._viewed
        for peer in peers:
            if peer != observer:
                entry = self._seen(observer, peer, allowed_ips=self._texts[peer])
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
        owners = neighbour.owners
        if owners is None and self.externals.get(observer):
            # The set leaves out what the observer owns, which its external peers' prefixes are not.
            owners = tuple(name for name in self.members if name != observer)
        if owners is None:
            if self.network.name not in self.sets:
                self.sets[self.network.name] = _texts({p for prefixes in self.prefixes.values() for p in prefixes})
            entry = self._seen(observer, neighbour.peer, allowed_ips=[])
            return {**entry, "allowed_ips_set": self.network.name}
        prefixes = {prefix for owner in owners for prefix in self.prefixes[owner]}
        return self._seen(observer, neighbour.peer, allowed_ips=_texts(prefixes))

    # One entry

    def _seen(self, observer: str, peer: str, *, allowed_ips: list[str]) -> Entry:
        """The entry of ``peer`` at ``observer``."""
        endpoint = self._endpoint(peer, seen_by=observer)
        keepalive = self.members[observer].persistent_keepalive
        if keepalive is None:
            # Who cannot be dialled has to keep the way to him open, and only he.
            keepalive = 0 if self._endpoint(observer, seen_by=peer) else KEEPALIVE
        return {
            **self._entry(peer, endpoint=endpoint, keepalive=keepalive if endpoint else 0),
            "allowed_ips": allowed_ips,
        }

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
        return {**entry, "allowed_ips": _texts(peer.prefixes)}

    def _preshared_key_id(self) -> str:
        """Names the derivation, not the pair: rows are shared, and both ends of a pair must have the same id."""
        return f"{self.network.name}/{self.network.preshared_epoch}"


def _texts(prefixes: Iterable[Prefix]) -> list[str]:
    return [str(prefix) for prefix in sorted(prefixes)]


def _frozen(entry: Entry) -> tuple[t.Any, ...]:
    return tuple(sorted((key, tuple(value) if key == "allowed_ips" else value) for key, value in entry.items()))
