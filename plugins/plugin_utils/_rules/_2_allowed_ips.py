# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""2xx: AllowedIPs."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import shown
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import WIDTH, Prefix, parse_prefix
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._cryptokey_document import is_own
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import FAMILIES, Interface, Problem
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._likeness import doubtful_interfaces
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._nesting import SharedNesting, nestings
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rows import Owner
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rules._rule import (
    ERROR,
    INFO,
    WARNING,
    Case,
    Finding,
    Rule,
    listed,
    on_interface,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import (
    EMPTY,
    Intervals,
    covers,
    everything,
    from_prefixes,
    intersect,
    subtract,
    to_prefixes,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._simple_stacks import SimpleKinds


def _same_prefix(case: Case) -> t.Iterator[Finding]:
    for shared in nestings(case.model):
        for prefix, owners in shared.nesting.duplicates:
            interface = _user(case, shared, *owners[-2:])
            if interface is None:
                continue
            names = [
                _name(case, interface, owner) for owner in owners if owner.ident in case.model.cryptokey(interface)
            ]
            *losers, winner = names
            where = (
                f"peer group {interface.peer_group}, as on {interface.label}"
                if len(shared.users) > 1
                else interface.label
            )
            yield on_interface(
                interface,
                f"{prefix} is given to {' and '.join(names)} on {where}; {winner} wins because it is listed last, "
                f"and {' and '.join(losers)} {'gets' if len(losers) == 1 else 'get'} nothing of it",
                f"take {prefix} away from all but one of {', '.join(names)}",
                peer=losers[0],
                prefixes=(prefix,),
            )


def _nested(case: Case) -> t.Iterator[Finding]:
    for shared in nestings(case.model):
        for outer, inner in shared.nesting.nested:
            # To hold what everybody else has is what a default route is for.
            interface = None if outer.prefix.length == 0 else _user(case, shared, outer, inner)
            if interface is None:
                continue
            big, small = _name(case, interface, outer), _name(case, interface, inner)
            declared = _is_declared(case, interface, inner)
            yield on_interface(
                interface,
                f"{inner.prefix} of peer {small} lies inside {outer.prefix} of peer {big} on {interface.label}; "
                f"{small} takes it, for sending and for the source check",
                "nothing to do: the smaller prefix is declared by its own host"
                if declared
                else f"check that {inner.prefix} is really behind {small}, or take it away from {small}",
                peer=small,
                prefixes=(inner.prefix,),
                severity=INFO if declared else None,
            )


def _lost_own(case: Case) -> t.Iterator[Finding]:
    for shared in nestings(case.model):
        told: set[str] = set()
        for outer, inner in shared.nesting.nested:
            interface = _user(case, shared, outer, inner)
            if interface is None or outer.ident in told:
                continue
            lost = _lost(case, interface, outer)
            if lost:
                told.add(outer.ident)
                prefixes = tuple(to_prefixes(outer.prefix.family, lost))
                big, small = _name(case, interface, outer), _name(case, interface, inner)
                yield on_interface(
                    interface,
                    f"peer {big} of {interface.label} does not get {listed(prefixes)}, which its own host declares: "
                    f"a longer prefix of another peer ({inner.prefix} of {small}) takes it",
                    f"take {inner.prefix} away from {small}, or give {big} a prefix that is at least as long",
                    peer=big,
                    prefixes=prefixes,
                )


def _lost(case: Case, interface: Interface, owner: Owner) -> Intervals:
    """What a peer's own host owns and the entry lists, but the peer does not get on this interface."""
    target = case.model.target(interface, owner.ident)
    if target is None or target.network is None:
        return EMPTY
    family = owner.prefix.family
    owned = case.ownership.networks[target.network].stacks[target.stack].everything(family)
    declared = intersect(owned, from_prefixes([owner.prefix]))
    return subtract(declared, case.model.cryptokey(interface).accepted(family, owner.ident))


def _is_declared(case: Case, interface: Interface, inner: Owner) -> bool:
    """Whether the smaller prefix is what its own host owns, or belongs to a declared external peer."""
    target = case.model.target(interface, inner.ident)
    if target is None:
        return case.model.cryptokey(interface).peer(inner.ident).managed is False
    if target.network is None:
        return False
    owned = case.ownership.networks[target.network].stacks[target.stack].everything(inner.prefix.family)
    return covers(owned, from_prefixes([inner.prefix]))


def _redundant(case: Case) -> t.Iterator[Finding]:
    for shared in nestings(case.model):
        by_peer: dict[tuple[Interface, str], list[Owner]] = {}
        for outer, inner in shared.nesting.redundant:
            # Beside a default route the longer prefixes say what the peer has itself.
            is_default = outer.prefix.length == 0 < inner.prefix.length
            interface = None if is_default else _user(case, shared, outer, inner)
            if interface is not None:
                by_peer.setdefault((interface, inner.ident), []).append(inner)
        for (interface, _ident), inner_owners in by_peer.items():
            name = _name(case, interface, inner_owners[0])
            prefixes = tuple(owner.prefix for owner in inner_owners)
            yield on_interface(
                interface,
                f"{listed(sorted(set(prefixes)))} of peer {name} on {interface.label} changes nothing: "
                "another prefix of the same peer holds it already",
                f"remove it from the AllowedIPs of {name}",
                peer=name,
                prefixes=prefixes,
            )


def _user(case: Case, shared: SharedNesting, *owners: Owner) -> Interface | None:
    return shared.user_of(case.model, *owners)


def _name(case: Case, interface: Interface, owner: Owner) -> str:
    return case.model.cryptokey(interface).entries(owner.ident)[-1].name


def _host_bits(case: Case) -> t.Iterator[Finding]:
    for problem in case.problems("WG205"):
        yield _of_problem(
            problem, f"{problem.value} has host bits set ({problem.path}); the kernel stores {problem.prefix}"
        )


def _syntax(case: Case) -> t.Iterator[Finding]:
    for problem in case.problems("WG206"):
        yield _of_problem(problem, f"{shown(problem.value)} {problem.reason} ({problem.path})")


def _mapped(case: Case) -> t.Iterator[Finding]:
    for problem in case.problems("WG211"):
        yield _of_problem(problem, f"{problem.value} {problem.reason} ({problem.path})")


def _of_problem(problem: Problem, message: str) -> Finding:
    prefix = problem.prefix
    return Finding(
        host=problem.host,
        namespace=problem.namespace,
        interface=problem.interface,
        peer=problem.peer,
        prefixes=() if prefix is None else (parse_prefix(prefix),),
        message=message,
        hint=problem.remedy or "correct the value",
    )


def _no_allowed_ips(case: Case) -> t.Iterator[Finding]:
    told: set[str] = set()
    for interface in case.model.interfaces:
        group = interface.peer_group
        shared = case.fleet.peer_groups[group] if group is not None and group not in told else ()
        told.update((group,) if group is not None else ())
        for peer in (*interface.peers, *shared):
            if peer.standby or peer.allowed_ips or peer.allowed_ips_set is not None or is_own(interface, peer):
                continue
            if any(one.host == interface.host and one.peer == peer.name for one in case.fleet.problems):
                continue
            yield on_interface(
                interface,
                f"peer {peer.name} of {interface.label} has no AllowedIPs: nothing passes either way",
                f"give {peer.name} its addresses as AllowedIPs, or remove the peer",
                peer=peer.name,
            )


def _two_defaults(case: Case) -> t.Iterator[Finding]:
    def has_short(interface: Interface) -> bool:
        return any(row.short for row in case.model.cryptokey(interface).shared_rows())

    for interface in doubtful_interfaces(case.model, has_short):
        cryptokey = case.model.cryptokey(interface)
        short = [owner for owner in cryptokey.short_owners() if owner.ident in cryptokey]
        for family in FAMILIES:
            by_peer: dict[str, list[Prefix]] = {}
            for owner in short:
                if owner.prefix.family == family:
                    by_peer.setdefault(owner.ident, []).append(owner.prefix)
            names = [
                cryptokey.entries(ident)[-1].name
                for ident, prefixes in by_peer.items()
                if from_prefixes(prefixes) == everything(family)
            ]
            if len(names) > 1:
                yield on_interface(
                    interface,
                    f"{' and '.join(names)} on {interface.label} both take all of IPv{family}; only one can win",
                    f"leave the default route with one of {', '.join(names)}",
                    peer=names[0],
                    prefixes=(Prefix(family, 0, 0),),
                )


def _inside_connected(case: Case) -> t.Iterator[Finding]:
    for interface in _possibly_inside(case):
        cryptokey = case.model.cryptokey(interface)
        stack = case.model.stacks[interface.stack]
        hits: dict[str, list[tuple[Prefix, str]]] = {}
        for route in stack.fib.connected:
            if route.device != interface.name and route.destination is not None:
                what = f"lies inside {route.destination} of {route.device}"
                for owner in cryptokey.inside(route.destination):
                    hits.setdefault(owner.ident, []).append((owner.prefix, what))
        for family in FAMILIES:
            for number in sorted(stack.fib.addresses[family]):
                own = Prefix(family, number, WIDTH[family])
                for owner in cryptokey.inside(own):
                    hits.setdefault(owner.ident, []).append((own, "is an address of this stack itself"))
        for ident, found in hits.items():
            name = cryptokey.entries(ident)[-1].name
            prefix, what = found[-1]
            yield on_interface(
                interface,
                f"{prefix} of peer {name} on {interface.label} {what}: {interface.host} loses what it is connected to",
                f"remove {prefix} from the AllowedIPs of {name}, or renumber one of the two",
                peer=name,
                prefixes=tuple(prefix for prefix, _what in found),
            )


def _possibly_inside(case: Case) -> t.Iterator[Interface]:
    """Those whose stack has another device with a prefix or an address, and those whose own address a peer has."""

    def has_more(interface: Interface) -> bool:
        stack = case.model.stacks[interface.stack]
        alone = all(address.length == WIDTH[address.family] for address in interface.addresses)
        only = len(stack.devices) == 1 and stack.devices.get(interface.name) is interface
        return not only or not alone or any(stack.stack.addresses.values())

    more = set(doubtful_interfaces(case.model, has_more))
    kinds = SimpleKinds.of(case.model)
    for interface in case.model.interfaces:
        if interface in more:
            yield interface
            continue
        if kinds.keeps_to_itself(interface):
            continue
        layers = case.model.cryptokey(interface).layers
        # An address with the full length is the prefix that holds just it.
        if any(
            owner not in removed
            for address in interface.addresses
            for row, removed in layers
            for owner in row.by_prefix.get(t.cast("Prefix", address), ())
        ):
            yield interface


RULES = (
    Rule(
        id="WG201",
        name="prefix-on-two-peers",
        severity=ERROR,
        summary="identical prefix on two peers of an interface",
        decide=_same_prefix,
    ),
    Rule(
        id="WG202",
        name="nested-prefixes",
        severity=WARNING,
        summary="nested prefixes on different peers",
        decide=_nested,
    ),
    Rule(
        id="WG203",
        name="own-prefix-lost",
        severity=ERROR,
        summary="a peer's effective set misses its own declared prefixes",
        decide=_lost_own,
    ),
    Rule(
        id="WG204",
        name="redundant-prefix",
        severity=INFO,
        summary="redundant inside one peer",
        decide=_redundant,
    ),
    Rule(
        id="WG205",
        name="host-bits",
        severity=WARNING,
        summary="host bits set",
        decide=_host_bits,
    ),
    Rule(
        id="WG206",
        name="bad-syntax",
        severity=ERROR,
        summary="syntax that `wg` rejects",
        decide=_syntax,
    ),
    Rule(
        id="WG207",
        name="no-allowed-ips",
        severity=WARNING,
        summary="peer without AllowedIPs",
        decide=_no_allowed_ips,
    ),
    Rule(
        id="WG208",
        name="two-defaults",
        severity=ERROR,
        summary="two default routes (or halves that add up to one) on one interface",
        decide=_two_defaults,
    ),
    Rule(
        id="WG209",
        name="inside-connected",
        severity=ERROR,
        summary="an AllowedIPs entry equals or lies inside a connected prefix of one of this stack's other devices, "
        "or equals an own address",
        decide=_inside_connected,
    ),
    Rule(
        id="WG211",
        name="mapped-prefix",
        severity=ERROR,
        summary="IPv4-mapped IPv6 prefix: never matches IPv4",
        decide=_mapped,
    ),
)
