# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""8xx: size: what fits into a tunnel."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Interface
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._pairs import blocks, single_pairs
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._path_mtu import (
    find_narrow_ways,
    known_mtus,
    tunnel_mtu,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rules._rule import (
    ERROR,
    INFO,
    WARNING,
    Case,
    Finding,
    Rule,
    listed,
    on_interface,
)

# The least that a device must carry to have IPv6 at all (RFC 8200, 5; addrconf_notify of the kernel).
_IPV6_MTU = 1280


def _too_large(case: Case) -> t.Iterator[Finding]:
    for interface, way in find_narrow_ways(case.model):
        derived = "" if interface.mtu is not None else ", the least that the host derives,"
        mtu = f"MTU {tunnel_mtu(case.model, interface)}{derived}"
        yield on_interface(
            interface,
            f"{mtu} of {interface.label} is too large: packets to {way.peer} ({way.endpoint}) leave by "
            f"{way.device} with MTU {way.mtu}, where IPv{way.family} and WireGuard leave {way.room} bytes of it; "
            "larger packets are fragmented or lost",
            f"set mtu: {way.room} for {interface.name} of {interface.host}, and at its peers, or leave it to be derived"
            if interface.mtu is not None
            else f"let {way.device} carry more, or take IPv6 out of {interface.name} of {interface.host}",
            peer=way.peer,
        )


def _too_small(case: Case) -> t.Iterator[Finding]:
    for interface in case.model.interfaces:
        if interface.mtu is None or interface.mtu >= _IPV6_MTU:
            continue
        addresses = [one for one in interface.addresses if one.family == 6]
        rows = case.model.cryptokey(interface).shared_rows()
        if addresses or any(row.has_family(6) for row in rows):
            what = f"its addresses {listed(addresses)}" if addresses else "the IPv6 AllowedIPs of its peers"
            yield on_interface(
                interface,
                f"MTU {interface.mtu} of {interface.label} is below {_IPV6_MTU}, so the kernel has no IPv6 there: "
                f"{what} cannot be used",
                f"set mtu: {_IPV6_MTU} or more for {interface.name} of {interface.host}, or leave IPv6 out of it",
                prefixes=tuple(one.address.prefix for one in addresses),
            )


def _different(case: Case) -> t.Iterator[Finding]:
    """One finding per network and pair of sizes, however many links it is about."""
    found: dict[tuple[str, int, int], tuple[dict[Interface, None], dict[Interface, None]]] = {}

    def note(one: t.Iterable[Interface], other: t.Iterable[Interface]) -> None:
        for smaller, larger in ((one, other), (other, one)):
            low, high = (mtus[next(iter(side))] for side in (smaller, larger))
            if low < high:
                key = next(iter(smaller)).network or "", low, high
                sides = found.setdefault(key, ({}, {}))
                sides[0].update(dict.fromkeys(smaller))
                sides[1].update(dict.fromkeys(larger))

    mtus = known_mtus(case.model)
    if len(set(mtus.values())) < 2:
        return
    for one, _entries, other, _back in single_pairs(case.model):
        if one in mtus and other in mtus:
            note([one], [other])
    for block in blocks(case.model):
        first, second = _by_mtu(block.first, mtus), _by_mtu(block.second, mtus)
        for mtu in first:
            for another in second:
                if mtu != another:
                    note(first[mtu], second[another])
    for (_network, low, high), (smaller, larger) in found.items():
        first_one = min(smaller, key=lambda one: (one.host, one.namespace, one.name))
        yield on_interface(
            first_one,
            f"MTU {low} of {_labels(smaller)}{_origin(smaller)} differs from MTU {high} at the other end, "
            f"{_labels(larger)}{_origin(larger)}",
            f"set the same mtu at both ends; {low} is safe where it was chosen for, or follows from, a narrow path",
            peer=min(one.host for one in larger),
        )


def _by_mtu(side: t.Iterable[Interface], mtus: t.Mapping[Interface, int]) -> dict[int, list[Interface]]:
    found: dict[int, list[Interface]] = {}
    for interface in side:
        if interface in mtus:
            found.setdefault(mtus[interface], []).append(interface)
    return found


def _origin(interfaces: t.Iterable[Interface]) -> str:
    return ", as derived there," if all(one.mtu is None for one in interfaces) else ""


def _labels(interfaces: t.Iterable[Interface]) -> str:
    return listed(sorted(one.label for one in interfaces))


RULES = (
    Rule(
        id="WG801",
        name="mtu-too-large",
        severity=WARNING,
        summary="MTU above underlay - 60 (IPv4) or - 80 (IPv6); nested: the sum",
        decide=_too_large,
    ),
    Rule(
        id="WG802",
        name="mtu-too-small",
        severity=ERROR,
        summary="IPv6 in a tunnel with MTU below 1280",
        decide=_too_small,
    ),
    Rule(
        id="WG804",
        name="mtu-differs",
        severity=INFO,
        summary="different MTU at the two ends",
        decide=_different,
    ),
)
