# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a supernet may stand for the exact list that a spoke has for its hub: nothing else may lie inside it.

It sends whatever is in it to the hub, and takes any source in it from there. Where a longer prefix of something else
lies inside, that still works today, but nobody sees any more that the two belong to different places.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator, Mapping

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    Prefix,
    parse_address,
    parse_interface_address,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._declaration import Host, Member, Network
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._reader import Problem


def check_supernets(networks: Mapping[str, Network], hosts: Mapping[str, Host], problems: list[Problem]) -> None:
    """One mistake per spoke and supernet, the first that is met."""
    covering = [network for network in networks.values() if network.supernet]
    if not covering:
        return
    answers = {name: _answered_for(network, hosts) for name, network in networks.items()}
    for network in covering:
        behind: dict[str, list[tuple[str, Prefix]]] = {}
        for peer in network.external_peers:
            for name in peer.via:
                listed = ((f"external peer {peer.name}", prefix) for prefix in peer.prefixes)
                behind.setdefault(name, []).extend(listed)
        for host in hosts.values():
            member = host.members.get(network.name)
            if member is None or member.state != "present" or host.name in network.hubs:
                continue
            others = [
                (f"network {other.network}", prefix)
                for other in host.members.values()
                if other is not member and other.state == "present" and other.namespace == member.namespace
                for prefix in answers[other.network]
            ]
            hubs = _endpoints(network, hosts, host) if member.namespace == member.socket_namespace else ()
            near = [*_connected(host, member), *behind.get(host.name, ()), *others, *hubs]
            problems.extend(_conflicts(network, member, near))


def _answered_for(network: Network, hosts: Mapping[str, Host]) -> tuple[Prefix, ...]:
    """What the members of a network answer for, and what they may come to answer for."""
    found = {*network.pool, *network.supernet, *(one for peer in network.external_peers for one in peer.prefixes)}
    for host in hosts.values():
        member = host.members.get(network.name)
        if member is not None and member.state == "present":
            found.update(member.prefixes)
    return tuple(sorted(found))


def _connected(host: Host, member: Member) -> Iterator[tuple[str, Prefix]]:
    stack = host.stacks.get(member.namespace, {})
    for device, texts in stack.get("addresses", {}).items():
        for text in texts:
            yield f"device {device}", parse_interface_address(text).prefix
    for prefix in member.advertise:
        yield "advertise of this host", prefix


def _endpoints(network: Network, hosts: Mapping[str, Host], host: Host) -> Iterator[tuple[str, Prefix]]:
    for hub in network.hubs:
        member = hosts[hub].members.get(network.name) if hub in hosts else None
        endpoint = None if member is None else member.endpoint.seen_by(host.name, host.groups)
        if endpoint is not None:
            try:
                yield f"endpoint of hub {hub}", parse_address(endpoint.host).prefix
            except InvalidInput:
                continue


def _conflicts(network: Network, member: Member, near: Iterable[tuple[str, Prefix]]) -> Iterator[Problem]:
    found: t.Optional[tuple[Prefix, str, Prefix]] = next(
        (
            (supernet, what, prefix)
            for what, prefix in near
            for supernet in network.supernet
            if supernet.contains(prefix) or prefix.contains(supernet)
        ),
        None,
    )
    if found is not None:
        supernet, what, prefix = found
        yield Problem(
            path=f"wireguard_networks.{network.name}.supernet",
            host=member.host,
            reason=f"{supernet} would send {prefix} ({what}) of this host to its hub as well",
            remedy="take a smaller supernet, renumber one of the two, or leave supernet out for the exact list",
        )
