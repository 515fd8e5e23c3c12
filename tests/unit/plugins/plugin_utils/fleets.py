# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small fleet documents for the tests of the prover."""

from __future__ import annotations

import base64
import copy
import hashlib
import typing as t

Document = dict[str, t.Any]
AUTO = {"destination": "allowed_ips", "device": "wg0"}


def key(name: str) -> str:
    """A public key that belongs to a name."""
    return base64.b64encode(hashlib.sha256(name.encode()).digest()).decode()


def peer(name: str, *allowed_ips: str, endpoint: str | None = "", **more: t.Any) -> Document:
    """A peer entry; its endpoint is a name unless one is given or None."""
    reached = f"{name}.example.net:51820" if endpoint == "" else endpoint
    return {"name": name, "public_key": key(name), "endpoint": reached, "allowed_ips": list(allowed_ips), **more}


def interface(host: str, addresses: t.Sequence[str], *peers: Document, **more: t.Any) -> Document:
    return {
        "name": "wg0",
        "network": "corp",
        "public_key": key(host),
        "addresses": list(addresses),
        "peers": list(peers),
        **more,
    }


def host(*interfaces: Document, **stack: t.Any) -> Document:
    """A host whose initial namespace has the given stack; routes follow AllowedIPs unless said otherwise."""
    return {"namespaces": {"": {"routes": [AUTO], **stack}}, "interfaces": list(interfaces)}


def fleet(more: Document | None = None, **hosts: Document) -> Document:
    return {"version": 1, "hosts": copy.deepcopy(hosts), **(more or {})}


def pair() -> Document:
    """a and b, in order."""
    return fleet(
        a=host(interface("a", ["10.0.0.1/32"], peer("b", "10.0.0.2/32"))),
        b=host(interface("b", ["10.0.0.2/32"], peer("a", "10.0.0.1/32"))),
    )


def star() -> Document:
    """b and c behind the relay a, in order."""
    return fleet(
        a=host(
            interface("a", ["10.0.0.1/32"], peer("b", "10.0.0.2/32"), peer("c", "10.0.0.3/32")),
            forwarding={"ipv4": True},
        ),
        b=host(interface("b", ["10.0.0.2/32"], peer("a", "10.0.0.1/32", "10.0.0.3/32"))),
        c=host(interface("c", ["10.0.0.3/32"], peer("a", "10.0.0.1/32", "10.0.0.2/32"))),
    )


def gateway() -> Document:
    """b has the LAN 192.168.7.0/24 behind it, in order."""
    document = pair()
    document["hosts"]["b"]["namespaces"][""].update(
        addresses={"lan0": ["192.168.7.1/24"]}, advertise=["192.168.7.0/24"], forwarding={"ipv4": True}
    )
    document["hosts"]["a"]["interfaces"][0]["peers"][0]["allowed_ips"].append("192.168.7.0/24")
    return document


def mesh(count: int) -> Document:
    """A full mesh as one shared row, with a LAN behind each host."""
    names = [f"h{number:04}" for number in range(count)]
    row, hosts = [], {}
    for number, name in enumerate(names):
        address, lan = f"10.77.{number // 250}.{number % 250 + 1}", f"10.{100 + number // 250}.{number % 250}"
        row.append(peer(name, f"{address}/32", f"{lan}.0/24"))
        hosts[name] = host(
            interface(name, [f"{address}/32"], peer_group="corp", peers=[]),
            addresses={"eth0": [f"203.0.113.{number % 250 + 1}/24"], "lan0": [f"{lan}.1/24"]},
            advertise=[f"{lan}.0/24"],
            forwarding={"ipv4": True},
            routes=[{"destination": "0.0.0.0/0", "device": "eth0", "gateway": "203.0.113.254"}, AUTO],
        )
    return {"version": 1, "hosts": hosts, "peer_groups": {"corp": row}}


def hub(count: int) -> Document:
    """Spokes behind one hub, each with the same set of prefixes, and a LAN behind every second one."""
    names = [f"s{number:04}" for number in range(count)]
    address = {name: f"10.77.{number // 250}.{number % 250 + 2}/32" for number, name in enumerate(names)}
    lan = {name: f"10.{100 + number // 250}.{number % 250}.0/24" for number, name in enumerate(names) if number % 2}
    owned = {name: [address[name], *([lan[name]] if name in lan else [])] for name in names}
    hosts = {
        name: host(
            interface(
                name, [address[name]], peer("hub", "10.77.255.1/32", allowed_ips_set="corp", persistent_keepalive=25)
            ),
            addresses={
                "eth0": ["192.168.1.7/24"],
                **({"lan0": [lan[name].replace(".0/24", ".1/24")]} if name in lan else {}),
            },
            advertise=[lan[name]] if name in lan else [],
            forwarding={"ipv4": name in lan},
            routes=[{"destination": "0.0.0.0/0", "device": "eth0"}, AUTO],
        )
        for name in names
    }
    hosts["hub"] = host(
        interface("hub", ["10.77.255.1/32"], *(peer(name, *owned[name], endpoint=None) for name in names)),
        advertise=[],
        forwarding={"ipv4": True},
    )
    return {
        "version": 1,
        "hosts": hosts,
        "prefix_sets": {"corp": [prefix for name in names for prefix in owned[name]]},
    }


def bare_hub(count: int) -> Document:
    """Spokes of which nothing is described but WireGuard, all of one kind but for every third, which has IPv6, too."""
    names = [f"s{number:04}" for number in range(count)]
    owned = {
        name: [
            f"10.77.{number // 250}.{number % 250 + 2}/32",
            *([f"fd77::{number + 2:x}/128"] if number % 3 == 0 else []),
        ]
        for number, name in enumerate(names)
    }
    hubs = ["10.77.255.1/32", "10.77.255.2/32", "fd77::1/128"]
    outside = {"destination": "0.0.0.0/0", "device": "eth0"}
    hosts = {
        name: host(
            interface(name, owned[name], peer("hub", allowed_ips_set="corp", persistent_keepalive=25)),
            addresses={"eth0": []},
            routes=[outside, AUTO],
        )
        for name in names
    }
    hosts["hub"] = host(
        interface("hub", hubs, *(peer(name, *owned[name], endpoint=None) for name in names)),
        addresses={"eth0": []},
        forwarding={"ipv4": True, "ipv6": True},
        routes=[outside, AUTO],
    )
    everything = [prefix for name in names for prefix in owned[name]]
    return {
        "version": 1,
        "hosts": hosts,
        "prefix_sets": {"corp": [*hubs, *everything]},
    }
