# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which flows are lost while hosts or links are down.

WireGuard does not reroute: AllowedIPs stay what they are, and a packet for a peer that is gone is dropped. So nothing
arrives by another way, and what is lost is all there is to say.
"""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Iterable, Sequence

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._change_summary import (
    changed_intents,
    count_pairs,
    tell,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._comparison import LOST, Comparison, FlowChange
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._cryptokey_document import is_own
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Fleet, Interface, Peer, StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ownership import Owned, Ownership
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._reader import nearest

Document = dict[str, t.Any]
Link = tuple[str, str]


def what_if(fleet: Fleet, *, hosts_down: Sequence[str] = (), links_down: Sequence[Link] = ()) -> Document:
    """``{hosts_down, links_down, pairs, lost, lost_between_others, remaining, intents}``.

    Raises InvalidInput for a host that is not there and for a link that is none.
    """
    hosts = [_known(fleet, name, f"hosts_down[{index}]") for index, name in enumerate(hosts_down)]
    links = [_link(fleet, ends, f"links_down[{index}]") for index, ends in enumerate(links_down)]
    reduced = without(fleet, hosts=frozenset(hosts), links=frozenset(links))
    comparison = Comparison(fleet, reduced)
    lost = [change for change in comparison.changes if change.kind == LOST]
    pairs = count_pairs((one.stacks, one.ends) for one in [*lost, *comparison.lasting])
    return {
        "hosts_down": sorted(set(hosts)),
        "links_down": sorted([list(link) for link in set(links)]),
        "pairs": pairs,
        "lost": tell(comparison, lost),
        "lost_between_others": count_pairs(_between_others(lost, frozenset(hosts))),
        "remaining": tell(comparison, comparison.lasting),
        "intents": changed_intents(fleet, reduced),
    }


def without(fleet: Fleet, *, hosts: frozenset[str], links: frozenset[Link]) -> Fleet:
    """The fleet while these are down. What the remaining hosts own and are meant to reach stays what it was."""
    cut = _by_end(links)
    remaining = {
        name: dataclasses.replace(
            host, interfaces=tuple(_disconnected(fleet, one, cut.get(name, frozenset())) for one in host.interfaces)
        )
        if name in cut
        else host
        for name, host in fleet.hosts.items()
        if name not in hosts
    }
    reduced = dataclasses.replace(fleet, hosts=remaining, memo={})
    owned: dict[str, dict[StackId, Owned]] = {}
    for name, network in Ownership.of(Model.of(fleet)).networks.items():
        owned[name] = {stack: held for stack, held in network.stacks.items() if stack.host not in hosts}
    reduced.memo["ownership"] = Ownership.declared(owned)
    return reduced


def _by_end(links: Iterable[Link]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for one, other in links:
        found.setdefault(one, set()).add(other)
        found.setdefault(other, set()).add(one)
    return {end: frozenset(others) for end, others in found.items()}


def _disconnected(fleet: Fleet, interface: Interface, others: frozenset[str]) -> Interface:
    """The interface with the same AllowedIPs and no endpoint for these hosts: no handshake, and no other way.

    Its shared row becomes a list of its own, in the same order; the far end of each link is treated alike.
    """
    model = Model.of(fleet)
    shared = fleet.peer_groups[interface.peer_group] if interface.peer_group is not None else ()
    own = {peer.ident for peer in interface.peers if not is_own(interface, peer)}
    listed = [*(peer for peer in shared if peer.ident not in own), *interface.peers]
    targets = {peer.ident: model.target(interface, peer.ident) for peer in listed}
    if not any(target is not None and target.host in others for target in targets.values()):
        return interface

    def cut(peer: Peer) -> Peer:
        target = targets[peer.ident]
        return dataclasses.replace(peer, endpoint=None) if target is not None and target.host in others else peer

    return dataclasses.replace(interface, peer_group=None, peers=tuple(cut(peer) for peer in listed))


def _between_others(
    lost: Iterable[FlowChange], hosts: frozenset[str]
) -> list[tuple[tuple[StackId, ...], frozenset[StackId]]]:
    """What is lost though neither end is down: those that a relay served."""
    return [
        (
            tuple(stack for stack in one.stacks if stack.host not in hosts),
            frozenset(stack for stack in one.ends if stack.host not in hosts),
        )
        for one in lost
    ]


def _known(fleet: Fleet, name: str, path: str) -> str:
    if name not in fleet.hosts:
        remedy = nearest(name, list(fleet.hosts))
        raise InvalidInput("is not a host of this fleet", path=path, value=name, remedy=remedy)
    return name


def _link(fleet: Fleet, ends: Link, path: str) -> Link:
    one, other = (_known(fleet, name, f"{path}[{index}]") for index, name in enumerate(ends))
    if not any(_lists(fleet, here, there) for here, there in ((one, other), (other, one))):
        reason = f"is no link: neither {one} nor {other} lists the other as a peer"
        raise InvalidInput(reason, path=path, value=f"{one}, {other}", remedy="name two hosts that are peers")
    return (one, other) if one < other else (other, one)


def _lists(fleet: Fleet, host: str, other: str) -> bool:
    model, mine = Model.of(fleet), fleet.hosts[host].interfaces
    return any(model.entry_of(one, target) is not None for target in fleet.hosts[other].interfaces for one in mine)
