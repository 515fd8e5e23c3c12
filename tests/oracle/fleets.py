# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random small fleets in a tiny address space, so that every packet of it can be sent.

A fleet starts as a coherent plan (links, owners, AllowedIPs along shortest paths) and is then damaged by a few
random changes; a plan that works and a plan that nearly works are where planners are wrong. The same seed gives
the same document.

``python fleets.py SEED`` prints the document of a seed.
"""

from __future__ import annotations

import base64
import dataclasses
import ipaddress
import json
import random
import sys
import typing as t

HOSTS = ("ant", "bee", "cat", "dog", "elk")
BASE = {4: int(ipaddress.ip_address("10.0.0.0")), 6: int(ipaddress.ip_address("fd00::40"))}
BITS = {4: 32, 6: 128}
WIDE = {4: ("0.0.0.0/0", "0.0.0.0/1", "8.0.0.0/5"), 6: ("::/0", "8000::/1", "fc00::/7")}
FAMILIES = (4, 6)


@dataclasses.dataclass
class Member:
    """A WireGuard interface in the making, with what its stack owns behind it."""

    host: str
    interface: dict
    stack: dict
    prefixes: list[str]
    links: list[int] = dataclasses.field(default_factory=list)


class Fleet:
    """The document in the making; ``document`` is the result."""

    def __init__(self, seed: int | str) -> None:
        self.random = random.Random(f"fleet {seed}")
        self.tidy = self.chance(40)  # addresses of one owner each, everybody forwards: a plan that works
        self.width = self.random.choice((3, 4, 4, 5) if self.tidy else (2, 3, 3, 3, 4, 4, 5))
        self.taken: set[tuple[int, int]] = set()
        self.document: dict = {"version": 1, "hosts": {}, "peer_groups": {}, "prefix_sets": {}, "networks": {}}
        self.members: list[Member] = []
        for name in HOSTS[: self.random.choice((1, 2, 2, 2, 3, 3, 4, 5))]:
            self._add_host(name)
        for network in ("corp", "lab", "home")[: self.random.choice((1, 1, 2, 3))]:
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
        style = self.random.choice(("peers", "peers", "peers", "group", "set"))
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
                addresses.append(f"{own.split('/')[0]}/{BITS[family] - lengths[family]}")
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
        shape = self.random.choice(("mesh", "hub", "chain", "ring"))
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
        queue = [start]
        for current in queue:
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

    # damages: each a way in which real fleets go wrong, or are merely unusual

    def add_route(self) -> None:
        stack, devices = self.stack_and_devices()
        family = self.random.choice(FAMILIES)
        kind = self.random.choice(("unicast",) * 5 + ("blackhole", "unreachable", "prohibit", "throw"))
        stack["routes"].append(
            {
                "destination": self.prefix(family, wide=25),
                "device": self.random.choice(devices) if kind == "unicast" else None,
                "gateway": None,
                "table": self.random.choice((None, "main", "main", "200", "201", "default", "254")),
                "metric": self.random.choice((None, None, 0, 7, 256, 1024)),
                "type": kind,
                "source": None,
                "protocol": None,
            }
        )

    def refuse_a_prefix(self) -> None:
        """An error route in main, for what somebody may well send to."""
        stack = self.any_stack()
        kind = self.random.choice(("blackhole", "unreachable", "prohibit"))
        stack["routes"].append({"destination": self.prefix(self.random.choice(FAMILIES), wide=10), "type": kind})

    def add_equal_routes(self) -> None:
        """The same prefix and metric by two devices."""
        stack, devices = self.stack_and_devices()
        family = self.random.choice(FAMILIES)
        prefix, metric = self.prefix(family, wide=25), self.random.choice((None, 7, 256))
        for device in self.random.sample(devices, min(2, len(devices))):
            stack["routes"].append({"destination": prefix, "device": device, "metric": metric})

    def repeat_a_prefix_of_the_table(self) -> None:
        """A second route for a prefix that has one already, better or worse."""
        stack, devices = self.stack_and_devices()
        texts = [text for listed in stack["addresses"].values() for text in listed]
        texts += [route["destination"] for route in stack["routes"] if route["destination"] != "allowed_ips"]
        if texts:
            prefix = str(ipaddress.ip_interface(self.random.choice(texts)).network)
            metric = self.random.choice((None, 7, 256, 300))
            stack["routes"].append({"destination": prefix, "device": self.random.choice(devices), "metric": metric})

    def route_all_tables(self) -> None:
        """Routes for the tables that rules point to, of every type."""
        stack, devices = self.stack_and_devices()
        for table in ("200", "201"):
            for family in FAMILIES:
                kind = self.random.choice(("unicast",) * 4 + ("blackhole", "unreachable", "prohibit", "throw"))
                route = {"destination": self.prefix(family, wide=40), "table": table, "type": kind}
                stack["routes"].append({**route, "device": self.random.choice(devices)} if kind == "unicast" else route)
        self.add_rules_to(stack, devices)

    def add_rule(self) -> None:
        self.add_rules_to(*self.stack_and_devices())

    def add_rules_to(self, stack: dict, devices: list[str]) -> None:
        for _number in range(self.random.choice((1, 1, 2, 3))):
            family = self.random.choice(FAMILIES)
            stack["rules"].append(
                {
                    "priority": self.random.choice((0, 100, 100, 200, 32766, 32767, 40000)),
                    "from": self.prefix(family, wide=10) if self.chance(40) else None,
                    "to": self.prefix(family, wide=10) if self.chance(35) else None,
                    "iif": self.random.choice([*devices, "lo"]) if self.chance(35) else None,
                    "fwmark": self.random.choice((0, 51820)) if self.chance(15) else None,
                    "invert": self.chance(20),
                    "table": self.random.choice(("200", "200", "201", "main", "default")),
                    "suppress_prefixlength": self.random.choice((0, 1, 30, 31, 126, 127)) if self.chance(45) else None,
                }
            )

    def full_tunnel(self) -> None:
        """What wg-quick(8) installs for a default route."""
        member = self.any_member()
        if member and member.interface["peers"]:
            family = self.random.choice(FAMILIES)
            default = WIDE[family][0]
            self.random.choice(member.interface["peers"])["allowed_ips"].append(default)
            member.interface["fwmark"] = 51820
            name = member.interface["name"]
            member.stack["routes"].append({"destination": default, "device": name, "table": "200"})
            member.stack["rules"] += [
                {"priority": 32764, "table": "main", "suppress_prefixlength": 0},
                {"priority": 32765, "fwmark": 51820, "invert": True, "table": "200"},
            ]

    def allow_more(self) -> None:
        """Stolen and nested prefixes."""
        member = self.any_member()
        if member and member.interface["peers"]:
            peer = self.random.choice(member.interface["peers"])
            text = self.prefix(self.random.choice(FAMILIES), wide=15)
            if self.chance(30):
                text = self.address(self.random.choice(FAMILIES))  # wg takes a bare address for a host prefix
            peer["allowed_ips"].append(text)

    def allow_with_host_bits(self) -> None:
        member = self.any_member()
        if member and member.interface["peers"]:
            family = self.random.choice(FAMILIES)
            length = BITS[family] - self.random.randint(1, self.width)
            self.random.choice(member.interface["peers"])["allowed_ips"].append(f"{self.address(family)}/{length}")

    def allow_a_mapped_prefix(self) -> None:
        """It is filed under IPv6, where no IPv4 packet looks."""
        member = self.any_member()
        if member and member.interface["peers"]:
            mapped = ipaddress.ip_network(self.prefix(4))
            text = f"::ffff:{mapped.network_address}/{96 + mapped.prefixlen}"
            self.random.choice(member.interface["peers"])["allowed_ips"].append(text)

    def allow_the_same_twice(self) -> None:
        """The identical prefix on two peers: the last owner wins."""
        member = self.any_member()
        if member and len(member.interface["peers"]) > 1:
            one, two = self.random.sample(member.interface["peers"], 2)
            if one["allowed_ips"]:
                two["allowed_ips"].append(self.random.choice(one["allowed_ips"]))

    def allow_less(self) -> None:
        member = self.any_member()
        peers = [peer for peer in member.interface["peers"] if peer["allowed_ips"]] if member else []
        if peers:
            allowed = self.random.choice(peers)["allowed_ips"]
            allowed.pop(self.random.randrange(len(allowed)))

    def forget_a_peer(self) -> None:
        """One-sided: the other end still lists this one."""
        member = self.any_member()
        if member and member.interface["peers"]:
            member.interface["peers"].pop(self.random.randrange(len(member.interface["peers"])))

    def change_a_key(self) -> None:
        """A peer that nobody manages, or whose key is not known yet."""
        member = self.any_member()
        if member and member.interface["peers"]:
            self.random.choice(member.interface["peers"])["public_key"] = self.key() if self.chance(80) else None

    def forget_an_own_key(self) -> None:
        member = self.any_member()
        if member:
            member.interface["public_key"] = None

    def external_peer(self) -> None:
        member = self.any_member()
        if member:
            allowed = [self.prefix(family) for family in FAMILIES]
            peer = {"name": "phone", "public_key": self.key(), "allowed_ips": allowed, "managed": False}
            member.interface["peers"].insert(self.random.randint(0, len(member.interface["peers"])), peer)

    def list_itself(self) -> None:
        member = self.any_member()
        if member:
            allowed = [self.prefix(family, wide=20) for family in FAMILIES]
            member.interface["peers"].append({**self._peer(member, None), "allowed_ips": allowed})

    def list_a_peer_twice(self) -> None:
        member = self.any_member()
        if member and member.interface["peers"]:
            again = dict(self.random.choice(member.interface["peers"]))
            again["allowed_ips"] = [self.prefix(self.random.choice(FAMILIES), wide=15)]
            member.interface["peers"].append(again)

    def forget_endpoints(self) -> None:
        member = self.any_member()
        if member:
            for other in self.members:
                for peer in other.interface["peers"]:
                    if other is member or peer["public_key"] == member.interface["public_key"]:
                        peer["endpoint"] = None

    def forget_to_advertise(self) -> None:
        """What the stack owns then follows from its connected prefixes."""
        self.any_stack().pop("advertise", None)

    def switch_forwarding(self) -> None:
        forwarding = self.any_stack()["forwarding"]
        family = self.random.choice(("ipv4", "ipv6"))
        forwarding[family] = not forwarding[family]

    def set_rp_filter(self) -> None:
        stack, devices = self.stack_and_devices()
        mode = self.random.choice((1, 1, 2, 2, 0))
        for device in devices if self.chance(60) else devices[:1]:
            stack["rp_filter"][device] = mode

    def lead_the_way_back_elsewhere(self) -> None:
        """Asymmetry, as a host with two uplinks has it, on a device that checks the reverse path."""
        member = self.any_member()
        if member is None:
            return
        name = member.interface["name"]
        member.stack["rp_filter"][name] = self.random.choice((1, 1, 2))
        if self.chance(30):
            member.interface["addresses"] = [text for text in member.interface["addresses"] if ":" in text]
        accepted = [text for peer in member.interface["peers"] for text in peer["allowed_ips"] if ":" not in text]
        for _number in range(self.random.choice((1, 2))):
            kind = self.random.choice(("unicast", "unicast", "unicast", "blackhole", "throw"))
            device = self.random.choice(("eth0", "lan0", "dum0", "wg1")) if kind == "unicast" else None
            text = self.random.choice(accepted) if accepted and self.chance(70) else self.prefix(4)
            prefix = str(ipaddress.ip_interface(text).network)
            route = {"destination": prefix, "device": device, "type": kind, "table": "main"}
            if self.chance(50):  # only for what comes from one side, as the reverse look-up does
                route["table"] = "200"
                iif = self.random.choice(("lo", "lo", "eth0", "lan0", name, None))
                member.stack["rules"].append({"priority": 90, "to": prefix, "iif": iif, "table": "200"})
            member.stack["routes"].insert(0, route)

    def add_address(self) -> None:
        """On any device; /31 and /127 have neither broadcast nor anycast."""
        stack, devices = self.stack_and_devices()
        family = self.random.choice(FAMILIES)
        bits = self.random.choice((0, 1, 2, self.width))
        text = f"{self.address(family)}/{BITS[family] - bits}"
        member = self.any_member()
        if member and self.chance(50):
            member.interface["addresses"].append(text)
        else:
            plain = [device for device in devices if not device.startswith("wg")]
            stack["addresses"].setdefault(self.random.choice(plain), []).append(text)

    def point_at_each_other(self) -> None:
        """Two neighbours that each think the other one has it: a loop."""
        member = self.any_member()
        others = [other for other in self.members if member and other is not member]
        family = self.random.choice(FAMILIES)
        prefix = self.prefix(family, wide=30)
        for other in self.random.sample(others, len(others)):
            pairs = ((member, other), (other, member))
            if all(self._lists(one, two) for one, two in pairs):
                for one, two in pairs:
                    self._peer_of(one, two)["allowed_ips"].append(prefix)
                    one.stack["forwarding"] = {"ipv4": True, "ipv6": True}
                    one.stack["routes"].append({"destination": prefix, "device": one.interface["name"]})
                return

    def _lists(self, one: Member, two: Member) -> bool:
        key = two.interface["public_key"]
        return key is not None and any(peer["public_key"] == key for peer in one.interface["peers"])

    def link_inside_a_host(self) -> None:
        """A second pair of interfaces between two stacks, or within one."""
        name, host = self.random.choice(list(self.document["hosts"].items()))
        ends = []
        for side in ("wga", "wgb"):
            if any(link["name"] == side for link in host["interfaces"]):
                return
            namespace = self.random.choice(list(host["namespaces"]))
            interface = {"name": side, "namespace": namespace, "public_key": self.key(), "addresses": [], "peers": []}
            ends.append(Member(name, interface, host["namespaces"][namespace], []))
        for here, there in (ends, ends[::-1]):
            family = self.random.choice(FAMILIES)
            allowed = [self.prefix(family, wide=30), self.prefix(10 - family)]
            here.interface["peers"].append({**self._peer(there, "203.0.113.9:1"), "allowed_ips": allowed})
            here.interface["addresses"].append(f"{self.address(family)}/{BITS[family] - self.random.choice((0, 1))}")
            here.stack["routes"].append({"destination": "allowed_ips", "device": here.interface["name"]})
            host["interfaces"].append(here.interface)
        self.members += ends

    def reverse_the_document(self) -> None:
        stack = self.any_stack()
        stack["routes"].reverse()
        stack["addresses"] = dict(reversed(stack["addresses"].items()))


DAMAGES: tuple[t.Callable[[Fleet], None], ...] = (
    Fleet.add_route,
    Fleet.add_route,
    Fleet.add_route,
    Fleet.refuse_a_prefix,
    Fleet.refuse_a_prefix,
    Fleet.add_equal_routes,
    Fleet.repeat_a_prefix_of_the_table,
    Fleet.repeat_a_prefix_of_the_table,
    Fleet.route_all_tables,
    Fleet.route_all_tables,
    Fleet.route_all_tables,
    Fleet.add_rule,
    Fleet.full_tunnel,
    Fleet.allow_more,
    Fleet.allow_more,
    Fleet.allow_with_host_bits,
    Fleet.allow_a_mapped_prefix,
    Fleet.allow_the_same_twice,
    Fleet.allow_less,
    Fleet.forget_a_peer,
    Fleet.change_a_key,
    Fleet.forget_an_own_key,
    Fleet.external_peer,
    Fleet.list_itself,
    Fleet.list_a_peer_twice,
    Fleet.forget_endpoints,
    Fleet.forget_to_advertise,
    Fleet.switch_forwarding,
    Fleet.set_rp_filter,
    Fleet.set_rp_filter,
    Fleet.set_rp_filter,
    Fleet.lead_the_way_back_elsewhere,
    Fleet.lead_the_way_back_elsewhere,
    Fleet.lead_the_way_back_elsewhere,
    Fleet.add_address,
    Fleet.point_at_each_other,
    Fleet.point_at_each_other,
    Fleet.link_inside_a_host,
    Fleet.reverse_the_document,
)


if __name__ == "__main__":
    print(json.dumps(Fleet(sys.argv[1]).document, indent=1))
