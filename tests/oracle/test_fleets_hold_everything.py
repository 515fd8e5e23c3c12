# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The random fleets hold every construct that a packet may meet, each of them often: what is absent is not compared."""

from __future__ import annotations

import collections
import ipaddress
import itertools
import typing as t

from ansible_collections.cryptokey.wireguard.tests.oracle.fleets import Fleet

FLEETS = 600
LEAST = 12


def constructs(document: dict) -> t.Iterator[str]:
    """The names of what a document holds."""
    yield from (name for name in ("peer_groups", "prefix_sets") if document[name])
    managed = {link["public_key"] for host in document["hosts"].values() for link in host["interfaces"]}
    for host in document["hosts"].values():
        if len(host["namespaces"]) > 1:
            yield "several namespaces"
        for namespace, stack in host["namespaces"].items():
            links = [link for link in host["interfaces"] if (link.get("namespace") or "") == namespace]
            if len(links) > 1:
                yield "several interfaces"
            yield from of_stack(stack)
            for link in links:
                yield from of_interface(link, managed)


def of_stack(stack: dict) -> t.Iterator[str]:
    for rule in stack["rules"]:
        yield from (f"rule {key}" for key in ("from", "to", "iif", "fwmark", "invert") if rule.get(key) is not None)
        if rule.get("suppress_prefixlength") is not None:
            yield "rule suppress_prefixlength"
        if "/" in str(rule.get("fwmark")):
            yield "rule fwmark with a mask"
        yield f"rule table {rule['table']}"
    yield from (f"forwarding {family} {on}" for family, on in stack["forwarding"].items())
    yield from (f"rp_filter {mode}" for mode in stack["rp_filter"].values())
    if stack.get("ipv6") is False:
        yield "IPv6 disabled"
    for route in stack["routes"]:
        yield f"route {route.get('type') or 'unicast'}"
        yield f"route table {route.get('table') or 'main'}"
        yield f"route metric {route.get('metric')}"
        if route["destination"] == "allowed_ips":
            yield "route of allowed_ips"
    for one, other in itertools.combinations(stack["routes"], 2):
        if all(one.get(key) == other.get(key) for key in ("destination", "table", "metric")):
            yield "equal prefix and metric"
    texts = [text for listed in stack["addresses"].values() for text in listed]
    if stack["forwarding"]["ipv6"] and any(
        ipaddress.ip_interface(one).network.prefixlen < 127 for one in texts if ":" in one
    ):
        yield "subnet-router anycast"


def of_interface(link: dict, managed: set) -> t.Iterator[str]:
    if link["public_key"] is None:
        yield "unknown own key"
    if link.get("advertise") is not None:
        yield "advertise of an interface"
    for peer in link["peers"]:
        if peer.get("public_key") not in managed:
            yield "external peer"
        if not peer.get("endpoint"):
            yield "missing endpoint"
        if peer.get("public_key") == link["public_key"]:
            yield "own key as a peer"
        if peer.get("allowed_ips_set"):
            yield "allowed_ips_set"


WANTED = {
    "peer_groups", "prefix_sets", "several namespaces", "several interfaces", "rule from", "rule to", "rule iif",
    "rule fwmark", "rule fwmark with a mask", "rule invert", "rule suppress_prefixlength", "rule table 200",
    "rule table main", "rule table default", "rule table local", "forwarding ipv4 True", "forwarding ipv4 False",
    "forwarding ipv6 True", "forwarding ipv6 False", "rp_filter 0", "rp_filter 1", "rp_filter 2", "IPv6 disabled",
    "route unicast", "route blackhole", "route unreachable", "route prohibit", "route throw", "route table main",
    "route table 200", "route table default", "route table local", "route table 255", "route metric None",
    "route metric 7", "route metric 256", "route of allowed_ips", "equal prefix and metric", "subnet-router anycast",
    "unknown own key", "advertise of an interface", "external peer", "missing endpoint", "own key as a peer",
    "allowed_ips_set",
}  # fmt: skip


def test_every_construct_occurs_often() -> None:
    seen: collections.Counter[str] = collections.Counter()
    for number in range(FLEETS):
        seen.update(set(constructs(Fleet(f"constructs-{number}").document)))
    rare = {name: seen[name] for name in WANTED if seen[name] < LEAST}
    assert not rare, f"in fewer than {LEAST} of {FLEETS} fleets: {rare}"
