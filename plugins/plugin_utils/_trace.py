# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One packet and its reply, hop by hop, with all blockers: behind a thing that can be mended the trace goes on."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Address, parse_address
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._explain import explain
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fib import LOOPBACK, Lookup
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Fleet, Interface, StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model, StackModel
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ownership import Ownership
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._prover import find_stack, place_dict
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._walk import ARRIVALS, Blocked, Place


def trace(fleet: Fleet, *, host: str, source: str, destination: str, namespace: str = "") -> dict[str, t.Any]:
    """``{outcome, at, hops, blockers, back, ...}``: the packet that the stack sends, and the reply to it.

    ``outcome`` and ``at`` are the packet's own. ``blockers`` lists what stops the packet or the reply, each once.
    """
    model = Model.of(fleet)
    stack = find_stack(model, host, namespace)
    sender, target = _address("source", source), _address("destination", destination)
    if sender.family != target.family:
        raise InvalidInput("is of another address family than source", path="destination", value=str(target))
    owners = _owners(model, target)
    there = _Path(model, sender, target, expected=owners).walk(stack, LOOPBACK)
    back = _back(model, there, sender, target, owners=owners, home=stack)
    blockers = [*there.blockers("forward"), *(back.blockers("back") if back else [])]
    return {
        "outcome": there.outcome,
        "at": place_dict(there.place),
        "hops": there.hops,
        "blockers": _once(blockers),
        "host": host,
        "namespace": namespace,
        "source": str(sender),
        "destination": str(target),
        "back": None
        if back is None
        else {
            "outcome": back.outcome,
            "at": place_dict(back.place),
            "hops": back.hops,
            "host": back.origin.host,
            "peer": back.external,
        },
    }


def _address(path: str, text: t.Any) -> Address:
    try:
        return parse_address(text)
    except InvalidInput as error:
        raise error.at(path) from None


def _owners(model: Model, address: Address) -> set[StackId]:
    """The stacks that own an address in some network."""
    found: set[StackId] = set()
    for network in Ownership.of(model).networks.values():
        found.update(network.owners[address.family].at(address.number) or ())
    return found


def _back(
    model: Model, there: _Path, sender: Address, target: Address, *, owners: set[StackId], home: StackId
) -> _Path | None:
    """The reply: from where the packet arrives, else from the destination's owner; None where neither is known.

    What a declared external peer sends back comes in where the packet went out.
    """
    if there.handed is not None:
        interface, ident, name = there.handed
        path = _Path(model, target, sender, expected={home}, external=name)
        return path.walk(interface.stack, interface.name, sender=(ident, name))
    if there.end in ARRIVALS and (there.stack in owners or (not owners and there.stack != home)):
        origin = there.stack
        ingress = there.exit_device or LOOPBACK
    elif owners:
        origin, ingress = min(owners), LOOPBACK
    elif there.end == "delivered":
        origin, ingress = there.stack, LOOPBACK
    else:
        return None
    return _Path(model, target, sender, expected={home}).walk(origin, ingress)


def _once(blockers: list[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    result: list[dict[str, t.Any]] = []
    for blocker in blockers:
        if blocker not in result:
            result.append(blocker)
    return result


# The receiver's ident for a peer, None where it does not list it, and how the peer is called.
_Sender = tuple[str | None, str]


@dataclass(slots=True)
class _Path:
    """One packet's way. ``end`` is where it ends behind all blockers, ``outcome`` what happens to it really.

    external: the external peer that sends it. handed: to which one it goes, as (interface, ident, name).
    """

    model: Model
    sender: Address
    target: Address
    expected: set[StackId] = field(kw_only=True)
    external: str | None = field(kw_only=True, default=None)
    hops: list[dict[str, t.Any]] = field(default_factory=list)
    found: list[Blocked] = field(default_factory=list)
    seen: set[tuple[StackId, str]] = field(default_factory=set)
    origin: StackId = field(init=False)
    stack: StackId = field(init=False)
    end: str = field(init=False, default="")
    exit_device: str | None = field(init=False, default=None)
    handed: tuple[Interface, str, str] | None = field(init=False, default=None)
    ended_at: Place = field(init=False)

    @property
    def outcome(self) -> str:
        return self.found[0].outcome if self.found else self.end

    @property
    def place(self) -> Place:
        return self.found[0].place if self.found else self.ended_at

    def walk(self, stack: StackId, ingress: str, *, sender: _Sender | None = None) -> _Path:
        """Follow the packet from a stack to its end. sender: the peer that it comes from, where there is one."""
        self.origin = stack
        while True:
            self.stack = stack
            hop = self._hop(stack, ingress)
            following = self._step(self.model.stacks[stack], ingress, sender, hop)
            if following is None:
                return self
            before, receiver = following
            stack, ingress = receiver.stack, receiver.name
            # Of two interfaces with one name (WG609) a stack has the one that it has made of them.
            entry = self.model.entry_of(self.model.stacks[stack].devices[ingress], before)
            sender = (entry, before.host)

    def blockers(self, direction: str) -> list[dict[str, t.Any]]:
        """What stops the packet, as the filter gives it."""
        return [self._as_dict(blocked, direction) for blocked in self.found]

    def _as_dict(self, blocked: Blocked, direction: str) -> dict[str, t.Any]:
        said = explain(
            self.model,
            blocked,
            family=self.sender.family,
            source=self.sender.number,
            destination=self.target.number,
        )
        return {
            "rule": said.rule,
            "outcome": blocked.outcome,
            "at": place_dict(blocked.place),
            "direction": direction,
            "message": said.message,
            "hint": said.hint,
        }

    def _hop(self, stack: StackId, ingress: str) -> dict[str, t.Any]:
        hop: dict[str, t.Any] = {
            "host": stack.host,
            "namespace": stack.namespace,
            "ingress": None if ingress == LOOPBACK else ingress,
            "accepted": None,
            "route": None,
            "device": None,
            "peer": None,
            "outcome": None,
            "blockers": [],
        }
        self.hops.append(hop)
        return hop

    def _block(self, hop: dict[str, t.Any], outcome: str, device: str | None, sender: str | None = None) -> None:
        self.found.append(Blocked(outcome, Place(self.stack, device), sender))
        hop["blockers"].append(self._as_dict(self.found[-1], ""))
        del hop["blockers"][-1]["direction"]

    def _finish(self, hop: dict[str, t.Any], outcome: str, device: str | None = None) -> None:
        """The end of the way; an end that is no arrival blocks, and so does arriving at the wrong place."""
        self.end, self.ended_at = outcome, Place(self.stack, device)
        hop["outcome"] = outcome
        astray = outcome in ARRIVALS and bool(self.expected) and self.stack not in self.expected
        if astray or outcome not in ARRIVALS:
            self._block(hop, outcome, device)

    def _step(
        self, stack: StackModel, ingress: str, sender: _Sender | None, hop: dict[str, t.Any]
    ) -> tuple[Interface, Interface] | None:
        """One stack. Returns the link that the packet takes, or None at the end of its way."""
        if sender is not None:
            self._check_sender(stack, ingress, sender, hop)
            if (stack.id, ingress) in self.seen:
                self._finish(hop, "loop")
                return None
        self.seen.add((stack.id, ingress))
        family = self.sender.family
        found = stack.fib.lookup(family, self.sender.number, self.target.number, ingress=ingress)
        received = ingress != LOOPBACK
        if received and found.decision.kind != "local" and not stack.stack.forwarding[family]:
            self._block(hop, "not_forwarded", None)
        hop["route"] = _route_dict(found)
        if found.decision.kind not in ("local", "unicast"):
            self._finish(hop, found.decision.kind)
            return None
        if received and family == 4:
            self._check_source(stack, ingress, found, hop)
        if found.decision.kind == "local":
            self._finish(hop, "delivered")
            return None
        return self._leave(stack, t.cast("str", found.decision.device), hop)

    def _check_sender(self, stack: StackModel, ingress: str, sender: _Sender, hop: dict[str, t.Any]) -> None:
        cryptokey = self.model.cryptokey(stack.devices[ingress])
        entry, name = sender
        if entry is None:
            # Behind one_sided: once the receiver lists the sender, it lists the sender's prefixes too.
            return
        owner = cryptokey.trie(self.sender.family).at(self.sender.number)
        good = owner is not None and owner.ident == entry
        listed = [str(prefix) for prefix in cryptokey.peer(entry).prefixes]
        hop["accepted"] = {
            "peer": name,
            "source": str(self.sender),
            "ok": good,
            "prefix": str(owner.prefix) if owner is not None and good else None,
            "owner": None if owner is None else cryptokey.peer(owner.ident).name,
            "allowed_ips": listed,
        }
        if not good:
            self._block(hop, "source_rejected", ingress, name)

    def _check_source(self, stack: StackModel, ingress: str, found: Lookup, hop: dict[str, t.Any]) -> None:
        """As Walk does it, for one packet."""
        if self.sender.number in stack.fib.local[4]:
            self._block(hop, "martian_source", ingress)
            return
        mode = stack.stack.rp_filter.get(ingress, 0)
        if not mode:
            return
        egress = found.decision.device or LOOPBACK
        back = stack.fib.lookup(4, self.target.number, self.sender.number, ingress=egress).decision
        strict = mode == 1 or ingress not in stack.fib.with_ipv4
        if back.kind != "unicast" or (strict and back.device != ingress):
            self._block(hop, "rp_filtered", ingress)

    def _leave(self, stack: StackModel, device: str, hop: dict[str, t.Any]) -> tuple[Interface, Interface] | None:
        hop["device"] = device
        interface = stack.devices.get(device)
        if interface is None:
            self.exit_device = device
            self._finish(hop, "exits", device)
            return None
        cryptokey = self.model.cryptokey(interface)
        owner = cryptokey.trie(self.target.family).at(self.target.number)
        if owner is None:
            self._finish(hop, "no_peer", device)
            return None
        peer = cryptokey.peer(owner.ident)
        hop["peer"] = {"name": peer.name, "public_key": peer.key, "prefix": str(owner.prefix)}
        target = self.model.target(interface, owner.ident)
        if target is None:
            if peer.managed is False:
                self.handed = interface, owner.ident, peer.name
            self._end_outside(hop, device, declared=peer.managed is False)
            return None
        entry = self.model.entry_of(target, interface)
        if entry is None:
            self._block(hop, "one_sided", device, target.host)
        elif not (cryptokey.knows_endpoint(owner.ident) or self.model.cryptokey(target).knows_endpoint(entry)):
            self._block(hop, "no_endpoint", device, target.host)
        return interface, target

    def _end_outside(self, hop: dict[str, t.Any], device: str, *, declared: bool) -> None:
        """Handed to a peer outside the fleet: the end of what is known, a blocker only where nobody declared it."""
        if declared and not self.expected:
            self.end, self.ended_at = "unmanaged_peer", Place(self.stack, device)
            hop["outcome"] = "unmanaged_peer"
        else:
            self._finish(hop, "unmanaged_peer", device)


def _route_dict(found: Lookup) -> dict[str, t.Any] | None:
    """The route that decided and the rule that led to its table."""
    if found.route is None:
        return (
            {"type": "local", "destination": None, "table": "local", "device": None, "rule": 0}
            if (found.decision.kind == "local")
            else None
        )
    return {
        "type": found.route.type,
        "destination": str(found.prefix),
        "table": found.route.table,
        "device": found.route.device,
        "rule": None if found.rule is None else found.rule.priority,
    }
