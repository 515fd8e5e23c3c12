# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a change cuts the connection by which Ansible reaches a host.

Where Ansible comes from is known only if the document says so (``management.controllers``). Otherwise something is
said only where it holds wherever Ansible comes from: all replies beyond the host's own networks change their way, or
nobody reaches the management address any more.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Address, parse_address
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._comparison import LOST, Comparison
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Host, StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model, StackModel
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import (
    EMPTY,
    Intervals,
    contains,
    everything,
    from_prefixes,
    subtract,
    union,
)

# Addresses that are routed like most others; one whose replies stay outside settles that not all of them go.
_SAMPLES = {
    family: tuple(parse_address(text).number for text in texts)
    for family, texts in {4: ("198.51.100.1", "8.0.0.1", "172.31.255.1"), 6: ("2001:db8:ffff::1", "2a00::1")}.items()
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """inside: Ansible comes through the tunnel. certain: it holds wherever Ansible comes from."""

    stack: StackId
    family: int
    address: str
    addresses: Intervals
    reason: str
    device: str | None = None
    inside: bool = False
    certain: bool = True


def management_cuts(comparison: Comparison) -> t.Iterator[Cut]:
    """Every host that the document says enough about, in its order."""
    before, after = comparison.before.model, comparison.after.model
    for name, host in after.fleet.hosts.items():
        address = _address(host)
        stack = StackId(name, host.management_namespace)
        if address is None or stack not in before.stacks or stack not in after.stacks:
            continue
        if any(
            contains(_wireguard_addresses(model, stack, address.family), address.number) for model in (before, after)
        ):
            found = _inside(comparison, stack, address)
        else:
            found = _outside(before.stacks[stack], after.stacks[stack], host, address)
        if found is not None:
            yield found


def _address(host: Host) -> Address | None:
    """None where it is a name, or not given."""
    try:
        return parse_address(host.management_address or "")
    except InvalidInput:
        return None


def _wireguard_addresses(model: Model, stack: StackId, family: int) -> Intervals:
    devices = model.stacks[stack].devices.values()
    addresses = [one.address.prefix for device in devices for one in device.addresses]
    return from_prefixes(prefix for prefix in addresses if prefix.family == family)


def _inside(comparison: Comparison, stack: StackId, address: Address) -> Cut | None:
    """The management address is the tunnel's own."""
    family, number = address.family, address.number
    common: dict[str, t.Any] = {"stack": stack, "family": family, "address": str(address), "inside": True}
    if not contains(_wireguard_addresses(comparison.after.model, stack, family), number):
        reason = "that is an address of its tunnel, which this change takes away"
        return Cut(addresses=(number, number + 1), reason=reason, **common)
    lost, stays = _ways_in(comparison, stack, address)
    if not lost:
        return None
    reason = "that is an address of its tunnel, which nobody reaches after this change"
    if stays:
        others = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
        reason = f"that is an address of its tunnel, which {lost[0]}{others} no longer reach{'' if others else 'es'}"
    return Cut(addresses=(number, number + 1), reason=reason, certain=not stays, **common)


def _ways_in(comparison: Comparison, stack: StackId, address: Address) -> tuple[list[StackId], bool]:
    """The stacks that no longer reach the address and get its replies, and whether there are others that still do."""
    arrives: dict[str, set[StackId]] = {"to": set(), "from": set()}
    stays: dict[str, set[StackId]] = {"to": set(), "from": set()}
    lost = [change for change in comparison.changes if change.kind == LOST]
    for change in (*comparison.lasting, *lost):
        if change.family != address.family:
            continue
        reached = (arrives,) if change.kind == LOST else (arrives, stays)
        if stack in change.ends and contains(change.destinations, address.number):
            for found in reached:
                found["to"].update(change.stacks)
        if stack in change.stacks and contains(comparison.sources_of(change, stack), address.number):
            for found in reached:
                found["from"].update(change.ends)
    kept = (stays["to"] & stays["from"]) - {stack}
    return sorted((arrives["to"] & arrives["from"]) - kept - {stack}), bool(kept)


def _outside(before: StackModel, after: StackModel, host: Host, address: Address) -> Cut | None:
    """Connections come in outside the tunnel, and so must the replies leave."""
    family = address.family
    if host.controllers:
        asked = from_prefixes(prefix for prefix in host.controllers if prefix.family == family)
        cut = _no_longer_outside(before, after, address, asked)
        reason = "replies to where Ansible comes from"
    else:
        if _keeps_a_sample(before, after, address):
            return None
        networks = [route.destination for route in before.fib.connected if route.destination is not None]
        own = from_prefixes(network for network in networks if network.family == family)
        asked = subtract(everything(family), own)
        cut = _no_longer_outside(before, after, address, asked)
        if cut != _outside_part(before, address, asked):
            return None
        reason = "replies to everything beyond its own networks"
    if not cut:
        return None
    decision = after.fib.lookup(family, address.number, cut[0]).decision
    where = f"go into {decision.device}" if decision.kind == "unicast" else f"end with {decision.kind}"
    return Cut(
        stack=after.id,
        family=family,
        address=str(address),
        addresses=cut,
        reason=f"{reason} {where} after this change",
        device=decision.device,
    )


def _keeps_a_sample(before: StackModel, after: StackModel, address: Address) -> bool:
    def outside(stack: StackModel, number: int) -> bool:
        return _is_outside(stack, stack.fib.lookup(address.family, address.number, number).decision)

    return any(outside(before, number) and outside(after, number) for number in _SAMPLES[address.family])


def _no_longer_outside(before: StackModel, after: StackModel, address: Address, asked: Intervals) -> Intervals:
    return subtract(_outside_part(before, address, asked), _outside_part(after, address, asked))


def _outside_part(stack: StackModel, address: Address, asked: Intervals) -> Intervals:
    """The destinations whose replies leave by a device that is not WireGuard."""
    groups = stack.fib.split(address.family, address.number, asked)
    return union(EMPTY, *(part for decision, part in groups.items() if _is_outside(stack, decision)))


def _is_outside(stack: StackModel, decision: t.Any) -> bool:
    return decision.kind == "unicast" and decision.device not in stack.devices
