# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which packets a policy rule applies to (fib_rule_match in net/core/fib_rules.c of the kernel)."""

from __future__ import annotations

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import mask
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import FAMILIES, Rule
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import (
    Intervals,
    everything,
    from_prefixes,
    subtract,
)


def matches_statically(rule: Rule, family: int, source: int, *, ingress: str, mark: int) -> bool:
    """Everything a rule asks but its destination."""
    if rule.ingress is not None and rule.ingress != ingress:
        return False
    if rule.fwmark is not None and (mark ^ rule.fwmark[0]) & rule.fwmark[1]:
        return False
    prefix = rule.source
    return prefix is None or mask(family, source, prefix.length) == prefix.network


def region_of(rule: Rule, family: int, source: int, *, ingress: str, mark: int) -> Intervals | None:
    """The destinations that a rule applies to, None for all: ``invert`` turns the whole conjunction around."""
    matches = matches_statically(rule, family, source, ingress=ingress, mark=mark)
    if rule.destination is None or not matches:
        return None if matches != rule.invert else ()
    inside = from_prefixes([rule.destination])
    return subtract(everything(family), inside) if rule.invert else inside


def applies(rule: Rule, family: int, source: int, destination: int | None, *, ingress: str, mark: int) -> bool:
    """Whether a rule applies to a packet; without a destination, to any packet of that source."""
    matches = matches_statically(rule, family, source, ingress=ingress, mark=mark)
    prefix = rule.destination
    if prefix is None:
        return matches != rule.invert
    if destination is None:
        return matches or rule.invert
    return (matches and mask(family, destination, prefix.length) == prefix.network) != rule.invert


def default_rule(priority: int, table: str) -> Rule:
    return Rule(
        priority=priority,
        source=None,
        destination=None,
        ingress=None,
        fwmark=None,
        invert=False,
        table=table,
        suppress_prefixlength=None,
        families=FAMILIES,
        position=-1,
    )
