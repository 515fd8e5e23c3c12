# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much fits through a tunnel: the MTU of the devices that its outer packets leave by, less the headers."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fib import LOOPBACK
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import FAMILIES, Interface
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._likeness import doubtful_interfaces
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model, StackModel
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._outer_path import (
    UNSPECIFIED,
    carried_peers,
    endpoint_of,
    next_tunnel,
    outer_stack,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._remotes import Remote, Remotes, remotes

# What both the kernel and wireguard-go give a new device, and what a device has of which nothing is said.
TUNNEL_MTU = 1420
LINK_MTU = 1500
# An IPv4 or IPv6 header, UDP, and WireGuard's own 32 bytes.
OVERHEAD = {4: 60, 6: 80}


class Way(t.NamedTuple):
    """One way out that is too narrow. room: what it leaves for the inner packet; mtu: of the device."""

    room: int
    device: str
    mtu: int
    family: int
    peer: str
    endpoint: str


def tunnel_mtu(interface: Interface) -> int:
    """The MTU of a tunnel; where none is declared, what it gets when it is made."""
    return TUNNEL_MTU if interface.mtu is None else interface.mtu


def find_narrow_ways(model: Model) -> t.Iterator[tuple[Interface, Way]]:
    """The interfaces whose packets do not fit through every way out, each with its narrowest one."""
    for interface in doubtful_interfaces(model, lambda one: _may_be_narrow(model, one)):
        way = tightest_way(model, interface)
        if way is not None:
            yield interface, way


def _may_be_narrow(model: Model, interface: Interface) -> bool:
    """Whether some device is too narrow, or a tunnel could carry outer packets."""
    stack = outer_stack(model, interface)
    narrow = any(_narrow_devices(stack, interface, family) for family in FAMILIES)
    return narrow or any(True for _ident in carried_peers(model, interface))


def tightest_way(model: Model, interface: Interface) -> Way | None:
    """The narrowest way to an endpoint that the interface's packets do not fit through; None where all fit.

    The way through another tunnel has that tunnel's MTU. Nothing is known of the way behind the host.
    """
    found = [*_by_links(model, interface), *_by_tunnels(model, interface)]
    return min(found, default=None)


def _by_links(model: Model, interface: Interface) -> t.Iterator[Way]:
    """Of each device that is too narrow, one endpoint that it is used for."""
    stack = outer_stack(model, interface)
    for family in FAMILIES:
        for device, mtu in _narrow_devices(stack, interface, family).items():
            remote = _sent_by(model, interface, stack, device, family)
            if remote is not None:
                yield Way(mtu - OVERHEAD[family], device, mtu, family, remote.name, remote.text)


def _narrow_devices(stack: StackModel, interface: Interface, family: int) -> dict[str, int]:
    """The devices besides tunnels that packets of full size do not fit through, with their MTU."""
    narrow: dict[str, int] = {}
    for route in stack.fib.routes:
        device = route.device
        if device is None or device in stack.devices or device == LOOPBACK:
            continue
        mtu = stack.stack.links.get(device, LINK_MTU)
        if tunnel_mtu(interface) > mtu - OVERHEAD[family]:
            narrow[device] = mtu
    return narrow


def _sent_by(model: Model, interface: Interface, stack: StackModel, device: str, family: int) -> Remote | None:
    """The first endpoint whose packets leave by a device."""
    overrides = model.cryptokey(interface).overrides
    prefixes = [
        route.destination
        for route in stack.fib.routes
        if route.device == device and route.destination is not None and route.destination.family == family
    ]
    for index, listed in enumerate(remotes(model, interface)):
        shared = index == 0 and interface.peer_group is not None
        for remote in _inside(listed, prefixes):
            if shared and remote.ident in overrides:
                continue
            decision = stack.fib.lookup(family, UNSPECIFIED, remote.number, mark=interface.fwmark).decision
            if decision.device == device:
                return remote
    return None


def _inside(listed: Remotes, prefixes: t.Iterable[t.Any]) -> t.Iterator[Remote]:
    for prefix in prefixes:
        yield from listed.inside(prefix)


def _by_tunnels(model: Model, interface: Interface) -> t.Iterator[Way]:
    """Of each tunnel that carries outer packets and is too narrow, one endpoint."""
    cryptokey = model.cryptokey(interface)
    told: set[tuple[str, int]] = set()
    for ident in dict.fromkeys(one for one in carried_peers(model, interface) if one in cryptokey):
        step, endpoint = next_tunnel(model, interface, ident), endpoint_of(model, interface, ident)
        if step is None or endpoint is None or step[0] is interface:
            continue
        carrier, (text, family, _number) = step[0], endpoint
        room = tunnel_mtu(carrier) - OVERHEAD[family]
        if tunnel_mtu(interface) > room and (carrier.name, family) not in told:
            told.add((carrier.name, family))
            name = cryptokey.entries(ident)[-1].name
            yield Way(room, carrier.name, tunnel_mtu(carrier), family, name, text)
