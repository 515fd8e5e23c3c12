# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which links are kept open: only who can dial can keep open the way to a host that nobody can dial."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._dialling import group_users
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Interface, Peer
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rows import group_row


def quiet_links(model: Model, interface: Interface) -> t.Iterator[tuple[Interface, str]]:
    """(target, how it lists the interface) for every managed peer that the interface could dial, without a keepalive.

    Peers that do not list the interface are left out: with them there is no link.
    """
    cryptokey = model.cryptokey(interface)
    idents = [ident for ident, entries in cryptokey.own.items() if _is_quiet(entries)]
    if interface.peer_group is not None:
        idents += [one for one in _quiet_in_group(model, interface.peer_group) if one not in cryptokey.overrides]
    for ident in idents:
        target = model.target(interface, ident)
        entry = None if target is None else model.entry_of(target, interface)
        if target is not None and entry is not None:
            yield target, entry


def _is_quiet(entries: t.Sequence[Peer]) -> bool:
    dials = any(entry.endpoint is not None for entry in entries)
    return dials and not any(entry.persistent_keepalive for entry in entries)


def _quiet_in_group(model: Model, group: str) -> list[str]:
    memo: dict[str, list[str]] = model.fleet.memo.setdefault("quiet_in_group", {})
    if group not in memo:
        memo[group] = [ident for ident, entries in group_row(model.fleet, group)[1].items() if _is_quiet(entries)]
    return memo[group]


def waited_for(model: Model) -> list[Interface]:
    """The interfaces that somebody sends keepalives to without knowing an endpoint for them, in document order."""
    found: set[Interface] = set()
    lists: list[tuple[Interface, dict[str, list[Peer]]]] = [
        (users[0], group_row(model.fleet, name)[1]) for name, users in group_users(model).items()
    ]
    lists += [(interface, model.cryptokey(interface).own) for interface in model.interfaces]
    for interface, listed in lists:
        for ident, entries in listed.items():
            silent = all(entry.endpoint is None for entry in entries)
            target = model.target(interface, ident) if silent else None
            if target is not None and any(entry.persistent_keepalive for entry in entries):
                found.add(target)
    return [interface for interface in model.interfaces if interface in found]
