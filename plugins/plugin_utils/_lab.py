# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a fleet document to the specification of a lab that stages it in network namespaces.

The specification is plain data and complete: which namespaces there are, which veth pairs connect them, and for each
namespace the sysctls, the lines for ``ip -batch`` and the nftables rules that furnish it. Whoever realises it decides
nothing. Besides the hosts there is one ``internet`` router, one ``nat-N`` per host that nobody dials and one ``lan-N``
per LAN device.

Next hops are resolved by permanent neighbour entries, so that no gateway needs an address and no packet waits for ARP.
"""

from __future__ import annotations

import hashlib
import posixpath
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    WIDTH,
    Address,
    Prefix,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab_addresses import readable
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab_ports import (
    LAN,
    NAT,
    PUBLIC,
    Document,
    Port,
    endpoints_by_host,
    plan_ports,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab_stack import Stack

INTERNET = "internet"


def plan_lab(fleet: Document, *, stacks: Document | None = None, others: t.Iterable[str] = ()) -> dict[str, t.Any]:
    """The lab's specification. Raises InvalidInput for a fleet that would reach out of a lab.

    stacks: {host: wireguard_stacks}, for what a fleet document says of the planned state only: forwarding and rules
    that the host has by itself, before anything is applied.  others: hosts that are in no network any more.
    """
    _check_key_files(fleet)
    ports = plan_ports(fleet)
    empty: dict[str, t.Any] = {host: {"namespaces": {}, "interfaces": []} for host in others}
    return _Lab({**fleet, "hosts": {**empty, **fleet["hosts"]}}, ports=ports, stacks=stacks or {}).specification()


def with_lab_addresses(fleet: Document, specification: Document) -> dict[str, t.Any]:
    """The fleet document of the lab: the same, with the addresses that the lab gave to undescribed devices."""
    hosts = dict(fleet["hosts"])
    for port in specification["ports"]:
        if not port["given"]:
            continue
        host = dict(hosts[port["host"]])
        namespaces = dict(host["namespaces"])
        stack = dict(namespaces[port["namespace"]] or {})
        stack["addresses"] = {**(stack.get("addresses") or {}), port["device"]: list(port["given"])}
        namespaces[port["namespace"]] = stack
        hosts[port["host"]] = {**host, "namespaces": namespaces}
    return {**fleet, "hosts": hosts}


def is_private_path(path: str) -> bool:
    """Whether a lab host has its own there. Everything outside /etc and /run is the machine's."""
    return posixpath.normpath(path).startswith(("/etc/", "/run/"))


def _check_key_files(fleet: Document) -> None:
    """A lab host has its own /etc and /run; everything else is the machine's, where lab keys must not be written."""
    for host, entry in sorted(fleet["hosts"].items()):
        for interface in entry.get("interfaces") or []:
            path = interface.get("private_key_file")
            if path and not is_private_path(path):
                raise InvalidInput(
                    "is shared with the machine, whose own key a rehearsal could overwrite",
                    path=f"private_key_file of {interface['name']} of host {host}",
                    value=str(path),
                    remedy="keep private keys below /etc or /run",
                )


class _Lab:
    def __init__(self, fleet: Document, *, ports: list[Port], stacks: Document) -> None:
        self.fleet = fleet
        self.ports = ports
        self.described = stacks
        self.cables: list[list[dict[str, str]]] = []
        self.nodes: dict[str, Stack] = {INTERNET: Stack(forwards=True)}
        self.hosts: dict[str, dict[str, Stack]] = {}
        self.lan_nodes: dict[int, str] = {}

    def specification(self) -> dict[str, t.Any]:
        for host in sorted(self.fleet["hosts"]):
            described = self.described.get(host) or {}
            # A namespace without devices of its own is not the lab's: the fleet makes it.
            wanted = {""} | {port.namespace for port in self.ports if port.host == host} | set(described)
            self.hosts[host] = {name: Stack.of_host(described.get(name) or {}) for name in sorted(wanted)}
            self._furnish_loopback(host)
        for segment in _segments([port for port in self.ports if port.kind == PUBLIC]):
            self._connect_public(segment)
        for number, port in enumerate(port for port in self.ports if port.kind == NAT):
            self._connect_nat(port, node=f"nat-{number + 1}")
        for number, port in enumerate(port for port in self.ports if port.kind == LAN):
            self._connect_lan(port, node=f"lan-{number + 1}")
        return {
            "version": 1,
            "hosts": {
                host: {
                    "namespaces": {name: stack.document() for name, stack in namespaces.items()},
                    "files": {"/etc/hosts": self._hosts_file(host), "/etc/resolv.conf": "# a lab resolves nothing\n"},
                }
                for host, namespaces in self.hosts.items()
            },
            "nodes": {name: stack.document() for name, stack in sorted(self.nodes.items())},
            "cables": self.cables,
            "ports": [self._port_document(port) for port in self.ports],
        }

    def _connect_public(self, segment: list[Port]) -> None:
        """Devices with one connected prefix in common see each other directly; the router is their gateway."""
        internet = self.nodes[INTERNET]
        first = f"p{self.ports.index(segment[0])}"
        router_mac = _mac(f"{INTERNET} {first}")
        device = first
        if len(segment) > 1:
            device = f"br-{first}"
            internet.add_bridge(device, mac=router_mac)
        for port in segment:
            end = f"p{self.ports.index(port)}"
            self._cable(port, node=INTERNET, device=end, mac=router_mac if end == device else _mac(f"member {end}"))
            internet.up(end, mtu=port.mtu, master=None if end == device else device)
            self._furnish(port, router_mac=router_mac)
            for address in port.addresses:
                internet.neighbour(address.address, device=device, mac=_port_mac(port))

    def _connect_nat(self, port: Port, *, node: str) -> None:
        nat = self.nodes[node] = Stack(forwards=True)
        self._cable(port, node=node, device="inside", mac=_mac(f"{node} inside"))
        nat.up("inside", mtu=port.mtu)
        self._furnish(port, router_mac=_mac(f"{node} inside"))
        for entry in port.addresses:
            nat.neighbour(entry.address, device="inside", mac=_port_mac(port))
        uplink = f"p{self.ports.index(port)}"
        self.cables.append(
            [
                {"node": node, "device": "outside", "mac": _mac(f"{node} outside")},
                {"node": INTERNET, "device": uplink, "mac": _mac(f"{INTERNET} {uplink}")},
            ]
        )
        internet = self.nodes[INTERNET]
        internet.up(uplink, mtu=1500)
        nat.up("outside", mtu=1500)
        for address in port.outside:
            nat.address(address.prefix, device="outside")
            nat.gateway(address.family, device="outside", mac=_mac(f"{INTERNET} {uplink}"))
            internet.neighbour(address, device=uplink, mac=_mac(f"{node} outside"))
        nat.masquerade(
            inside=[entry.prefix for entry in port.addresses],
            forwards={address: inside for address in port.forwarded if (inside := port.inside(address.family))},
        )

    def _connect_lan(self, port: Port, *, node: str) -> None:
        lan = self.nodes[node] = Stack(forwards=False)
        self.lan_nodes[self.ports.index(port)] = node
        self._cable(port, node=node, device="eth0", mac=_mac(f"{node} eth0"))
        lan.up("eth0", mtu=port.mtu)
        self._furnish(port, router_mac=_mac(f"{node} eth0"))
        # A next hop inside the LAN is the same host: it stands for everything there.
        for address in sorted({*port.behind, *port.gateways}):
            lan.address(address.prefix, device="eth0")
        for family in sorted({address.family for address in port.behind}):
            lan.gateway(family, device="eth0", mac=_port_mac(port))

    def _cable(self, port: Port, *, node: str, device: str, mac: str) -> None:
        near = {"host": port.host, "namespace": port.namespace, "device": port.device, "mac": _port_mac(port)}
        self.cables.append([near, {"node": node, "device": device, "mac": mac}])

    def _furnish(self, port: Port, *, router_mac: str) -> None:
        """The host's side: its addresses, and the routes of the fleet document that leave by this device."""
        stack = self.hosts[port.host][port.namespace]
        stack.up(port.device, mtu=port.mtu)
        for entry in port.addresses:
            stack.address(entry, device=port.device)
        document = self.fleet["hosts"][port.host]["namespaces"][port.namespace] or {}
        for route in document.get("routes") or []:
            if route.get("device") == port.device:
                gateway = readable(route["gateway"]) if route.get("gateway") else None
                stack.route(route, gateway=gateway.address if gateway else None, kind=port.kind, mac=router_mac)

    def _furnish_loopback(self, host: str) -> None:
        for name, stack in self.hosts[host].items():
            document = (self.fleet["hosts"][host].get("namespaces") or {}).get(name) or {}
            for entry in map(readable, (document.get("addresses") or {}).get("lo") or []):
                if entry is not None:
                    stack.address(entry, device="lo")

    def _hosts_file(self, host: str) -> str:
        lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost", f"127.0.1.1 {host}"]
        names: dict[Address, set[str]] = {}
        for (target, namespace), endpoints in sorted(endpoints_by_host(self.fleet).items()):
            for port in self.ports:
                if (port.host, port.namespace) == (target, namespace) and port.kind != LAN:
                    literal = [entry.address for text in endpoints if (entry := readable(text)) is not None]
                    addresses = port.forwarded or tuple(entry.address for entry in port.addresses)
                    # An address that others dial anyway is the likelier one behind the name.
                    for address in [a for a in addresses if a in literal] or addresses:
                        names.setdefault(address, set()).update(text for text in endpoints if readable(text) is None)
        lines += [f"{address} {' '.join(sorted(found))}" for address, found in sorted(names.items()) if found]
        return "\n".join(lines) + "\n"

    def _port_document(self, port: Port) -> dict[str, t.Any]:
        return {
            "host": port.host,
            "namespace": port.namespace,
            "device": port.device,
            "kind": port.kind,
            "addresses": [str(entry.address) for entry in port.addresses],
            "given": [str(entry) for entry in port.given],
            "outside": [str(address) for address in port.outside],
            "forwarded": [str(address) for address in port.forwarded],
            "lan": {"node": self.lan_nodes[self.ports.index(port)], "addresses": [str(a) for a in port.behind]}
            if port.kind == LAN
            else None,
        }


def _segments(ports: list[Port]) -> list[list[Port]]:
    """Ports grouped by the connected prefixes that they share."""
    groups: list[tuple[set[Prefix], list[Port]]] = []
    for port in ports:
        prefixes = {entry.prefix for entry in port.addresses if entry.length < WIDTH[entry.family]}
        joined = [group for group in groups if group[0] & prefixes]
        members = sorted((p for group in joined for p in group[1]), key=ports.index)
        merged = set().union(prefixes, *(group[0] for group in joined))
        groups = [group for group in groups if group not in joined] + [(merged, [*members, port])]
    return [members for _prefixes, members in groups]


def _port_mac(port: Port) -> str:
    return _mac(f"port {port.host} {port.namespace} {port.device}")


def _mac(text: str) -> str:
    """A locally administered unicast address, the same for the same end of the same lab."""
    digest = hashlib.sha256(text.encode()).digest()
    return ":".join(f"{byte:02x}" for byte in bytes([digest[0] & 0xFC | 0x02, *digest[1:6]]))
