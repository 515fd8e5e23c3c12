# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways of the packets that a plan names as examples, in short, so that every report can show them."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator, Mapping

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._trace import trace
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._trace_text import replying, steps, verdict

Document = Mapping[str, t.Any]
Key = tuple[str, str, str, str]

# A plan stays proportional to its hosts whatever is wrong with it.
_OF_FINDINGS = 40
_IN_ALL = 160
# An intended flow that does not arrive.
_LOST = "WG001"


def packet_key(packet: Document) -> Key:
    """What makes two example packets the same."""
    return (packet["host"], packet.get("namespace") or "", packet["source"], packet["destination"])


def sample_traces(fleet: Fleet, findings: Iterable[Document], matrix: Iterable[Document]) -> list[dict[str, t.Any]]:
    """The traces of the findings' witnesses, then of the matrix's cells, each packet once, up to a fixed number.

    ``{host, namespace, source, destination, outcome, at, back, verdict, blockers, steps}``; back is the host that
    replies.
    """
    traces: dict[Key, dict[str, t.Any] | None] = {}
    witnesses = ((finding["witness"], finding["rule"] == _LOST) for finding in findings if finding.get("witness"))
    for limit, packets in ((_OF_FINDINGS, witnesses), (_IN_ALL, _packets(matrix))):
        for packet, lost in packets:
            if len(traces) >= limit:
                break
            key = packet_key(packet)
            if key not in traces:
                traces[key] = _short(fleet, key, lost=lost)
    return [found for found in traces.values() if found is not None]


def _packets(matrix: Iterable[Document]) -> Iterator[tuple[Document, bool]]:
    """Each with whether it is lost. Those that do not arrive first: where not all can be told, these are wanted."""
    cells = [cell for table in matrix for row in table["cells"] for cell in row if cell and cell["packet"]]
    lost = [(cell["packet"], cell["delivered"] < cell["pairs"]) for cell in cells]
    return iter(sorted(lost, key=lambda one: not one[1]))


def _short(fleet: Fleet, key: Key, *, lost: bool) -> dict[str, t.Any] | None:
    host, namespace, source, destination = key
    try:
        whole = trace(fleet, host=host, namespace=namespace, source=source, destination=destination)
    except InvalidInput:
        # A witness that is no packet of this fleet, such as one of the fleet before the change.
        return None
    kept = ("host", "namespace", "source", "destination", "outcome", "at", "blockers")
    # With two owners of an address, a packet to one of them arrives at the other, where nothing blocks it.
    stray = lost and not whole["blockers"]
    return {
        **{name: whole[name] for name in kept},
        "back": replying(whole),
        "verdict": f"ends at {whole['at']['host']}, not at the owner that was meant" if stray else verdict(whole),
        "steps": steps(whole),
    }
