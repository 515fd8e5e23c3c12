# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a fleet is meant to do, packet by packet: the oracle of the proof's verdict and of its counts.

A stack owns its WireGuard addresses and what it advertises (an interface may say that for its network alone); where it
says nothing about that, the connected prefixes
of its other devices that equal, contain or lie inside an AllowedIPs entry longer than /1 of another host. Whatever
one stack of a network owns must reach whatever another one owns: it is delivered there, or leaves by a device of the
owner that is not WireGuard. Like the simulator this imports nothing from plugins/.
"""

from __future__ import annotations

import collections
import ipaddress
import typing as t

from ansible_collections.cryptokey.wireguard.tests.oracle.simulator import (
    Prefix,
    Simulator,
    _peer_entries,
    _read_prefix,
)

FAMILIES = (4, 6)
LARGEST = 64  # more addresses than that behind one prefix are no tiny space

StackName = tuple[str, str]
Pair = tuple[str, int, StackName, StackName]  # network, family, from, to


class TooLarge(Exception):
    """A fleet that owns more than a handful of addresses."""


class Owned(t.NamedTuple):
    own: set[int]
    behind: set[int]


class Intents:
    """The intended flows of a document, and which of them fail."""

    def __init__(self, document: dict) -> None:
        self.document = document
        self.simulator = Simulator(document)
        self.owned: dict[tuple[str, int], dict[StackName, Owned]] = collections.defaultdict(dict)
        self.entries = self._allowed_ips()
        for host, entry in document["hosts"].items():
            for interface in entry["interfaces"]:
                network, namespace = interface.get("network"), interface.get("namespace") or ""
                if network is not None:
                    for family in FAMILIES:
                        self.owned[network, family][host, namespace] = self._owned(host, namespace, network, family)

    def pairs(self) -> set[tuple[str, StackName, StackName]]:
        """Ordered pairs of stacks that own something of one family in one network."""
        found = set()
        for (network, _family), stacks in self.owned.items():
            having = [name for name, owned in stacks.items() if owned.own | owned.behind]
            found |= {(network, one, other) for one in having for other in having if one != other}
        return found

    def failing(self) -> set[Pair]:
        """The pairs of which at least one packet does not arrive."""
        found: set[Pair] = set()
        for (network, family), stacks in self.owned.items():
            for here, mine in stacks.items():
                for there, theirs in stacks.items():
                    if here != there and not self._all_arrive(family, here, mine, there, theirs):
                        found.add((network, family, here, there))
        return found

    def holds(self, network: str, start: dict, target: dict, *, reach: bool) -> bool:
        """A declared intent between two ends: ``host`` or ``hosts``, ``network``, ``prefix``, or several of them.

        To be reached: every packet arrives at somebody who is meant, and so does every reply. Not to be reached: no
        packet arrives.
        """
        ways = [self._way(network, start, target)]
        if reach:
            ways.append(self._way(network, target, start))
            return bool(ways[0]) and all(arrived for way in ways for arrived in way)
        return not any(ways[0])

    def _way(self, network: str, one_end: dict, other_end: dict) -> list[bool]:
        """Of every packet one way, whether it arrives; what a sender owns itself of the target stays at home."""
        arrivals = []
        for family in FAMILIES:
            senders, receivers = (
                self._meant(self.owned[end.get("network", network), family], end, family)
                for end in (one_end, other_end)
            )
            from_network = self.owned[one_end.get("network", network), family]
            for here, sources in senders.items():
                for destination in set().union(*receivers.values()) - receivers.get(here, set()):
                    for source in sources:
                        ingress = self._sets_out_by(family, here, from_network[here], source)
                        answer = self.simulator.send(*here, family, source, destination, ingress=ingress)
                        place = answer["at"]["host"], answer["at"]["namespace"]
                        arrived = answer["outcome"] in ("delivered", "exits")
                        arrivals.append(arrived and destination in receivers.get(place, set()))
        return arrivals

    def _meant(self, stacks: dict[StackName, Owned], end: dict, family: int) -> dict[StackName, set[int]]:
        found = {}
        for (host, namespace), owned in stacks.items():
            addresses = owned.own | owned.behind
            if "prefix" in end:
                prefix = _read_prefix(end["prefix"])
                addresses = {one for one in addresses if prefix.family == family and prefix.holds(one)}
            if addresses and end.get("host", host) == host and host in end.get("hosts", [host]):
                found[host, namespace] = addresses
        return found

    def packets(self) -> int:
        """How many packets ``failing`` looks at, at most."""
        return sum(
            len(mine.own | mine.behind) * len(theirs.own | theirs.behind)
            for stacks in self.owned.values()
            for here, mine in stacks.items()
            for there, theirs in stacks.items()
            if here != there
        )

    def _all_arrive(self, family: int, here: StackName, mine: Owned, there: StackName, theirs: Owned) -> bool:
        for source in mine.own | mine.behind:
            ingress = self._sets_out_by(family, here, mine, source)
            for destination in theirs.own | theirs.behind:
                answer = self.simulator.send(*here, family, source, destination, ingress=ingress)
                at = answer["at"]
                arrived = answer["outcome"] in ("delivered", "exits")
                if not arrived or (at["host"], at["namespace"]) != there:
                    return False
        return True

    def _sets_out_by(self, family: int, here: StackName, mine: Owned, source: int) -> str:
        """Own addresses send from inside; a LAN host's packet comes in by the device that leads to it."""
        if source in mine.own:
            return "lo"
        stack = self.simulator.stacks[here]
        asker = min(mine.own, default=0)
        kind, device = stack.look_up(family, source=asker, destination=source, ingress="lo")
        return device if kind == "unicast" and device not in stack.wireguard else "lo"

    def _owned(self, host: str, namespace: str, network: str, family: int) -> Owned:
        entry = self.document["hosts"][host]
        own = {
            int(ipaddress.ip_interface(text).ip)
            for interface in entry["interfaces"]
            if interface.get("network") == network and (interface.get("namespace") or "") == namespace
            for text in interface["addresses"]
            if ipaddress.ip_interface(text).version == family
        }
        behind: set[int] = set()
        for prefix in self._behind(host, namespace, network):
            if prefix.family == family:
                behind |= _addresses(prefix)
        return Owned(own, behind)

    def _behind(self, host: str, namespace: str, network: str) -> list[Prefix]:
        told = [
            interface["advertise"]
            for interface in self.document["hosts"][host]["interfaces"]
            if interface.get("network") == network and (interface.get("namespace") or "") == namespace
            if interface.get("advertise") is not None
        ]
        if told:  # where an interface says what it advertises, that is what its network gets to see
            return [_read_prefix(text) for texts in told for text in texts]
        described = (self.document["hosts"][host].get("namespaces") or {}).get(namespace) or {}
        if described.get("advertise") is not None:
            return [_read_prefix(text) for text in described["advertise"]]
        connected = [_read_prefix(text) for texts in (described.get("addresses") or {}).values() for text in texts]
        if described.get("ipv6") is False:
            connected = [prefix for prefix in connected if prefix.family == 4]
        others = [entry for other, entry in self.entries if other != host]
        return [prefix for prefix in connected if any(_related(prefix, entry) for entry in others)]

    def _allowed_ips(self) -> list[tuple[str, Prefix]]:
        """Every AllowedIPs entry with the host that lists it."""
        found = []
        for host, entry in self.document["hosts"].items():
            for interface in entry["interfaces"]:
                for peer in _peer_entries(self.document, interface):
                    if peer.get("public_key") is not None and peer["public_key"] == interface.get("public_key"):
                        continue
                    texts = list(peer.get("allowed_ips") or [])
                    texts += self.document["prefix_sets"].get(peer.get("allowed_ips_set"), [])
                    found += [(host, prefix) for prefix in map(_read_prefix, texts) if prefix.length > 1]
        return found


def _related(one: Prefix, other: Prefix) -> bool:
    if one.family != other.family:
        return False
    return one.holds(other.network) if one.length <= other.length else other.holds(one.network)


def _addresses(prefix: Prefix) -> set[int]:
    size = 1 << {4: 32, 6: 128}[prefix.family] - prefix.length
    if size > LARGEST:
        raise TooLarge(str(prefix))
    return set(range(prefix.network, prefix.network + size))
