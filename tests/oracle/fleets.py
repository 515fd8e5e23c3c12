# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random small fleets in a tiny address space, so that every packet of it can be sent.

A fleet starts as a coherent plan (links, owners, AllowedIPs along shortest paths) and is then damaged by a few
random changes; a plan that works and a plan that nearly works are where planners are wrong. The same seed gives
the same document.

``python -m ansible_collections.cryptokey.wireguard.tests.oracle.fleets SEED`` prints the document of a seed.
"""

from __future__ import annotations

import base64
import collections
import ipaddress
import json
import random
import sys

from ansible_collections.cryptokey.wireguard.tests.oracle.damages import DAMAGES, Damaged
from ansible_collections.cryptokey.wireguard.tests.oracle.space import BASE, BITS, FAMILIES, HOSTS, WIDE, Member


class Fleet(Damaged):
    """The document in the making; ``document`` is the result.

    shared: a few more hosts, most of them alike, as meshes and hubs with shared rows have them.
    """

    def __init__(self, seed: int | str, *, shared: bool = False) -> None:
        self.random = random.Random(f"fleet {seed}")
        self.shared = shared
        self.tidy = shared or self.chance(40)  # addresses of one owner each, everybody forwards: a plan that works
        self.width = self.random.choice((3, 4, 4, 5) if self.tidy else (2, 3, 3, 3, 4, 4, 5))
        self.taken: set[tuple[int, int]] = set()
        self.document: dict = {"version": 1, "hosts": {}, "peer_groups": {}, "prefix_sets": {}, "networks": {}}
        self.members: list[Member] = []
        for name in HOSTS[: self.random.choice((4, 5, 6, 8) if shared else (1, 2, 2, 2, 3, 3, 4, 5))]:
            self._add_host(name)
        for network in ("corp", "lab", "home")[: self.random.choice((1, 1, 1, 2) if shared else (1, 1, 2, 3))]:
            self._add_network(network)
        count = self.random.choice((0, 1, 1, 2, 3, 4) if self.tidy else (0, 1, 2, 4, 6, 9, 12, 16))
        damages = [self.random.choice(DAMAGES) for _number in range(count)]
        if self.chance(25):
            damages = damages[:1] * 4  # one kind only, and a lot of it
        for damage in damages:
            damage(self)

    def samples(self, family: int) -> list[int]:
        """Every address of the tiny space, its neighbours, the ends of the whole space, and two others."""
        ends = {0, (1 << BITS[family]) - 1, 1 << BITS[family] - 1}
        tiny = set(range(BASE[family] - 1, BASE[family] + (1 << self.width) + 1))
        others = ("203.0.113.1", "203.0.113.200") if family == 4 else ("2001:db8::1", "::ffff:10.0.0.1")
        return sorted(ends | tiny | {int(ipaddress.ip_address(text)) for text in others})

    # small values

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent

    def key(self) -> str:
        return base64.b64encode(self.random.randbytes(32)).decode()

    def address(self, family: int) -> str:
        return str(ipaddress.ip_address(BASE[family] + self.random.randrange(1 << self.width)))

    def prefix(self, family: int, *, wide: int = 0) -> str:
        """A prefix of the tiny space; with a chance of ``wide`` percent one that covers much more."""
        if self.chance(wide):
            return self.random.choice(WIDE[family])
        bits = self.random.randint(0, self.width)
        start = BASE[family] + (self.random.randrange(1 << self.width) >> bits << bits)
        return f"{ipaddress.ip_address(start)}/{BITS[family] - bits}"

    def own_prefix(self, family: int, *, host: bool) -> str | None:
        """A host or LAN prefix to own; in a tidy fleet one that nobody has, None where it has run out of them."""
        for _attempt in range(20 if self.tidy else 1):
            text = f"{self.address(family)}/{BITS[family]}" if host else self.prefix(family)
            network = ipaddress.ip_network(text)
            cells = {(family, int(network[0]) + offset) for offset in range(network.num_addresses)}
            if not self.tidy or not cells & self.taken:
                self.taken |= cells
                return text
        return None

    def any_stack(self) -> dict:
        host = self.random.choice(list(self.document["hosts"].values()))
        return self.random.choice(list(host["namespaces"].values()))

    def any_member(self) -> Member | None:
        return self.random.choice(self.members) if self.members else None

    def peers_of(self, member: Member) -> list[dict]:
        """Its own entries, or the row that it shares with others."""
        group = member.interface.get("peer_group")
        own = member.interface["peers"]
        return self.document["peer_groups"][group] if group and not own else own

    def stack_and_devices(self) -> tuple[dict, list[str]]:
        """A stack, WireGuard devices (twice as likely), and every other device of it."""
        host = self.random.choice(list(self.document["hosts"].values()))
        namespace = self.random.choice(list(host["namespaces"]))
        stack = host["namespaces"][namespace]
        tunnels = [link["name"] for link in host["interfaces"] if link["namespace"] == namespace]
        return stack, tunnels * 2 + list(stack["addresses"]) + ["dum0"]

    # the coherent plan

    def _add_host(self, name: str) -> None:
        number = HOSTS.index(name) + 1
        host: dict = {"namespaces": {}, "interfaces": []}
        for namespace in ("", "blue")[: 2 if self.chance(25) else 1]:
            stack: dict = {"addresses": {}, "routes": [], "rules": []}
            stack["forwarding"] = {"ipv4": self.tidy or self.chance(75), "ipv6": self.tidy or self.chance(75)}
            stack["rp_filter"] = {}
            if namespace == "":
                stack["addresses"]["eth0"] = [f"203.0.113.{number}/24", f"2001:db8::{number}/64"]
                if self.chance(50):
                    for destination in ("0.0.0.0/0", "::/0"):
                        stack["routes"].append({"destination": destination, "device": "eth0"})
            host["namespaces"][namespace] = stack
        self.document["hosts"][name] = host

    def _add_network(self, network: str) -> None:
        members: list[Member] = []
        for name, host in self.document["hosts"].items():
            if network == "corp" or self.chance(80):
                members.append(self._add_member(network, name, host))
        self._link(members)
        style = self.random.choice(("group", "set") if self.shared else ("peers", "peers", "peers", "group", "set"))
        for index, member in enumerate(members):
            for family in FAMILIES:
                if style == "peers" or (style == "set" and len(member.links) > 1):
                    self._allow_along_paths(members, index, family)
        if style == "group":
            self._share_one_row(network, members)
        elif style == "set":
            self._share_one_set(network, members)
        for member in members:
            self._route(member)
            self.random.shuffle(member.interface["peers"])
        self.members += members

    def _add_member(self, network: str, name: str, host: dict) -> Member:
        namespace = self.random.choice(list(host["namespaces"]))
        stack = host["namespaces"][namespace]
        used = [link["name"] for link in host["interfaces"] if link["namespace"] == namespace]
        choices = (0,) if self.tidy else (0, 0, 0, 1, self.width)
        lengths = {family: self.random.choice(choices) for family in FAMILIES}
        addresses, prefixes = [], []
        for family in FAMILIES if self.chance(70) else (self.random.choice(FAMILIES),):
            own = self.own_prefix(family, host=True)
            if own is not None:
                addresses.append(f"{own.partition('/')[0]}/{BITS[family] - lengths[family]}")
                prefixes.append(own)
            lan = self.own_prefix(family, host=False) if self.chance(45) else None
            if lan is not None:
                gateway = ipaddress.ip_network(lan)[-1 if self.chance(50) else 0]
                stack["addresses"].setdefault("lan0", []).append(f"{gateway}/{lan.split('/')[1]}")
                stack.setdefault("advertise", []).append(lan)
                prefixes.append(lan)
        interface = {
            "name": f"wg{len(used)}",
            "network": network,
            "namespace": namespace,
            "socket_namespace": "",
            "public_key": self.key(),
            "addresses": addresses,
            "listen_port": 51820 + len(host["interfaces"]),
            "fwmark": 0,
            "mtu": 1420,
            "routes": "auto",
            "peer_group": None,
            "peers": [],
        }
        host["interfaces"].append(interface)
        return Member(name, interface, stack, prefixes)

    def _link(self, members: list[Member]) -> None:
        shape = self.random.choice(("hub", "hub", "hub", "mesh") if self.shared else ("mesh", "hub", "chain", "ring"))
        for right in range(1, len(members)):
            lefts = {"mesh": range(right), "hub": [0], "chain": [right - 1], "ring": [right - 1]}[shape]
            for left in lefts:
                self._connect(members, left, right)
        if shape == "ring" and len(members) > 2:
            self._connect(members, 0, len(members) - 1)

    def _connect(self, members: list[Member], left: int, right: int) -> None:
        known = self.random.choice(((True, True), (True, True), (True, False), (False, True)))
        for here, there, knows in ((left, right, known[0]), (right, left, known[1])):
            members[here].links.append(there)
            endpoint = f"203.0.113.{HOSTS.index(members[there].host) + 1}:51820" if knows else None
            members[here].interface["peers"].append(self._peer(members[there], endpoint))

    def _peer(self, member: Member, endpoint: str | None) -> dict:
        return {
            "name": member.host,
            "public_key": member.interface["public_key"],
            "preshared_key_id": None,
            "endpoint": endpoint,
            "allowed_ips": [],
            "persistent_keepalive": 0,
            "managed": True,
        }

    def _peer_of(self, member: Member, other: Member) -> dict:
        key = other.interface["public_key"]
        return next(peer for peer in member.interface["peers"] if peer["public_key"] == key)

    def _allow_along_paths(self, members: list[Member], start: int, family: int) -> None:
        """Breadth first: what lies behind each neighbour goes into that neighbour's AllowedIPs."""
        first_hop = {start: start}
        queue = collections.deque([start])
        while queue:
            current = queue.popleft()
            for neighbour in members[current].links:
                if neighbour not in first_hop:
                    first_hop[neighbour] = neighbour if current == start else first_hop[current]
                    queue.append(neighbour)
        for target, hop in first_hop.items():
            if target != start:
                wanted = [text for text in members[target].prefixes if ipaddress.ip_network(text).version == family]
                self._peer_of(members[start], members[hop])["allowed_ips"] += wanted

    def _share_one_row(self, network: str, members: list[Member]) -> None:
        """A mesh as one shared row; now and then a host overrides a line of it."""
        row = []
        for member in members:
            endpoint = f"203.0.113.{HOSTS.index(member.host) + 1}:51820" if self.chance(70) else None
            row.append({**self._peer(member, endpoint), "allowed_ips": list(member.prefixes)})
        if row and self.chance(15):
            prefixes = dict.fromkeys(text for member in members for text in member.prefixes)
            self.document["prefix_sets"][f"{network}-all"] = list(prefixes)
            self.random.choice(row)["allowed_ips_set"] = f"{network}-all"
        self.document["peer_groups"][network] = row
        for member in members:
            member.interface["peer_group"] = network
            member.interface["peers"] = []
            if self.chance(20):
                override = dict(self.random.choice(row))
                override["allowed_ips"] = [self.prefix(self.random.choice(FAMILIES), wide=20)]
                member.interface["peers"].append(override)

    def _share_one_set(self, network: str, members: list[Member]) -> None:
        """Leaves take everything from their one neighbour."""
        prefixes = dict.fromkeys(text for member in members for text in member.prefixes)
        self.document["prefix_sets"][network] = list(prefixes)
        for member in members:
            if len(member.links) == 1:
                member.interface["peers"][0]["allowed_ips_set"] = network

    def _route(self, member: Member) -> None:
        name = member.interface["name"]
        if self.tidy or self.chance(80):
            entry = {"destination": "allowed_ips", "device": name, "table": "main", "metric": None}
            member.stack["routes"].append(entry)
        else:
            member.interface["routes"] = "explicit"
            for family in FAMILIES:
                member.stack["routes"].append({"destination": self.prefix(family, wide=30), "device": name})


if __name__ == "__main__":
    print(json.dumps(Fleet(sys.argv[1]).document, indent=1))
