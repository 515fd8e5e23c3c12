# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Predict, measure, compare: the matrix of a running lab."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import HostError
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab import with_lab_addresses
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab_journey import Spot
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab_matrix import Cell, predict_matrix
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab_prober import Probe, measure
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab_record import Holder, LabRecord
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab_verdict import Measured, render, summarise
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab_visit import Visit
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._trace import trace
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._trace_text import render as render_trace

Document = t.Mapping[str, t.Any]


def fleet_document(document: Document) -> Document:
    """The fleet document, alone or in a plan."""
    return t.cast("Document", document["fleet"]) if "fleet" in document else document


def measure_matrix(
    fleet: Document, specification: Document, record: LabRecord, *, patience: float = 30.0
) -> dict[str, t.Any]:
    """The figures, the differing cells and the report as text. fleet: of the plan that was applied to this lab."""
    cells = predict_matrix(fleet, specification)
    places = _Places(record)
    probes = [_probe(cell, places) for cell in cells]
    _settle(fleet, places)
    measure(probes, patience=patience)
    results = [
        Measured(cell=cell, answered=probe.answered, sent=probe.sent, refused=probe.refused)
        for cell, probe in zip(cells, probes, strict=True)
    ]
    staged = with_lab_addresses(fleet, specification)
    return {
        **summarise(results),
        "differing": [result.cell.title for result in results if result.differs],
        "text": render(results, lambda cell: explain(staged, cell)),
    }


def explain(fleet: Document, cell: Cell) -> str:
    """The trace of a cell, as text."""
    spot = t.cast("Spot", cell.source.spot)
    found = trace(
        parse_fleet(fleet),
        host=spot.host,
        namespace=spot.namespace,
        source=str(cell.source.address),
        destination=str(cell.destination.address),
    )
    return render_trace(found)


def _settle(fleet: Document, places: _Places) -> None:
    """The reverse path filters that the inventory says its hosts have: those of devices that came with the apply."""
    with Visit() as visit:
        for host, entry in fleet["hosts"].items():
            for interface in entry.get("interfaces") or []:
                namespace, name = interface.get("namespace") or "", interface["name"]
                stack = (entry.get("namespaces") or {}).get(namespace) or {}
                value = (stack.get("rp_filter") or {}).get(name)
                if value is not None:
                    visit.go(places.network(Spot(host, namespace)))
                    Path(f"/proc/sys/net/ipv4/conf/{name}/rp_filter").write_text(str(value), encoding="ascii")


class _Places:
    """The paths of network namespaces in a running lab."""

    def __init__(self, record: LabRecord) -> None:
        self._record = record
        lab = record.lab()
        if lab is None or not lab.runs:
            raise HostError(f"the lab {record.name!r} is not up")
        self._lab: Holder = lab
        self._hosts: dict[str, Holder] = {}

    def network(self, spot: Spot) -> str:
        if spot.node:
            return self._lab.network(spot.node)
        if spot.host not in self._hosts:
            self._hosts[spot.host] = self._record.host(spot.host)
        path = self._hosts[spot.host].network(spot.namespace)
        if not os.path.exists(path):
            raise HostError(f"the lab host {spot.host!r} has no namespace {spot.namespace!r}", remedy="apply first")
        return path


def _probe(cell: Cell, places: _Places) -> Probe:
    return Probe(
        network=places.network(t.cast("Spot", cell.source.spot)),
        family=cell.source.address.family,
        source=str(cell.source.address),
        destination=str(cell.destination.address),
        expected=cell.predicted.answered,
    )
