# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two fleets, and every fleet in between: some hosts are as they were, the others as they are to be.

Shared rows of the two are kept apart by name where they differ, so that a host takes its own version with it.
"""

from __future__ import annotations

import dataclasses
import operator
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import (
    Fleet,
    Host,
    Interface,
    Peer,
    Route,
    Rule,
    Stack,
    StackId,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ownership import Owned, Ownership

# No row of a document can have it in its name: texts of a document are printable when they come from YAML.
_EARLIER = "\x00before"
# Rows depend on nothing but their entries, so that all states share them.
_SHARED_MEMOS = ("group_rows", "plain_rows", "set_rows")


class Mixture:
    """changed: the hosts that send, forward, accept or own something differently after than before."""

    def __init__(self, before: Fleet, after: Fleet) -> None:
        self._sets = _renamed_rows(before.prefix_sets, after.prefix_sets, operator.eq)
        self._groups = _renamed_rows(
            before.peer_groups,
            after.peer_groups,
            lambda one, other: [_peer(self._renamed_peer(peer)) for peer in one] == [_peer(peer) for peer in other],
        )
        self._before = {name: self._renamed(host) for name, host in before.hosts.items()}
        self._after = after.hosts
        self._owned = (_by_host(before), _by_host(after))
        self.hosts = [*after.hosts, *(name for name in before.hosts if name not in after.hosts)]
        self.changed = frozenset(name for name in self.hosts if self._differs(name))
        self._peer_groups = {
            **after.peer_groups,
            **{
                self._groups[name]: tuple(self._renamed_peer(peer) for peer in row)
                for name, row in before.peer_groups.items()
                if name in self._groups
            },
        }
        self._prefix_sets = {
            **after.prefix_sets,
            **{self._sets[name]: row for name, row in before.prefix_sets.items() if name in self._sets},
        }
        self._memos: dict[str, t.Any] = {name: {} for name in _SHARED_MEMOS}

    def joins(self, host: str) -> bool:
        """Whether the fleet does not have the host before."""
        return host not in self._before

    def leaves(self, host: str) -> bool:
        """Whether the fleet does not have the host after."""
        return host not in self._after

    def fleet(self, applied: t.Container[str]) -> Fleet:
        """The fleet when these of the changed hosts are as they are to be."""
        hosts: dict[str, Host] = {}
        owned: dict[str, dict[StackId, Owned]] = {}
        for name in self.hosts:
            is_new = name not in self.changed or name in applied
            found = (self._after if is_new else self._before).get(name)
            if found is not None:
                hosts[name] = found
                for network, held in self._owned[is_new].get(name, ()):
                    owned.setdefault(network, {})[held.stack] = held
        fleet = Fleet(
            hosts=hosts,
            peer_groups=self._peer_groups,
            prefix_sets=self._prefix_sets,
            pools={},
            expectations=(),
            problems=(),
            unmodelled=(),
        )
        fleet.memo.update(self._memos)
        fleet.memo["ownership"] = Ownership.declared(owned)
        return fleet

    def _differs(self, name: str) -> bool:
        one, other = self._before.get(name), self._after.get(name)
        if one is None or other is None:
            return True
        return _host(one) != _host(other) or self._owned[0].get(name) != self._owned[1].get(name)

    def _renamed(self, host: Host) -> Host:
        return dataclasses.replace(host, interfaces=tuple(self._renamed_interface(one) for one in host.interfaces))

    def _renamed_interface(self, interface: Interface) -> Interface:
        group = interface.peer_group
        return dataclasses.replace(
            interface,
            peer_group=self._groups.get(group, group) if group is not None else None,
            peers=tuple(self._renamed_peer(peer) for peer in interface.peers),
        )

    def _renamed_peer(self, peer: Peer) -> Peer:
        if peer.allowed_ips_set not in self._sets:
            return peer
        return dataclasses.replace(peer, allowed_ips_set=self._sets[peer.allowed_ips_set])


def _renamed_rows(
    before: t.Mapping[str, t.Any], after: t.Mapping[str, t.Any], same: t.Callable[[t.Any, t.Any], bool]
) -> dict[str, str]:
    """The earlier rows that are no longer what they were, with the names they get."""
    return {name: name + _EARLIER for name, row in before.items() if name not in after or not same(row, after[name])}


def _by_host(fleet: Fleet) -> dict[str, list[tuple[str, Owned]]]:
    """What the stacks of each host own, by network."""
    found: dict[str, list[tuple[str, Owned]]] = {}
    for name, network in Ownership.of(Model.of(fleet)).networks.items():
        for stack, owned in network.stacks.items():
            found.setdefault(stack.host, []).append((name, owned))
    return found


def _host(host: Host) -> t.Any:
    """What decides about packets, comparable."""
    return {name: _stack(stack) for name, stack in host.stacks.items()}, [_interface(one) for one in host.interfaces]


def routing_of(host: Host) -> t.Any:
    """What decides about packets besides the lists of peers, comparable."""
    stacks = {name: _stack(stack) for name, stack in host.stacks.items()}
    return stacks, [_device(interface) for interface in host.interfaces]


def _stack(stack: Stack) -> t.Any:
    return (
        stack.addresses,
        stack.advertise,
        stack.forwarding,
        stack.rp_filter,
        stack.ipv6,
        [_route(route) for route in stack.routes],
        [_rule(rule) for rule in stack.rules],
    )


def _route(route: Route) -> t.Any:
    return route.destination, route.device, route.table, route.metric, route.type


def _rule(rule: Rule) -> t.Any:
    return (
        (rule.priority, rule.source, rule.destination, rule.ingress, rule.fwmark, rule.invert),
        (rule.table, rule.suppress_prefixlength, rule.families),
    )


def _interface(interface: Interface) -> t.Any:
    return _device(interface), interface.peer_group, [_peer(peer) for peer in interface.peers]


def _device(interface: Interface) -> t.Any:
    place = (interface.name, interface.network, interface.namespace, interface.key)
    return place, interface.addresses, interface.advertise


def _peer(peer: Peer) -> t.Any:
    """An endpoint decides by being known; whether it is the right one is not for a walk to say."""
    return peer.ident, peer.key, peer.endpoint is None, peer.allowed_ips, peer.allowed_ips_set
