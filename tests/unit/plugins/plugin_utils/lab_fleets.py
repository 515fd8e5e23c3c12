# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small fleet documents for the tests of the lab."""

from __future__ import annotations

import base64
import copy
import typing as t

DEFAULT = {"destination": "0.0.0.0/0", "device": "eth0", "gateway": "203.0.113.1"}
DEFAULT6 = {"destination": "::/0", "device": "underlay0"}


def key(number: int) -> str:
    return base64.b64encode(bytes([number] * 32)).decode()


def two_sites() -> dict[str, t.Any]:
    """a, with a LAN and an address that is dialled; b, of which nothing is known but its name; c, behind NAT, with its
    device in a namespace; all in one mesh. phone is not managed."""
    peers = [
        _peer("a", 1, "203.0.113.10:51820", "10.77.0.1/32", "192.168.10.0/24"),
        _peer("b", 2, "b.example.net:51820", "10.77.0.2/32"),
        _peer("c", 3, None, "10.77.0.3/32"),
    ]
    # c keeps the way to itself open, as nobody can dial it.
    seen_from_c = [{**entry, "persistent_keepalive": 25} for entry in peers[:2]]
    phone = {"name": "phone", "public_key": key(9), "allowed_ips": ["10.77.200.1/32"], "managed": False}
    document = {
        "version": 1,
        "hosts": {
            "a": {
                "namespaces": {
                    "": {
                        "addresses": {"eth0": ["203.0.113.10/24"], "lan0": ["192.168.10.1/24"]},
                        "advertise": ["192.168.10.0/24"],
                        "forwarding": {"ipv4": True},
                        "routes": [DEFAULT, _tunnel("wg0")],
                    }
                },
                "interfaces": [_interface(1, peers=[phone])],
            },
            "b": {
                "namespaces": {
                    "": {
                        "addresses": {"underlay0": []},
                        "routes": [{"destination": "0.0.0.0/0", "device": "underlay0"}, DEFAULT6, _tunnel("wg0")],
                    }
                },
                "interfaces": [_interface(2)],
            },
            "c": {
                "namespaces": {
                    "": {
                        "addresses": {"eth0": ["192.168.178.23/24"]},
                        "routes": [{**DEFAULT, "gateway": "192.168.178.1"}],
                    },
                    "blue": {"routes": [_tunnel("wg0")]},
                },
                "interfaces": [_interface(3, namespace="blue", peers=seen_from_c)],
            },
        },
        "peer_groups": {"corp": peers},
        "networks": {"corp": {"pool": ["10.77.0.0/16"]}},
    }
    return copy.deepcopy(document)


def _peer(name: str, number: int, endpoint: str | None, *prefixes: str) -> dict[str, t.Any]:
    return {"name": name, "public_key": key(number), "endpoint": endpoint, "allowed_ips": list(prefixes)}


def _interface(number: int, **more: t.Any) -> dict[str, t.Any]:
    return {
        "name": "wg0",
        "network": "corp",
        "public_key": key(number),
        "addresses": [f"10.77.0.{number}/32"],
        "listen_port": 51820,
        "peer_group": "corp",
        "peers": [],
        **more,
    }


def _tunnel(device: str) -> dict[str, t.Any]:
    return {"destination": "allowed_ips", "device": device}
