# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every rule's decision, broken in three ways, is noticed by the examples of its page.

``tests/tools/mutation.py`` makes the finer changes: it breaks single lines of the rules.
"""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _rules
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rules._rule import SEVERITIES, Case, Finding, Rule

from . import test_rules as pages


def silent(rule: Rule) -> Rule:
    return dataclasses.replace(rule, decide=lambda _case: ())


def jumpy(rule: Rule) -> Rule:
    """Says something of any fleet."""

    def decide(case: Case) -> t.Iterator[Finding]:
        yield from rule.decide(case)
        yield Finding(host=next(iter(case.fleet.hosts), ""), message="something is wrong", hint="mend it")

    return dataclasses.replace(rule, decide=decide)


def misjudging(rule: Rule) -> Rule:
    """Takes what it finds for more, or for less, than it is."""
    other = SEVERITIES[(SEVERITIES.index(rule.severity) + 1) % len(SEVERITIES)]

    def decide(case: Case) -> t.Iterator[Finding]:
        yield from (dataclasses.replace(found, severity=other) for found in rule.decide(case))

    return dataclasses.replace(rule, decide=decide)


# By attribute, so that an import fails where one of them is renamed.
CHECKS = (pages.test_the_bad_example_is_found, pages.test_the_good_example_is_clean)


def notices(rule: Rule) -> bool:
    for check in CHECKS:
        try:
            check(rule)
        except AssertionError:
            return True
    return False


@pytest.mark.parametrize("rule", _rules.CATALOGUE, ids=lambda rule: rule.id)
@pytest.mark.parametrize("broken", [silent, jumpy, misjudging], ids=lambda broken: broken.__name__)
def test_a_broken_decision_turns_a_test_red(
    rule: Rule, broken: t.Callable[[Rule], Rule], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not notices(rule)
    changed = tuple(broken(one) if one is rule else one for one in _rules.CATALOGUE)
    monkeypatch.setattr(_rules, "CATALOGUE", changed)
    assert notices(rule), f"nobody notices that {rule.id} is {broken.__name__}"
