# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of peers that interfaces have in common, although each of them writes it out: a mesh without a peer group.

Everybody lists everybody but itself. Such a list becomes a peer group of the fleet, so that it is looked at once and
not once per interface. What an interface has stays what it was, entry by entry; whatever does not fit stays written
out.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping
from dataclasses import replace

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Host, Interface, Peer

# Shorter lists cost nothing as they are.
SHORTEST = 16
# How many different entries for one key are tried as the one that its own interface leaves out.
_VIEWS = 4


class Common(t.NamedTuple):
    """A list that several interfaces have. lists: for each of them the entries of its own that come on top."""

    peers: tuple[Peer, ...]
    lists: dict[Interface, tuple[Peer, ...]]


def share_common_lists(
    hosts: Mapping[str, Host], groups: Mapping[str, tuple[Peer, ...]]
) -> tuple[dict[str, Host], dict[str, tuple[Peer, ...]]]:
    """The hosts and peer groups of a fleet with every list that is written out more than once made a group of."""
    shared: dict[Interface, Interface] = {}
    more: dict[str, tuple[Peer, ...]] = {}
    for common in find_common_lists(interface for host in hosts.values() for interface in host.interfaces):
        first = next(iter(common.lists))
        name = f"listed by {first.label} and {len(common.lists) - 1} more"
        if name not in groups:
            more[name] = common.peers
            shared.update((one, replace(one, peer_group=name, peers=own)) for one, own in common.lists.items())
    if not more:
        return dict(hosts), dict(groups)
    changed = {
        name: replace(host, interfaces=tuple(shared.get(one, one) for one in host.interfaces))
        for name, host in hosts.items()
    }
    return changed, {**groups, **more}


def find_common_lists(interfaces: Iterable[Interface]) -> list[Common]:
    """Every list that at least two interfaces have in common; an interface is in one of them at most."""
    left = {one: None for one in interfaces if _is_candidate(one)}
    if len(left) < 2:
        return []
    views = _views(left)
    found: list[Common] = []
    for guesses in sorted(_guesses(left, views).values(), key=len, reverse=True):
        members = [(interface, view) for interface, view in guesses if interface in left]
        common = _verified(members) if len(members) > 1 else None
        if common is not None:
            found.append(common)
            for interface in common.lists:
                del left[interface]
    for common in found:
        prefixes = _distinct_prefixes(common.peers)
        if prefixes is None:
            continue
        for interface in list(left):
            extra = _on_top(interface, common.peers, prefixes)
            if extra is not None:
                common.lists[interface] = extra
                del left[interface]
    return found


def _is_candidate(interface: Interface) -> bool:
    return interface.peer_group is None and interface.key is not None and len(interface.peers) >= SHORTEST


def _views(interfaces: Iterable[Interface]) -> dict[str, list[Peer]]:
    """By key, the different entries for it. One that cannot stand in a list that is shared is left out."""
    views: dict[str, list[Peer]] = {}
    for peer in dict.fromkeys(peer for interface in interfaces for peer in interface.peers):
        if peer.key is not None and peer.allowed_ips_set is None:
            views.setdefault(peer.key, []).append(peer)
    return views


def _guesses(interfaces: Iterable[Interface], views: dict[str, list[Peer]]) -> dict[int, list[tuple[Interface, Peer]]]:
    """Interfaces by a sum over the list that each has once its own entry is put in: equal lists have equal sums.

    Equal entries are one object, so the sum of their ids will do; what it brings together is compared afterwards.
    """
    guesses: dict[int, list[tuple[Interface, Peer]]] = {}
    for interface in interfaces:
        total = sum(map(id, interface.peers))
        for view in views.get(interface.key or "", ())[:_VIEWS]:
            guesses.setdefault(total + id(view), []).append((interface, view))
    return guesses


def _verified(members: list[tuple[Interface, Peer]]) -> Common | None:
    """The list of those members that really have it; None where that is not even two."""
    (first, own), (last, _view) = members[0], members[-1]
    peers = _in_order(first.peers, own, last.peers)
    whole = set(peers)
    if len({peer.key for peer in whole}) < len(peers) or any(one.key is None or one.allowed_ips_set for one in whole):
        return None
    ordered = _distinct_prefixes(peers) is None
    lists: dict[Interface, tuple[Peer, ...]] = {}
    for interface, view in members:
        listed = interface.peers
        same = len(listed) + 1 == len(whole) and view in whole and view not in listed and whole.issuperset(listed)
        # Of two peers with the same prefix the later one has it.
        if same and (not ordered or listed == tuple(peer for peer in peers if peer is not view)):
            lists[interface] = ()
    return Common(peers, lists) if len(lists) > 1 else None


def _in_order(peers: tuple[Peer, ...], own: Peer, other: tuple[Peer, ...]) -> tuple[Peer, ...]:
    """A list with its interface's own entry put in where another interface has it: behind the same entry."""
    listed = {peer: index for index, peer in enumerate(peers)}
    before = other[: other.index(own)] if own in other else peers
    place = next((listed[peer] + 1 for peer in reversed(before) if peer in listed), 0)
    return (*peers[:place], own, *peers[place:])


def _distinct_prefixes(peers: Iterable[Peer]) -> set[t.Any] | None:
    """The prefixes of a list; None where one of them stands there twice, so that the order matters."""
    listed = [prefix for peer in peers for prefix in peer.allowed_ips]
    distinct = set(listed)
    return distinct if len(distinct) == len(listed) else None


def _on_top(interface: Interface, peers: tuple[Peer, ...], prefixes: set[t.Any]) -> tuple[Peer, ...] | None:
    """What an interface has besides a list and instead of entries of it; None where it lacks some of the list."""
    whole = set(peers)
    extra = tuple(peer for peer in interface.peers if peer not in whole)
    if len(extra) * 2 > len(interface.peers) or any(peer.key is None for peer in extra):
        return None
    if any(peer.key == interface.key for peer in interface.peers):
        # Its own key as a peer is a mistake that has to be told where it stands.
        return None
    instead = {peer.key for peer in extra}
    replaced = [peer for peer in peers if peer.key in instead or peer.key == interface.key]
    if len(interface.peers) - len(extra) + len(replaced) != len(peers):
        return None
    kept = prefixes.difference(prefix for peer in replaced for prefix in peer.allowed_ips)
    if any(prefix in kept for peer in extra for prefix in peer.allowed_ips):
        return None
    return extra
