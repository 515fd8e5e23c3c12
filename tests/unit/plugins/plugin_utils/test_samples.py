# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._samples import sample_traces
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._trace import trace
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._trace_text import render, render_steps
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.reports import PLANS, broken_mesh

PACKET = {"host": "fra1", "namespace": "", "source": "10.77.0.1", "destination": "10.77.0.3"}


def test_every_witness_has_its_trace() -> None:
    plan = PLANS["two-owners"]
    known = [{key: one[key] for key in PACKET} for one in plan["traces"]]
    witnesses = [finding["witness"] for finding in plan["findings"] if finding["witness"]]
    assert witnesses
    assert all(witness in known for witness in witnesses)
    assert len(known) == len({tuple(packet.values()) for packet in known})


def test_the_short_form_reads_as_the_whole_trace() -> None:
    document = parse_fleet(PLANS["proved"])
    (short,) = sample_traces(document, [{"rule": "WG304", "witness": PACKET}], [])
    assert render_steps(short) == render(trace(document, **PACKET))


def test_an_intended_flow_that_ends_at_another_owner_is_not_said_to_arrive() -> None:
    document = parse_fleet(PLANS["proved"])
    (lost,) = sample_traces(document, [{"rule": "WG001", "witness": PACKET}], [])
    assert lost["verdict"] == "ends at laptop, not at the owner that was meant"
    (denied,) = sample_traces(document, [{"rule": "WG002", "witness": PACKET}], [])
    assert denied["verdict"] == "arrives, and so does the reply"


def test_a_witness_of_another_fleet_is_left_out() -> None:
    document = parse_fleet(PLANS["proved"])
    packets = [{**PACKET, "host": "gone"}, {**PACKET, "destination": "fd00::1"}, {**PACKET, "namespace": "blue"}]
    assert sample_traces(document, [{"rule": "WG901", "witness": packet} for packet in packets], []) == []


def test_their_number_is_bounded() -> None:
    assert 0 < len(broken_mesh(80)["traces"]) <= 160
