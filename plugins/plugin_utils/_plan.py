# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan document: what an inventory comes to, what is wrong with it, what is proved, and what was assumed."""

from __future__ import annotations

import datetime
import typing as t
from collections.abc import Iterable, Mapping
from dataclasses import replace

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._assumed import ledger
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._change_summary import summarise
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._collector import collector_paused
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._comparison import Comparison
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._declaration import Inventory
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._derive import derive
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._difference import difference
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._document import require_plain
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._finding_places import add_places
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._findings import is_void, merge_findings
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._inventory import read_inventory
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._matrix import make_matrix
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._places import Locate
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._pool import allocate
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._prover import prove
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rollout import rollout_of
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rollout_summary import summarise_rollout
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rules import check
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._samples import sample_traces

Document = dict[str, t.Any]


@collector_paused()
def make_plan(
    hostvars: Mapping[str, Mapping[str, t.Any]],
    hosts: Iterable[str],
    *,
    public_keys: Mapping[str, Mapping[str, str]] | None = None,
    previous: Mapping[str, t.Any] | None = None,
    locate: Locate | None = None,
    today: datetime.date | None = None,
    source: str | None = None,
) -> Document:
    """Raises InvalidInventory for an inventory that cannot be read; everything else is a finding of the plan.

    today: what ``until`` in wireguard_ignore is held against; without it, those entries hold for good.
    locate: tells where a value was written. source: the inventory's file, for a finding whose value nobody finds.
    """
    inventory = read_inventory(hostvars, hosts, public_keys=public_keys, locate=locate)
    earlier = None if previous is None else _read_previous(previous)
    inventory, drawn = allocate(inventory, earlier)
    derivation = derive(inventory)
    inventory = replace(inventory, problems=(*inventory.problems, *derivation.problems))
    fleet = parse_fleet(derivation.fleet)
    proof = prove(fleet)
    findings = merge_findings(inventory, check(fleet, earlier), today=today)
    add_places([*findings.open, *findings.ignored], inventory, proof.expectations, locate=locate, source=source)
    assumptions = [*ledger([*derivation.assumed, *drawn]), *proof.assumptions]
    summary = proof.summary(len(assumptions))
    if summary["verdict"] == "proved" and is_void(findings):
        # What is proved is then not what was declared, or not what the hosts would do.
        summary["verdict"] = "unproven"
    plan: Document = {
        "version": 1,
        "fleet": derivation.fleet,
        "removals": derivation.removals,
        "findings": findings.open,
        "ignored": findings.ignored,
        "expectations": proof.expectations,
        "assumptions": assumptions,
        "proof": summary,
    }
    plan["matrix"] = make_matrix(fleet, proof, {name: host.groups for name, host in inventory.hosts.items()})
    plan["traces"] = sample_traces(fleet, findings.open, plan["matrix"])
    plan["summary"] = _summary(inventory, plan, previous)
    plan["summary"].update(_consequences(inventory, earlier, fleet))
    # What was computed refers to the fleet and the fleet to it: apart they are gone at once, not when they are found.
    fleet.memo.clear()
    return plan


def _consequences(inventory: Inventory, earlier: Fleet | None, fleet: Fleet) -> Document:
    """What the change means for packets; null where there is nothing to compare with."""
    if earlier is None:
        return {"reachability": None, "rollout": None}
    groups = inventory.groups()
    return {
        "reachability": summarise(Comparison.of(earlier, fleet), groups),
        "rollout": summarise_rollout(rollout_of(earlier, fleet), groups),
    }


def _read_previous(previous: Mapping[str, t.Any]) -> Fleet:
    try:
        return parse_fleet(previous)
    except InvalidInput as error:
        raise error.at("previous") from None


def _changes(previous: Mapping[str, t.Any], plan: Document) -> list[dict[str, t.Any]]:
    """The parser has passed the previous plan, but it does not look at everything that is compared."""
    try:
        changes = difference(previous, plan)
        require_plain(changes, "previous")
        return changes
    except (AttributeError, LookupError, TypeError, ValueError):
        remedy = "give it what the plan filter returned"
        raise InvalidInput("is not a plan", path="previous", remedy=remedy) from None


def _summary(inventory: Inventory, plan: Document, previous: Mapping[str, t.Any] | None) -> Document:
    severities = [finding["severity"] for finding in plan["findings"]]
    return {
        "hosts": len(plan["fleet"]["hosts"]),
        "networks": {name: len(inventory.members(name)) for name in inventory.networks},
        "interfaces": sum(len(host["interfaces"]) for host in plan["fleet"]["hosts"].values()),
        "removals": sum(len(left) for left in plan["removals"].values()),
        "errors": severities.count("error"),
        "warnings": severities.count("warning"),
        "notes": severities.count("info"),
        "ignored": len(plan["ignored"]),
        "changes": None if previous is None else _changes(previous, plan),
    }
