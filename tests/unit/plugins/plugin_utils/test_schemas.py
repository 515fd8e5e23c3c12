# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The published schemas take every plan that is made, and nothing that the planner would refuse by its shape."""

from __future__ import annotations

import copy
import typing as t

import jsonschema
import pytest
from hypothesis import given, settings

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import (
    _expectations,
    _fleet,
    _interface_document,
    _peer_document,
    _routing_document,
    _stack_document,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._plan import make_plan
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils import fleets
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.inventories import (
    fleet,
    inventories,
    public_keys,
)
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.reports import PLANS
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.schemas import SCHEMAS, problems

# A way into a fleet document, to an object where an unknown key is refused.
OBJECTS = {
    "": (),
    "host": ("hosts", "a"),
    "stack": ("hosts", "a", "namespaces", ""),
    "interface": ("hosts", "a", "interfaces", 0),
    "peer": ("hosts", "a", "interfaces", 0, "peers", 0),
    "route": ("hosts", "a", "namespaces", "", "routes", 0),
    "rule": ("hosts", "a", "namespaces", "", "rules", 0),
    "network": ("networks", "corp"),
}


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_a_schema_is_one(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("stack", _stack_document._STACK_KEYS),
        ("interface", _interface_document._INTERFACE),
        ("host", _fleet._HOST),
        ("peer", _peer_document._PEER),
        ("route", _routing_document._ROUTE_KEYS),
        ("rule", _routing_document._RULE_KEYS),
        ("end", set(_expectations._END)),
    ],
)
def test_a_schema_knows_what_the_planner_knows(name: str, keys: t.AbstractSet[str]) -> None:
    assert set(SCHEMAS["fleet.schema.json"]["$defs"][name]["properties"]) == set(keys)


@pytest.mark.parametrize("name", sorted(PLANS))
def test_every_plan_is_valid(name: str) -> None:
    assert problems("plan", PLANS[name]) == []


@given(inventories())
@settings(max_examples=40)
def test_the_plan_of_any_inventory_is_valid(inventory: tuple[dict[str, t.Any], dict[str, t.Any]]) -> None:
    hostvars = fleet(*inventory)
    assert problems("plan", make_plan(hostvars, hostvars, public_keys=public_keys(hostvars))) == []


@pytest.mark.parametrize(
    "make", [fleets.pair, fleets.star, fleets.gateway, lambda: fleets.mesh(4), lambda: fleets.hub(5)]
)
def test_documents_that_were_not_derived_are_valid_too(make: t.Callable[[], t.Any]) -> None:
    assert problems("fleet", make()) == []


def document() -> t.Any:
    """A fleet with one of everything."""
    whole = fleets.fleet(
        {"networks": {"corp": {}}},
        a=fleets.host(fleets.interface("a", ["10.0.0.1/32"], fleets.peer("b", "10.0.0.2/32"))),
    )
    whole["hosts"]["a"]["namespaces"][""].update(rules=[{"priority": 5, "table": "main"}])
    return whole


def at(whole: t.Any, way: tuple[t.Any, ...]) -> t.Any:
    for step in way:
        whole = whole[step]
    return whole


@pytest.mark.parametrize("name", sorted(OBJECTS))
def test_an_unknown_key_is_refused_by_the_schema_as_by_the_parser(name: str) -> None:
    whole = document()
    assert problems("fleet", whole) == []
    parse_fleet(whole)
    at(whole, OBJECTS[name])["unheard_of"] = 1
    assert any("unheard_of" in problem for problem in problems("fleet", whole))
    with pytest.raises(InvalidInput, match="unheard_of"):
        parse_fleet(whole)


@pytest.mark.parametrize("name", sorted(OBJECTS))
def test_every_key_of_the_schema_is_known_to_the_parser(name: str) -> None:
    schema = SCHEMAS["fleet.schema.json"]
    known = (schema["$defs"][name] if name else schema)["properties"]
    for key in sorted(known):
        whole = document()
        target = at(whole, OBJECTS[name])
        if key not in target:
            # Null claims nothing, whatever is expected there.
            target[key] = None
            parse_fleet(whole)


@pytest.mark.parametrize(
    ("way", "value"),
    [
        (("version",), 2),
        (("findings", 0, "severity"), "fatal"),
        (("findings", 0, "rule"), "WG1"),
        (("findings", 0, "witness"), {}),
        (("findings", 0, "place"), {"file": ""}),
        (("proof", "verdict"), "perhaps"),
        (("proof", "delivered"), -1),
        (("matrix", 0, "rows", 0, "hosts"), []),
        (("traces", 0, "outcome"), "lost"),
        (("traces", 0, "steps", 0, "direction"), "up"),
        (("summary", "changes"), {}),
        (("fleet", "hosts", "fra1", "interfaces", 0, "public_key"), "x"),
        (("fleet", "hosts", "fra1", "interfaces", 0, "addresses", 0), "fra1"),
        (("fleet", "hosts", "fra1", "interfaces", 0, "listen_port"), 70000),
    ],
)
def test_a_damaged_plan_is_refused(way: tuple[t.Any, ...], value: t.Any) -> None:
    plan = copy.deepcopy(PLANS["two-owners"])
    at(plan, way[:-1])[way[-1]] = value
    assert problems("plan", plan) != []


@pytest.mark.parametrize("key", sorted(SCHEMAS["plan.schema.json"]["required"]))
def test_no_part_of_a_plan_may_be_missing(key: str) -> None:
    plan = {name: part for name, part in PLANS["two-owners"].items() if name != key}
    assert any(key in problem for problem in problems("plan", plan))
