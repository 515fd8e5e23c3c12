# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an audit of live hosts has seen and the plan does not know.

A plan says of each of its peers whether it is managed, and gives its routes no protocol; an audit says neither of a
peer that nobody has declared, and reads the protocol of every route off the kernel.
"""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Prefix
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import OUR_PROTOCOL
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Fleet, Interface, Route, StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._moves import place_of

# rt_protos of iproute2: connected routes come from addresses, those of a router advertisement from the network;
# and what this collection has made.
_NOT_FOREIGN = frozenset({"kernel", "2", "ra", "9", "redirect", "1", str(OUR_PROTOCOL)})


def unknown_peers(before: Fleet, after: Fleet) -> t.Iterator[tuple[Interface, str, tuple[Prefix, ...]]]:
    """Peers of interfaces that the plan has too: the later interface, the peer's name and its prefixes."""
    model, earlier = Model.of(after), Model.of(before)
    live = {place_of(interface): interface for interface in earlier.interfaces}
    for interface in model.interfaces:
        found = live.get(place_of(interface))
        for peer in () if found is None else found.peers:
            if peer.key is None or peer.managed is not None:
                continue
            known = peer.key in model.by_key or peer.key in earlier.by_key
            if not known and peer.key not in model.cryptokey(interface):
                yield interface, peer.name, tuple(sorted(peer.allowed_ips))


def unknown_routes(before: Fleet, after: Fleet) -> t.Iterator[tuple[StackId, Route]]:
    """Routes into WireGuard devices that the plan has too."""
    model = Model.of(after)
    for host in before.hosts.values():
        for stack in host.stacks.values():
            planned = model.stacks.get(stack.id)
            for route in stack.routes if planned is not None else ():
                foreign = route.protocol is not None and str(route.protocol) not in _NOT_FOREIGN
                into_tunnel = planned is not None and route.device in planned.devices
                if foreign and into_tunnel and not _is_planned(model, stack.id, route):
                    yield stack.id, route


def _is_planned(model: Model, stack: StackId, route: Route) -> bool:
    """Whether the plan has it, by itself or as one of the routes that follow AllowedIPs."""
    planned = model.stacks[stack]
    table = model.cryptokey(planned.devices[route.device or ""])
    followed = set() if route.destination is None else {owner.prefix for owner in table.inside(route.destination)}
    for one in planned.fib.routes:
        if (one.device, one.table, one.type) != (route.device, route.table, route.type):
            continue
        if one.destination == route.destination:
            return True
        if one.destination is None and route.destination in followed:
            return True
    return False
