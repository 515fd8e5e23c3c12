# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which routes and rules an interface is to have, and which of ours have to go."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    InvalidInput,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PublicKey
from ansible_collections.cryptokey.wireguard.plugins.module_utils._observed import (
    KERNEL_PROTOCOL,
    Observed,
    connected_identities,
    connected_identity,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Prefix
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    OUR_PROTOCOL,
    Route,
    Rule,
)

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._completed import Surroundings
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared import Declared

AllowedIPs = t.Mapping[PublicKey, t.AbstractSet[Prefix]]


def want_routes(
    declared: Declared, around: Surroundings, observed: Observed, allowed_ips: AllowedIPs
) -> tuple[frozenset[Route], frozenset[Route]]:
    """(the routes of ours to be there, those to be gone). Raises InvalidInput where someone else's stands there."""
    explicit = {route.identity: route for route in around.routes}
    automatic = _automatic_routes(declared, around, observed, allowed_ips) if around.routing == "auto" else ()
    wanted = {**{route.identity: route for route in automatic}, **explicit}
    connected = _connected(declared, observed)
    routes = frozenset(route for route in wanted.values() if route.identity not in connected)
    for route in sorted(routes, key=str):
        _refuse_conflict(route, declared, around, observed)
    gone = frozenset(route for route in observed.our_routes - routes if not observed.shared(route))
    return routes, gone


def _automatic_routes(
    declared: Declared, around: Surroundings, observed: Observed, allowed_ips: AllowedIPs
) -> list[Route]:
    """One per distinct prefix of the declared peers; of other peers only those that we have made before."""
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared_routing import effective_metric

    mine = {peer.public_key for peer in declared.present_peers}
    ours = {(route.destination, route.table, route.metric) for route in observed.claimed_routes}
    routes = {}
    for key in sorted(allowed_ips):
        for prefix in allowed_ips[key]:
            metric = effective_metric(prefix.family, around.metric)
            route = Route(prefix, table=around.table, metric=metric, device=declared.name)
            if key in mine or route.identity in ours:
                routes[prefix] = route
    return [routes[prefix] for prefix in sorted(routes)]


def _connected(declared: Declared, observed: Observed) -> frozenset[tuple[t.Any, ...]]:
    """The identities that the kernel's own routes of this device's addresses will occupy."""
    if declared.addresses is None:
        return connected_identities(observed.link)
    return frozenset(
        connected_identity(address.prefix)
        for address in declared.addresses
        if not (address.family == 4 and address.length == 32)
    )


def _refuse_conflict(route: Route, declared: Declared, around: Surroundings, observed: Observed) -> None:
    """The kernel tells routes apart by destination, table and metric, so a second one cannot be added beside it."""
    if route in observed.routes:
        return
    ours = observed.our_routes
    leaving = connected_identities(observed.link)
    for other in sorted(observed.routes_by_identity.get(route.identity, ()), key=str):
        if other in ours or observed.shared(other):
            continue
        if other.protocol == KERNEL_PROTOCOL and other.device == declared.name and other.identity in leaving:
            continue
        raise InvalidInput(
            f"cannot be added: there is a route that this collection did not make ({other}, protocol {other.protocol})",
            path=_origin(route, declared, around),
            value=str(route),
            remedy="delete that one, use another metric or table, or declare routing: explicit without it",
        )


def _origin(route: Route, declared: Declared, around: Surroundings) -> str:
    for index, explicit in enumerate(around.routes):
        if explicit == route:
            return f"routes[{index}]"
    for peer in declared.present_peers:
        for index, prefix in enumerate(peer.allowed_ips or ()):
            if prefix == route.destination:
                return f"{peer.path}.allowed_ips[{index}]"
    return "routing"


def want_rules(declared: t.Sequence[Rule], observed: Observed) -> tuple[frozenset[Rule], frozenset[Rule]]:
    """(the rules of ours to be there, those to be gone). Raises InvalidInput where someone else's stands there."""
    rules = frozenset(declared)
    anonymous = {_without_protocol(rule): rule for rule in observed.rules if rule.protocol != OUR_PROTOCOL}
    for index, rule in enumerate(declared):
        other = anonymous.get(_without_protocol(rule))
        if other is not None and rule not in observed.rules:
            raise InvalidInput(
                f"is there already, made by someone else (protocol {other.protocol})",
                path=f"rules[{index}]",
                value=str(rule),
                remedy="delete that one, or leave the rule out of the declaration",
            )
    gone = frozenset(rule for rule in observed.our_rules - rules if not observed.shared(rule))
    return rules, gone


def _without_protocol(rule: Rule) -> tuple[t.Any, ...]:
    return (
        rule.family,
        rule.priority,
        rule.table,
        rule.source,
        rule.destination,
        rule.iif,
        rule.fwmark,
        rule.invert,
        rule.suppress_prefixlength,
    )
