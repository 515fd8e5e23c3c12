# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""5xx: whether the stack that holds the UDP socket can send to the endpoints at all."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import FAMILIES, Interface
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._likeness import doubtful_interfaces
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._remotes import (
    Remote,
    has_default,
    outer_stack,
    remotes,
    underlay_families,
    unroutable,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rules._rule import (
    ERROR,
    Case,
    Finding,
    Rule,
    listed,
    on_interface,
)


def _missing_family(case: Case) -> t.Iterator[Finding]:
    def lacks_one(interface: Interface) -> bool:
        return not all(_has_family(case, interface, family) for family in FAMILIES)

    for interface in doubtful_interfaces(case.model, lacks_one):
        for family in FAMILIES:
            if _has_family(case, interface, family):
                continue
            found = list(_dialled_by(case, interface, family))
            if found:
                stack = outer_stack(case.model, interface)
                yield on_interface(
                    interface,
                    f"{interface.label} dials {_named(found)}, but {stack.id} has no IPv{family} to send from",
                    f"give {interface.host} an endpoint of another family for these peers, or none, so that they dial; "
                    f"or describe the IPv{family} of {stack.id} in wireguard_stacks",
                    peer=found[0].name,
                )


def _has_family(case: Case, interface: Interface, family: int) -> bool:
    """Whether the birth stack has a family, as far as the document tells."""
    stack = outer_stack(case.model, interface)
    if family == 6 and not stack.stack.ipv6:
        return False
    found = underlay_families(case.model, stack)
    return not found or family in found


def _dialled_by(case: Case, interface: Interface, family: int) -> t.Iterator[Remote]:
    """The endpoint addresses of a family that an interface really has."""
    overrides = case.model.cryptokey(interface).overrides
    for index, found in enumerate(remotes(case.model, interface)):
        shared = index == 0 and interface.peer_group is not None
        yield from (one for one in found.by_family[family] if not (shared and one.ident in overrides))


def _no_way(case: Case) -> t.Iterator[Finding]:
    for interface in doubtful_interfaces(case.model, lambda one: _may_have_no_way(case, one)):
        stack = outer_stack(case.model, interface)
        if not stack.stack.lists_routes:
            continue
        for family in sorted(underlay_families(case.model, stack)):
            found = list(unroutable(case.model, interface, family)) if _has_family(case, interface, family) else []
            if found:
                how = "no route to it" if len(found) == 1 else "no route to them"
                errors = sorted({kind for _remote, kind in found} - {"no_route"})
                how += f" ({', '.join(errors)} routes included)" if errors else ""
                yield on_interface(
                    interface,
                    f"{interface.label} dials {_named([one for one, _kind in found])}, but {stack.id} has {how}",
                    f"add a route to wireguard_stacks of {interface.host}, or correct the endpoint",
                    peer=found[0][0].name,
                )


def _may_have_no_way(case: Case, interface: Interface) -> bool:
    """Whether the birth stack says something about routes, and has no default route in a family that it has."""
    stack = outer_stack(case.model, interface)
    families = underlay_families(case.model, stack) if stack.stack.lists_routes else ()
    return not all(has_default(case.model, stack.fib, family, interface.fwmark) for family in families)


def _named(found: t.Sequence[Remote]) -> str:
    """``b at 192.0.2.2:51820 and 3 more``."""
    return listed((f"{one.name} at {one.text}" for one in sorted(found, key=lambda one: one.name)), limit=2)


RULES = (
    Rule(
        id="WG504",
        name="endpoint-family",
        severity=ERROR,
        summary="endpoint family that the initiator does not have",
        decide=_missing_family,
    ),
    Rule(
        id="WG510",
        name="endpoint-unroutable",
        severity=ERROR,
        summary="endpoint not routable from the birth namespace",
        decide=_no_way,
    ),
)
