# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
import json
import typing as t

import jsonschema
import pytest

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._sarif import render_sarif
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.reports import PLANS, Plan, hostile

# The part of the OASIS schema that this report uses, strict where that is strict: what GitHub refuses a file for.
_MESSAGE: dict[str, t.Any] = {
    "type": "object",
    "properties": {"text": {"type": "string", "minLength": 1}},
    "required": ["text"],
    "additionalProperties": False,
}
_LOCATION: dict[str, t.Any] = {
    "type": "object",
    "properties": {
        "physicalLocation": {
            "type": "object",
            "properties": {
                "artifactLocation": {
                    "type": "object",
                    "properties": {"uri": {"type": "string", "pattern": r"^(file://)?[A-Za-z0-9._~/%-]+$"}},
                    "required": ["uri"],
                    "additionalProperties": False,
                },
                "region": {
                    "type": "object",
                    "properties": {"startLine": {"type": "integer", "minimum": 1}},
                    "required": ["startLine"],
                    "additionalProperties": False,
                },
            },
            "required": ["artifactLocation"],
            "additionalProperties": False,
        },
        "logicalLocations": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": {key: {"type": "string"} for key in ("name", "fullyQualifiedName", "kind")},
                "additionalProperties": False,
            },
        },
        "message": _MESSAGE,
    },
    "additionalProperties": False,
}
_FLOW: dict[str, t.Any] = {
    "type": "object",
    "properties": {
        "message": _MESSAGE,
        "threadFlows": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": {
                    "locations": {
                        "type": "array",
                        "minItems": 1,
                        "items": {
                            "type": "object",
                            "properties": {
                                "executionOrder": {"type": "integer", "minimum": -1},
                                "importance": {"enum": ["important", "essential", "unimportant"]},
                                "location": _LOCATION,
                            },
                            "additionalProperties": False,
                        },
                    }
                },
                "required": ["locations"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["threadFlows"],
    "additionalProperties": False,
}
_LEVEL = {"enum": ["none", "note", "warning", "error"]}
_RESULT: dict[str, t.Any] = {
    "type": "object",
    "properties": {
        "ruleId": {"type": "string"},
        "ruleIndex": {"type": "integer", "minimum": -1},
        "level": _LEVEL,
        "message": _MESSAGE,
        "locations": {"type": "array", "items": _LOCATION},
        "partialFingerprints": {"type": "object", "additionalProperties": {"type": "string"}},
        "codeFlows": {"type": "array", "items": _FLOW},
        "suppressions": {
            "type": "array",
            "uniqueItems": True,
            "items": {
                "type": "object",
                "properties": {
                    "kind": {"enum": ["inSource", "external"]},
                    "status": {"enum": ["accepted", "underReview", "rejected"]},
                    "justification": {"type": "string"},
                },
                "required": ["kind"],
                "additionalProperties": False,
            },
        },
        "properties": {"type": "object"},
    },
    "required": ["message"],
    "additionalProperties": False,
}
_RULE: dict[str, t.Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "name": {"type": "string"},
        "shortDescription": _MESSAGE,
        "fullDescription": _MESSAGE,
        "help": _MESSAGE,
        "defaultConfiguration": {"type": "object", "properties": {"level": _LEVEL}, "additionalProperties": False},
    },
    "required": ["id"],
    "additionalProperties": False,
}
_LOG: dict[str, t.Any] = {
    "type": "object",
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "tool": {
                        "type": "object",
                        "properties": {
                            "driver": {
                                "type": "object",
                                "properties": {
                                    "name": {"type": "string"},
                                    "organization": {"type": "string"},
                                    "rules": {"type": "array", "uniqueItems": True, "items": _RULE},
                                },
                                "required": ["name"],
                                "additionalProperties": False,
                            }
                        },
                        "required": ["driver"],
                        "additionalProperties": False,
                    },
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "results": {"type": "array", "items": _RESULT},
                    "properties": {"type": "object"},
                },
                "required": ["tool"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["version", "runs"],
    "additionalProperties": False,
}


def run(plan: Plan) -> t.Any:
    log = json.loads(render_sarif(plan))
    jsonschema.validate(log, _LOG, cls=jsonschema.Draft7Validator)
    return log["runs"][0]


@pytest.mark.parametrize("name", sorted(PLANS))
def test_it_is_sarif(name: str) -> None:
    found = run(PLANS[name])
    rules = found["tool"]["driver"]["rules"]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in found["results"])
    assert len(found["results"]) == len(PLANS[name]["findings"])


def test_it_stays_sarif_with_hostile_names() -> None:
    run(hostile())


def test_a_trace_is_a_code_flow() -> None:
    plan = PLANS["two-owners"]
    result = next(one for one in run(plan)["results"] if one["ruleId"] == "WG304")
    (flow,) = result["codeFlows"]
    steps = [step["location"]["message"]["text"] for step in flow["threadFlows"][0]["locations"]]
    assert steps[0].startswith("fra1: route ")
    assert any("[WG304]" in step for step in steps)
    assert any(step.startswith("return path, ") for step in steps)


def test_a_place_is_a_relative_and_encoded_reference() -> None:
    plan = copy.deepcopy(PLANS["two-owners"])
    plan["findings"] = plan["findings"][:3]
    places = ({"file": "host_vars/a b#ü.yml", "line": 3}, {"file": "/srv/inventory", "line": None}, None)
    for finding, place in zip(plan["findings"], places, strict=True):
        finding["place"] = place
    # Causes are sorted before consequences, so the results are found by their place.
    locations = [one["locations"][0].get("physicalLocation") for one in run(plan)["results"]]
    encoded = {"artifactLocation": {"uri": "host_vars/a%20b%23%C3%BC.yml"}, "region": {"startLine": 3}}
    assert encoded in locations
    assert {"artifactLocation": {"uri": "file:///srv/inventory"}} in locations
    assert None in locations


def test_the_fingerprint_outlives_another_wording() -> None:
    plan = copy.deepcopy(PLANS["two-owners"])
    before = [one["partialFingerprints"] for one in run(plan)["results"]]
    assert len({json.dumps(one) for one in before}) > 1
    for finding in plan["findings"]:
        finding["message"] += ", in other words"
        finding["place"] = {"file": "x", "line": 1}
    assert [one["partialFingerprints"] for one in run(plan)["results"]] == before


def test_what_is_ignored_is_suppressed_with_its_reason() -> None:
    plan = copy.deepcopy(PLANS["two-owners"])
    plan["ignored"] = [{**plan["findings"].pop(), "reason": "meant so"}]
    (last,) = [one for one in run(plan)["results"] if "suppressions" in one]
    assert last["suppressions"][0]["justification"] == "meant so"
