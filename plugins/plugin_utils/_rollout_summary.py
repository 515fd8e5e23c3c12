# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of hosts as the plan document has it and as people read it."""

from __future__ import annotations

import typing as t
from collections.abc import Collection, Mapping

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import format_number
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._host_names import HostNames
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._intents import ending
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._interim import Breakage
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rollout import ANY, NONE, ORDER, Rollout, Step

Document = dict[str, t.Any]

# Applying a step takes the names of all its hosts, so they are listed in full: there are no more than hosts.
_STEPS = 50


def summarise_rollout(rollout: Rollout, groups: Mapping[str, Collection[str]] | None = None) -> Document:
    """``{verdict, text, judged, steps: [{hosts, text, breaks}], more}``."""
    hosts = [StackId(host, "") for step in rollout.steps for host in step.hosts]
    names = HostNames(hosts, groups)
    steps = [_step(step, names) for step in rollout.steps[:_STEPS]]
    return {
        "verdict": rollout.verdict,
        "text": headline(rollout),
        "judged": rollout.judged,
        "steps": steps,
        "more": len(rollout.steps) - len(steps),
    }


def headline(rollout: Rollout) -> str:
    """One sentence, which claims no more than was judged."""
    states = f"{rollout.judged:,} mixed state{'' if rollout.judged == 1 else 's'} judged"
    if not rollout.steps:
        return "no host changes what happens to a packet"
    if rollout.verdict == ANY:
        return "any order will do; no flow that stays breaks meanwhile"
    if rollout.verdict == ORDER and rollout.evidence is not None:
        return f"it matters; in this one no flow that stays breaks meanwhile ({states})"
    if rollout.verdict == ORDER:
        return f"in this one no flow that stays breaks meanwhile; whether others do as well was not judged ({states})"
    if rollout.verdict == NONE:
        return f"every order breaks a flow that stays for a while ({states}); where hosts change together it is short"
    return f"none was found in which it is proved that no flow that stays breaks meanwhile ({states})"


def _step(step: Step, names: HostNames) -> Document:
    text = names(StackId(host, "") for host in step.hosts)
    if len(step.hosts) > 1:
        text += ", in any order" if step.breakage is None else ", at the same time"
    breaks = None if step.breakage is None else breakage_text(step.breakage)
    if breaks is not None:
        text += f"; meanwhile {breaks}"
    return {"hosts": list(step.hosts), "text": text, "breaks": breaks}


def breakage_text(breakage: Breakage) -> str:
    """``fra1 (10.0.0.1) to 10.0.0.2 ends with source_rejected at nyc1 on wg0, and so for 3 other senders``."""
    source, destination = (format_number(breakage.family, number) for number in (breakage.source, breakage.destination))
    others = len(breakage.stacks) - 1
    more = f", and {others:,} other sender{'' if others == 1 else 's'} with it" if others else ""
    return f"{breakage.source_stack} ({source}) to {destination} {ending(breakage.blocked)}{more}"
