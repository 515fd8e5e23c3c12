# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cryptokey tables with shared rows against a plain list of prefixes."""

from __future__ import annotations

import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import parse_address
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._cryptokey import EffectivePeer
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._cryptokey_document import build_cryptokey
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Fleet, Interface
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._nesting import find_nesting

from .fleets import Document, fleet, host, interface, key, mesh, peer

PREFIX = st.builds(
    lambda number, bits: f"10.0.0.{number >> bits << bits}/{32 - bits}", st.integers(0, 15), st.integers(0, 4)
) | st.just("0.0.0.0/0")
NAMES = st.sampled_from(["a", "b", "c", "d"])
ROW = st.lists(st.tuples(NAMES, st.lists(PREFIX, max_size=4)), max_size=4, unique_by=lambda row: row[0])
ENTRY = st.tuples(NAMES, st.lists(PREFIX, max_size=3), st.booleans())


def reference(document: Document) -> list[tuple[str, str]]:
    """(peer, prefix) of a's wg0 in the order in which they are set, rows resolved the slow way."""
    wg0 = document["hosts"]["a"]["interfaces"][0]
    mine = {"10.0.0.1/32", *document["hosts"]["a"]["namespaces"][""]["advertise"]}
    own_names = {entry["name"] for entry in wg0["peers"]} - {"a"}
    result = [
        (entry["name"], prefix)
        for entry in document["peer_groups"]["corp"]
        if entry["name"] not in own_names and entry["name"] != "a"
        for prefix in entry["allowed_ips"]
    ]
    for entry in wg0["peers"]:
        if entry["name"] != "a":
            result += [(entry["name"], prefix) for prefix in entry["allowed_ips"]]
            if "allowed_ips_set" in entry:
                result += [(entry["name"], one) for one in document["prefix_sets"]["all"] if one not in mine]
    return result


def owner(listed: list[tuple[str, str]], number: int) -> str | None:
    """The last of the longest."""
    target = ipaddress.ip_address(f"10.0.0.{number}")
    best: tuple[int, str] | None = None
    for name, prefix in listed:
        network = ipaddress.ip_network(prefix)
        if target in network and (best is None or network.prefixlen >= best[0]):
            best = network.prefixlen, name
    return None if best is None else best[1]


@given(ROW, st.lists(ENTRY, max_size=4), st.lists(PREFIX, max_size=5), st.lists(PREFIX, max_size=2))
def test_shared_rows_give_what_writing_them_out_gives(
    row: list[tuple[str, list[str]]],
    entries: list[tuple[str, list[str], bool]],
    prefix_set: list[str],
    advertise: list[str],
) -> None:
    own = [
        peer(name, *prefixes, **({"allowed_ips_set": "all"} if with_set else {}))
        for name, prefixes, with_set in entries
    ]
    document = fleet(
        {
            "peer_groups": {"corp": [peer(name, *prefixes) for name, prefixes in row]},
            "prefix_sets": {"all": prefix_set},
        },
        a=host(interface("a", ["10.0.0.1/24"], *own, peer_group="corp"), advertise=advertise),
    )
    found = parse_fleet(document)
    table = build_cryptokey(found, found.hosts["a"].interfaces[0])
    listed = reference(document)
    names = {key(name): name for name in "abcd"}
    for number in range(18):
        ident = table.idents(4).at(parse_address(f"10.0.0.{number}").number)
        assert (None if ident is None else names[ident]) == owner(listed, number)
    for ident in table:
        accepted = table.accepted(4, ident)
        for number in range(18):
            inside = any(
                low <= parse_address(f"10.0.0.{number}").number < high
                for low, high in zip(accepted[::2], accepted[1::2], strict=True)
            )
            assert inside == (owner(listed, number) == names[ident])


def effective_peers(found: Fleet, wanted: Interface) -> list[EffectivePeer]:
    cryptokey = build_cryptokey(found, wanted)
    return [cryptokey.peer(ident) for ident in cryptokey]


def test_the_effective_peers_of_a_mesh_leave_out_the_host_itself() -> None:
    found = parse_fleet(mesh(4))
    interface_of_h1 = found.hosts["h0001"].interfaces[0]
    assert [one.name for one in effective_peers(found, interface_of_h1)] == ["h0000", "h0002", "h0003"]


def test_an_own_entry_overrides_the_one_of_the_group() -> None:
    document = mesh(3)
    document["hosts"]["h0000"]["interfaces"][0]["peers"] = [peer("h0001", "10.9.0.0/16", endpoint="192.0.2.1:1")]
    found = parse_fleet(document)
    peers = {one.name: one for one in effective_peers(found, found.hosts["h0000"].interfaces[0])}
    assert [str(prefix) for prefix in peers["h0001"].prefixes] == ["10.9.0.0/16"]
    assert peers["h0001"].endpoint == "192.0.2.1:1"
    assert len(peers) == 2


def test_a_key_listed_twice_is_one_peer_with_all_prefixes() -> None:
    document = fleet(
        a=host(interface("a", ["10.0.0.1/32"], peer("b", "10.0.0.2/32"), peer("b", "10.0.0.3/32", endpoint=None)))
    )
    found = parse_fleet(document)
    (only,) = effective_peers(found, found.hosts["a"].interfaces[0])
    assert [str(prefix) for prefix in only.prefixes] == ["10.0.0.2/32", "10.0.0.3/32"]
    assert only.endpoint == "b.example.net:51820"


@given(st.lists(st.tuples(st.sampled_from("xyz"), PREFIX), max_size=8))
def test_nesting_tells_exactly_the_immediate_relations(listed: list[tuple[str, str]]) -> None:
    document = fleet(a=host(interface("a", ["10.0.0.1/32"], *(peer(name, prefix) for name, prefix in listed))))
    found = parse_fleet(document)
    nesting = find_nesting(build_cryptokey(found, found.hosts["a"].interfaces[0]).owners())
    names = {key(name): name for name in "xyz"}
    by_prefix: dict[str, list[str]] = {}
    for name, prefix in listed:
        holders = by_prefix.setdefault(prefix, [])
        if name in holders:
            holders.remove(name)
        holders.append(name)
    assert {str(prefix): [names[one.ident] for one in owners] for prefix, owners in nesting.duplicates} == {
        prefix: holders for prefix, holders in by_prefix.items() if len(holders) > 1
    }
    networks = {prefix: ipaddress.ip_network(prefix) for prefix in by_prefix}
    expected = set()
    for inner, network in networks.items():
        around = [one for one, outer in networks.items() if one != inner and network.subnet_of(outer)]
        if around:
            outer = max(around, key=lambda one: networks[one].prefixlen)
            if by_prefix[outer][-1] != by_prefix[inner][-1]:
                expected.add((outer, inner))
    assert {(str(outer.prefix), str(inner.prefix)) for outer, inner in nesting.nested} == expected
