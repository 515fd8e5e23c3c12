# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong in random fleets: each damage is a way in which real ones break, or are merely unusual."""

from __future__ import annotations

import ipaddress
import typing as t

from ansible_collections.cryptokey.wireguard.tests.oracle.space import BITS, FAMILIES, WIDE, Member

# A mark with a mask matches where the bits under the mask are equal.
MARKS = (0, 0, 51820, 51820, "0xca6c/0xffff", "0x100/0xff", "0x1/0xf")


class Damaged:
    """A mixin of Fleet, whose small helpers it uses; every method changes something in the document at random."""

    def add_route(self) -> None:
        stack, devices = self.stack_and_devices()
        family = self.random.choice(FAMILIES)
        kind = self.random.choice(("unicast",) * 5 + ("blackhole", "unreachable", "prohibit", "throw"))
        stack["routes"].append(
            {
                "destination": self.prefix(family, wide=25),
                "device": self.random.choice(devices) if kind == "unicast" else None,
                "gateway": None,
                "table": self.random.choice((None, "main", "main", "200", "201", "default", "254", "local", "255")),
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

    def follow_into_another_table(self) -> None:
        """Routes that follow AllowedIPs may stand in any table; in local, IPv4 has one trie of it and main."""
        stack, _devices = self.stack_and_devices()
        following = [route for route in stack["routes"] if route["destination"] == "allowed_ips"]
        if following:
            self.random.choice(following)["table"] = self.random.choice(("local", "local", "200", "main"))
            for _number in range(3):
                # The longest prefixes, so that some lie inside an AllowedIPs entry.
                route = {"destination": f"{self.address(4)}/{BITS[4]}", "table": self.random.choice((None, "local"))}
                stack["routes"].append({**route, "type": self.random.choice(("blackhole", "prohibit"))})
            if self.chance(50):
                stack["rules"].clear()

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
                    "fwmark": self.random.choice(MARKS) if self.chance(25) else None,
                    "invert": self.chance(20),
                    "table": self.random.choice(("200", "200", "201", "main", "default", "local")),
                    "suppress_prefixlength": self.random.choice((0, 1, 30, 31, 126, 127)) if self.chance(45) else None,
                }
            )

    def full_tunnel(self) -> None:
        """What wg-quick(8) installs for a default route."""
        member = self.any_member()
        if member and self.peers_of(member):
            family = self.random.choice(FAMILIES)
            default = WIDE[family][0]
            self.random.choice(self.peers_of(member))["allowed_ips"].append(default)
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
        if member and self.peers_of(member):
            peer = self.random.choice(self.peers_of(member))
            text = self.prefix(self.random.choice(FAMILIES), wide=15)
            if self.chance(30):
                text = self.address(self.random.choice(FAMILIES))  # wg takes a bare address for a host prefix
            peer["allowed_ips"].append(text)

    def allow_with_host_bits(self) -> None:
        member = self.any_member()
        if member and self.peers_of(member):
            family = self.random.choice(FAMILIES)
            length = BITS[family] - self.random.randint(1, self.width)
            self.random.choice(self.peers_of(member))["allowed_ips"].append(f"{self.address(family)}/{length}")

    def allow_a_mapped_prefix(self) -> None:
        """It is filed under IPv6, where no IPv4 packet looks."""
        member = self.any_member()
        if member and self.peers_of(member):
            mapped = ipaddress.ip_network(self.prefix(4))
            text = f"::ffff:{mapped.network_address}/{96 + mapped.prefixlen}"
            self.random.choice(self.peers_of(member))["allowed_ips"].append(text)

    def allow_the_same_twice(self) -> None:
        """The identical prefix on two peers: the last owner wins."""
        member = self.any_member()
        if member and len(self.peers_of(member)) > 1:
            one, two = self.random.sample(self.peers_of(member), 2)
            if one["allowed_ips"]:
                two["allowed_ips"].append(self.random.choice(one["allowed_ips"]))

    def allow_less(self) -> None:
        member = self.any_member()
        peers = [peer for peer in self.peers_of(member) if peer["allowed_ips"]] if member else []
        if peers:
            allowed = self.random.choice(peers)["allowed_ips"]
            allowed.pop(self.random.randrange(len(allowed)))

    def forget_a_peer(self) -> None:
        """One-sided: the other end still lists this one."""
        member = self.any_member()
        if member and self.peers_of(member):
            self.peers_of(member).pop(self.random.randrange(len(self.peers_of(member))))

    def change_a_key(self) -> None:
        """A peer that nobody manages, or whose key is not known yet."""
        member = self.any_member()
        if member and self.peers_of(member):
            self.random.choice(self.peers_of(member))["public_key"] = self.key() if self.chance(80) else None

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
        if member and self.peers_of(member):
            again = dict(self.random.choice(self.peers_of(member)))
            again["allowed_ips"] = [self.prefix(self.random.choice(FAMILIES), wide=15)]
            self.peers_of(member).append(again)

    def forget_endpoints(self) -> None:
        member = self.any_member()
        if member:
            for other in self.members:
                for peer in self.peers_of(other):
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
        accepted = [text for peer in self.peers_of(member) for text in peer["allowed_ips"] if ":" not in text]
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

    def disable_ipv6(self) -> None:
        """net.ipv6.conf.*.disable_ipv6: no IPv6 address is held, so nothing is local or connected."""
        self.any_stack()["ipv6"] = False

    def advertise_to_one_network(self) -> None:
        """An interface that says itself what its network gets to see of the stack."""
        member = self.any_member()
        if member:
            member.interface["advertise"] = [self.prefix(self.random.choice(FAMILIES))] if self.chance(60) else []

    def reverse_the_document(self) -> None:
        stack = self.any_stack()
        stack["routes"].reverse()
        stack["addresses"] = dict(reversed(stack["addresses"].items()))


DAMAGES: tuple[t.Callable[[t.Any], None], ...] = (
    Damaged.follow_into_another_table,
    Damaged.add_route,
    Damaged.add_route,
    Damaged.add_route,
    Damaged.refuse_a_prefix,
    Damaged.refuse_a_prefix,
    Damaged.add_equal_routes,
    Damaged.repeat_a_prefix_of_the_table,
    Damaged.repeat_a_prefix_of_the_table,
    Damaged.route_all_tables,
    Damaged.route_all_tables,
    Damaged.route_all_tables,
    Damaged.add_rule,
    Damaged.full_tunnel,
    Damaged.allow_more,
    Damaged.allow_more,
    Damaged.allow_with_host_bits,
    Damaged.allow_a_mapped_prefix,
    Damaged.allow_the_same_twice,
    Damaged.allow_less,
    Damaged.forget_a_peer,
    Damaged.change_a_key,
    Damaged.forget_an_own_key,
    Damaged.external_peer,
    Damaged.list_itself,
    Damaged.list_a_peer_twice,
    Damaged.forget_endpoints,
    Damaged.forget_to_advertise,
    Damaged.switch_forwarding,
    Damaged.set_rp_filter,
    Damaged.set_rp_filter,
    Damaged.set_rp_filter,
    Damaged.lead_the_way_back_elsewhere,
    Damaged.lead_the_way_back_elsewhere,
    Damaged.lead_the_way_back_elsewhere,
    Damaged.add_address,
    Damaged.point_at_each_other,
    Damaged.point_at_each_other,
    Damaged.link_inside_a_host,
    Damaged.disable_ipv6,
    Damaged.advertise_to_one_network,
    Damaged.reverse_the_document,
)
