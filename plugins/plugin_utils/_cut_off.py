# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a full tunnel takes away from the host that has it: its neighbours, and the way back to Ansible."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import InterfaceAddress
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._dialling import dialled
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Interface, StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._full_tunnels import (
    INTERNET,
    FullTunnel,
    find_full_tunnels,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model, StackModel
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._outer_path import outer_stack
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import (
    EMPTY,
    Intervals,
    contains,
    from_prefixes,
    subtract,
    union,
)


class CutOff(t.NamedTuple):
    """Packets from an own address that a full tunnel takes. device: the one that they should leave by."""

    interface: Interface
    family: int
    source: int
    destinations: Intervals
    example: int
    device: str


def cut_off_networks(model: Model) -> t.Iterator[CutOff]:
    """The connected networks whose neighbours get no answer, per device."""
    for tunnel in find_full_tunnels(model):
        stack = model.stacks[tunnel.stack]
        for device, held in stack.stack.addresses.items():
            found = [
                (address, lost)
                for address in held
                for lost in [_lost(stack, tunnel, address) if address.family == tunnel.family else EMPTY]
                if lost
            ]
            if found:
                address, lost = found[0]
                everything_lost = union(*(part for _address, part in found))
                # The address of the network itself is nobody's.
                example = lost[0] + 1 if lost[0] == address.prefix.network and lost[1] > lost[0] + 1 else lost[0]
                yield CutOff(tunnel.interface, tunnel.family, address.number, everything_lost, example, device)


def _lost(stack: StackModel, tunnel: FullTunnel, address: InterfaceAddress) -> Intervals:
    """The neighbours of an address to whom its packets go by the tunnel; the whole network where it is all of them."""
    network = from_prefixes([address.prefix])
    neighbours = subtract(network, stack.fib.local_set[address.family])
    lost = _into(stack, tunnel, address.number, neighbours)
    return network if lost and lost == neighbours else lost


def _into(stack: StackModel, tunnel: FullTunnel, source: int, destinations: Intervals, *, mark: int = 0) -> Intervals:
    groups = stack.fib.split(tunnel.family, source, destinations, mark=mark) if destinations else {}
    return union(*(part for decision, part in groups.items() if decision.device == tunnel.interface.name))


def cut_off_management(model: Model) -> t.Iterator[CutOff]:
    """Hosts that Ansible reaches at a public address of theirs, whose answers the tunnel takes.

    Of a private address nobody can say from where it is reached; of one inside a tunnel, it is meant so.
    """
    for tunnel in find_full_tunnels(model):
        host = model.fleet.hosts[tunnel.stack.host]
        address = host.management
        if address is None or address.family != tunnel.family or not contains(INTERNET[address.family], address.number):
            continue
        stack = model.stacks[tunnel.stack]
        device = _device_of(stack, address.number, address.family)
        if device is None or tunnel.stack != StackId(host.name, host.management_namespace):
            continue
        lost = _into(stack, tunnel, address.number, INTERNET[address.family])
        if lost:
            yield CutOff(tunnel.interface, tunnel.family, address.number, lost, lost[0], device)


def cut_off_callers(model: Model) -> t.Iterator[tuple[Interface, CutOff]]:
    """Interfaces that others dial at a public address of theirs, whose answers go into a full tunnel of another one.

    Only of those with peers that they do not dial themselves: where these are nobody knows, so no route leads there.
    """
    tunnels = find_full_tunnels(model)
    for one in dialled(model) if tunnels else ():
        callee, address = one.target, one.endpoint.address
        if callee is None or address is None or not model.cryptokey(callee).may_lack_endpoints():
            continue
        stack = outer_stack(model, callee)
        for tunnel in tunnels:
            if tunnel.stack != stack.id or tunnel.interface is callee or tunnel.family != address.family:
                continue
            device = _device_of(stack, address.number, address.family)
            if device is None or not contains(INTERNET[address.family], address.number):
                continue
            lost = _into(stack, tunnel, address.number, INTERNET[address.family], mark=callee.fwmark)
            if lost:
                yield callee, CutOff(tunnel.interface, tunnel.family, address.number, lost, lost[0], device)


def _device_of(stack: StackModel, number: int, family: int) -> str | None:
    """The device outside WireGuard that has an address."""
    for device, held in stack.stack.addresses.items():
        if any(one.family == family and one.number == number for one in held):
            return device
    return None
