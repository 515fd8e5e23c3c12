# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps from what is there to what is wanted, in the order that loses no packet. Pure.

Nothing that still carries traffic goes before its replacement is there: peers are added and prefixes moved before
any is removed, routes likewise. Where policy routing leads marked packets around the tunnel it has to be there before
the mark, and the rule that leads unmarked ones into the tunnel after it.
"""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _operations as op
from ansible_collections.cryptokey.wireguard.plugins.module_utils._changes_filter import (
    ports_closed,
    ports_opened,
    ruleset_replaced,
    settings_changed,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._changes_peers import (
    added_or_moved,
    reduced_or_removed,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._changes_record import (
    claim_ownership,
    note_record,
)

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._observed import Observed
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
        InterfaceAddress,
    )
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
        Route,
        Rule,
    )
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_state import Wanted

Operations = t.List[op.Operation]


def changes(observed: Observed, wanted: Wanted) -> tuple[op.Operation, ...]:
    """What to do, in order; empty if everything is as wanted."""
    return tuple(_changes(observed, wanted) if wanted.present else _removal(observed, wanted))


def _changes(observed: Observed, wanted: Wanted) -> Operations:
    base, device = _device(observed, wanted)
    leaving_mark = _leaving_mark(base, wanted)
    bypass = _bypass(base, wanted)
    stale = _backwards((wanted.gone_rules & base.rules) - leaving_mark)
    return [
        *_unmoved(observed, wanted),
        *_key_file(observed, wanted),
        *claim_ownership(observed, wanted),
        *device,
        *settings_changed(base, wanted, loosening=True),
        *ruleset_replaced(base, wanted, adding=True),
        *ports_opened(base, wanted),
        *bypass,
        *(op.RemoveRule(rule) for rule in _backwards(leaving_mark)),
        *_fwmark(base, wanted),
        *_key_and_port(base, wanted),
        *added_or_moved(base, wanted),
        *_link(base, wanted),
        *_forwarding(base, wanted, on=True),
        *(step for step in _routes_added(base, wanted) if step not in bypass),
        *(step for step in _rules_added(base, wanted) if step not in bypass),
        *(op.RemoveRule(rule) for rule in stale),
        *_routes_removed(base, wanted),
        *reduced_or_removed(base, wanted),
        *_addresses_removed(base, wanted),
        *_forwarding(base, wanted, on=False),
        *ports_closed(base, wanted),
        *ruleset_replaced(base, wanted, adding=False),
        *settings_changed(base, wanted, loosening=False),
        *note_record(observed, wanted),
    ]


def _removal(observed: Observed, wanted: Wanted) -> Operations:
    """Rules go before the routes that they lead to; routes into the device go with it.

    Routes, rules and ports are only ever added here on the way back from a change that failed.
    """
    device = [*_forget(observed, wanted), _delete(observed, wanted)] if observed.exists else []
    base = observed.without_device(wanted.name) if device else observed
    elsewhere = wanted.gone_routes & base.routes
    key_file = observed.key_file is not None and not wanted.keep_private_key
    return [
        *_unmoved(observed, wanted),
        *_key_file(observed, wanted),
        *settings_changed(base, wanted, loosening=True),
        *ruleset_replaced(base, wanted, adding=True),
        *ports_opened(base, wanted),
        *(op.RemoveRule(rule) for rule in _backwards(wanted.gone_rules & observed.rules)),
        *(op.RemoveRoute(route) for route in sorted(elsewhere, key=str)),
        *device,
        *_routes_added(base, wanted),
        *_rules_added(base, wanted),
        *_forwarding(observed, wanted, on=True),
        *_forwarding(observed, wanted, on=False),
        *ports_closed(observed, wanted),
        *ruleset_replaced(observed, wanted, adding=False),
        *settings_changed(base, wanted, loosening=False),
        *([op.RemoveKeyFile(wanted.private_key_file)] if key_file else []),
        *note_record(observed, wanted),
    ]


def _backwards(rules: t.Iterable[Rule]) -> list[Rule]:
    """The last one first, or what an earlier rule kept away from it would take it for a moment."""
    return sorted(rules, key=lambda rule: (-rule.family, rule.priority, str(rule)), reverse=True)


def _device(observed: Observed, wanted: Wanted) -> tuple[Observed, Operations]:
    """(what is there once the device exists, the steps to have it)."""
    note: Operations = [op.NoteSuccessor(wanted.remember)] if wanted.remember else []
    if observed.device is not None and not wanted.recreate:
        noted = wanted.remember is None or wanted.remember.successor == observed.the_link.index
        return observed, [] if noted else note
    backend = wanted.backend or "userspace"
    steps: Operations = [op.RememberDevice(wanted.remember)] if wanted.remember else []
    if observed.exists:
        steps.append(_delete(observed, wanted))
    steps.append(
        op.CreateDevice(
            wanted.name,
            namespace=wanted.namespace,
            socket_namespace=wanted.socket_namespace,
            backend=backend,
            engine=wanted.engine,
            again=observed.lost,
        )
    )
    steps += note
    return observed.with_new_device(wanted.name, backend), steps


def _unmoved(observed: Observed, wanted: Wanted) -> Operations:
    return [op.RemoveUnmoved(wanted.name, wanted.namespace, birthplace) for birthplace in observed.unmoved]


def _forget(observed: Observed, wanted: Wanted) -> Operations:
    """Not on the way back from a change that failed, where the record stays as well."""
    return [op.ForgetSnapshot()] if wanted.record is None and observed.snapshot is not None else []


def _delete(observed: Observed, wanted: Wanted) -> op.DeleteDevice:
    ended = observed.backend == "dead"
    return op.DeleteDevice(wanted.name, wanted.namespace, reason="" if ended else wanted.recreate, ended=ended)


def _key_file(observed: Observed, wanted: Wanted) -> Operations:
    if wanted.key_file is None or observed.key_file == wanted.key_file:
        return []
    made = wanted.identity is not None and wanted.identity.origin == "made"
    return [op.WriteKeyFile(wanted.private_key_file, wanted.key_file, made=made)]


def _bypass(base: Observed, wanted: Wanted) -> Operations:
    """The routing that the mark needs: rules for marked packets, and the error routes of their tables.

    Routes into the device itself have to wait until it is up.
    """
    rules = [
        rule
        for rule in _missing_rules(base, wanted)
        if wanted.fwmark and rule.fwmark == wanted.fwmark and not rule.invert
    ]
    tables = {rule.table for rule in rules}
    routes = [step for step in _routes_added(base, wanted) if isinstance(step, op.AddRoute)]
    early = [step for step in routes if step.route.table in tables and step.route.device is None]
    return [*early, *(op.AddRule(rule) for rule in rules)]


def _leaving_mark(base: Observed, wanted: Wanted) -> frozenset[Rule]:
    """Rules that lead unmarked packets into the tunnel go before the mark is cleared, or it would swallow itself."""
    if wanted.fwmark != 0 or base.device is None or not base.device.fwmark:
        return frozenset()
    return frozenset(
        rule for rule in wanted.gone_rules & base.rules if rule.invert and rule.fwmark == base.device.fwmark
    )


def _fwmark(base: Observed, wanted: Wanted) -> Operations:
    return [] if wanted.fwmark in (None, base.the_device.fwmark) else [op.SetFwmark(wanted.fwmark)]


def _key_and_port(base: Observed, wanted: Wanted) -> Operations:
    steps: Operations = []
    identity = wanted.identity
    if identity is not None and not base.the_device.has(identity.private_key, identity.public_key):
        shown, replaces = _shown(identity.public_key, identity.origin), base.the_device.has_key
        steps.append(op.SetPrivateKey(identity.private_key, shown, replaces=replaces))
    if wanted.listen_port not in (None, base.the_device.listen_port):
        replaces = bool(base.the_device.listen_port) and not base.lost
        steps.append(op.SetListenPort(wanted.listen_port, replaces=replaces))
    return steps


def _shown(public_key: t.Any, origin: str) -> str:
    return str(public_key) if public_key else "made on apply" if origin == "made" else "unknown"


def _link(base: Observed, wanted: Wanted) -> Operations:
    """MTU before addresses: below 1280 there is no IPv6 on a device, so a growing one has to come first."""
    steps: Operations = []
    if wanted.mtu not in (None, base.the_link.mtu):
        steps.append(op.SetMtu(wanted.name, wanted.mtu, reason=wanted.derived_mtu))
    if wanted.addresses is not None:
        steps += _addresses_added(base.the_link.addresses, wanted)
    if base.the_link.up != wanted.up:
        steps.append(op.SetUp(wanted.name, wanted.up))
    return steps


def _addresses_added(there: t.AbstractSet[InterfaceAddress], wanted: Wanted) -> Operations:
    """In the order of the declaration, since IPv4 packets prefer the first address of a device as their source.

    IPv6 takes an address once per device, whatever its length, so the old one has to make way first.
    """
    addresses = wanted.addresses or frozenset()
    place = {address: number for number, address in enumerate(wanted.address_order)}
    steps: Operations = []
    for address in sorted(addresses - there, key=lambda address: (place.get(address, len(place)), address)):
        steps += [op.RemoveAddress(wanted.name, old) for old in _in_the_way(address, there - addresses)]
        steps.append(op.AddAddress(wanted.name, address))
    return steps


def _in_the_way(address: InterfaceAddress, leaving: t.AbstractSet[InterfaceAddress]) -> list[InterfaceAddress]:
    return sorted(old for old in leaving if old.family == 6 and old.address == address.address)


def _addresses_removed(base: Observed, wanted: Wanted) -> Operations:
    if wanted.addresses is None or base.link is None:
        return []
    there = base.link.addresses
    done = {old for address in wanted.addresses - there for old in _in_the_way(address, there - wanted.addresses)}
    return [
        op.RemoveAddress(wanted.name, address, keep=wanted.addresses)
        for address in sorted(there - wanted.addresses - done)
    ]


def _routes_added(base: Observed, wanted: Wanted) -> Operations:
    """New routes; one that only differs in what does not identify it takes the place of the old one."""
    going = (wanted.gone_routes & base.routes) | _connected_in_the_way(base, wanted)
    replaced = {route.identity: route for route in going}
    return [
        op.ReplaceRoute(replaced[route.identity], route) if route.identity in replaced else op.AddRoute(route)
        for route in sorted(wanted.routes - base.routes, key=str)
    ]


def _connected_in_the_way(base: Observed, wanted: Wanted) -> frozenset[Route]:
    """The kernel's own route of an address that is about to leave, where one of ours is to stand."""
    identities = {route.identity for route in wanted.routes - base.routes}
    return frozenset(route for route in base.routes if route.device == wanted.name and route.identity in identities)


def _routes_removed(base: Observed, wanted: Wanted) -> Operations:
    taken_over = {route.identity for route in wanted.routes - base.routes}
    gone = (route for route in wanted.gone_routes & base.routes if route.identity not in taken_over)
    return [op.RemoveRoute(route) for route in sorted(gone, key=str)]


def _missing_rules(base: Observed, wanted: Wanted) -> list[Rule]:
    return sorted(wanted.rules - base.rules, key=str)


def _rules_added(base: Observed, wanted: Wanted) -> Operations:
    return [op.AddRule(rule) for rule in _missing_rules(base, wanted)]


def _forwarding(base: Observed, wanted: Wanted, *, on: bool) -> Operations:
    return [
        op.SetForwarding(family, switch)
        for family, switch in sorted(wanted.forwarding.items())
        if switch is on and base.forwarding.get(family) is not on
    ]
