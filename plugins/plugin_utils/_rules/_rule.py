# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rule is, what it gets to see, and what it says."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Prefix, format_number
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Fleet, Interface, Problem, StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ownership import Ownership
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._prover import Proof, prove

ERROR, WARNING, INFO = "error", "warning", "info"
SEVERITIES = (ERROR, WARNING, INFO)


class Case:
    """A fleet and everything computed from it; the prover's part is computed when a rule first asks for it.

    previous: the fleet before the change, if it is known.
    """

    def __init__(self, fleet: Fleet, previous: Fleet | None = None) -> None:
        self.fleet = fleet
        self.previous = previous
        self.model = Model.of(fleet)

    @property
    def ownership(self) -> Ownership:
        return Ownership.of(self.model)

    @property
    def proof(self) -> Proof:
        return prove(self.fleet)

    def problems(self, rule: str) -> t.Iterator[Problem]:
        """The bad values that the parser met and that a rule reports."""
        return (problem for problem in self.fleet.problems if problem.rule == rule)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one rule says in one place. severity None: the rule's own."""

    host: str
    message: str
    hint: str
    namespace: str = ""
    interface: str | None = None
    peer: str | None = None
    prefixes: tuple[Prefix, ...] = ()
    witness: dict[str, str] | None = None
    severity: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One check of the catalogue: what it is called, and the function that decides it."""

    id: str
    name: str
    severity: str
    summary: str
    decide: t.Callable[[Case], t.Iterable[Finding]]

    @property
    def page(self) -> str:
        return f"docs/rules/{self.id}.md"

    def findings(self, case: Case) -> t.Iterator[dict[str, t.Any]]:
        """The findings as the filter gives them."""
        for found in self.decide(case):
            yield {
                "rule": self.id,
                "name": self.name,
                "severity": found.severity or self.severity,
                "host": found.host,
                "namespace": found.namespace,
                "interface": found.interface,
                "peer": found.peer,
                "prefixes": [str(prefix) for prefix in sorted(set(found.prefixes))],
                "message": found.message,
                "hint": found.hint,
                "witness": found.witness,
            }


def on_interface(interface: Interface, message: str, hint: str, **more: t.Any) -> Finding:
    """A finding whose remedy is at an interface."""
    return Finding(
        host=interface.host,
        namespace=interface.namespace,
        interface=interface.name,
        message=message,
        hint=hint,
        **more,
    )


def witness(stack: StackId, family: int, source: int, destination: int) -> dict[str, str]:
    """One packet, as the arguments of ``trace``."""
    return {
        "host": stack.host,
        "namespace": stack.namespace,
        "source": format_number(family, source),
        "destination": format_number(family, destination),
    }


def listed(texts: t.Iterable[object], limit: int = 4) -> str:
    """``a, b and 3 more``."""
    all_texts = [str(text) for text in texts]
    if len(all_texts) <= limit:
        return ", ".join(all_texts)
    return f"{', '.join(all_texts[:limit])} and {len(all_texts) - limit} more"
