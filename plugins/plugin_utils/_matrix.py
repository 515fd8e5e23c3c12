# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who reaches whom, by network: a small table of hosts or, where those are many, of groups."""

from __future__ import annotations

import typing as t
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import format_number
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import FAMILIES, Fleet, StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ownership import NetworkOwnership, Owned, Ownership
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._prover import Proof

Document = dict[str, t.Any]
Packet = dict[str, str]
# By network, then source row and destination row: a pair of stacks whose flow does not arrive.
_Failed = dict[tuple[str, int, int], tuple[int, Packet]]

# So many hosts have a row each; of more, groups are shown, and never more than so many.
_HOSTS_WITH_A_ROW = 12
_GROUPS = 10
# Groups that say nothing about a host.
_EVERYBODY = ("all", "ungrouped")


def make_matrix(fleet: Fleet, proof: Proof, groups: Mapping[str, Iterable[str]]) -> list[Document]:
    """Per network ``{network, rows: [{name, kind, hosts}], cells: [[{pairs, delivered, packet} or null]]}``.

    kind: host | group | rest. A cell counts the ordered pairs of stacks from its row to its column that intend to reach
    each other; packet is one that does not arrive, else one that does, as the arguments of ``trace``. Null: no pair.
    groups: those of the inventory, by host.
    """
    networks = Ownership.of(Model.of(fleet)).networks
    chosen = {name: _Rows(network, groups) for name, network in networks.items()}
    failed = _failed(proof, chosen)
    return [_table(network, chosen[name], failed) for name, network in networks.items() if len(network.stacks) > 1]


class _Rows:
    """The rows of one network's table, and which stack is in which."""

    def __init__(self, network: NetworkOwnership, groups: Mapping[str, Iterable[str]]) -> None:
        hosts = sorted({stack.host for stack in network.stacks})
        if len(hosts) <= _HOSTS_WITH_A_ROW:
            labels = {host: ("host", host) for host in hosts}
        else:
            labels = _group_labels(hosts, groups) or _roles(network, hosts)
        hosts_of: dict[tuple[str, str], list[str]] = {}
        for host in hosts:
            hosts_of.setdefault(labels[host], []).append(host)
        order = sorted(hosts_of, key=lambda label: (label[0] == "rest", label))
        self.rows: list[Document] = [
            {"name": name, "kind": kind, "hosts": hosts_of[kind, name]} for kind, name in order
        ]
        position = {label: number for number, label in enumerate(order)}
        self.of = {stack: position[labels[stack.host]] for stack in network.stacks}
        self.stacks: list[list[Owned]] = [[] for _row in order]
        for stack, owned in network.stacks.items():
            self.stacks[self.of[stack]].append(owned)


def _group_labels(hosts: Sequence[str], groups: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, str]]:
    """Each host's smallest group, or the largest where the smallest are too many for a table; the rest together.

    Empty where no group tells hosts apart.
    """
    of = {host: [group for group in groups.get(host, ()) if group not in _EVERYBODY] for host in hosts}
    sizes = Counter(group for found in of.values() for group in found)
    telling = {group for group, size in sizes.items() if 1 < size < len(hosts)}
    for sign in (1, -1):
        best = {
            host: min((sign * sizes[group], group) for group in found if group in telling)[1]
            for host, found in of.items()
            if telling.intersection(found)
        }
        counted = Counter(best.values())
        if len(counted) <= _GROUPS:
            break
    if not counted:
        return {}
    kept = sorted(counted, key=lambda group: (-counted[group], group))[: _GROUPS - 1]
    return {host: ("group", best[host]) if best.get(host) in kept else ("rest", "other hosts") for host in hosts}


def _roles(network: NetworkOwnership, hosts: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Without groups that tell anything: who has a network behind it, and who has not."""
    gateways = {stack.host for stack, owned in network.stacks.items() if any(owned.behind.values())}
    rest = "other hosts" if gateways else "all hosts"
    return {host: ("group", "gateways") if host in gateways else ("rest", rest) for host in hosts}


def _failed(proof: Proof, chosen: Mapping[str, _Rows]) -> _Failed:
    """Each pair of stacks once, though it may fail in both families."""
    found: _Failed = {}
    failures = proof.failures
    for sender, owners in failures.by_sender():
        name, family, source = sender
        rows = chosen[name]
        counted = [to for to in owners if not (family == 6 and (name, 4, source, to) in failures.pairs)]
        lost = Counter((name, rows.of[source], rows.of[to]) for to in counted)
        shown = [to for to in counted if (name, rows.of[source], rows.of[to]) not in found]
        for to, example in failures.examples(sender, shown).items() if shown else ():
            packet = _packet(example.source_stack, family, example.source, example.destination)
            found.setdefault((name, rows.of[source], rows.of[to]), (0, packet))
        for cell, count in lost.items():
            found[cell] = (found[cell][0] + count, found[cell][1])
    return found


def _table(network: NetworkOwnership, rows: _Rows, failed: _Failed) -> Document:
    counts = [_count(stacks) for stacks in rows.stacks]
    size = range(len(counts))
    return {
        "network": network.name,
        "rows": rows.rows,
        "cells": [[_cell(network.name, rows, counts, (a, b), failed) for b in size] for a in size],
    }


def _cell(
    name: str, rows: _Rows, counts: list[tuple[int, int, int]], at: tuple[int, int], failed: _Failed
) -> Document | None:
    source, to = at
    (a4, a6, a46), (b4, b6, b46) = counts[source], counts[to]
    pairs = a4 * b4 + a6 * b6 - a46 * b46 - (a4 + a6 - a46 if source == to else 0)
    if not pairs:
        return None
    lost, packet = failed.get((name, source, to), (0, None))
    return {
        "pairs": pairs,
        "delivered": pairs - lost,
        "packet": packet or _good_packet(rows.stacks[source], rows.stacks[to]),
    }


def _count(stacks: Iterable[Owned]) -> tuple[int, int, int]:
    """How many stacks own something in IPv4, in IPv6 and in both."""
    held = [tuple(bool(owned.everything(family)) for family in FAMILIES) for owned in stacks]
    return (sum(four for four, _six in held), sum(six for _four, six in held), sum(four and six for four, six in held))


def _good_packet(sources: Sequence[Owned], targets: Sequence[Owned]) -> Packet | None:
    """From the first to the first that is not the same, in a family that both have."""
    for family in FAMILIES:
        ways = ((one, other) for one in sources[:2] for other in targets[:2] if one.stack != other.stack)
        for one, other in ways:
            source, target = one.own[family], other.own[family] or other.behind[family]
            if source and target:
                return _packet(one.stack, family, source[0], target[0])
    return None


def _packet(stack: StackId, family: int, source: int, destination: int) -> Packet:
    return {
        "host": stack.host,
        "namespace": stack.namespace,
        "source": format_number(family, source),
        "destination": format_number(family, destination),
    }
