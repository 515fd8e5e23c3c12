# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Good inventories and their plans, small and rich: what fuzz.py damages. Arguments of ``plan``, by name."""

from __future__ import annotations

import base64
import hashlib
import json
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.filter.plan import plan


def _key(name: str) -> str:
    return base64.b64encode(hashlib.sha256(name.encode()).digest()).decode()


def _inventory(networks: dict, members: dict, **variables: t.Any) -> dict:
    """members: memberships by host and network; variables: more variables by host."""
    hostvars = {
        host: {
            "wireguard_networks": networks,
            "wireguard": joined,
            "group_names": ["site"],
            "ansible_host": "203.0.113.9",
            **variables.get(host, {}),
        }
        for host, joined in members.items()
    }
    keys = {host: {network: _key(f"{host} {network}") for network in joined} for host, joined in members.items()}
    return json.loads(json.dumps({"hostvars": hostvars, "hosts": list(members), "keys": keys}))


_STACKS = {
    "": {
        "addresses": {"eth0": ["203.0.113.1/24"], "lan0": ["10.0.0.9/30"]},
        "links": {"eth0": {"mtu": 1500}},
        "rp_filter": {"eth0": 0},
        "masquerade": ["eth0"],
        "forwarding": {"ipv4": True},
        "routes": [{"destination": "0.0.0.0/0", "device": "eth0", "gateway": "203.0.113.254", "metric": 5}],
        "rules": [{"priority": 50, "to": "10.9.0.0/16", "table": "main", "fwmark": 7}],
    },
    "blue": {"addresses": {"lan1": ["192.168.10.1/29"]}},
}
_HUB = {
    "interface": "wg0",
    "pool": ["10.0.0.0/16"],
    "topology": "hub",
    "hubs": ["a"],
    "listen_port": 51821,
    "mtu": 1380,
    "preshared_keys": "none",
    "routing": {"metric": 10, "rules": [{"priority": 100, "to": "10.1.0.0/16", "iif": "eth0", "table": 200}]},
    "external_peers": {"phone": {"public_key": _key("phone"), "addresses": ["10.0.9.1"], "via": "a"}},
    "expect": [
        {"from": {"host": "b"}, "to": {"prefix": "192.168.10.0/29"}, "reach": True},
        {"from": {"group": "site"}, "to": {"prefix": "198.51.100.1/32"}, "reach": False},
    ],
}
INVENTORIES: tuple[dict, ...] = (
    _inventory(
        {"corp": {}},
        {
            "a": {"corp": {"addresses": ["10.0.0.1", "fd00::1"], "endpoint": "203.0.113.1"}},
            "b": {"corp": {"addresses": ["10.0.0.2", "fd00::2"], "advertise": ["10.0.1.0/30"]}},
        },
    ),
    _inventory(
        {"corp": _HUB, "db": {"topology": "links", "links": [["a", "c"]], "listen_port": 51900}},
        {
            "a": {
                "corp": {
                    "addresses": ["10.0.0.1", "fd00::1"],
                    "advertise": ["192.168.10.0/29"],
                    "endpoint": {"default": "203.0.113.1", "b": "a.example.net:51821"},
                    "namespace": "blue",
                },
                "db": {"addresses": ["10.5.0.1/24"], "endpoint": "203.0.113.1"},
            },
            "b": {"corp": {"addresses": ["10.0.0.2", "fd00::2"], "hubs": ["a"], "persistent_keepalive": 25}},
            "c": {"corp": {"addresses": ["10.0.0.3"]}, "db": {"addresses": ["10.5.0.3"], "state": "present"}},
        },
        a={"wireguard_stacks": _STACKS},
        b={"wireguard__more": {"corp": {"fwmark": 5}}, "wireguard_ignore": [{"rule": "WG202", "reason": "so be it"}]},
    ),
    _inventory(
        {"corp": {"topology": "links", "links": [{"between": ["a", "b"], "cost": 2}, ["b", "c"], ["a", "c"]]}},
        {
            host: {"corp": {"addresses": [f"10.0.0.{number}"], "endpoint": f"203.0.113.{number}"}}
            for number, host in enumerate("abc", start=1)
        },
    ),
)
PLANS: tuple[dict, ...] = tuple(
    json.loads(json.dumps(plan(one["hostvars"], one["hosts"], one["keys"]))) for one in INVENTORIES
)
