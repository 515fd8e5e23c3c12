# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The declared intents (``expect``): an accept flow must arrive both ways, a deny flow must not arrive at all."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import format_number
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._constructs import Watch
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._failures import Example
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fib import LOOPBACK
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import (
    FAMILIES,
    End,
    Expectation,
    StackId,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._flows import starts
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._handed import Handed, answers, handed_to
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ownership import Owned, Ownership
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import (
    EMPTY,
    Intervals,
    covers,
    from_prefixes,
    intersect,
    subtract,
    union,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._walk import ARRIVALS, Blocked, Piece, Walk


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A declared intent with its verdict. example and back tell of one packet that breaks it."""

    expectation: Expectation
    holds: bool
    reason: str = ""
    family: int = 4
    example: Example | None = None
    back: bool = False

    def as_dict(self) -> dict[str, t.Any]:
        wanted = self.expectation
        return {
            "network": wanted.network,
            "index": wanted.index,
            "from": wanted.source.text,
            "to": wanted.destination.text,
            "reach": wanted.reach,
            "holds": self.holds,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Resolved:
    """An end of an intent: what which stacks own of it, and the rest that nobody owns.

    peer: the external peer that has to get all of it. beyond: it lies outside the fleet, behind an exit.
    """

    owned: dict[StackId, list[Owned]]
    parts: dict[tuple[StackId, int], Intervals]
    nobodys: dict[int, Intervals]
    peer: str | None = None
    beyond: bool = False

    def all(self, family: int) -> Intervals:
        found = [part for (_stack, one), part in self.parts.items() if one == family]
        return union(*found, self.nobodys[family])


def judge_expectations(model: Model, ownership: Ownership, *, watch: Watch | None = None) -> list[Intent]:
    """Every declared intent, in document order. watch: is told of every stack that they pass."""
    return [judge_expectation(model, ownership, one, watch=watch) for one in model.fleet.expectations]


def judge_expectation(model: Model, ownership: Ownership, wanted: Expectation, *, watch: Watch | None = None) -> Intent:
    """One intent, which may be another fleet's."""
    source = _resolve(ownership, wanted.source, wanted.network)
    destination = _resolve(ownership, wanted.destination, wanted.network)
    if wanted.reach and not (source.parts and (destination.parts or any(destination.nobodys.values()))):
        missing = wanted.destination if source.parts else wanted.source
        return Intent(expectation=wanted, holds=False, reason=f"nobody in this fleet owns {missing.text}")
    tested = False
    for family in FAMILIES:
        walk = Walk(model, family, on_past_blockers=wanted.reach, watch=watch)
        there = list(_walks(walk, source, destination))
        tested = tested or bool(there)
        back = list(_ways_back(walk, there, source, destination)) if wanted.reach else []
        for way, pieces, target in ((False, there, destination), (True, back, source)):
            for stack, piece in pieces:
                example = _breaks(model, wanted, stack, piece, target=target, family=family)
                if example is not None:
                    return Intent(
                        expectation=wanted,
                        holds=False,
                        reason=_reason(wanted, example, family, back=way),
                        family=family,
                        example=example,
                        back=way,
                    )
    if wanted.reach and not tested:
        return Intent(expectation=wanted, holds=False, reason="the two ends have no address family in common")
    return Intent(expectation=wanted, holds=True)


def _walks(walk: Walk, one_end: _Resolved, other_end: _Resolved) -> t.Iterator[tuple[StackId, Piece]]:
    """Every piece from one end to the other; what a stack owns itself on both ends stays at home and is left out."""
    model, family = walk.model, walk.family
    wanted = other_end.all(family)
    for stack, owned in one_end.owned.items():
        mine = one_end.parts.get((stack, family), EMPTY)
        target = subtract(wanted, other_end.parts.get((stack, family), EMPTY))
        for one in owned:
            for start in starts(model, one, family):
                if one_end.beyond and start.ingress == LOOPBACK:
                    # Nothing of what lies beyond an exit is the exit's own.
                    continue
                for piece in walk.start(stack, intersect(start.sources, mine), target, ingress=start.ingress):
                    yield stack, piece


def _ways_back(
    walk: Walk, there: t.Iterable[tuple[StackId, Piece]], source: _Resolved, destination: _Resolved
) -> t.Iterator[tuple[StackId, Piece]]:
    """Every piece of the answers; of what external peers get, from where they got it."""
    yield from _walks(walk, destination, source)
    if destination.beyond:
        found = (_handed(walk.model, piece, destination, walk.family) for _stack, piece in there)
        yield from answers(walk, (one for one in found if one is not None))


def _handed(model: Model, piece: Piece, target: _Resolved, family: int) -> Handed | None:
    """Whether a piece has got to the external peer that is meant, or to one that an exit of ours passes it on to."""
    meant = target.peer is not None or (piece.place.stack, family) in target.parts
    found = handed_to(model, piece, family) if target.beyond and meant else None
    return None if found is None or target.peer not in (None, found.name) else found


def intent_pieces(model: Model, ownership: Ownership, wanted: Expectation) -> t.Iterator[tuple[int, StackId, Piece]]:
    """The packets of an intent both ways, each piece with its family and the stack that it sets out from."""
    source = _resolve(ownership, wanted.source, wanted.network)
    destination = _resolve(ownership, wanted.destination, wanted.network)
    for family in FAMILIES:
        for one, other in ((source, destination), (destination, source)):
            for stack, piece in _walks(Walk(model, family), one, other):
                yield family, stack, piece


def _breaks(
    model: Model, wanted: Expectation, stack: StackId, piece: Piece, *, target: _Resolved, family: int
) -> Example | None:
    """A packet of the piece that breaks the intent."""
    reached = _reached(model, stack, piece, target, family)
    missed = subtract(piece.destinations, reached) if wanted.reach else reached
    if not missed:
        return None
    first = piece.blockers[0] if piece.blockers and wanted.reach else Blocked(piece.outcome, piece.place)
    return Example(stack, piece.place.stack, piece.sources[0], missed[0], first)


def _reached(model: Model, stack: StackId, piece: Piece, target: _Resolved, family: int) -> Intervals:
    """The destinations of a piece that have got to where the other end is."""
    if _handed(model, piece, target, family) is not None:
        return piece.destinations
    if piece.outcome not in ARRIVALS or piece.blockers or target.peer is not None:
        return EMPTY
    theirs = target.parts.get((piece.place.stack, family), EMPTY)
    if covers(theirs, piece.destinations):
        return piece.destinations
    # What nobody owns is reached where a packet leaves the fleet, but not in clear from the very sender: that is what a
    # packet to a mistyped address does, too.
    free = EMPTY if piece.place.stack == stack else target.nobodys[family]
    return intersect(piece.destinations, union(theirs, free))


def _reason(wanted: Expectation, example: Example, family: int, *, back: bool) -> str:
    packet = f"{format_number(family, example.source)} to {format_number(family, example.destination)}"
    way = "the reply from" if back else "a packet from"
    if not wanted.reach:
        return f"{way} {packet} arrives at {example.first.place.stack}"
    return f"{way} {packet} {ending(example.first)}"


def ending(blocked: Blocked) -> str:
    """``ends with no_peer at fra1 on wg0``."""
    place = blocked.place
    if blocked.outcome == "delivered":
        return f"is delivered to {place.stack} instead"
    if blocked.outcome == "exits":
        return f"leaves {place.stack} by {place.device} instead"
    where = f"{place.stack} on {place.device}" if place.device else str(place.stack)
    return f"ends with {blocked.outcome} at {where}"


def _resolve(ownership: Ownership, end: End, network: str) -> _Resolved:
    """Which stacks an end means, and what they own of it: in the named network, else in the intent's, else in any."""
    if end.beyond:
        return _beyond(ownership, end, end.network or network)
    owned: dict[StackId, list[Owned]] = {}
    names = list(ownership.networks) if end.network is None else [end.network]
    everywhere = [one for name in names for one in _members(ownership, name)]
    home = [one for one in everywhere if end.network is not None or one[0] == network]
    for chosen in (home, everywhere):
        for _name, one in chosen:
            if end.hosts is None or one.stack.host in end.hosts:
                owned.setdefault(one.stack, []).append(one)
        if owned and (end.prefixes is None or chosen is everywhere or _touches(owned, end)):
            break
        owned = {}
    parts, nobodys = {}, dict.fromkeys(FAMILIES, EMPTY)
    for family in FAMILIES:
        named = None if end.prefixes is None else from_prefixes(one for one in end.prefixes if one.family == family)
        for stack, held in owned.items():
            part = union(*(one.everything(family) for one in held))
            part = part if named is None else intersect(part, named)
            if part:
                parts[stack, family] = part
        if named and end.hosts is None and not any(one == family for _stack, one in parts):
            nobodys[family] = named
    kept = {stack: held for stack, held in owned.items() if any((stack, family) in parts for family in FAMILIES)}
    return _Resolved(owned=kept, parts=parts, nobodys=nobodys)


def _beyond(ownership: Ownership, end: End, network: str) -> _Resolved:
    """What the hosts lead to though nobody owns it: as if it were theirs, so that packets leave by their own device."""
    found = {
        family: subtract(
            from_prefixes(one for one in end.beyond if one.family == family),
            union(
                from_prefixes(one for one in end.excepted if one.family == family),
                ownership.total(family),
            ),
        )
        for family in FAMILIES
    }
    own = dict.fromkeys(FAMILIES, EMPTY)
    if end.peer is not None:
        return _Resolved(owned={}, parts={}, nobodys=found, peer=end.peer, beyond=True)
    stacks = [one.stack for _name, one in _members(ownership, network) if one.stack.host in (end.hosts or ())]
    return _Resolved(
        owned={stack: [Owned(stack=stack, prefixes=end.beyond, own=own, behind=found, both=found)] for stack in stacks},
        parts={(stack, family): part for stack in stacks for family, part in found.items() if part},
        nobodys=dict(own),
        beyond=True,
    )


def _members(ownership: Ownership, name: str) -> list[tuple[str, Owned]]:
    held = ownership.networks.get(name)
    return [] if held is None else [(name, one) for one in held.stacks.values()]


def _touches(owned: dict[StackId, list[Owned]], end: End) -> bool:
    """Whether somebody owns a part of the named prefixes."""
    return any(
        intersect(one.everything(prefix.family), from_prefixes([prefix]))
        for held in owned.values()
        for one in held
        for prefix in end.prefixes or ()
    )
