# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An exhaustive packet simulator: the oracle that the prover is compared with.

It sends one packet at a time through a fleet document, by brute force over plain lists. It is written from the
description of the kernel's behaviour alone and imports nothing from plugins/, so that it can share no mistake with
the planner; it is slow on purpose and remembers route look-ups only so that millions of packets stay affordable.

What it follows: ip-rule(8), ip-route(8), wg(8), Documentation/networking/ip-sysctl.rst (rp_filter), and of the
kernel net/core/fib_rules.c, net/ipv4/fib_frontend.c, net/ipv6/route.c, net/ipv6/anycast.c, drivers/net/wireguard.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t

BITS = {4: 32, 6: 128}
TABLES = {"255": "local", "254": "main", "253": "default"}
OUTCOMES = (
    "delivered",
    "exits",
    "no_route",
    "blackhole",
    "unreachable",
    "prohibit",
    "no_peer",
    "unmanaged_peer",
    "one_sided",
    "no_endpoint",
    "source_rejected",
    "martian_source",
    "rp_filtered",
    "not_forwarded",
    "loop",
)


@dataclasses.dataclass(frozen=True)
class Prefix:
    family: int
    network: int
    length: int

    def holds(self, address: int) -> bool:
        unused = BITS[self.family] - self.length
        return address >> unused == self.network >> unused


@dataclasses.dataclass(frozen=True)
class Route:
    prefix: Prefix
    metric: int
    kind: str
    device: str | None


@dataclasses.dataclass(frozen=True)
class Rule:
    source: Prefix | None
    destination: Prefix | None
    iif: str | None
    fwmark: tuple[int, int]  # mark, mask
    invert: bool
    table: str
    suppress: int | None

    def matches(self, *, source: int, destination: int, ingress: str) -> bool:
        hit = (
            (self.source is None or self.source.holds(source))
            and (self.destination is None or self.destination.holds(destination))
            and (self.iif is None or self.iif == ingress)
            and self.fwmark[0] & self.fwmark[1] == 0  # inner packets carry mark 0
        )
        return hit != self.invert


@dataclasses.dataclass
class Peer:
    """``ident`` is the public key; while it is not known, ``?`` and the name, which says whose key it will be."""

    ident: str
    name: str
    has_endpoint: bool


@dataclasses.dataclass
class Wireguard:
    """A WireGuard interface; ``owners`` is its AllowedIPs table, one owner per prefix."""

    name: str
    host: str
    namespace: str
    network: str | None
    key: str | None
    owners: dict[Prefix, Peer]
    peers: list[Peer]

    def peer_for(self, family: int, address: int) -> Peer | None:
        best = None
        for prefix in self.owners:
            if prefix.family == family and prefix.holds(address) and (best is None or prefix.length > best.length):
                best = prefix
        return None if best is None else self.owners[best]

    def peer_called(self, ident: str | None) -> Peer | None:
        for peer in self.peers:
            if peer.ident == ident:
                return peer
        return None


@dataclasses.dataclass
class Stack:
    """One network namespace of one host."""

    host: str
    namespace: str
    own: dict[int, set[int]]
    forwarding: dict[int, bool]
    rp_filter: dict[str, int]
    rules: dict[int, list[Rule]]
    tables: dict[int, dict[str, list[Route]]]
    wireguard: dict[str, Wireguard]
    devices_with_ipv4: set[str]
    seen: dict[t.Any, tuple[str, str | None]] = dataclasses.field(default_factory=dict)

    def look_up(self, family: int, *, source: int, destination: int, ingress: str) -> tuple[str, str | None]:
        """(local | unicast | no_route | blackhole | unreachable | prohibit, device of a unicast route)."""
        packet = (family, source, destination, ingress)
        if packet not in self.seen:
            self.seen[packet] = self._look_up(family, source=source, destination=destination, ingress=ingress)
        return self.seen[packet]

    def _look_up(self, family: int, *, source: int, destination: int, ingress: str) -> tuple[str, str | None]:
        if destination in self.own[family]:
            return "local", None
        for rule in self.rules[family]:
            if not rule.matches(source=source, destination=destination, ingress=ingress):
                continue
            route = self._best(family, rule.table, destination, ingress)
            if route is None or route.kind == "throw":
                continue
            if route.kind != "unicast":
                return route.kind, None
            if rule.suppress is not None and route.prefix.length <= rule.suppress:
                continue
            return "unicast", route.device
        return "no_route", None

    def _best(self, family: int, table: str, destination: int, ingress: str) -> Route | None:
        hits = [route for route in self.tables[family].get(table, []) if route.prefix.holds(destination)]
        if not hits:
            return None
        longest = max(route.prefix.length for route in hits)
        hits = [route for route in hits if route.prefix.length == longest]
        lowest = min(route.metric for route in hits)
        hits = [route for route in hits if route.metric == lowest]
        if family == 6 and ingress != "lo":
            for route in hits:
                if route.kind == "unicast" and route.device == ingress:
                    return route
        return hits[0]

    def source_check(self, *, source: int, destination: int, ingress: str, egress: str) -> str | None:
        """IPv4 only: the outcome of a packet that the reverse path check drops, None for one that passes."""
        if source in self.own[4]:
            return "martian_source"
        mode = self.rp_filter.get(ingress, 0)
        if mode == 0:
            return None
        kind, device = self.look_up(4, source=destination, destination=source, ingress=egress)
        if kind == "unicast" and device == ingress:
            return None
        if kind == "unicast" and mode == 2 and ingress in self.devices_with_ipv4:
            return None
        return "rp_filtered"


class Simulator:
    """A fleet document, made ready to send packets through it."""

    def __init__(self, document: dict) -> None:
        self.stacks: dict[tuple[str, str], Stack] = {}
        self.by_key: dict[str | None, Wireguard] = {}
        self.by_name: dict[tuple[str | None, str], Wireguard] = {}
        for host, entry in document["hosts"].items():
            interfaces = entry.get("interfaces") or []
            names = list(entry.get("namespaces") or {}) + [link.get("namespace") or "" for link in interfaces]
            for namespace in dict.fromkeys(names):
                self.stacks[(host, namespace)] = _read_stack(document, host, namespace)
        for host, entry in document["hosts"].items():
            for interface in entry.get("interfaces") or []:
                device = self.stacks[(host, interface.get("namespace") or "")].wireguard[interface["name"]]
                if device.key is not None:
                    self.by_key.setdefault(device.key, device)
                self.by_name.setdefault((device.network, host), device)

    def interface_of(self, device: Wireguard, peer: Peer) -> Wireguard | None:
        """The other end of a link: by key, or by name in the same network while the key is not known."""
        if peer.ident.startswith("?"):
            return self.by_name.get((device.network, peer.name))
        return self.by_key.get(peer.ident)

    def listed_by(self, receiver: Wireguard, sender: Wireguard) -> Peer | None:
        """The entry under which the receiver lists the sender."""
        listed = receiver.peer_called(sender.key) if sender.key is not None else None
        if listed is None:
            listed = receiver.peer_called(f"?{sender.host}")
            if listed is not None and self.interface_of(receiver, listed) is not sender:
                return None
        return listed

    def send(
        self, host: str, namespace: str, family: int, source: int, destination: int, *, ingress: str = "lo"
    ) -> dict:
        """One packet: {outcome, at, hops}; addresses as integers.

        The stack sends it itself, or has received it by a device that is not WireGuard.
        """
        stack = self.stacks[(host, namespace)]
        hops: list[dict] = []
        been = set()

        def end(outcome: str, device: str | None) -> dict:
            return {
                "outcome": outcome,
                "at": {"host": stack.host, "namespace": stack.namespace, "device": device},
                "hops": hops,
            }

        while True:
            been.add((stack.host, stack.namespace, ingress))
            kind, egress = stack.look_up(family, source=source, destination=destination, ingress=ingress)
            received = ingress != "lo"
            if received and kind != "local" and not stack.forwarding[family]:
                return end("not_forwarded", None)
            if kind not in ("local", "unicast"):
                return end(kind, None)
            if received and family == 4:
                leaves_by = "lo" if kind == "local" else egress
                drop = stack.source_check(source=source, destination=destination, ingress=ingress, egress=leaves_by)
                if drop:
                    return end(drop, ingress)
            if kind == "local":
                return end("delivered", None)

            device = stack.wireguard.get(egress)
            hops.append({"host": stack.host, "namespace": stack.namespace, "ingress": ingress, "egress": egress})
            if device is None:
                return end("exits", egress)
            peer = device.peer_for(family, destination)
            if peer is None:
                return end("no_peer", egress)
            receiver = self.interface_of(device, peer)
            if receiver is None:
                return end("unmanaged_peer", egress)
            back = self.listed_by(receiver, device)
            if back is None:
                return end("one_sided", egress)
            if not peer.has_endpoint and not back.has_endpoint:
                return end("no_endpoint", egress)

            stack, ingress = self.stacks[(receiver.host, receiver.namespace)], receiver.name
            if receiver.peer_for(family, source) is not back:
                return end("source_rejected", ingress)
            if (stack.host, stack.namespace, ingress) in been:
                return end("loop", None)


def simulate(document: dict, host: str, namespace: str, source: str, destination: str) -> dict:
    """One packet, addresses as text."""
    first, last = ipaddress.ip_address(source), ipaddress.ip_address(destination)
    return Simulator(document).send(host, namespace, first.version, int(first), int(last))


def _read_prefix(text: str) -> Prefix:
    network = ipaddress.ip_interface(text).network
    return Prefix(network.version, int(network.network_address), network.prefixlen)


def _read_table(value: t.Any) -> str:
    text = "main" if value is None else str(value)
    return TABLES.get(text, text)


def _read_stack(document: dict, host: str, namespace: str) -> Stack:
    entry = document["hosts"][host]
    described = (entry.get("namespaces") or {}).get(namespace) or {}
    interfaces = [link for link in entry.get("interfaces") or [] if (link.get("namespace") or "") == namespace]
    assigned = [(device, text) for device, texts in (described.get("addresses") or {}).items() for text in texts]
    assigned += [(link["name"], text) for link in interfaces for text in link.get("addresses") or []]
    routes = described.get("routes") or []
    ipv6 = described.get("ipv6") is not False
    if not ipv6:  # Documentation/networking/ip-sysctl.rst, disable_ipv6: no address stays, no route by a device comes
        assigned = [(device, text) for device, text in assigned if ":" not in text]
    forwarding = described.get("forwarding") or {}
    owned = {Prefix(p.version, int(p), p.max_prefixlen) for p in _addresses_of(interfaces)}
    for told in (described, *interfaces):
        owned |= {_read_prefix(text) for text in told.get("advertise") or []}
    stack = Stack(
        host=host,
        namespace=namespace,
        own={4: set(), 6: set()},
        forwarding={4: bool(forwarding.get("ipv4")), 6: bool(forwarding.get("ipv6"))},
        rp_filter={device: int(mode) for device, mode in (described.get("rp_filter") or {}).items()},
        rules={family: _read_rules(described, family) for family in (4, 6)},
        tables={4: {}, 6: {}},
        wireguard={link["name"]: _read_wireguard(document, host, link, owned) for link in interfaces},
        devices_with_ipv4=set(),
    )
    for device, text in assigned:
        _assign(stack, device, text)
    for route in routes:
        _add_route(stack, route, ipv6=ipv6)
    if len(stack.rules[4]) == len(_read_rules({}, 4)):
        _unite_tables(stack)
    return stack


def _unite_tables(stack: Stack) -> None:
    """Until the first rule comes, IPv4's local and main are one trie, in which the longest prefix of both wins."""
    local = [dataclasses.replace(route, metric=route.metric - 2**32) for route in stack.tables[4].pop("local", [])]
    stack.tables[4]["main"] = local + stack.tables[4].get("main", [])


def _addresses_of(interfaces: list[dict]) -> list:
    return [ipaddress.ip_interface(text).ip for link in interfaces for text in link.get("addresses") or []]


def _assign(stack: Stack, device: str, text: str) -> None:
    """An address makes itself local and its prefix connected; a router answers for the prefix's first address too."""
    address = ipaddress.ip_interface(text).ip
    prefix = _read_prefix(text)
    family = prefix.family
    stack.own[family].add(int(address))
    if family == 4:
        stack.devices_with_ipv4.add(device)
    elif stack.forwarding[6] and prefix.length <= 126 and prefix.network != 0:
        stack.own[6].add(prefix.network)
    connected = Route(prefix=prefix, metric=0 if family == 4 else 256, kind="unicast", device=device)
    stack.tables[family].setdefault("main", []).append(connected)


def _add_route(stack: Stack, route: dict, *, ipv6: bool) -> None:
    device = route.get("device")
    if route["destination"] == "allowed_ips":
        prefixes = list(stack.wireguard[device].owners) if device in stack.wireguard else []
    else:
        prefixes = [_read_prefix(route["destination"])]
    for prefix in prefixes:
        if prefix.family == 6 and not ipv6 and (route.get("type") or "unicast") == "unicast":
            continue
        metric = route.get("metric") or (0 if prefix.family == 4 else 1024)
        added = Route(prefix=prefix, metric=metric, kind=route.get("type") or "unicast", device=device)
        stack.tables[prefix.family].setdefault(_read_table(route.get("table")), []).append(added)


def _read_rules(described: dict, family: int) -> list[Rule]:
    """The rules of one family in the order of look-up; the one for table local was there before all others of 0."""
    plain = {"source": None, "destination": None, "iif": None, "fwmark": (0, 0), "invert": False, "suppress": None}
    ordered = [(0, Rule(**plain, table="local")), (32766, Rule(**plain, table="main"))]
    if family == 4:  # net/ipv6/fib6_rules.c installs no rule for the table "default"
        ordered.append((32767, Rule(**plain, table="default")))
    for rule in described.get("rules") or []:
        source = _read_prefix(rule["from"]) if rule.get("from") else None
        destination = _read_prefix(rule["to"]) if rule.get("to") else None
        if any(prefix and prefix.family != family for prefix in (source, destination)):
            continue
        read = Rule(
            source=source,
            destination=destination,
            iif=rule.get("iif"),
            fwmark=_read_mark(rule.get("fwmark")),
            invert=bool(rule.get("invert")),
            table=_read_table(rule.get("table")),
            suppress=rule.get("suppress_prefixlength"),
        )
        ordered.append((rule["priority"], read))
    return [rule for _priority, rule in sorted(ordered, key=lambda pair: pair[0])]


def _read_mark(value: t.Any) -> tuple[int, int]:
    """mark/mask as ip-rule(8) takes it; without a mask every bit counts, but of mark 0 none does (fib_nl2rule)."""
    mark, slash, mask = str(value or 0).partition("/")
    number = int(mark, 0)
    return number, int(mask, 0) if slash else 0xFFFFFFFF if number else 0


def _read_wireguard(document: dict, host: str, interface: dict, owned: set[Prefix]) -> Wireguard:
    key, network = interface.get("public_key"), interface.get("network")
    device = Wireguard(interface["name"], host, interface.get("namespace") or "", network, key, owners={}, peers=[])
    for entry in _peer_entries(document, interface):
        ident = _ident(entry)
        if ident in (key, f"?{host}" if key is None else None):
            continue  # the kernel ignores an interface's own key
        peer = device.peer_called(ident)
        if peer is None:
            peer = Peer(ident, entry.get("name") or "", has_endpoint=False)
            device.peers.append(peer)
        peer.has_endpoint = peer.has_endpoint or bool(entry.get("endpoint"))
        for text in entry.get("allowed_ips") or []:
            device.owners[_read_prefix(text)] = peer  # the last writer owns an identical prefix
        if entry.get("allowed_ips_set"):
            for text in document["prefix_sets"][entry["allowed_ips_set"]]:
                if _read_prefix(text) not in owned:
                    device.owners[_read_prefix(text)] = peer
    return device


def _ident(entry: dict) -> str:
    return entry.get("public_key") or f"?{entry.get('name')}"


def _peer_entries(document: dict, interface: dict) -> list[dict]:
    listed = interface.get("peers") or []
    group = interface.get("peer_group")
    shared = (document.get("peer_groups") or {}).get(group, []) if group else []
    own = {_ident(entry) for entry in listed}
    return [entry for entry in shared if _ident(entry) not in own] + listed
