# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A declaration with everything filled in that it leaves to the last one: absent means "as it was", not "none".

Whoever adds one peer to an interface does not want to repeat its rules, nor to lose them.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared import Declared
from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared_peers import DeclaredPeer
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    InvalidInput,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._observed import Observed
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Prefix
from ansible_collections.cryptokey.wireguard.plugins.module_utils._record import Record
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    MAIN_TABLE,
    Route,
    Rule,
)


@dataclasses.dataclass(frozen=True)
class Surroundings:
    """What a declaration says about everything around the device, nothing left open.

    metric: None for the kernel's own.  forwarding: the families that are claimed.
    """

    socket_namespace: str
    routing: str
    table: int
    metric: int | None
    routes: tuple[Route, ...]
    rules: tuple[Rule, ...]
    forwarding: t.Mapping[int, bool]


def complete(declared: Declared, observed: Observed) -> Surroundings:
    """Raises InvalidInput where the whole would send the tunnel's packets into itself."""
    record = observed.record or Record(
        declared.namespace, declared.name, socket_namespace=observed.socket_namespace or ""
    )
    born = record.socket_namespace
    routing = declared.routing or record.routing
    routes = tuple(sorted(record.explicit_routes, key=str)) if declared.routes is None else declared.routes
    around = Surroundings(
        socket_namespace=born if declared.socket_namespace is None else declared.socket_namespace,
        routing=routing,
        table=declared.table or record.table,
        metric=record.metric if declared.metric is None else declared.metric or None,
        routes=() if routing == "off" else routes,
        rules=tuple(sorted(record.rules, key=str)) if declared.rules is None else declared.rules,
        forwarding=_claims(record) if declared.forwarding is None else declared.forwarding,
    )
    _refuse_swallowing(declared, observed, around)
    return around


def _claims(record: Record) -> dict[int, bool]:
    return {claim.family: claim.on for claim in record.forwarding}


def _refuse_swallowing(declared: Declared, observed: Observed, around: Surroundings) -> None:
    """An automatic route in the main table of the socket's own namespace may swallow the tunnel's own packets."""
    if around.routing != "auto" or around.table != MAIN_TABLE or declared.namespace != around.socket_namespace:
        return
    fwmark = declared.fwmark
    if fwmark is None and observed.device is not None:
        fwmark = observed.device.fwmark
    rules = (*around.rules, *(observed.rules - observed.our_rules))
    for peer in declared.present_peers:
        for position, prefix in enumerate(peer.allowed_ips or ()):
            reason = _why_swallowing(prefix, peer, declared, observed)
            if reason and not _escapes(rules, prefix.family, fwmark):
                raise InvalidInput(
                    f"{reason} and send the tunnel's own packets into itself",
                    path=f"{peer.path}.allowed_ips[{position}]",
                    value=str(prefix),
                    remedy="use routing: explicit or off, or a table of its own with fwmark and rules",
                )


def _why_swallowing(prefix: Prefix, peer: DeclaredPeer, declared: Declared, observed: Observed) -> str:
    """A longer AllowedIPs entry around the endpoint decides in place of this one; another peer's is an outer tunnel."""
    if prefix.length == 0:
        return "would become the default route of the table main"
    endpoint = peer.endpoint.address if peer.endpoint else None
    if endpoint is None or not prefix.contains(endpoint.prefix):
        return ""
    owned = (entry for other in declared.present_peers for entry in other.allowed_ips or ())
    if any(entry.length > prefix.length and entry.contains(endpoint.prefix) for entry in owned):
        return ""
    leads_elsewhere = any(
        route.device != declared.name
        and route.destination.contains(endpoint.prefix)
        and (route.destination.length >= prefix.length or route.table != MAIN_TABLE)
        for route in observed.routes
    )
    # Without any route nothing is known of the host: check mode without a library, or a namespace yet to be made.
    return "" if leads_elsewhere or not observed.routes else f"would become the way to the endpoint {peer.endpoint}"


def _escapes(rules: t.Sequence[Rule], family: int, fwmark: int | None) -> bool:
    """True where marked packets are looked up elsewhere first, so that the endpoint stays reachable."""
    return bool(fwmark) and any(
        rule.family == family and rule.fwmark == fwmark and not rule.invert and rule.table != MAIN_TABLE
        for rule in rules
    )
