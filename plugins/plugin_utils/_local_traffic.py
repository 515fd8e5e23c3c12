# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host sends of its own accord: whether the peer that gets it accepts the source that the kernel gives it."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import (
    FAMILIES,
    Interface,
    Route,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._full_tunnels import UNBOUND
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._likeness import doubtful_stacks
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model, StackModel
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ownership import Ownership
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import (
    EMPTY,
    Intervals,
    covers,
    everything,
    from_numbers,
    intersect,
    union,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._source_selection import (
    Choice,
    addresses_of,
    default_sources,
)

# So many peers are named; one is enough to know that the source is wrong.
_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongSource:
    """A source that the kernel chooses and that peers do not accept. sources: more than one where it could be any."""

    interface: Interface
    family: int
    route: Route
    sources: tuple[int, ...]
    peers: tuple[str, ...]
    destination: int


def find_wrong_sources(model: Model, ownership: Ownership) -> t.Iterator[WrongSource]:
    """Every route into a WireGuard device whose default source is not the stack's own in the network, nor accepted."""
    for stack in doubtful_stacks(model, _may_choose_wrong):
        for interface, route, family in _into_tunnels(stack):
            choices = _doubtful(stack, ownership, interface, route, family)
            if choices:
                yield from _refused(model, stack, interface, route, choices, family)


def _into_tunnels(stack: StackModel) -> t.Iterator[tuple[Interface, Route, int]]:
    """Every route into a WireGuard device, by family."""
    for route in stack.fib.routes if stack.devices else ():
        interface = stack.devices.get(route.device or "")
        if interface is not None:
            for family in FAMILIES if route.destination is None else (route.destination.family,):
                yield interface, route, family


def _may_choose_wrong(stack: StackModel) -> bool:
    """Whether a route gives another source than an address of its own WireGuard device."""
    for interface, route, family in _into_tunnels(stack):
        chosen = route.source is not None and route.source.family == family
        own = not chosen and addresses_of(stack, interface.name, family)
        if not own and default_sources(stack, route, family, everything(family)):
            return True
    return False


def _doubtful(stack: StackModel, ownership: Ownership, interface: Interface, route: Route, family: int) -> list[Choice]:
    """The choices for a route that are not the stack's own addresses in the network: of these the proof tells."""
    network = ownership.networks.get(interface.network or "")
    owned = EMPTY if network is None else network.stacks[interface.stack].everything(family)
    expected = union(owned, from_numbers(one.number for one in interface.addresses if one.family == family))
    choices = default_sources(stack, route, family, everything(family)) or []
    if all(covers(expected, from_numbers(choice.sources)) for choice in choices):
        return []
    used = union(
        *(
            part
            for found, part in stack.fib.routes_used(family, UNBOUND).split(everything(family)).items()
            if found is route
        )
    )
    narrowed = (choice._replace(destinations=intersect(choice.destinations, used)) for choice in choices)
    return [one for one in narrowed if one.destinations and not covers(expected, from_numbers(one.sources))]


def _refused(
    model: Model, stack: StackModel, interface: Interface, route: Route, choices: list[Choice], family: int
) -> t.Iterator[WrongSource]:
    """The choices of which no peer accepts any source."""
    for choice in choices:
        sent = choice.destinations
        # With its source chosen, the packet is routed again (ip_route_connect), and rules by source then match.
        for number in choice.sources:
            sent = _still_sent(stack, interface, number, sent, family)
        names: list[str] = []
        example = None
        for ident, part in model.cryptokey(interface).split(family, sent).items() if sent else ():
            if ident is not None and not accepts_any(model, interface, ident, choice.sources, family):
                names.append(model.cryptokey(interface).entries(ident)[-1].name)
                example = part[0] if example is None else example
            if len(names) == _NAMED:
                break
        if example is not None:
            yield WrongSource(
                interface=interface, family=family, route=route, sources=choice.sources, peers=tuple(names),
                destination=example,
            )  # fmt: skip


def _still_sent(
    stack: StackModel, interface: Interface, source: int, destinations: Intervals, family: int
) -> Intervals:
    groups = stack.fib.split(family, source, destinations) if destinations else {}
    return union(*(part for decision, part in groups.items() if decision.device == interface.name))


def accepts_any(model: Model, interface: Interface, ident: str, sources: tuple[int, ...], family: int) -> bool:
    """Whether the peer takes one of the sources, or nobody can say: it is not managed, or does not list the sender."""
    target = model.target(interface, ident)
    entry = None if target is None else model.entry_of(target, interface)
    if target is None or entry is None:
        return True
    return bool(model.cryptokey(target).accepted_part(family, entry, from_numbers(sources)))
