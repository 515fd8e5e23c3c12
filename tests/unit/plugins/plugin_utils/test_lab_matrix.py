# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab import plan_lab
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab_matrix import predict_matrix
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab_verdict import Measured, render, summarise
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.lab_fleets import two_sites


def matrix():
    return predict_matrix(two_sites(), plan_lab(two_sites()))


def as_predicted():
    return [Measured(cell=cell, answered=cell.predicted.answered, sent=1) for cell in matrix()]


def test_every_address_is_a_source_and_so_is_the_host_of_each_lan():
    sources = {str(cell.source.address) for cell in matrix()}
    assert {"10.77.0.1", "10.77.0.2", "10.77.0.3", "203.0.113.10", "192.168.10.1", "192.168.10.254"} <= sources
    assert {"192.168.178.23", "198.18.0.1"} <= sources


def test_destinations_are_also_the_phone_and_an_address_that_nobody_has():
    labels = {cell.destination.label: str(cell.destination.address) for cell in matrix()}
    assert labels["phone"] == "10.77.200.1"
    assert labels["(nobody)"].startswith("10.77.")
    assert labels["(nobody)"] not in {"10.77.0.1", "10.77.0.2", "10.77.0.3", "10.77.200.1"}


def test_nothing_is_sent_to_oneself_nor_to_the_other_family():
    for cell in matrix():
        assert cell.source.spot != cell.destination.spot
        assert cell.source.address.family == cell.destination.address.family


def test_a_matrix_as_predicted_has_no_difference():
    summary = summarise(as_predicted())
    assert summary["differences"] == 0
    assert summary["cells"] == summary["delivered"] + sum(summary["blocked"].values()) == summary["packets_sent"]
    assert {"exits", "source_rejected", "unmanaged_peer", "no_route"} <= set(summary["blocked"])
    text = render(as_predicted(), lambda _cell: "the trace")
    assert "differences 0" in text
    assert "the trace" not in text


def test_a_cell_that_differs_is_marked_named_and_traced():
    results = as_predicted()
    index = next(number for number, result in enumerate(results) if result.answered)
    results[index] = dataclasses.replace(results[index], answered=False, refused="ENOKEY")
    text = render(results, lambda cell: f"the trace of {cell.source.address}")
    cell = results[index].cell
    assert summarise(results)["differences"] == 1
    assert f"{cell.title}: predicted that it is answered; measured: no answer to 1 requests" in text
    assert "ENOKEY" in text
    assert f"the trace of {cell.source.address}" in text
    assert "!" in text.splitlines()[1]
    assert text.endswith("differences 1")


def test_an_answer_where_none_is_predicted_differs_too():
    results = as_predicted()
    index = next(number for number, result in enumerate(results) if not result.answered)
    results[index] = dataclasses.replace(results[index], answered=True)
    assert "predicted that it is blocked (" in render(results, lambda _cell: "")
    assert summarise(results)["differences"] == 1
