# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Forwarding is a switch of a whole namespace: interfaces hold claims on it, the last one to go puts it back."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._record import (
    ForwardingClaim,
)

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._observed import Observed

FAMILIES = (4, 6)
_ROUTER_ADVERTISEMENT = 9
"""RTPROT_RA (linux/rtnetlink.h)."""


def want_forwarding(
    declared: t.Mapping[int, bool], observed: Observed
) -> tuple[dict[int, bool], tuple[ForwardingClaim, ...]]:
    """(the switches to set, this interface's claims). A family that is not declared any more is released.

    "On" wins over the "off" of another interface: it says that packets have to pass, "off" only that none need to.
    """
    switches = {family: on for family, on in forwarding_after(observed).items() if family not in declared}
    claims = []
    for family, on in sorted(declared.items()):
        switches[family] = on or any(claim.on for claim in _others(family, observed))
        claims.append(ForwardingClaim(family, on=on, previous=_original(family, observed)))
    return switches, tuple(claims)


def forwarding_after(observed: Observed) -> dict[int, bool]:
    """The switches to set once this interface's claims are gone."""
    switches = {}
    for claim in observed.record.forwarding if observed.record else ():
        others = _others(claim.family, observed)
        switches[claim.family] = any(other.on for other in others) if others else claim.previous
    return switches


def forwarding_warnings(switches: t.Mapping[int, bool], observed: Observed) -> list[str]:
    """A host with IPv6 forwarding on stops listening to routers (accept_ra in the kernel's ip-sysctl document)."""
    if not switches.get(6) or observed.forwarding.get(6):
        return []
    devices = sorted(
        {
            route.device
            for route in observed.routes
            if route.destination.family == 6 and route.protocol == _ROUTER_ADVERTISEMENT and route.device
        }
    )
    return [
        f"IPv6 forwarding is switched on while {device} has routes from router advertisements, which a forwarding host "
        f"ignores: set net.ipv6.conf.{device}.accept_ra=2 to keep them"
        for device in devices
    ]


def _original(family: int, observed: Observed) -> bool:
    """What the namespace had before the first claim; later claims take it over, so that the last one knows it."""
    own = observed.record.claim(family) if observed.record else None
    known = [own] if own else _others(family, observed)
    return known[0].previous if known else observed.forwarding.get(family, False)


def _others(family: int, observed: Observed) -> list[ForwardingClaim]:
    claims = (neighbour.claim(family) for neighbour in observed.neighbours)
    return [claim for claim in claims if claim is not None]
