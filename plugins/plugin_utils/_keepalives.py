# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which links are kept open: only who can dial can keep open the way to a host that nobody can dial."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._dialling import group_users
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Interface, Peer
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._likeness import doubtful_interfaces
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


def may_have_quiet_links(model: Model, interface: Interface) -> bool:
    """Whether some peer could be dialled without a keepalive; entries of a group that it leaves out count."""
    group = interface.peer_group
    return any(map(_is_quiet, model.cryptokey(interface).own.values())) or (
        group is not None and bool(_quiet_in_group(model, group))
    )


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
    lists += [
        (interface, model.cryptokey(interface).own)
        for interface in doubtful_interfaces(model, lambda one: any(map(_waits, model.cryptokey(one).own.values())))
    ]
    for interface, listed in lists:
        for ident, entries in listed.items():
            target = model.target(interface, ident) if _waits(entries) else None
            if target is not None:
                found.add(target)
    return [interface for interface in model.interfaces if interface in found] if found else []


def _waits(entries: t.Sequence[Peer]) -> bool:
    """Whether keepalives are asked for that only start when the peer speaks."""
    silent = all(entry.endpoint is None for entry in entries)
    return silent and any(entry.persistent_keepalive for entry in entries)
