# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How one network namespace of a lab is furnished: sysctls, lines for ``ip -batch``, nftables rules."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    WIDTH,
    Address,
    InterfaceAddress,
    Prefix,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab_addresses import GATEWAY

Document = t.Mapping[str, t.Any]
_FAMILY = {4: "ipv4", 6: "ipv6"}
_NFT = {4: "ip", 6: "ip6"}


class Stack:
    """Collects what furnishes one namespace, in the order in which it has to happen."""

    def __init__(self, *, forwards: bool | Document = False) -> None:
        on = {"ipv4": forwards, "ipv6": forwards} if isinstance(forwards, bool) else forwards
        self.sysctls = {
            "net/ipv4/ip_forward": str(int(bool(on.get("ipv4")))),
            "net/ipv6/conf/all/forwarding": str(int(bool(on.get("ipv6")))),
        }
        # A new namespace takes these over from the machine, whose values must not decide what a lab shows.
        for scope in ("all", "default"):
            self.sysctls[f"net/ipv4/conf/{scope}/rp_filter"] = "0"
            self.sysctls[f"net/ipv6/conf/{scope}/accept_dad"] = "0"
            self.sysctls[f"net/ipv6/conf/{scope}/accept_ra"] = "0"
            self.sysctls[f"net/ipv6/conf/{scope}/disable_ipv6"] = "0"
        self.early: list[str] = ["link set dev lo up"]
        self.late: list[str] = []
        self.rules6: list[str] = []
        self.nftables = ""

    @classmethod
    def of_host(cls, described: Document) -> Stack:
        """A host's namespace, with what it has by itself: rules, error routes, filters, masquerading."""
        stack = cls(forwards=described.get("forwarding") or {})
        stack.sysctls |= {
            f"net/ipv4/conf/{device}/rp_filter": str(value)
            for device, value in sorted((described.get("rp_filter") or {}).items())
            if device in (described.get("addresses") or {})
        }
        if described.get("ipv6") is False:
            stack.sysctls["net/ipv6/conf/all/disable_ipv6"] = "1"
        stack.late += [
            f"route add {route['type']} {route['destination']} table {_table(route)}{_metric(route)}"
            for route in described.get("routes") or []
            if not route.get("device") and route.get("type", "unicast") != "unicast"
        ]
        for rule in described.get("rules") or []:
            for family, line in _rule_lines(rule):
                (stack.late if family == 4 else stack.rules6).append(line)
        if described.get("masquerade"):
            devices = ", ".join(f'"{device}"' for device in described["masquerade"])
            stack.nftables = _nat_table([f"oifname {{ {devices} }} masquerade"])
        return stack

    def document(self) -> dict[str, t.Any]:
        """rules6 apart from the rest: in a batch only ip's own option says that a rule is of IPv6."""
        commands = self.early + self.late
        return {"sysctls": dict(self.sysctls), "commands": commands, "rules6": self.rules6, "nftables": self.nftables}

    def add_bridge(self, device: str, *, mac: str) -> None:
        self.early.append(f"link add name {device} address {mac} type bridge stp_state 0 mcast_snooping 0")
        self.early.append(f"link set dev {device} up")

    def up(self, device: str, *, mtu: int, master: str | None = None) -> None:
        self.sysctls[f"net/ipv6/conf/{device}/accept_dad"] = "0"
        joined = f" master {master}" if master else ""
        self.early.append(f"link set dev {device} mtu {mtu}{joined} up")

    def address(self, address: InterfaceAddress | Prefix, *, device: str) -> None:
        nodad = " nodad" if address.family == 6 else ""
        self.early.append(f"address add {address} dev {device}{nodad}")

    def neighbour(self, address: Address, *, device: str, mac: str) -> None:
        """The way to one directly attached host."""
        self.late.append(f"neighbour replace {address} lladdr {mac} dev {device} nud permanent")
        self.late.append(f"route replace {address}/{WIDTH[address.family]} dev {device}")

    def gateway(self, family: int, *, device: str, mac: str) -> None:
        self._next_hop(GATEWAY[family], device=device, mac=mac)
        self.late.append(f"route replace {_default(family)} via {GATEWAY[family]} dev {device} onlink")

    def route(self, route: Document, *, gateway: Address | None, kind: str, mac: str) -> None:
        """A route of the fleet document that leaves by a device of the lab."""
        destination, table, device = route["destination"], _table(route), route["device"]
        family = 6 if ":" in destination else 4
        next_hop = str(gateway) if gateway else "" if kind == "lan" else GATEWAY[family]
        via = ""
        if next_hop:
            via = f" via {next_hop}"
            self._next_hop(next_hop, device=device, mac=mac)
        source = f" src {route['source']}" if route.get("source") else ""
        protocol = f" protocol {route['protocol']}" if route.get("protocol") else ""
        onlink = " onlink" if next_hop else ""
        self.late.append(
            f"route add {destination}{via} dev {device} table {table}{_metric(route)}{source}{protocol}{onlink}"
        )

    def masquerade(self, *, inside: list[Prefix], forwards: dict[Address, Address]) -> None:
        outward = [f'oifname "outside" {_NFT[p.family]} saddr {p} masquerade' for p in inside]
        inward = [
            f'iifname "outside" {_NFT[outside.family]} daddr {outside} dnat {_NFT[outside.family]} to {address}'
            for outside, address in sorted(forwards.items())
        ]
        self.nftables = _nat_table(outward, inward)

    def _next_hop(self, address: str, *, device: str, mac: str) -> None:
        line = f"neighbour replace {address} lladdr {mac} dev {device} nud permanent"
        if line not in self.late:
            self.late.append(line)


def _rule_lines(rule: Document) -> list[tuple[int, str]]:
    """A policy rule, once per family: without from or to it holds for both."""
    selectors = [str(rule[key]) for key in ("from", "to") if rule.get(key)]
    families = {6 if ":" in text else 4 for text in selectors} or {4, 6}
    words = [f"priority {rule['priority']}"] if rule.get("priority") is not None else []
    words += [f"{key} {rule[key]}" for key in ("from", "to", "iif") if rule.get(key)]
    words += [f"fwmark {rule['fwmark']}"] if rule.get("fwmark") is not None else []
    words.append(f"lookup {_table(rule)}")
    if rule.get("suppress_prefixlength") is not None:
        words.append(f"suppress_prefixlength {rule['suppress_prefixlength']}")
    inverted = "not " if rule.get("invert") else ""
    return [(family, f"rule add {inverted}{' '.join(words)}") for family in sorted(families)]


def _nat_table(outward: list[str], inward: t.Sequence[str] = ()) -> str:
    chains = [("postrouting", "srcnat", outward), ("prerouting", "dstnat", inward)]
    lines = ["table inet lab {"]
    for hook, priority, rules in chains:
        if rules:
            lines += [f"  chain {hook} {{", f"    type nat hook {hook} priority {priority};"]
            lines += [f"    {rule}" for rule in rules] + ["  }"]
    return "\n".join([*lines, "}", ""])


def _table(entry: Document) -> str:
    return str(entry.get("table") or "main")


def _metric(route: Document) -> str:
    return f" metric {route['metric']}" if route.get("metric") else ""


def _default(family: int) -> str:
    return "0.0.0.0/0" if family == 4 else "::/0"
