# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each stack does with the packets of many senders: the steps of _walk.py, once for all of them.

A walk cuts a rectangle of one sender's packets at every stack that it comes to. Here a stack is asked once for every
destination that comes in by a device, and a set of sources is a number with a bit for each interval of them. Nothing
stops a packet that could be mended there: it goes on, and the step says what has stopped it.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fib import LOOPBACK, Decision
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Interface, StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model, StackModel
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ownership import NetworkOwnership
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import (
    EMPTY,
    Intervals,
    intersect,
    subtract,
    union,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._spans import Spans
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._walk import Blocked, Place, reverse_path


class Block(t.NamedTuple):
    """Something that stops these sources; doubtful are those of which it stops only a part."""

    blocked: Blocked
    stopped: int
    doubtful: int = 0


class Hop(t.NamedTuple):
    """One way out of a place, for some sources: past what stops them, to the next place or to an end.

    doubtful: sources of which only a part goes this way or is stopped here.
    """

    place: int
    target: int | None
    sources: int
    doubtful: int
    blocks: tuple[Block, ...]
    end: Blocked | None


@dataclass(slots=True, kw_only=True, eq=False)
class Stop:
    """A stack and the device by which packets come in. setting_out: the sources whose packets start here."""

    number: int
    stack: StackModel
    ingress: str
    setting_out: int = 0
    arrived: Intervals = EMPTY
    hops: dict[Hop, list[Intervals]] = field(default_factory=dict)


class _Way(t.NamedTuple):
    """A hop in the making, with its destinations."""

    destinations: Intervals
    blocks: tuple[Block, ...]
    target: Stop | None = None
    end: Blocked | None = None


class Hops:
    """Every hop of the packets that stacks of one network and family send to some destinations."""

    def __init__(
        self,
        model: Model,
        network: NetworkOwnership,
        family: int,
        *,
        sources: dict[StackId, dict[str, Intervals]],
        wanted: Intervals,
    ) -> None:
        """sources: by stack and by the device through which they set out; disjoint."""
        self._model = model
        self._family = family
        self.spans = Spans((stack, part) for stack, parts in sources.items() for part in parts.values())
        self._everybody = union(*(part for parts in sources.values() for part in parts.values()))
        self._stops: dict[tuple[StackId, str], Stop] = {}
        self._links: dict[tuple[Interface, str], tuple[Stop | None, tuple[Block, ...], Blocked | None]] = {}
        self._checks: dict[tuple[StackId, str, str, int], tuple[Block, ...]] = {}
        self._news: dict[int, tuple[Stop, list[Intervals]]] = {}
        for stack, parts in sources.items():
            for ingress, part in parts.items():
                stop = self._stop(stack, ingress)
                stop.setting_out |= self.spans.inside(part)
                self._tell(stop, subtract(wanted, network.owned(stack, family)))
        self._spread()

    def stops(self) -> list[Stop]:
        """Every place that packets come to, in the order of their numbers."""
        return list(self._stops.values())

    def _stop(self, stack: StackId, ingress: str) -> Stop:
        found = self._stops.get((stack, ingress))
        if found is None:
            found = Stop(number=len(self._stops), stack=self._model.stacks[stack], ingress=ingress)
            self._stops[stack, ingress] = found
        return found

    def _tell(self, stop: Stop, destinations: Intervals) -> None:
        new = subtract(destinations, stop.arrived) if stop.arrived else destinations
        if new:
            stop.arrived = union(stop.arrived, new)
            self._news.setdefault(stop.number, (stop, []))[1].append(new)

    def _spread(self) -> None:
        while self._news:
            told, self._news = self._news, {}
            for stop, found in told.values():
                for sources, doubtful, way in self._leaving(stop, union(*found)):
                    target = None if way.target is None else way.target.number
                    hop = Hop(stop.number, target, sources, doubtful, way.blocks, way.end)
                    stop.hops.setdefault(hop, []).append(way.destinations)
                    if way.target is not None:
                        self._tell(way.target, way.destinations)

    def _leaving(self, stop: Stop, destinations: Intervals) -> t.Iterator[tuple[int, int, _Way]]:
        """Which sources go where from a place, as the rules of its stack divide them."""
        classes = stop.stack.fib.source_classes(self._family)
        for members, sample in classes:
            alike, doubtful = self.spans.all, 0
            if len(classes) > 1:
                alike = self.spans.inside(members)
                doubtful = self.spans.touching(members) & ~alike
            if alike or doubtful:
                for way in self._ways(stop, sample, destinations):
                    unclear = doubtful
                    for block in way.blocks:
                        unclear |= block.doubtful & alike
                    yield alike, unclear, way

    def _ways(self, stop: Stop, sample: int, destinations: Intervals) -> t.Iterator[_Way]:
        stack, family = stop.stack, self._family
        refusing = stop.ingress != LOOPBACK and not stack.stack.forwarding[family]
        for decision, part in stack.fib.split(family, sample, destinations, ingress=stop.ingress).items():
            blocks: tuple[Block, ...] = ()
            if refusing and decision.kind != "local":
                blocks = (Block(Blocked("not_forwarded", Place(stack.id, None)), self.spans.all),)
            if decision.kind not in ("local", "unicast"):
                yield _Way(part, blocks, end=Blocked(decision.kind, Place(stack.id, None)))
                continue
            for rest, checks in self._checked(stop, decision, part):
                yield from self._out(stack, decision, rest, (*blocks, *checks))

    def _out(
        self, stack: StackModel, decision: Decision, destinations: Intervals, blocks: tuple[Block, ...]
    ) -> t.Iterator[_Way]:
        """Out by a device, or up to the stack itself."""
        if decision.kind == "local":
            yield _Way(destinations, blocks, end=Blocked("delivered", Place(stack.id, None)))
            return
        device = t.cast("str", decision.device)
        carrier = stack.devices.get(device)
        if carrier is None:
            yield _Way(destinations, blocks, end=Blocked("exits", Place(stack.id, device)))
            return
        for ident, part in self._model.cryptokey(carrier).split(self._family, destinations).items():
            if ident is None:
                yield _Way(part, blocks, end=Blocked("no_peer", Place(stack.id, device)))
                continue
            if (carrier, ident) not in self._links:
                self._links[carrier, ident] = self._link(carrier, ident)
            target, more, end = self._links[carrier, ident]
            yield _Way(part, (*blocks, *more), target, end)

    def _link(self, carrier: Interface, ident: str) -> tuple[Stop | None, tuple[Block, ...], Blocked | None]:
        """Over one link, as far as behind the receiver's source check."""
        here = Place(carrier.stack, carrier.name)
        target = self._model.target(carrier, ident)
        if target is None:
            return None, (), Blocked("unmanaged_peer", here)
        blocks = []
        entry = self._model.entry_of(target, carrier)
        if entry is None:
            blocks.append(Block(Blocked("one_sided", here, target.host), self.spans.all))
        elif not (
            self._model.cryptokey(carrier).knows_endpoint(ident) or self._model.cryptokey(target).knows_endpoint(entry)
        ):
            blocks.append(Block(Blocked("no_endpoint", here, target.host), self.spans.all))
        # A name that two interfaces of a stack have is the first one's.
        receiver = self._model.stacks[target.stack].devices[target.name]
        entry = self._model.entry_of(receiver, carrier)
        if entry is not None:
            accepted = self._model.cryptokey(receiver).accepted(self._family, entry)
            rejected = Blocked("source_rejected", Place(target.stack, target.name), carrier.host)
            blocks += self._stopping(rejected, accepted)
        return self._stop(target.stack, target.name), tuple(blocks), None

    def _stopping(self, blocked: Blocked, good: Intervals) -> list[Block]:
        """What stops all sources but the good ones; nothing where all of them are."""
        touching, inside = self.spans.touching(good), self.spans.inside(good)
        stopped, doubtful = self.spans.all & ~touching, touching & ~inside
        return [Block(blocked, stopped, doubtful)] if stopped or doubtful else []

    def _checked(
        self, stop: Stop, decision: Decision, destinations: Intervals
    ) -> t.Iterator[tuple[Intervals, tuple[Block, ...]]]:
        """fib_validate_source, IPv4 only: the reverse look-up's source is the destination, which may decide."""
        if stop.ingress == LOOPBACK or self._family != 4:
            yield destinations, ()
            return
        fib = stop.stack.fib
        if not stop.stack.stack.rp_filter.get(stop.ingress, 0):
            yield destinations, self._check(stop, "", 0)
            return
        egress = LOOPBACK if decision.kind == "local" else t.cast("str", decision.device)
        for members, sample in fib.source_classes(4):
            part = intersect(destinations, members)
            if part:
                yield part, self._check(stop, egress, sample)

    def _check(self, stop: Stop, egress: str, sample: int) -> tuple[Block, ...]:
        """egress: none without a reverse path filter. Own addresses are no sources, whatever the filter says."""
        key = stop.stack.id, stop.ingress, egress, sample
        if key not in self._checks:
            fib, here = stop.stack.fib, Place(stop.stack.id, stop.ingress)
            touching = self.spans.touching(fib.local_set[4])
            martian = self.spans.inside(fib.local_set[4])
            blocks = [Block(Blocked("martian_source", here), martian, touching & ~martian)] if touching else []
            if egress:
                strict = stop.stack.stack.rp_filter[stop.ingress] == 1 or stop.ingress not in fib.with_ipv4
                back = fib.split(4, sample, self._everybody, ingress=egress)
                good = reverse_path(back, stop.ingress if strict else None)
                filtered = self._stopping(Blocked("rp_filtered", here), good)
                blocks += [
                    one._replace(stopped=one.stopped & ~martian, doubtful=one.doubtful & ~martian) for one in filtered
                ]
            self._checks[key] = tuple(blocks)
        return self._checks[key]
