# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets that are handed to an external peer, and the answers that it may send back.

What an external peer does with a packet nobody here can know. Exact is which packets get to it, and which of those
that it sends are let in and find their way.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Interface, Peer, StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import Intervals, subtract, union
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._walk import Blocked, Context, Piece, Place, Walk

# AllowedIPs of this length and shorter make a peer somebody's way to the internet, and no owner.
_DEFAULT_LENGTH = 1


class Handed(t.NamedTuple):
    """A piece that an external peer gets. ident: the peer's, at the interface that sends it."""

    interface: Interface
    ident: str
    name: str
    piece: Piece


def handed_to(model: Model, piece: Piece, family: int) -> Handed | None:
    """None for a piece that ends otherwise, or has something in its way, or whose peer nobody declares external."""
    if piece.outcome != "unmanaged_peer" or len(piece.blockers) > 1:
        return None
    interface = model.stacks[piece.place.stack].devices[piece.place.device or ""]
    owner = model.cryptokey(interface).at(family, piece.destinations[0])
    if owner is None:
        return None
    peer = model.cryptokey(interface).entries(owner.ident)[-1]
    return Handed(interface, owner.ident, peer.name, piece) if peer.managed is False else None


def left_by_exit(model: Model, piece: Piece, family: int) -> bool:
    """Whether an external peer gets a piece as somebody's way to the internet."""
    found = handed_to(model, piece, family)
    return found is not None and any(map(is_external_exit, model.cryptokey(found.interface).entries(found.ident)))


def is_external_exit(peer: Peer) -> bool:
    """Whether an entry of an external peer has a default route, or a half of one."""
    return peer.managed is False and any(prefix.length <= _DEFAULT_LENGTH for prefix in peer.allowed_ips)


def answers(walk: Walk, handed: Iterable[Handed]) -> Iterator[tuple[StackId, Piece]]:
    """What becomes of the answers, each from where its packet was handed out: as the source check lets them in."""
    groups: dict[tuple[Interface, str, str, Intervals], list[Intervals]] = {}
    for interface, ident, name, piece in handed:
        groups.setdefault((interface, ident, name, piece.destinations), []).append(piece.sources)
    for (interface, ident, name, outside), parts in groups.items():
        stack, targets = interface.stack, union(*parts)
        good = walk.model.cryptokey(interface).accepted_part(walk.family, ident, outside)
        rejected = subtract(outside, good)
        if rejected:
            place, context = Place(stack, interface.name), Context(stack, interface.name, None)
            blocked = Blocked("source_rejected", place, name)
            yield stack, Piece(rejected, targets, blocked.outcome, place, context, (blocked,))
        for piece in walk.start(stack, good, targets, ingress=interface.name):
            yield stack, piece
