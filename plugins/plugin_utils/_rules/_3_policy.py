# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""3xx: routing. Policy rules, their tables and their marks."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Rule as PolicyRule
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rule_effects import find_useless_rules
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rules._rule import (
    ERROR,
    WARNING,
    Case,
    Finding,
    Rule,
    on_interface,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._shared_tunnels import find_shared

_CONSEQUENCES = {
    "fwmark": "the outer packets of each pass by the rules of both",
    "table": "only the default route that is listed first is ever taken",
    "priority": "which rule is asked first is an accident of the order in which they were added",
}
_REASONS = {
    "never": ("no packet can match it", "remove it, or correct what it asks for"),
    "empty": ("its table {table} has no route", "add the route that table {table} was made for, or remove the rule"),
    "same": ("every packet goes the same way without it", "remove it, or correct its priority or table"),
}


def _shared(case: Case) -> t.Iterator[Finding]:
    for shared in find_shared(case.model):
        value = f"0x{shared.value:x}" if shared.what == "fwmark" else shared.value
        yield on_interface(
            shared.second,
            f"the full tunnels {shared.first.name} and {shared.second.label} share the {shared.what} {value}: "
            f"{_CONSEQUENCES[shared.what]}",
            f"give {shared.second.name} a {shared.what} of its own",
        )


def _without_effect(case: Case) -> t.Iterator[Finding]:
    for useless in find_useless_rules(case.model):
        rule = useless.rule
        reason, hint = (text.format(table=rule.table) for text in _REASONS[useless.why])
        yield Finding(
            host=useless.stack.host,
            namespace=useless.stack.namespace,
            prefixes=tuple(prefix for prefix in (rule.source, rule.destination) if prefix is not None),
            message=f"the policy rule {_as_ip_rule(rule)} of {useless.stack} has no effect: {reason}",
            hint=hint,
        )


def _as_ip_rule(rule: PolicyRule) -> str:
    """As ip-rule(8) shows it: ``100: not from 10.0.0.0/8 fwmark 0x1/0xff lookup 200``."""
    words = ["not"] if rule.invert else []
    words.append(f"from {rule.source or 'all'}")
    words += [f"to {rule.destination}"] if rule.destination is not None else []
    words += [f"iif {rule.ingress}"] if rule.ingress is not None else []
    if rule.fwmark is not None:
        mark, mask = rule.fwmark
        words.append(f"fwmark 0x{mark:x}" + (f"/0x{mask:x}" if mask != 0xFFFFFFFF else ""))
    words.append(f"lookup {rule.table}")
    limit = rule.suppress_prefixlength
    words += [f"suppress_prefixlength {limit}"] if limit is not None else []
    return f"{rule.priority}: {' '.join(words)}"


RULES = (
    Rule(
        id="WG311",
        name="full-tunnels-share",
        severity=ERROR,
        summary="two full tunnels share a fwmark, table or priority",
        decide=_shared,
    ),
    Rule(
        id="WG312",
        name="rule-without-effect",
        severity=WARNING,
        summary="policy rule without effect",
        decide=_without_effect,
    ),
)
