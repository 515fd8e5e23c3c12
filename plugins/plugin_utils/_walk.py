# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All packets of a rectangle (a set of sources times a set of destinations) on their way through the fleet.

Nothing rewrites a header, so whatever a stack decides cuts a rectangle into rectangles: policy rules and the source
checks along the sources, routes and AllowedIPs along the destinations. The order of the steps is the kernel's.
"""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._constructs import Watch
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fib import LOOPBACK, Decision
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Interface, StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model, StackModel
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import (
    EMPTY,
    Intervals,
    intersect,
    subtract,
    union,
)

ARRIVALS = frozenset({"delivered", "exits"})


class Place(t.NamedTuple):
    """Where a packet ends."""

    stack: StackId
    device: str | None


class Context(t.NamedTuple):
    """A stack and the device by which packets came in; the parent is the context before."""

    stack: StackId
    ingress: str
    parent: Context | None


class Blocked(t.NamedTuple):
    """Something that stops a rectangle. sender: the peer's host where the link before matters."""

    outcome: str
    place: Place
    sender: str | None = None


class Piece(t.NamedTuple):
    """A rectangle and what becomes of it; blockers is filled by a walk that goes on behind them."""

    sources: Intervals
    destinations: Intervals
    outcome: str
    place: Place
    context: Context
    blockers: tuple[Blocked, ...]


class _Task(t.NamedTuple):
    """A rectangle about to enter a stack. sender: None where the packet does not come out of a tunnel."""

    context: Context
    sender: Interface | None
    sources: Intervals
    destinations: Intervals
    blockers: tuple[Blocked, ...]


class Walk:
    """One family's packets through one fleet.

    on_past_blockers: rectangles that one mendable thing stops go on as if it were mended, so that all blockers of a
    flow are seen; a piece's outcome is then the first blocker's.
    """

    def __init__(
        self, model: Model, family: int, *, on_past_blockers: bool = False, watch: Watch | None = None
    ) -> None:
        """watch: is told of everything that a stack has to route."""
        self.model = model
        self.family = family
        self._on = on_past_blockers
        self._watch = watch

    def start(
        self, stack: StackId, sources: Intervals, destinations: Intervals, *, ingress: str = LOOPBACK
    ) -> t.Iterator[Piece]:
        """What the stack sends itself, or, with an ingress, what enters it by that device."""
        if not sources or not destinations:
            return
        tasks = [_Task(Context(stack, ingress, None), None, sources, destinations, ())]
        while tasks:
            task = tasks.pop()
            ends, following = self._enter(task)
            yield from ends
            tasks += following

    def _enter(self, task: _Task) -> tuple[list[Piece], list[_Task]]:
        steps = _Steps(task, self._on)
        sources = task.sources
        if task.sender is not None:
            sources = self._accepted(task, steps)
            if sources and _seen_before(task.context):
                steps.end("loop", None, sources, task.destinations)
                return steps.pieces, steps.tasks
        stack = self.model.stacks[task.context.stack]
        for members, sample in stack.fib.source_classes(self.family):
            mine = intersect(sources, members)
            if mine:
                self._route(stack, steps, mine, sample)
        return steps.pieces, steps.tasks

    def _accepted(self, task: _Task, steps: _Steps) -> Intervals:
        """The receiver's source check: the longest prefix over a source must belong to the peer that sent it."""
        stack = self.model.stacks[task.context.stack]
        receiver = stack.devices[task.context.ingress]
        sender = t.cast("Interface", task.sender)
        ident = self.model.entry_of(receiver, sender)
        if ident is None:
            # Only reached behind one_sided: once the receiver lists the sender, it lists the sender's prefixes too.
            return task.sources
        good = self.model.cryptokey(receiver).accepted_part(self.family, ident, task.sources)
        if good == task.sources:
            return good
        rejected = subtract(task.sources, good)
        goes_on = steps.block("source_rejected", task.context.ingress, rejected, task.destinations, sender=sender.host)
        if goes_on is not None and _seen_before(task.context):
            steps.blocked_by(goes_on).end("loop", None, rejected, task.destinations)
        elif goes_on is not None:
            steps.tasks.append(task._replace(sender=None, sources=rejected, blockers=goes_on))
        return good

    def _route(self, stack: StackModel, steps: _Steps, sources: Intervals, sample: int) -> None:
        context = steps.task.context
        if self._watch is not None:
            origin = _first(context).stack
            self._watch.passing(
                context.stack, self.family, sources, steps.task.destinations, ingress=context.ingress, origin=origin
            )
        received = context.ingress != LOOPBACK
        groups = stack.fib.split(self.family, sample, steps.task.destinations, ingress=context.ingress)
        onwards: Intervals = EMPTY
        if received and not stack.stack.forwarding[self.family]:
            local = next((found for decision, found in groups.items() if decision.kind == "local"), EMPTY)
            onwards = subtract(steps.task.destinations, local) if local else steps.task.destinations
        blockers = steps.task.blockers
        if onwards:
            goes_on = steps.block("not_forwarded", None, sources, onwards)
            blockers = blockers if goes_on is None else goes_on
            if goes_on is None:
                groups = {decision: found for decision, found in groups.items() if decision.kind == "local"}
        for decision, destinations in groups.items():
            step = steps if decision.kind == "local" else steps.blocked_by(blockers)
            if decision.kind not in ("local", "unicast"):
                step.end(decision.kind, None, sources, destinations)
                continue
            for checked, rest, inner in self._source_check(stack, step, sources, destinations, decision):
                self._leave(stack, inner, checked, rest, decision)

    def _leave(
        self, stack: StackModel, steps: _Steps, sources: Intervals, destinations: Intervals, decision: Decision
    ) -> None:
        """Out by a device, or up to the stack itself."""
        if decision.kind == "local":
            steps.end("delivered", None, sources, destinations)
            return
        device = t.cast("str", decision.device)
        interface = stack.devices.get(device)
        if interface is None:
            steps.end("exits", device, sources, destinations)
            return
        for ident, part in self.model.cryptokey(interface).split(self.family, destinations).items():
            if ident is None:
                steps.end("no_peer", device, sources, part)
            else:
                self._send(interface, ident, steps, sources, part)

    def _send(
        self, interface: Interface, ident: str, steps: _Steps, sources: Intervals, destinations: Intervals
    ) -> None:
        """Over one link, as far as the receiver's device."""
        device = interface.name
        target = self.model.target(interface, ident)
        if target is None:
            steps.end("unmanaged_peer", device, sources, destinations)
            return
        entry = self.model.entry_of(target, interface)
        blockers = steps.task.blockers
        if entry is None:
            goes_on = steps.block("one_sided", device, sources, destinations, sender=target.host)
        elif not (
            self.model.cryptokey(interface).knows_endpoint(ident) or self.model.cryptokey(target).knows_endpoint(entry)
        ):
            goes_on = steps.block("no_endpoint", device, sources, destinations, sender=target.host)
        else:
            goes_on = blockers
        if goes_on is not None:
            context = Context(target.stack, target.name, steps.task.context)
            steps.tasks.append(_Task(context, interface, sources, destinations, goes_on))

    def _source_check(
        self, stack: StackModel, steps: _Steps, sources: Intervals, destinations: Intervals, decision: Decision
    ) -> t.Iterator[tuple[Intervals, Intervals, _Steps]]:
        """fib_validate_source, IPv4 only: own addresses as source, and the reverse path filter."""
        ingress = steps.task.context.ingress
        if ingress == LOOPBACK or self.family != 4:
            yield sources, destinations, steps
            return
        martian = intersect(sources, stack.fib.local_set[4])
        if martian:
            goes_on = steps.block("martian_source", ingress, martian, destinations)
            if goes_on is not None:
                yield martian, destinations, steps.blocked_by(goes_on)
            sources = subtract(sources, martian)
        mode = stack.stack.rp_filter.get(ingress, 0)
        if not mode or not sources:
            if sources:
                yield sources, destinations, steps
            return
        strict = mode == 1 or ingress not in stack.fib.with_ipv4
        egress = LOOPBACK if decision.kind == "local" else t.cast("str", decision.device)
        for members, sample in stack.fib.source_classes(4):
            part = intersect(destinations, members)
            if not part:
                continue
            back = stack.fib.split(4, sample, sources, ingress=egress)
            good = reverse_path(back, ingress if strict else None)
            bad = subtract(sources, good)
            if bad:
                goes_on = steps.block("rp_filtered", ingress, bad, part)
                if goes_on is not None:
                    yield bad, part, steps.blocked_by(goes_on)
            if good:
                yield good, part, steps


class _Steps:
    """Collects what becomes of one task: finished pieces and tasks for the next stacks."""

    __slots__ = ("_on", "pieces", "task", "tasks")

    def __init__(
        self, task: _Task, on: bool, pieces: list[Piece] | None = None, tasks: list[_Task] | None = None
    ) -> None:
        self.task = task
        self._on = on
        self.pieces: list[Piece] = [] if pieces is None else pieces
        self.tasks: list[_Task] = [] if tasks is None else tasks

    def blocked_by(self, blockers: tuple[Blocked, ...]) -> _Steps:
        """The same collection for rectangles that have these blockers behind them."""
        if blockers is self.task.blockers:
            return self
        return _Steps(self.task._replace(blockers=blockers), self._on, self.pieces, self.tasks)

    def end(self, outcome: str, device: str | None, sources: Intervals, destinations: Intervals) -> None:
        """A piece that ends here; behind blockers, the first of them is its outcome."""
        last = Blocked(outcome, Place(self.task.context.stack, device))
        blockers = self.task.blockers if outcome in ARRIVALS else (*self.task.blockers, last)
        first = blockers[0] if blockers else last
        self.pieces.append(Piece(sources, destinations, first.outcome, first.place, self.task.context, blockers))

    def block(
        self,
        outcome: str,
        device: str | None,
        sources: Intervals,
        destinations: Intervals,
        *,
        sender: str | None = None,
    ) -> tuple[Blocked, ...] | None:
        """A mendable stop: the blockers to go on with, or None where the walk ends here and the piece is kept."""
        if not sources or not destinations:
            return None
        if self._on:
            return (*self.task.blockers, Blocked(outcome, Place(self.task.context.stack, device), sender))
        self.end(outcome, device, sources, destinations)
        return None


def _seen_before(context: Context) -> bool:
    earlier = context.parent
    while earlier is not None:
        if earlier.ingress == context.ingress and earlier.stack == context.stack:
            return True
        earlier = earlier.parent
    return False


def _first(context: Context) -> Context:
    """Where the packets set out."""
    while context.parent is not None:
        context = context.parent
    return context


def reverse_path(groups: dict[Decision, Intervals], device: str | None) -> Intervals:
    """The sources whose reverse path is unicast: by that device, or by any."""
    return union(
        *(
            part
            for decision, part in groups.items()
            if decision.kind == "unicast" and (device is None or decision.device == device)
        )
    )
