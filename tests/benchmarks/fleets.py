# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleets of any size, as the variables of an inventory and as documents."""

from __future__ import annotations

import base64
import hashlib
import typing as t

Variables = dict[str, t.Any]
Document = dict[str, t.Any]

NETWORK = "corp"


def key(name: str) -> str:
    """A public key that belongs to a name."""
    return base64.b64encode(hashlib.sha256(name.encode()).digest()).decode()


def host(number: int) -> str:
    return f"h{number:05}"


def address(number: int) -> str:
    """Not next to each other, so that sets of them stay long."""
    return f"10.{64 + (number >> 14)}.{number >> 7 & 127}.{(number & 127) * 2}"


def lan(number: int) -> str:
    return f"10.{128 + (number >> 7)}.{(number & 127) * 2}.0/24"


def address6(number: int) -> str:
    return f"fd77::{number * 2 + 1:x}"


def endpoint(number: int) -> str:
    return f"198.{51 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


def mesh(size: int, *, lans: bool = True, both_families: bool = False) -> Variables:
    """Everybody speaks to everybody; by default with a LAN behind each."""
    return _inventory(
        {"topology": "mesh"},
        {
            number: {
                "addresses": [address(number), *([address6(number)] if both_families else [])],
                "endpoint": endpoint(number),
                **({"advertise": [lan(number)]} if lans else {}),
            }
            for number in range(size)
        },
    )


def hub(spokes: int, *, hubs: int = 1) -> Variables:
    """Spokes behind NAT, spread over the hubs."""
    names = [host(number) for number in range(hubs)]
    members: dict[int, Variables] = {
        number: {"addresses": [address(number)], "endpoint": endpoint(number)} for number in range(hubs)
    }
    for number in range(hubs, hubs + spokes):
        members[number] = {"addresses": [address(number)]}
        if hubs > 1:
            members[number]["hubs"] = [names[number % hubs]]
    return _inventory({"topology": "hub", "hubs": names}, members)


def exits(spokes: int) -> Variables:
    """Spokes that all send their way to the internet through the hub."""
    variables = hub(spokes)
    variables[host(0)]["wireguard"][NETWORK]["advertise"] = ["0.0.0.0/0"]
    for number in range(1, spokes + 1):
        variables[host(number)]["wireguard"][NETWORK]["exit"] = host(0)
    return variables


def ring(size: int) -> Variables:
    """Every host is linked with the next one, the last with the first."""
    return _linked(size, [[host(number), host((number + 1) % size)] for number in range(size)])


def tree(size: int) -> Variables:
    """Every host has two below it."""
    return _linked(size, [[host((number - 1) // 2), host(number)] for number in range(1, size)])


def _linked(size: int, links: list[list[str]]) -> Variables:
    members = {
        number: {"addresses": [address(number)], "endpoint": endpoint(number), "advertise": [lan(number)]}
        for number in range(size)
    }
    return _inventory({"topology": "links", "links": links}, members)


def _inventory(network: Variables, members: dict[int, Variables]) -> Variables:
    networks = {NETWORK: {"interface": "wg0", "pool": ["10.64.0.0/10", "fd77::/48"], **network}}
    return {
        host(number): {
            "wireguard_networks": networks,
            "wireguard": {NETWORK: {"public_key": key(host(number)), **member}},
        }
        for number, member in members.items()
    }


def written_out(size: int) -> Document:
    """The mesh with LANs as a document without a shared row: every host lists all its peers."""
    numbers = range(size)
    names, keys = [host(number) for number in numbers], [key(host(number)) for number in numbers]
    own, lans = [f"{address(number)}/32" for number in numbers], [lan(number) for number in numbers]
    endpoints = [f"{endpoint(number)}:51820" for number in numbers]
    hosts = {}
    for mine in numbers:
        peers = [
            {
                "name": names[number],
                "public_key": keys[number],
                "managed": True,
                "endpoint": endpoints[number],
                "allowed_ips": [own[number], lans[number]],
            }
            for number in numbers
            if number != mine
        ]
        interface = {
            "name": "wg0",
            "network": NETWORK,
            "public_key": keys[mine],
            "addresses": [own[mine]],
            "listen_port": 51820,
            "routes": "auto",
            "peers": peers,
        }
        stack = {
            "addresses": {"eth0": [], "lan0": []},
            "advertise": [lans[mine]],
            "forwarding": {"ipv4": True},
            "routes": [
                {"destination": "0.0.0.0/0", "device": "eth0"},
                {"destination": lans[mine], "device": "lan0"},
                {"destination": "allowed_ips", "device": "wg0"},
            ],
        }
        hosts[names[mine]] = {"namespaces": {"": stack}, "interfaces": [interface]}
    return {"version": 1, "hosts": hosts, "networks": {NETWORK: {}}}
