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
    _1_identity,
    _2_allowed_ips,
    _3_routing,
    _4_loops,
    _5_links,
    _6_addressing,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rules._rule import SEVERITIES, Case, Rule

CATALOGUE: tuple[Rule, ...] = (
    *_0_intents.RULES,
    *_1_identity.RULES,
    *_2_allowed_ips.RULES,
    *_3_routing.RULES,
    *_4_loops.RULES,
    *_5_links.RULES,
    *_6_addressing.RULES,
)
BY_ID = {rule.id: rule for rule in CATALOGUE}


@collector_paused()
def check(fleet: Fleet, previous: Fleet | None = None) -> list[dict[str, t.Any]]:
    """Every finding, errors first, in a fixed order.

    previous: the fleet before the change; no rule of this catalogue compares with it yet, so it is only read.
    """
    del previous
    case = Case(fleet)
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
