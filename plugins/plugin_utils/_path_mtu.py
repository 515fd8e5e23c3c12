# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much fits through a tunnel: the MTU of the devices that its outer packets leave by, less the headers.

A tunnel whose MTU nobody declares gets the one that the host derives, by the same function as there. What the document
cannot know, the host finds out: the address behind a name, the MTU of a device or a route that nobody describes.
"""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._derived_mtu import DEFAULT, OVERHEAD, Path, derive
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Address
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._dialling import with_endpoint
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fib import LOOPBACK
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import FAMILIES, Interface, Peer
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._likeness import doubtful_interfaces
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model, StackModel
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._outer_path import (
    UNSPECIFIED,
    carried_peers,
    endpoint_of,
    enters_tunnels,
    next_tunnel,
    outer_stack,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._remotes import (
    Remote,
    Remotes,
    remotes,
    underlay_families,
)

# What a device has of which nothing is said.
LINK_MTU = 1500


class Way(t.NamedTuple):
    """One way out that is too narrow. room: what it leaves for the inner packet; mtu: of the device."""

    room: int
    device: str
    mtu: int
    family: int
    peer: str
    endpoint: str


def tunnel_mtu(model: Model, interface: Interface) -> int:
    """The MTU of a tunnel: declared, or else as the host derives it from the ways to the endpoints."""
    if interface.mtu is not None:
        return interface.mtu
    memo: dict[Interface, int] = model.fleet.memo.setdefault("derived_mtu", {})
    if interface not in memo:
        # A circle of tunnels (WG402) comes back here; the device then has what it got when it was made.
        memo[interface] = DEFAULT
        memo[interface] = _derived(model, interface)
    return memo[interface]


def known_mtu(model: Model, interface: Interface) -> int | None:
    """The MTU of a tunnel where the document says all that it follows from; None where the host has to find out.

    That is the address of every endpoint, and the devices of the underlay that lead there: described, since nobody
    knows what an underlay has that is only assumed. Without any endpoint a device keeps what it has.
    """
    if interface.mtu is not None:
        return interface.mtu
    memo: dict[Interface, int | None] = model.fleet.memo.setdefault("known_mtu", {})
    if interface not in memo:
        # A circle of tunnels (WG402) comes back here.
        memo[interface] = None
        memo[interface] = tunnel_mtu(model, interface) if _is_known(model, interface) else None
    return memo[interface]


def known_mtus(model: Model) -> dict[Interface, int]:
    """known_mtu() of every interface that has one. Kinds of hosts of which nobody says anything are asked once."""
    found = {}
    for interface in doubtful_interfaces(model, lambda one: one.mtu is not None or _may_be_known(model, one)):
        mtu = known_mtu(model, interface)
        if mtu is not None:
            found[interface] = mtu
    return found


def _may_be_known(model: Model, interface: Interface) -> bool:
    """Whether outer packets may leave by a described device or by another tunnel, and some endpoint is an address."""
    stack = outer_stack(model, interface)
    dialled = any(any(listed.numbers.values()) for listed in remotes(model, interface))
    return dialled and bool(_described(stack) or any(True for _ident in carried_peers(model, interface)))


def _is_known(model: Model, interface: Interface) -> bool:
    if _has_names(model, interface):
        return False
    described = _described(outer_stack(model, interface))
    links = [path.device for _address, path in _paths_by_links(model, interface)]
    carriers = [carrier for carrier, *_found in _carriers(model, interface)]
    known = all(device in described for device in links)
    return bool(links or carriers) and known and all(known_mtu(model, carrier) is not None for carrier in carriers)


def _described(stack: StackModel) -> frozenset[str]:
    """The devices besides tunnels that have an address or an MTU; 1500 is what they have where their MTU is not said.

    An underlay that is only assumed has a device without either.
    """
    addressed = {device for device, held in stack.stack.addresses.items() if held}
    return frozenset({*stack.stack.links, *addressed} - stack.devices.keys() - {LOOPBACK})


def _has_names(model: Model, interface: Interface) -> bool:
    """Whether an endpoint is a name, which may lead anywhere. A shared row is looked at once."""
    memo: dict[str, bool] = model.fleet.memo.setdefault("endpoint_names", {})
    group = interface.peer_group
    if group is not None and group not in memo:
        memo[group] = any(_is_name(peer) for peer in model.fleet.peer_groups[group])
    return (group is not None and memo[group]) or any(_is_name(peer) for peer in interface.peers)


def _is_name(peer: Peer) -> bool:
    found = with_endpoint([peer])
    return peer.endpoint is not None and (found is None or found[1].address is None)


def outer_size(model: Model, interface: Interface, *, otherwise: int) -> tuple[int, int]:
    """(bytes, family) of the largest outer packets. otherwise: the family where no endpoint is an address."""
    families = {family for listed in remotes(model, interface) for family, held in listed.numbers.items() if held}
    family = max(families, default=otherwise)
    return tunnel_mtu(model, interface) + OVERHEAD[family], family


def _derived(model: Model, interface: Interface) -> int:
    found = [*_paths_by_links(model, interface), *_paths_by_tunnels(model, interface)]
    if not found and not underlay_families(model, outer_stack(model, interface)):
        found = list(_paths_somewhere(model, interface))
    apart = interface.socket_namespace != interface.namespace
    result = derive(
        [address for address, _path in found],
        dict(found),
        own="" if apart else interface.name,
        ipv6=any(one.family == 6 for one in interface.addresses),
    )
    return DEFAULT if result is None else result.mtu


def _paths_by_links(model: Model, interface: Interface) -> t.Iterator[tuple[Address, Path]]:
    """Of each device besides tunnels and of each family, one endpoint that it is used for."""
    stack = outer_stack(model, interface)
    for family in FAMILIES:
        for device in sorted({one.device for one in stack.fib.routes if one.device is not None}):
            if device in stack.devices or device == LOOPBACK:
                continue
            remote = _sent_by(model, interface, stack, device, family)
            if remote is not None:
                yield Address(family, remote.number), Path(device, stack.stack.links.get(device, LINK_MTU))


def _paths_somewhere(model: Model, interface: Interface) -> t.Iterator[tuple[Address, Path]]:
    """By an underlay that nobody describes: a device like any other."""
    for listed in remotes(model, interface):
        for family, numbers in listed.numbers.items():
            if numbers:
                yield Address(family, numbers[0]), Path("underlay", LINK_MTU)


def _paths_by_tunnels(model: Model, interface: Interface) -> t.Iterator[tuple[Address, Path]]:
    for carrier, ident, family, _text in _carriers(model, interface):
        endpoint = endpoint_of(model, interface, ident)
        if endpoint is not None:
            yield Address(family, endpoint[2]), Path(carrier.name, tunnel_mtu(model, carrier))


def find_narrow_ways(model: Model) -> t.Iterator[tuple[Interface, Way]]:
    """The interfaces whose packets do not fit through every way out, each with its narrowest one."""
    for interface in doubtful_interfaces(model, lambda one: _may_be_narrow(model, one)):
        way = tightest_way(model, interface)
        if way is not None:
            yield interface, way


def _may_be_narrow(model: Model, interface: Interface) -> bool:
    """Whether some device is too narrow for a family of the endpoints, or a tunnel could carry outer packets."""
    stack = outer_stack(model, interface)
    families = {family for listed in remotes(model, interface) for family, held in listed.numbers.items() if held}
    narrow = any(_narrow_devices(model, stack, interface, family) for family in families)
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
        for device, mtu in _narrow_devices(model, stack, interface, family).items():
            remote = _sent_by(model, interface, stack, device, family)
            if remote is not None:
                yield Way(mtu - OVERHEAD[family], device, mtu, family, remote.name, remote.text)


def _narrow_devices(model: Model, stack: StackModel, interface: Interface, family: int) -> dict[str, int]:
    """The devices besides tunnels that packets of full size do not fit through, with their MTU."""
    narrow: dict[str, int] = {}
    for route in stack.fib.routes:
        device = route.device
        if device is None or device in stack.devices or device == LOOPBACK:
            continue
        mtu = stack.stack.links.get(device, LINK_MTU)
        if tunnel_mtu(model, interface) > mtu - OVERHEAD[family]:
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
    for carrier, ident, family, text in _carriers(model, interface):
        room = tunnel_mtu(model, carrier) - OVERHEAD[family]
        if tunnel_mtu(model, interface) > room:
            name = model.cryptokey(interface).entries(ident)[-1].name
            yield Way(room, carrier.name, tunnel_mtu(model, carrier), family, name, text)


def _carriers(model: Model, interface: Interface) -> t.Iterator[tuple[Interface, str, int, str]]:
    """The other tunnels that carry outer packets, by family, each with the first peer that it is used for."""
    cryptokey = model.cryptokey(interface)
    told: set[tuple[str, int]] = set()
    carried = dict.fromkeys(one for one in carried_peers(model, interface) if one in cryptokey)
    for ident in carried if carried and enters_tunnels(model, interface) else ():
        step, endpoint = next_tunnel(model, interface, ident), endpoint_of(model, interface, ident)
        if step is None or endpoint is None or step[0] is interface:
            continue
        carrier, (text, family, _number) = step[0], endpoint
        if (carrier.name, family) not in told:
            told.add((carrier.name, family))
            yield carrier, ident, family, text
