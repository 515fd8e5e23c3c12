# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The class prover against the general one, which walks every single stack: 0 differences over damaged fleets.

Two kinds of fleets: meshes and hubs with shared rows, a few of whose members were damaged (that is what classes are
for), and the random fleets that are compared with the packet simulator, so that nothing about them is tidy.
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

FLEETS = size("classes")


def tally(document: dict, monkeypatch: pytest.MonkeyPatch, *, classes: bool) -> tuple[t.Any, int]:
    """(pairs, delivered pairs, the failing ones with what stops them; how many stacks were proved as a class)."""
    with monkeypatch.context() as patch:
        if not classes:
            patch.setattr(_flows, "classes_of", lambda *_arguments: [])
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
    document: dict = dice.choice([shared.mesh, shared.hub])(dice.randint(4, 9))
    for damage in dice.choices(shared.DAMAGES, k=dice.choice([0, 1, 1, 2, 3, 5])):
        # A row that earlier damages have emptied has nothing left to damage.
        with contextlib.suppress(IndexError):
            damage(document, dice)
    return document


@pytest.mark.parametrize("kind", ["damaged members", "any fleets", "alike members"])
def test_classes_and_single_walks_agree(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: collections.Counter[str] = collections.Counter()
    for number in range(FLEETS // 3):
        name = f"{seed('classes')}-{kind}-{number}"
        document = damaged(name) if kind == "damaged members" else Fleet(name, shared=kind == "alike members").document
        by_classes, alike = tally(document, monkeypatch, classes=True)
        walked, _alike = tally(document, monkeypatch, classes=False)
        assert by_classes == walked, f"seed {name}"
        seen["classes"] += bool(alike)
        seen["broken" if by_classes[2] else "whole"] += 1
    print(f"\n{FLEETS // 3:,} {kind}: {dict(seen)}")
    if kind != "any fleets":
        assert min(seen["classes"], seen["broken"], seen["whole"]) > FLEETS / 40, "this proves little"
