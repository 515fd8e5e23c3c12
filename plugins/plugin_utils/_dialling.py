# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who dials whom: every endpoint of every peer once, however many interfaces have it in a row that they share."""

from __future__ import annotations

import itertools
import typing as t
from dataclasses import dataclass

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Endpoint
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._endpoint import parse_endpoint
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Interface, Peer
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rows import group_row
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._simple_stacks import SimpleKinds

# How many of those that dial an endpoint are named; the others are only counted.
_NAMED = 4


@dataclass(slots=True, kw_only=True, eq=False)
class Dialled:
    """One endpoint of one peer. target: the interface behind it, None where the fleet has none.

    callers: the first of the interfaces that dial it; count: how many there are.
    """

    target: Interface | None
    peer: Peer
    text: str
    endpoint: Endpoint
    callers: list[Interface]
    count: int

    @property
    def told_at(self) -> Interface:
        """Where the finding goes: to the host that is dialled, as its inventory says how; else to the first caller."""
        return self.callers[0] if self.target is None else self.target

    @property
    def who_dials(self) -> str:
        """``a dials``, or ``a, b and 3 more dial``: the beginning of a sentence."""
        names = ", ".join(caller.host for caller in self.callers)
        more = f" and {self.count - len(self.callers)} more" if self.count > len(self.callers) else ""
        return f"{names}{more} dial{'s' if self.count == 1 else ''}"


def dialled(model: Model) -> list[Dialled]:
    """Every endpoint that parses; found once per fleet."""
    memo = model.fleet.memo
    if "dialled" not in memo:
        found: dict[tuple[t.Any, str], Dialled] = {}
        for peer, endpoint, callers, count in _listed(model):
            target = model.target(callers[0], peer.ident)
            text = t.cast("str", peer.endpoint)
            known = found.get((target or peer.ident, text))
            if known is None:
                found[target or peer.ident, text] = Dialled(
                    target=target, peer=peer, text=text, endpoint=endpoint, callers=callers[:_NAMED], count=count
                )
            else:
                known.callers += callers[: _NAMED - len(known.callers)]
                known.count += count
        memo["dialled"] = list(found.values())
    result: list[Dialled] = memo["dialled"]
    return result


def _listed(model: Model) -> t.Iterator[tuple[Peer, Endpoint, list[Interface], int]]:
    """(entry, its endpoint, the first that dial it, how many do), group by group and then interface by interface."""
    for name, users in group_users(model).items():
        overridden: dict[str, int] = {}
        for user in users:
            for ident in model.cryptokey(user).overrides:
                overridden[ident] = overridden.get(ident, 0) + 1
        for ident, entries in group_row(model.fleet, name)[1].items():
            entry, count = with_endpoint(entries), len(users) - overridden.get(ident, 0)
            if entry is not None and count:
                callers = (user for user in users if ident not in model.cryptokey(user).overrides)
                yield *entry, list(itertools.islice(callers, _NAMED)), count
    kinds = SimpleKinds.of(model)
    for interface in model.interfaces:
        for entries in model.cryptokey(kinds.lister(interface)).own.values():
            entry = with_endpoint(entries)
            if entry is not None:
                yield *entry, [interface], 1


def group_users(model: Model) -> dict[str, list[Interface]]:
    """The interfaces that use each peer group, in document order."""
    users: dict[str, list[Interface]] = {}
    for interface in model.interfaces:
        if interface.peer_group is not None:
            users.setdefault(interface.peer_group, []).append(interface)
    return users


def with_endpoint(entries: t.Sequence[Peer]) -> tuple[Peer, Endpoint] | None:
    """The entry of a peer whose endpoint counts, with that endpoint; None without one that parses."""
    for entry in reversed(entries):
        if entry.endpoint is not None:
            try:
                return entry, parse_endpoint(entry.endpoint)
            except InvalidInput:
                return None
    return None
