# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import itertools
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._exit_code import LEVELS, exit_code, failing, refusal
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.reports import PLANS


def plan(*severities: str, verdict: str = "proved", changes: t.Any = (), interfaces: int = 1) -> dict[str, t.Any]:
    return {
        "findings": [{"severity": severity, "rule": f"WG{number}"} for number, severity in enumerate(severities, 201)],
        "proof": {"verdict": verdict},
        "summary": {
            "changes": None if changes is None else list(changes), "interfaces": interfaces, "removals": 0
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    ("made", "limits", "code"),
    [
        (plan(), {}, 0),
        (plan(changes=["x"]), {}, 2),
        (plan(changes=None), {}, 2),
        (plan(changes=None, interfaces=0), {}, 0),
        (plan("error"), {}, 1),
        (plan("warning"), {}, 0),
        (plan("warning"), {"fail_level": "warning"}, 1),
        (plan("info"), {"fail_level": "warning"}, 0),
        (plan("info"), {"fail_level": "info"}, 1),
        (plan(verdict="unproven"), {}, 0),
        (plan(verdict="unproven", changes=["x"]), {}, 2),
        (plan(verdict="unproven"), {"strict": True}, 3),
        (plan(verdict="refuted"), {"strict": True}, 3),
        (plan("error", verdict="refuted"), {"strict": True}, 1),
    ],
)
def test_the_code(made: t.Any, limits: t.Any, code: int) -> None:
    assert exit_code(made, **limits) == code
    assert bool(refusal(made, **limits)) == (code in (1, 3))


def test_a_level_stands_for_what_is_worse() -> None:
    found = [{"severity": level} for level in LEVELS]
    assert [len(failing(found, level)) for level in LEVELS] == [1, 2, 3]


def test_real_plans() -> None:
    codes = {name: exit_code(made) for name, made in PLANS.items()}
    assert (codes["unchanged"], codes["changed"], codes["proved"], codes["two-owners"]) == (0, 2, 2, 1)
    for made, strict in itertools.product(PLANS.values(), (False, True)):
        assert exit_code(made, strict=strict) in range(4)


@pytest.mark.parametrize(
    ("made", "limits", "text"),
    [
        (plan("error"), {}, "the plan has an error (WG201), see"),
        (plan("error", "error"), {}, "the plan has 2 errors (WG201, WG202), see"),
        (plan("warning"), {"fail_level": "info"}, "the plan has a warning (WG201), see"),
        (plan("warning", "info"), {"fail_level": "info"}, "the plan has 2 findings (WG201, WG202), see"),
        (plan(verdict="unproven"), {"strict": True}, "the plan is unproven, and strict wants a proof"),
    ],
)
def test_the_refusal_says_why(made: t.Any, limits: t.Any, text: str) -> None:
    assert refusal(made, **limits).startswith(text)
    assert refusal(made, **limits).endswith("no host was touched")
