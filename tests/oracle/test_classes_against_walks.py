# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is proved together against the general prover, which walks every single stack: 0 differences, damaged or not.

Three kinds of fleets: meshes and hubs with shared rows, a few of whose members were damaged (that is what classes are
for), rings, trees and other graphs (for these there is the forest), and the random fleets that are compared with the
packet simulator, so that nothing about them is tidy.
"""

from __future__ import annotations

import collections
import contextlib
import random
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _flows
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ownership import Ownership
from ansible_collections.cryptokey.wireguard.tests.oracle.fleets import Fleet
from ansible_collections.cryptokey.wireguard.tests.oracle.sizes import seed, size
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils import test_classes as shared
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils import test_forest as linked

FLEETS = size("classes")


def tally(document: dict, monkeypatch: pytest.MonkeyPatch, *, together: bool) -> tuple[t.Any, int]:
    """(pairs, delivered pairs, the failing ones with what stops them; how many stacks were proved as a class)."""
    with monkeypatch.context() as patch:
        if not together:
            patch.setattr(_flows, "classes_of", lambda *_arguments: [])
            patch.setattr(_flows, "TOGETHER_FROM", 10**9)
        else:
            # However little it is that does not arrive.
            patch.setattr(_flows, "LOST_TOGETHER_FROM", 0)
        model = Model.of(parse_fleet(document))
        flows = _flows.intended_flows(model, Ownership.of(model))
        failing = {
            (cause.network, cause.family, *pair, cause.blocked)
            for cause in flows.failures
            for pair in cause.first_pairs
        }
        return (flows.pairs, flows.delivered, failing), sum(map(len, model.alike.values()))


def damaged(name: str) -> dict:
    dice = random.Random(name)
    document: dict = dice.choice([shared.mesh, shared.hub, shared.bare_hub])(dice.randint(4, 9))
    for damage in dice.choices(shared.DAMAGES, k=dice.choice([0, 1, 1, 2, 3, 5])):
        # A row that earlier damages have emptied has nothing left to damage.
        with contextlib.suppress(IndexError):
            damage(document, dice)
    return document


def document_of(kind: str, name: str) -> dict:
    if kind == "damaged members":
        return damaged(name)
    if kind == "damaged links":
        return linked.damaged(random.Random(name))
    return Fleet(name, shared=kind == "alike members").document


@pytest.mark.parametrize("kind", ["damaged members", "damaged links", "any fleets", "alike members"])
def test_classes_and_single_walks_agree(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: collections.Counter[str] = collections.Counter()
    for number in range(FLEETS // 4):
        name = f"{seed('classes')}-{kind}-{number}"
        document = document_of(kind, name)
        together, alike = tally(document, monkeypatch, together=True)
        walked, _alike = tally(document, monkeypatch, together=False)
        assert together == walked, f"seed {name}"
        seen["classes"] += bool(alike)
        seen["broken" if together[2] else "whole"] += 1
    print(f"\n{FLEETS // 4:,} {kind}: {dict(seen)}")
    if kind != "any fleets":
        assert min(seen["broken"], seen["whole"]) > FLEETS / 60, "this proves little"
    if kind in ("damaged members", "alike members"):
        assert seen["classes"] > FLEETS / 60, "this proves little"
