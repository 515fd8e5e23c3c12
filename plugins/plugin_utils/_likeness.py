# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that a document describes alike, as most spokes of a hub are: one of them answers for all.

Alike are hosts that differ in nothing but their names, their keys, and addresses of their own that stand alone (/32 or
/128). So their stacks have the same devices, routes and rules, their interfaces the same options and the same peers,
and the rows of their AllowedIPs are the same but for what each leaves out as its own or as itself.

A rule may ask one host of a kind whatever does not depend on these differences. Where the answer leaves a doubt, every
host of the kind is looked at by itself: a likeness saves work, and never decides that something is wrong.
"""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import WIDTH, InterfaceAddress
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Fleet, Host, Interface, Stack
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model, StackModel

_LINK_LOCAL = 0xFE80 >> 6


def likenesses(model: Model) -> list[list[Host]]:
    """The hosts of a fleet by kind, in document order; found once per fleet."""
    memo = model.fleet.memo
    if "likenesses" not in memo:
        idents = _Idents(model.fleet)
        kinds: dict[t.Any, list[Host]] = {}
        for host in model.fleet.hosts.values():
            kinds.setdefault(_kind(host, idents), []).append(host)
        memo["likenesses"] = list(kinds.values())
    found: list[list[Host]] = memo["likenesses"]
    return found


def doubtful_interfaces(model: Model, is_doubtful: t.Callable[[Interface], bool]) -> t.Iterator[Interface]:
    """The interfaces whose kind is doubtful, in document order. Only one of a kind is asked."""
    places: dict[str, list[int]] = {}
    for hosts in likenesses(model):
        found = [index for index, one in enumerate(hosts[0].interfaces) if is_doubtful(one)]
        if found:
            places.update((host.name, found) for host in hosts)
    for host in model.fleet.hosts.values() if places else ():
        yield from (host.interfaces[index] for index in places.get(host.name, ()))


def doubtful_stacks(model: Model, is_doubtful: t.Callable[[StackModel], bool]) -> t.Iterator[StackModel]:
    """The stacks whose kind is doubtful, in document order. Only one of a kind is asked."""
    spaces: dict[str, list[str]] = {}
    for hosts in likenesses(model):
        found = [name for name, stack in hosts[0].stacks.items() if is_doubtful(model.stacks[stack.id])]
        if found:
            spaces.update((host.name, found) for host in hosts)
    for host in model.fleet.hosts.values() if spaces else ():
        yield from (model.stacks[host.stacks[name].id] for name in spaces.get(host.name, ()))


def _kind(host: Host, idents: _Idents) -> t.Any:
    """What tells hosts apart that are not alike."""
    stacks = tuple([(name, *_of_stack(stack)) for name, stack in host.stacks.items()])
    return stacks, tuple([_of_interface(one, idents) for one in host.interfaces])


def _of_stack(stack: Stack) -> tuple[t.Any, ...]:
    """Everything that stands in it. Routes and rules are compared by identity: equal ones are one object."""
    return (
        tuple(stack.addresses.items()),
        stack.advertise,
        tuple(stack.links.items()),
        tuple(stack.forwarding.values()),
        tuple(stack.rp_filter.items()),
        stack.masquerade,
        stack.port_forwards,
        stack.ipv6,
        tuple(stack.disabled.items()),
        stack.lists_routes,
        stack.routes,
        stack.rules,
        stack.filtered,
        stack.translated,
    )


def _of_interface(interface: Interface, idents: _Idents) -> tuple[t.Any, ...]:
    """Everything but the key and the numbers of its addresses. Entries of peers are compared by identity."""
    return (
        interface.name,
        interface.network,
        interface.namespace,
        interface.socket_namespace,
        # A host whose key is not known is found by its name, which nobody else has.
        interface.host if interface.key is None else None,
        tuple([_shape(address) for address in interface.addresses]),
        interface.advertise,
        interface.listen_port,
        interface.fwmark,
        interface.mtu,
        interface.dns,
        interface.routes,
        interface.peer_group,
        interface.peers,
        # It ignores itself in its own list, so that the list means something else to each.
        interface.key if interface.key in idents.of_peers(interface) else None,
        interface.peer_group is not None and interface.key in idents.of_group(interface.peer_group),
    )


def _shape(address: InterfaceAddress) -> tuple[int, ...]:
    """What an address that stands alone has in common with others; any other address is like none but itself."""
    family, number, length = address
    if length < WIDTH[family] or (family == 6 and number >> 118 == _LINK_LOCAL):
        return address
    return (family,)


class _Idents:
    """The keys that stand in lists of peers, each list looked at once."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._groups: dict[str, frozenset[str | None]] = {}
        self._lists: dict[t.Any, frozenset[str | None]] = {}

    def of_group(self, name: str) -> frozenset[str | None]:
        if name not in self._groups:
            self._groups[name] = frozenset(peer.key for peer in self._fleet.peer_groups[name])
        return self._groups[name]

    def of_peers(self, interface: Interface) -> frozenset[str | None]:
        found = self._lists.get(interface.peers)
        if found is None:
            found = self._lists[interface.peers] = frozenset([peer.key for peer in interface.peers])
        return found
