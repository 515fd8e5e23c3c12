# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
import xml.etree.ElementTree as etree

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._junit import render_junit
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rules import CATALOGUE
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.reports import PLANS, Plan


def suites(plan: Plan) -> dict[str, etree.Element]:
    return {str(suite.get("name")): suite for suite in etree.fromstring(render_junit(plan)).iter("testsuite")}


def test_every_rule_is_a_test_and_a_clean_plan_passes_them_all() -> None:
    found = suites(PLANS["minimal"])
    names = [case.get("name") for case in found["wireguard.rules"]]
    assert names == sorted(f"{rule.id} {rule.name}" for rule in CATALOGUE)
    assert [suite.get("failures") for suite in found.values()] == ["0", "0", "0"]


def test_an_error_fails_and_says_everything_that_is_in_the_way() -> None:
    plan = copy.deepcopy(PLANS["two-owners"])
    plan["findings"][0]["place"] = {"file": "inventory.yml", "line": 7}
    found = suites(plan)["wireguard.rules"]
    failed = [case for case in found if case.find("failure") is not None]
    assert found.get("failures") == str(len(failed)) == str(plan["summary"]["errors"])
    assert (failed[0].get("file"), failed[0].get("line")) == ("inventory.yml", "7")
    assert any("return path" in (case.findtext("failure") or "") for case in failed)


def test_the_counts_are_those_of_the_tests() -> None:
    for plan in PLANS.values():
        for suite in suites(plan).values():
            assert suite.get("tests") == str(len(suite))
            for kind in ("failure", "skipped"):
                number = suite.get("failures" if kind == "failure" else kind)
                assert number == str(len(suite.findall(f"testcase/{kind}")))


def test_a_proof_that_is_missing_is_skipped_and_a_refuted_one_fails() -> None:
    plan = copy.deepcopy(PLANS["proved"])
    for verdict, kind in (("refuted", "failure"), ("unproven", "skipped")):
        plan["proof"]["verdict"] = verdict
        assert suites(plan)["wireguard.proof"][0].find(kind) is not None
