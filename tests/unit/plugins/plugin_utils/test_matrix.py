# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._matrix import make_matrix
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ownership import Ownership
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._plan import make_plan
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._prover import prove
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._trace import trace
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.inventories import (
    fleet,
    inventories,
    numbered,
    public_keys,
)
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.reports import (
    PLANS,
    broken_mesh,
    mesh,
    plan_of,
)

Plan = dict[str, t.Any]


def cells(plan: Plan) -> list[t.Any]:
    return [cell for table in plan["matrix"] for row in table["cells"] for cell in row if cell]


def grouped(groups: t.Callable[[int], list[str]], count: int = 40) -> t.Any:
    hostvars = fleet({}, numbered(count))
    for number, variables in enumerate(hostvars.values()):
        variables["group_names"] = groups(number)
    (table,) = make_plan(hostvars, hostvars, public_keys=public_keys(hostvars))["matrix"]
    return table


@given(inventories(), st.booleans())
@settings(max_examples=60)
def test_the_cells_add_up_to_what_is_proved(inventory: t.Any, damaged: bool) -> None:
    network, members = inventory
    if damaged:
        first = next(iter(members.values()))
        # An exit stays one: who has chosen it would otherwise be refused.
        defaults = [text for text in first.get("advertise", ()) if text.endswith("/0")]
        first["advertise"] = [*defaults, "192.168.2.0/24", "fd00:2::/64"]
    hostvars = fleet(network, members)
    plan = make_plan(hostvars, hostvars, public_keys=public_keys(hostvars))
    assert sum(cell["pairs"] for cell in cells(plan)) == plan["proof"]["pairs"]
    assert sum(cell["delivered"] for cell in cells(plan)) == plan["proof"]["delivered"]


def test_a_cell_of_two_hosts_says_what_their_traces_say() -> None:
    plan = PLANS["two-owners"]
    document = parse_fleet(plan)
    owners = Ownership.of(Model.of(document)).networks["corp"].owners
    for cell in cells(plan):
        found = trace(document, **cell["packet"])
        target = found["destination"]
        contested = len(owners[4].at(int.from_bytes(bytes(map(int, target.split(".")))))) > 1
        if not contested:
            assert bool(found["blockers"]) == (cell["delivered"] < cell["pairs"])


def test_few_hosts_have_a_row_each() -> None:
    (table,) = PLANS["proved"]["matrix"]
    assert [row["name"] for row in table["rows"]] == ["fra1", "laptop", "nyc1"]
    assert all(table["cells"][number][number] is None for number in range(3))


def test_many_hosts_are_shown_by_their_smallest_group_that_tells_anything() -> None:
    table = grouped(lambda number: ["everywhere", f"dc{number % 5}", f"continent{number % 2}", f"only{number}"])
    assert [(row["name"], len(row["hosts"])) for row in table["rows"]] == [(f"dc{number}", 8) for number in range(5)]


def test_of_too_many_groups_the_larger_ones_are_taken() -> None:
    table = grouped(lambda number: [f"rack{number % 20:02}", f"dc{number % 4}"])
    assert [row["name"] for row in table["rows"]] == ["dc0", "dc1", "dc2", "dc3"]


def test_there_are_never_more_than_ten_rows() -> None:
    table = grouped(lambda number: [f"rack{number % 20:02}"] if number else [])
    assert len(table["rows"]) == 10
    assert table["rows"][-1]["kind"] == "rest"
    assert sum(len(row["hosts"]) for row in table["rows"]) == 40


def test_without_groups_gateways_stand_apart() -> None:
    members = numbered(20)
    members["h0003"]["advertise"] = ["192.168.3.0/24"]
    (table,) = plan_of(members)["matrix"]
    assert [(row["name"], len(row["hosts"])) for row in table["rows"]] == [("gateways", 1), ("other hosts", 19)]


def test_the_table_does_not_grow_with_the_pairs() -> None:
    small, large = (len(repr(mesh(size)["traces"])) for size in (20, 80))
    assert large < 2 * small
    assert len(broken_mesh(80)["traces"]) <= 160


def test_a_document_without_an_inventory_has_a_table_too() -> None:
    document = parse_fleet(PLANS["proved"])
    assert make_matrix(document, prove(document), {}) == PLANS["proved"]["matrix"]
