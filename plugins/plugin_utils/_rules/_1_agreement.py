# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""1xx: what two ends must have of each other: the right public key, and the same preshared key."""

from __future__ import annotations

import typing as t
from collections import Counter
from collections.abc import Mapping

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._cryptokey_document import is_own
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._dialling import group_users
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Interface, Peer
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._pairs import Block, blocks, single_pairs
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rules._rule import (
    ERROR,
    Case,
    Finding,
    Rule,
    on_interface,
)


class WrongKey(t.NamedTuple):
    """An entry that is named after a host and does not have that host's key.

    place: the peer group or the interface in whose list it stands; user: the first interface that has the list; meant:
    the interface that the host of that name has in the same network.
    """

    place: str | Interface
    user: Interface
    peer: Peer
    meant: Interface


def wrong_keys(model: Model) -> list[WrongKey]:
    """Every such entry, each list looked at once. An entry that is said to be external is not named after a host."""
    memo = model.fleet.memo
    if "wrong_keys" not in memo:
        memo["wrong_keys"] = [
            WrongKey(place, user, peer, meant)
            for place, user, peers in _lists(model)
            for peer in peers
            if (meant := _meant(model, user, peer)) is not None
        ]
    found: list[WrongKey] = memo["wrong_keys"]
    return found


def _lists(model: Model) -> t.Iterator[tuple[str | Interface, Interface, tuple[Peer, ...]]]:
    for name, users in group_users(model).items():
        yield name, users[0], model.fleet.peer_groups[name]
    for interface in model.interfaces:
        yield interface, interface, tuple(peer for peer in interface.peers if not is_own(interface, peer))


def _meant(model: Model, interface: Interface, peer: Peer) -> Interface | None:
    """The interface whose key an entry ought to have; None where it has it, or where that cannot be told."""
    if peer.key is None or peer.managed is False:
        return None
    meant = model.named(interface.network, peer.name)
    if meant is None or meant.key in (None, peer.key):
        return None
    holder = model.by_key.get(peer.key)
    if holder is None or holder.host != peer.name:
        return meant
    # Another interface of the same host: on purpose where that one lists us, too.
    elsewhere = interface.network is not None and holder.network != interface.network
    return meant if elsewhere and model.entry_of(holder, interface) is None else None


def has_wrong_key(model: Model, receiver: Interface, sender: Interface) -> bool:
    """Whether the receiver does list the sender by its name, but with a key that is not the sender's."""
    memo = model.fleet.memo
    if "wrongly_listed" not in memo:
        memo["wrongly_listed"] = {(wrong.place, wrong.meant) for wrong in wrong_keys(model)}
    found: set[tuple[str | Interface, Interface]] = memo["wrongly_listed"]
    return (receiver, sender) in found or (receiver.peer_group or "", sender) in found


def _wrong_key(case: Case) -> t.Iterator[Finding]:
    for place, user, peer, meant in wrong_keys(case.model):
        other = case.model.by_key.get(peer.key or "")
        whose = "no interface of this fleet has" if other is None else f"belongs to {other.label}"
        where = f"peer group {place}, as on {user.label}" if isinstance(place, str) else user.label
        yield on_interface(
            user,
            f"peer {peer.name} of {where} has a key that {whose} ({(peer.key or '')[:8]}...); the key of "
            f"{meant.label} is {(meant.key or '')[:8]}..., so no handshake with it succeeds",
            f"give peer {peer.name} the public key of {meant.label}",
            peer=peer.name,
            prefixes=peer.allowed_ips,
        )


def _preshared_key(case: Case) -> t.Iterator[Finding]:
    model = case.model
    lists = (*case.fleet.peer_groups.values(), *dict.fromkeys(interface.peers for interface in model.interfaces))
    if len({peer.preshared_key_id for peers in lists for peer in peers}) < 2:
        return
    for one, entries, other, back in single_pairs(model):
        mine, theirs = entries[-1].preshared_key_id, back[-1].preshared_key_id
        if mine != theirs:
            # The end that has none is where one is missing.
            at, partner = (other, one) if theirs is None else (one, other)
            yield _disagreement(at, partner, one_side=mine is None or theirs is None)
    for block in blocks(model):
        yield from _of_block(model, block)


def _of_block(model: Model, block: Block) -> t.Iterator[Finding]:
    """Who differs from the most, each with one partner to whom it matters."""
    known = Counter(peer.preshared_key_id for side in (block.first, block.second) for peer in side.values())
    if len(known) < 2:
        return
    ((usual, _count),) = known.most_common(1)
    told: set[Interface] = set()
    for side, others in ((block.first, block.second), (block.second, block.first)):
        for interface, peer in side.items():
            partner = None if peer.preshared_key_id == usual else _partner(model, block, interface, peer, others)
            if partner is not None and interface not in told:
                told.add(interface)
                one_side = None in (peer.preshared_key_id, others[partner].preshared_key_id)
                yield _disagreement(interface, partner, one_side=one_side)


def _partner(
    model: Model, block: Block, interface: Interface, peer: Peer, others: Mapping[Interface, Peer]
) -> Interface | None:
    """Somebody who has another preshared key for an interface than the interface has for him."""
    return next(
        (
            other
            for other, entry in others.items()
            if entry.preshared_key_id != peer.preshared_key_id and block.is_pair(model, interface, other)
        ),
        None,
    )


def _disagreement(at: Interface, partner: Interface, *, one_side: bool) -> Finding:
    what = "only one of the two has a preshared key" if one_side else "the two have different preshared keys"
    return on_interface(
        at,
        f"{at.label} and {partner.label} do not agree: {what} for the other, so no handshake between them succeeds",
        f"give {at.host} and {partner.host} the same preshared key for each other, or none at both ends",
        peer=partner.host,
    )


RULES = (
    Rule(
        id="WG106",
        name="wrong-peer-key",
        severity=ERROR,
        summary="a peer's key differs from the key that host has (rotated, swapped)",
        decide=_wrong_key,
    ),
    Rule(
        id="WG107",
        name="preshared-key-differs",
        severity=ERROR,
        summary="preshared key on one side only, or different",
        decide=_preshared_key,
    ),
)
