# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exit nodes: stacks to which others send their way to the internet, and what makes the answers come back."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import FAMILIES, Interface
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._full_tunnels import (
    INTERNET,
    PRIVATE,
    may_take_internet,
    takes_internet,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._likeness import doubtful_interfaces
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model, StackModel
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ownership import Ownership
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import (
    EMPTY,
    Intervals,
    from_prefixes,
    intersect,
    subtract,
    union,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """Private sources that an exit node sends to the internet as they are.

    certain: the device is described, and does not masquerade; otherwise nobody says anything about it.
    """

    interface: Interface
    family: int
    device: str
    sources: Intervals
    destination: int
    client: Interface
    certain: bool


def find_unanswered(model: Model, ownership: Ownership) -> tuple[Unanswered, ...]:
    """Per exit node, ingress and device; computed once per fleet."""
    memo = model.fleet.memo
    if "unanswered" not in memo:
        memo["unanswered"] = tuple(_find(model, ownership))
    found: tuple[Unanswered, ...] = memo["unanswered"]
    return found


def _find(model: Model, ownership: Ownership) -> t.Iterator[Unanswered]:
    for (exit_node, family), clients in _clients(model).items():
        stack = model.stacks[exit_node.stack]
        network = ownership.networks.get(exit_node.network or "")
        abroad = INTERNET[family] if network is None else subtract(INTERNET[family], network.total[family])
        sources = union(*(part for part, _client in clients))
        for members, sample in stack.fib.source_classes(family):
            mine = intersect(intersect(sources, members), PRIVATE[family])
            for decision, part in (
                stack.fib.split(family, sample, abroad, ingress=exit_node.name).items() if mine else ()
            ):
                device = decision.device
                if device is None or device in stack.devices or device in (stack.stack.masquerade or ()):
                    continue
                lost = subtract(mine, _at_home(stack, device, family))
                if lost:
                    yield Unanswered(
                        interface=exit_node, family=family, device=device, sources=lost, destination=part[0],
                        client=_first(clients, lost),
                        certain=stack.stack.masquerade is not None or bool(stack.stack.addresses.get(device)),
                    )  # fmt: skip


def _first(clients: list[tuple[Intervals, Interface]], lost: Intervals) -> Interface:
    """A client that some of the lost sources are accepted from."""
    for held, client in clients:
        if intersect(held, lost):
            return client
    raise AssertionError("what is lost comes from a client")


def _clients(model: Model) -> dict[tuple[Interface, int], list[tuple[Intervals, Interface]]]:
    """By exit node and family, the sources that it accepts from each peer whose way to the internet it is."""
    found: dict[tuple[Interface, int], list[tuple[Intervals, Interface]]] = {}
    for client in doubtful_interfaces(model, lambda one: any(may_take_internet(model, one, each) for each in FAMILIES)):
        for family in FAMILIES:
            if not takes_internet(model, client, family):
                continue
            for ident in model.cryptokey(client).split(family, INTERNET[family]):
                exit_node = None if ident is None else model.target(client, ident)
                entry = None if exit_node is None else model.entry_of(exit_node, client)
                if exit_node is None or entry is None or not model.stacks[exit_node.stack].stack.forwarding[family]:
                    continue
                accepted = model.cryptokey(exit_node).accepted(family, entry)
                if accepted:
                    found.setdefault((exit_node, family), []).append((accepted, client))
    return found


def _at_home(stack: StackModel, device: str, family: int) -> Intervals:
    """The networks that a device is connected to: whoever answers there finds the sender without any route."""
    prefixes = [one.prefix for one in stack.stack.addresses.get(device, ()) if one.family == family]
    return from_prefixes(prefixes) if prefixes else EMPTY
