# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What senders lose, found for all of them together, against the walk of every single one of them."""

from __future__ import annotations

import random
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _flows
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._failures import Example, Failures, Sender
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fib import Fib
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ownership import Ownership
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import union
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._walk import Blocked, Place

from .test_forest import ALONE, damaged, linked, ring

Document = dict[str, t.Any]


@pytest.fixture(autouse=True)
def groups_by_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which packet is the example depends on the order of the groups, and that on what was looked up before."""
    split = Fib.split

    def ordered(self: Fib, *arguments: t.Any, **options: t.Any) -> t.Any:
        return dict(sorted(split(self, *arguments, **options).items(), key=lambda one: one[1]))

    monkeypatch.setattr(Fib, "split", ordered)


def failures(document: Document, monkeypatch: pytest.MonkeyPatch, *, together_from: int) -> t.Any:
    monkeypatch.setattr(_flows, "LOST_TOGETHER_FROM", together_from)
    model = Model.of(parse_fleet(document))
    return _flows.intended_flows(model, Ownership.of(model)).failures


def told(found: t.Any) -> tuple[t.Any, ...]:
    """Everything that a report could say, in its order."""
    causes = [
        (
            (one.network, one.family, one.blocked, one.example, one.astray, frozenset(one.first_pairs)),
            (union(*one.sources), one.all_destinations()),
        )
        for one in found
    ]
    senders = dict(found.by_sender())
    glances = {sender: found.glances(sender, sorted(owners)[::2]) for sender, owners in senders.items()}
    examples = {sender: list(found.examples(sender, owners).items()) for sender, owners in senders.items()}
    return causes, [(sender, set(owners)) for sender, owners in senders.items()], glances, examples


@pytest.mark.parametrize("seed", range(120))
def test_all_together_and_each_alone_lose_the_same(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    document = damaged(random.Random(f"lost {seed}"))
    together = told(failures(document, monkeypatch, together_from=0))
    assert together == told(failures(document, monkeypatch, together_from=ALONE))


def not_forwarding(document: Document, *hosts: str) -> Document:
    for host in hosts:
        document["hosts"][host]["namespaces"][""]["forwarding"] = {}
    return document


def count_walks(monkeypatch: pytest.MonkeyPatch) -> list[t.Any]:
    walked: list[t.Any] = []
    start = _flows.Walk.start

    def counted(self: t.Any, *arguments: t.Any, **options: t.Any) -> t.Any:
        walked.append(arguments[0])
        return start(self, *arguments, **options)

    monkeypatch.setattr(_flows.Walk, "start", counted)
    return walked


@pytest.mark.parametrize(
    "document",
    [not_forwarding(ring(12), "h03"), not_forwarding(linked([(n, n + 1) for n in range(11)]), "h05")],
    ids=["ring", "line"],
)
def test_one_sender_is_walked_for_what_stops_all(document: Document, monkeypatch: pytest.MonkeyPatch) -> None:
    walked = count_walks(monkeypatch)
    found = failures(document, monkeypatch, together_from=0)
    assert len(found.pairs) > 12
    (cause,) = found
    assert set(walked) == {cause.example.source_stack}


def test_what_goes_round_is_walked_and_the_rest_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    document = not_forwarding(ring(12), "h03")
    # Two neighbours that each think the other one has it.
    for one, other in (("h06", "h07"), ("h07", "h06")):
        for peer in document["hosts"][one]["interfaces"][0]["peers"]:
            theirs = [text for text in peer["allowed_ips"] if text != "10.100.7.0/24"]
            peer["allowed_ips"] = [*theirs, *(["10.100.7.0/24"] if peer["name"] == other else [])]
    together = failures(document, monkeypatch, together_from=0)
    # The way back from the wrong turn is not the one that its peer may send from.
    assert "source_rejected" in {cause.blocked.outcome for cause in together}
    assert told(together) == told(failures(document, monkeypatch, together_from=ALONE))


def test_a_glance_walks_to_the_asked_owners_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    document = not_forwarding(ring(12), "h03")
    document["hosts"]["h09"]["namespaces"][""]["routes"].insert(
        0, {"destination": "10.109.7.0/24", "type": "blackhole"}
    )
    found = failures(document, monkeypatch, together_from=0)
    sender = next(one for one, owners in found.by_sender() if one.stack.host == "h02" and len(owners) > 3)
    owner = next(to for to in dict(found.by_sender())[sender] if to.host == "h09")
    asked: list[t.Any] = []
    start = _flows.Walk.start

    def noted(self: t.Any, *arguments: t.Any, **options: t.Any) -> t.Any:
        asked.append(arguments[2])
        return start(self, *arguments, **options)

    monkeypatch.setattr(_flows.Walk, "start", noted)
    seen = found.glances(sender, [owner])
    lan = (10 << 24 | 109 << 16 | 7 << 8, 10 << 24 | 109 << 16 | 8 << 8)
    assert set(asked) == {lan}
    assert seen[owner].first.outcome == "blackhole"


HERE, ONE, OTHER = (StackId(name, "") for name in ("h1", "h2", "h3"))
SENDER = Sender("corp", 4, HERE)


@pytest.mark.parametrize("several", [False, True])
def test_a_glance_at_what_several_pieces_lose_is_left_to_the_whole_walk(several: bool) -> None:
    asked: list[t.Any] = []
    near, whole = (Example(HERE, ONE, 1, number, Blocked("no_route", Place(HERE, None))) for number in (2, 3))

    def look(owners: t.Any) -> list[Failures]:
        asked.append(owners)
        found = Failures()
        found.pairs[(*SENDER, ONE)] = whole if owners is None else near
        found.pairs[(*SENDER, OTHER)] = near
        if several:
            found.several.add((*SENDER, ONE))
        return [found]

    failures = Failures()
    failures.leave(SENDER, [ONE, OTHER], look)
    # What was not asked for, because it is lost together with what was, is not told.
    assert failures.glances(SENDER, [ONE]) == {ONE: whole if several else near}
    assert asked == ([[ONE], None] if several else [[ONE]])
