# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue of checks: one table, one file per hundred, and check() that runs them all."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._collector import collector_paused
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rules import (
    _0_intents,
    _1_agreement,
    _1_identity,
    _2_allowed_ips,
    _2_ranges,
    _3_policy,
    _3_routes,
    _3_routing,
    _3_sources,
    _4_loops,
    _5_endpoints,
    _5_links,
    _5_outward,
    _6_addressing,
    _6_claims,
    _6_pools,
    _7_full_tunnels,
    _8_size,
    _9_rollout,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rules._rule import SEVERITIES, Case, Rule

_FILES = (
    _0_intents,
    _1_agreement,
    _1_identity,
    _2_allowed_ips,
    _2_ranges,
    _3_policy,
    _3_routes,
    _3_routing,
    _3_sources,
    _4_loops,
    _5_endpoints,
    _5_links,
    _5_outward,
    _6_addressing,
    _6_claims,
    _6_pools,
    _7_full_tunnels,
    _8_size,
    _9_rollout,
)
CATALOGUE: tuple[Rule, ...] = tuple(sorted((rule for one in _FILES for rule in one.RULES), key=lambda rule: rule.id))
BY_ID = {rule.id: rule for rule in CATALOGUE}


@collector_paused()
def check(fleet: Fleet, previous: Fleet | None = None) -> list[dict[str, t.Any]]:
    """Every finding, errors first, in a fixed order. previous: the fleet before the change, which 9xx compare with."""
    case = Case(fleet, previous)
    findings = [finding for rule in CATALOGUE for finding in rule.findings(case)]
    return sorted(findings, key=_order)


def _order(finding: dict[str, t.Any]) -> tuple[t.Any, ...]:
    return (
        SEVERITIES.index(finding["severity"]),
        finding["rule"],
        finding["host"],
        finding["namespace"],
        finding["interface"] or "",
        finding["peer"] or "",
        finding["prefixes"],
        finding["message"],
    )
