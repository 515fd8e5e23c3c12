# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a full tunnel should take and does not, or takes and should not."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._assignable import why_unassignable
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Address
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._endpoint import parse_endpoint
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import FAMILIES, Interface
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._full_tunnels import (
    INTERNET,
    UNBOUND,
    FullTunnel,
    find_full_tunnels,
    is_most,
    may_take_internet,
    takes_internet,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._likeness import doubtful_interfaces
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._local_traffic import accepts_any
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._outer_path import outer_lookup, outer_stack
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._source_selection import Choice, default_sources

_HALF = 1


class OtherFamily(t.NamedTuple):
    """A family that leaves by a device outside a full tunnel of the other one."""

    tunnel: FullTunnel
    family: int
    device: str


def find_other_family(model: Model) -> t.Iterator[OtherFamily]:
    """Of devices that are described: whether a made-up underlay has the other family at all is not known."""
    tunnels = find_full_tunnels(model)
    full = {(tunnel.stack, tunnel.family) for tunnel in tunnels}
    for tunnel in tunnels:
        family = 10 - tunnel.family
        stack = model.stacks[tunnel.stack]
        if (tunnel.stack, family) in full or (family == 6 and not stack.stack.ipv6):
            continue
        for decision, part in stack.fib.split(family, UNBOUND, INTERNET[family]).items():
            device = decision.device or ""
            # No WireGuard device stands among these.
            if stack.stack.addresses.get(device) and is_most(part, family):
                yield OtherFamily(tunnel, family, device)


class Caught(t.NamedTuple):
    """An endpoint that the halves of a default route take although it is the tunnel's own."""

    interface: Interface
    ident: str
    endpoint: str


def find_caught_endpoints(model: Model) -> t.Iterator[Caught]:
    """Of an endpoint by name: where the halves leave no way to any public address that the name could have."""

    def may_take(interface: Interface) -> bool:
        return any(may_take_internet(model, interface, family) for family in FAMILIES)

    for interface in doubtful_interfaces(model, may_take):
        if interface.socket_namespace != interface.namespace or not _has_halves(model, interface):
            continue
        if not any(takes_internet(model, interface, family) for family in FAMILIES):
            continue
        every_name = _takes_every_name(model, interface)
        for ident in model.cryptokey(interface):
            for entry in model.cryptokey(interface).entries(ident):
                if entry.endpoint is not None and _is_caught(model, interface, entry.endpoint, every_name):
                    yield Caught(interface, ident, entry.endpoint)
                    break


def _has_halves(model: Model, interface: Interface) -> bool:
    """Whether a half of a default leads into the device: by an entry that its routes follow, or by a route."""
    routes = (one for one in model.stacks[interface.stack].stack.routes if one.device == interface.name)
    listed = (owner.prefix for owner in model.cryptokey(interface).short_owners())
    return any(one is not None and one.length == _HALF for one in (*listed, *(route.destination for route in routes)))


def _takes_every_name(model: Model, interface: Interface) -> bool:
    """Whether outer packets to public addresses go nowhere but into the tunnel itself, by halves of a default."""
    fib = outer_stack(model, interface).fib
    lengths: set[int] = set()
    for family in FAMILIES:
        used = fib.routes_used(family, UNBOUND, mark=interface.fwmark).split(INTERNET[family])
        for route, part in used.items():
            if route is None or route.type != "unicast":
                continue
            if route.device != interface.name:
                return False
            if route.destination is not None:
                lengths.add(route.destination.length)
            else:
                owners = (owner for _low, _high, owner in model.cryptokey(interface).clipped(family, part))
                lengths.update(owner.prefix.length for owner in owners if owner is not None)
    return lengths == {_HALF}


def _is_caught(model: Model, interface: Interface, text: str, every_name: bool) -> bool:
    try:
        address = parse_endpoint(text).address
    except InvalidInput:
        return False
    if address is None:
        return every_name
    found = outer_lookup(model, interface, address.family, address.number)
    by_half = found.prefix is not None and found.prefix.length == _HALF
    return found.decision.device == interface.name and by_half


class OutsideServer(t.NamedTuple):
    """A name server that a tunnel brings along and that is not behind any. device: None where nothing leads there."""

    interface: Interface
    server: Address
    kind: str
    device: str | None


def find_name_servers_outside(model: Model) -> t.Iterator[OutsideServer]:
    for interface in doubtful_interfaces(model, lambda one: bool(one.dns)):
        stack = model.stacks[interface.stack]
        for server in interface.dns:
            if why_unassignable(server.prefix):
                continue
            decision = stack.fib.lookup(server.family, UNBOUND, server.number).decision
            if decision.kind != "local" and decision.device not in stack.devices:
                yield OutsideServer(interface, server, decision.kind, decision.device)


def find_without_address(model: Model) -> t.Iterator[FullTunnel]:
    """Full tunnels whose device lacks an address of their family, unless peers accept what the kernel takes instead."""
    for tunnel in find_full_tunnels(model):
        interface, family = tunnel.interface, tunnel.family
        if not any(address.family == family for address in interface.addresses):
            choices = _choices(model, tunnel)
            if choices is None or not all(_is_accepted(model, interface, choice, family) for choice in choices):
                yield tunnel


def _choices(model: Model, tunnel: FullTunnel) -> list[Choice] | None:
    """The sources of what the stack itself sends into the tunnel; None where nobody can say."""
    stack = model.stacks[tunnel.stack]
    choices: list[Choice] = []
    for route, part in stack.fib.routes_used(tunnel.family, UNBOUND).split(tunnel.destinations).items():
        found = default_sources(stack, route, tunnel.family, part)
        if found is None:
            return None
        choices += found
    return choices


def _is_accepted(model: Model, interface: Interface, choice: Choice, family: int) -> bool:
    return all(
        ident is None or accepts_any(model, interface, ident, choice.sources, family)
        for ident in model.cryptokey(interface).split(family, choice.destinations)
    )
