# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small documents and shortcuts for the tests of routing rules."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _rules
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet

from .fleets import AUTO, Document, fleet, host, interface, peer

OUT = {"destination": "0.0.0.0/0", "device": "eth0", "gateway": "198.51.100.1"}
MARK = 51820
BYPASS = {"priority": 99, "table": "main", "suppress_prefixlength": 0}
DIVERT = {"priority": 100, "fwmark": MARK, "invert": True, "table": "51820"}


def findings(document: Document, rule: str) -> list[dict[str, t.Any]]:
    """What one rule says."""
    return [finding for finding in _rules.check(parse_fleet(document)) if finding["rule"] == rule]


def alarms(document: Document) -> list[str]:
    """The rules that say more than information."""
    return [finding["rule"] for finding in _rules.check(parse_fleet(document)) if finding["severity"] != "info"]


def stack(document: Document, name: str = "a", namespace: str = "") -> Document:
    found: Document = document["hosts"][name]["namespaces"][namespace]
    return found


def first(document: Document, name: str = "a") -> Document:
    """The first interface of a host."""
    found: Document = document["hosts"][name]["interfaces"][0]
    return found


def full_tunnel(*allowed_ips: str) -> Document:
    """a sends all of IPv4 through the exit b, as wg-quick does it; in order."""
    return fleet(
        a=host(
            interface(
                "a",
                ["10.0.0.1/32"],
                peer("b", *(allowed_ips or ("0.0.0.0/0",)), endpoint="192.0.2.20:51820", persistent_keepalive=25),
                fwmark=MARK,
            ),
            addresses={"eth0": ["198.51.100.9/24"]},
            routes=[OUT, {**AUTO, "table": "51820"}],
            rules=[BYPASS, DIVERT],
        ),
        b=host(
            interface("b", ["10.0.0.2/32"], peer("a", "10.0.0.1/32", endpoint=None)),
            addresses={"eth0": ["192.0.2.20/24"]},
            advertise=[],
            forwarding={"ipv4": True},
            masquerade=["eth0"],
            routes=[{**OUT, "gateway": "192.0.2.1"}, AUTO],
        ),
    )
