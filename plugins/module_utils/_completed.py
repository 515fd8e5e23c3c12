# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A declaration with everything filled in that it leaves to the last one: absent means "as it was", not "none".

Whoever adds one peer to an interface does not want to repeat its rules, nor to lose them.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _full_tunnel
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    InvalidInput,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._record import Record
from ansible_collections.cryptokey.wireguard.plugins.module_utils._setting import device_of, is_rp_filter
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    MAIN_TABLE,
    Route,
    Rule,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_full_tunnel import mark_of, rules_besides
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_settings import claimed_settings

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared import Declared
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared_peers import DeclaredPeer
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._observed import Observed
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Prefix


@dataclasses.dataclass(frozen=True)
class Surroundings:
    """What a declaration says about everything around the device, nothing left open.

    metric: None for the kernel's own.  forwarding: the families that are claimed.
    full_tunnel: the mark of that arrangement, whose table and rules are in table and rules; None without it.
    apart: the socket is in another namespace than the device, so that what is around one does not see the other.
    """

    socket_namespace: str
    routing: str
    table: int
    metric: int | None
    routes: tuple[Route, ...]
    rules: tuple[Rule, ...]
    forwarding: t.Mapping[int, bool]
    apart: bool = False
    full_tunnel: int | None = None
    rp_filter: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    masquerade: frozenset[tuple[int, str]] = frozenset()
    clamp_mss: bool = False
    open_port: str = "off"

    @property
    def marks_outer_packets(self) -> bool:
        """Whether encrypted packets with a mark come and go where the device is."""
        return self.full_tunnel is not None and not self.apart

    @property
    def settings(self) -> dict[str, str]:
        """The kernel parameters to claim."""
        return claimed_settings(self.rp_filter, marked=self.marks_outer_packets)


def complete(declared: Declared, observed: Observed) -> Surroundings:
    """Raises InvalidInput where the whole would send the tunnel's packets into itself."""
    record = observed.record or Record(
        declared.namespace, declared.name, socket_namespace=observed.socket_namespace or ""
    )
    born = record.socket_namespace
    routing = declared.routing or record.routing
    routes = tuple(sorted(record.explicit_routes, key=str)) if declared.routes is None else declared.routes
    mark = mark_of(declared, record, observed)
    around = Surroundings(
        socket_namespace=born if declared.socket_namespace is None else declared.socket_namespace,
        routing=routing,
        table=_table(declared, record, mark),
        metric=record.metric if declared.metric is None else declared.metric or None,
        routes=() if routing == "off" else routes,
        rules=rules_besides(record) if declared.rules is None else declared.rules,
        forwarding=_claims(record) if declared.forwarding is None else declared.forwarding,
        apart=declared.namespace != (born if declared.socket_namespace is None else declared.socket_namespace),
        full_tunnel=mark,
        rp_filter=_filters(record) if declared.rp_filter is None else declared.rp_filter,
        masquerade=record.masquerade if declared.masquerade is None else declared.masquerade,
        clamp_mss=record.clamp_mss if declared.clamp_mss is None else declared.clamp_mss,
        open_port=declared.open_port or record.open_port,
    )
    if mark is not None:
        from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared_gateway import check_full_tunnel

        check_full_tunnel(routing=around.routing, table=around.table, fwmark=declared.fwmark)
        rules = (*around.rules, *_full_tunnel.rules(mark, around.table))
        around = dataclasses.replace(around, rules=tuple(dict.fromkeys(rules)))
    _refuse_swallowing(declared, observed, around)
    return around


def _table(declared: Declared, record: Record, mark: int | None) -> int:
    """The one that came with a full tunnel goes with it."""
    if declared.table is not None:
        return declared.table
    own = record.full_tunnel is not None and record.table == _full_tunnel.table_of(record.full_tunnel)
    if mark is None:
        return MAIN_TABLE if own else record.table
    return _full_tunnel.table_of(mark) if own or record.table == MAIN_TABLE else record.table


def _filters(record: Record) -> dict[str, str]:
    return {device_of(claim.name): claim.value for claim in record.settings if is_rp_filter(claim.name)}


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
