# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declarations and hosts to try the engine on: a small universe in which everything collides often."""

from __future__ import annotations

import base64
import dataclasses
import typing as t

from hypothesis import strategies as st

from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared import (
    Declared,
    declare,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._derived_mtu import Path
from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import (
    DeviceUpdate,
    PeerUpdate,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._engine import (
    Result,
    converge,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
    PrivateKey,
    PublicKey,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._memory import (
    MemoryHost,
    MemoryStore,
    public_key_of,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._memory_network import (
    MemoryNetwork,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._observed import (
    connected_identities,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    parse_interface_address,
    parse_prefix,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._setting import rp_filter
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    Endpoint,
    Route,
    Rule,
)

NAMESPACES = ("", "blue")
KEYS = [base64.b64encode(bytes([number]) * 32).decode() for number in range(1, 6)]
PRIVATE_KEYS = [base64.b64encode(bytes([64 + number]) * 32).decode() for number in range(2)]
SECRETS = [base64.b64encode(bytes([128 + number]) * 32).decode() for number in range(2)]
PREFIXES = ["10.0.0.0/24", "10.0.0.2/32", "10.0.0.3/32", "10.1.0.0/16", "fd00::/64", "fd00::2/128", "fd01::/48"]
ADDRESSES = ["10.0.0.1/24", "10.0.0.1/32", "10.0.0.9/24", "10.8.0.1/16", "fd00::1/64", "fd00::1/128", "fd09::1/64"]
ENDPOINTS = ["192.0.2.1:1000", "192.0.2.2:2000", "[2001:db8::1]:3000", "hub.example:4000"]
RULES = [
    {"priority": 100, "fwmark": "0x10", "table": "77"},
    {"priority": 101, "fwmark": "0x10", "invert": True, "table": "88"},
    {"priority": 102, "from": "10.0.0.0/8", "table": "88", "suppress_prefixlength": 0},
]
ROUTES = [
    {"destination": "10.9.0.0/16"},
    {"destination": "10.9.0.0/16", "type": "blackhole", "metric": 50},
    {"destination": "10.9.0.0/16", "type": "unreachable", "table": "77"},
    {"destination": "10.1.0.0/16", "metric": 7},
    {"destination": "fd77::/48", "table": "88"},
]


class World:
    """One host in memory with its store."""

    def __init__(self) -> None:
        self.host = MemoryHost("blue", "red")
        self.host.names["hub.example"] = parse_interface_address("192.0.2.9").address
        for network in self.host.networks.values():
            network.parameters[rp_filter("eth0")] = "1"
            network.ways = {
                parse_interface_address("192.0.2.9").address: Path("eth0", 1400),
                parse_interface_address("192.0.2.1").address: Path("eth0", 1500),
            }
        for firewall in self.host.firewalls.values():
            firewall.running, firewall.chains = ("nftables",), ("inet filter input",)
        self.store = MemoryStore(self.host.faults)

    def converge(self, arguments: t.Mapping[str, t.Any], *, check: bool = False) -> Result:
        return converge(declare(arguments), host=self.host, store=self.store, check=check)

    def picture(self) -> dict[str, t.Any]:
        """Everything there is, comparable; link indexes change when a device is made again."""
        return {
            "networks": {
                name: (
                    [dataclasses.replace(link, index=0) for link in network.links()],
                    frozenset(_seen(route, network) for route in network.routes()),
                    network.rules(),
                    dict(network.forwards),
                    network.settings(),
                )
                for name, network in self.host.networks.items()
            },
            "devices": {
                identity: (driver.backend, driver.birthplace, driver.device)
                for identity, driver in self.host.devices.items()
            },
            "filters": {
                name: (dict(firewall.tables), frozenset(firewall.opened))
                for name, firewall in self.host.firewalls.items()
            },
            "records": dict(self.store.kept),
            "keys": dict(self.store.keys),
        }


def _seen(route: Route, network: MemoryNetwork) -> t.Any:
    """A route as packets see it: where an address connects its destination, two equal ones may stand for one."""
    if route.device and route.identity in connected_identities(network.link(route.device)):
        return (*route.identity, route.device)
    return route


@st.composite
def peer_lists(draw: t.Any) -> list[dict[str, t.Any]]:
    owners = {prefix: draw(st.sampled_from([None, *KEYS])) for prefix in PREFIXES}
    peers = []
    for key in draw(st.lists(st.sampled_from(KEYS), unique=True)):
        peer: dict[str, t.Any] = {"public_key": key, "name": f"peer{KEYS.index(key)}"}
        if draw(st.integers(0, 7)) == 0:
            peers.append({**peer, "state": "absent"})
            continue
        if draw(st.integers(0, 5)):
            peer["allowed_ips"] = [prefix for prefix in PREFIXES if owners[prefix] == key]
        for field, values in (
            ("endpoint", ENDPOINTS),
            ("persistent_keepalive", [0, 25]),
            ("preshared_key", ["", *SECRETS]),
        ):
            value = draw(st.sampled_from([None, *values]))
            if value is not None:
                peer[field] = value
        peers.append(peer)
    return peers


@st.composite
def declarations(draw: t.Any, *, namespace: str = "", states: tuple[str, ...] = ("present",)) -> dict[str, t.Any]:
    arguments: dict[str, t.Any] = {"name": "wg0", "namespace": namespace, "state": draw(st.sampled_from(states))}
    optional = {
        "backend": st.sampled_from(["auto", "kernel", "userspace"]),
        "socket_namespace": st.sampled_from(["", "blue"]),
        "private_key": st.sampled_from(PRIVATE_KEYS),
        "listen_port": st.sampled_from([0, 51820, 51821]),
        "fwmark": st.sampled_from(["off", "0x10", "0x20"]),
        "mtu": st.sampled_from([1280, 1420]),
        "addresses": _addresses(),
        "peers": peer_lists(),
        "peers_policy": st.sampled_from(["merged", "exact"]),
        "endpoint_policy": st.sampled_from(["learn", "enforce"]),
        "routing": st.sampled_from(["auto", "explicit"]),
        "table": st.sampled_from(["main", "77"]),
        "metric": st.sampled_from([7, 50]),
        "routes": st.lists(st.sampled_from(ROUTES), unique_by=str, max_size=3),
        "rules": st.lists(st.sampled_from(RULES), unique_by=str),
        "forwarding": st.fixed_dictionaries({"ipv4": st.sampled_from([None, True, False]), "ipv6": st.booleans()}),
        "rp_filter": st.sampled_from([{}, {"eth0": "loose"}, {"wg0": "strict", "eth0": "off"}]),
        "masquerade": st.sampled_from([{}, {"ipv4": ["eth0"]}, {"ipv4": ["eth0", "eth1"], "ipv6": ["eth0"]}]),
        "clamp_mss": st.booleans(),
        "open_port": st.sampled_from(["off", "auto", "nftables"]),
        "full_tunnel": st.booleans(),
    }
    for option, values in optional.items():
        if draw(st.booleans()):
            arguments[option] = draw(values)
    return arguments


@st.composite
def _addresses(draw: t.Any) -> list[str]:
    chosen = draw(st.lists(st.sampled_from(ADDRESSES), unique_by=lambda text: text.partition("/")[0]))
    return list(chosen)


FOREIGN_ROUTES = [
    Route(parse_prefix("10.50.0.0/16"), device="wg0", protocol=3),
    Route(parse_prefix("10.9.0.0/16"), table=99, type="blackhole", protocol=148),
    Route(parse_prefix("10.1.0.0/16"), metric=50, type="blackhole", protocol=4),
    Route(parse_prefix("fd01::/48"), metric=1024, device="wg0", protocol=3),
]
FOREIGN_RULES = [
    Rule(4, priority=500, table=99, protocol=0),
    Rule(6, priority=101, table=88, fwmark=16, invert=True, protocol=0),
]


@st.composite
def drifts(draw: t.Any) -> list[t.Any]:
    """What others may have done to the host since: functions of a world and a namespace."""
    choices = [_roam, _stray_peer, _stray_address, _down, _kill, _flush, *map(_foreign, FOREIGN_ROUTES + FOREIGN_RULES)]
    return draw(st.lists(st.sampled_from(choices), unique_by=id, max_size=4))


def _device(world: World, namespace: str) -> t.Any:
    return world.host.devices.get((namespace, "wg0"))


def _roam(world: World, namespace: str) -> None:
    driver = _device(world, namespace)
    peers = driver.device.peers if driver else ()
    updates = tuple(PeerUpdate(peer.public_key, endpoint=Endpoint("198.51.100.7", 7)) for peer in peers)
    if driver:
        driver._write(DeviceUpdate(peers=updates))


def _stray_peer(world: World, namespace: str) -> None:
    driver = _device(world, namespace)
    if driver:
        update = PeerUpdate(PublicKey.parse(KEYS[4]), action="add", add_allowed_ips=(parse_prefix("10.99.0.0/16"),))
        driver._write(DeviceUpdate(peers=(update,)))


def _stray_address(world: World, namespace: str) -> None:
    network = world.host.networks[namespace]
    if network.link("wg0"):
        network.add_address("wg0", parse_interface_address("10.0.0.77/24"))


def _down(world: World, namespace: str) -> None:
    network = world.host.networks[namespace]
    if network.link("wg0"):
        network.set_up("wg0", False)


def _kill(world: World, namespace: str) -> None:
    driver = _device(world, namespace)
    if driver and driver.backend == "userspace":
        world.host.kill(namespace, "wg0")


def _flush(world: World, namespace: str) -> None:
    """nft flush ruleset."""
    for firewall in world.host.firewalls.values():
        firewall.tables.clear()
        firewall.opened.clear()


def _foreign(value: t.Any) -> t.Callable[[World, str], None]:
    def add(world: World, namespace: str) -> None:
        network = world.host.networks[namespace]
        if isinstance(value, Rule):
            if not any(str(value) == str(other) for other in network.rules()):
                network.add_rule(value)
            return
        link = network.link("wg0")
        ready = value.device is None or (link is not None and link.up)
        if ready and not any(value.identity == other.identity for other in network.routes()):
            network.add_route(value)

    return add


def foreign(world: World, namespace: str) -> tuple[frozenset[Route], frozenset[Rule]]:
    """The routes and rules that others have made and that are there."""
    network = world.host.networks[namespace]
    return (
        frozenset(route for route in network.routes() if route in FOREIGN_ROUTES),
        frozenset(rule for rule in network.rules() if rule in FOREIGN_RULES),
    )


def own_key(text: str) -> PublicKey:
    return public_key_of(PrivateKey.parse(text))


def declared(**arguments: t.Any) -> Declared:
    return declare({"name": "wg0", **arguments})
