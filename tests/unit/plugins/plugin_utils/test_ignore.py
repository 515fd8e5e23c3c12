# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""wireguard_ignore: how long an entry holds, and entries that match nothing."""

from __future__ import annotations

import datetime
import json
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._plan import make_plan
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._reader import InvalidInventory
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._text import render_report

from .inventories import fleet, public_keys

MEMBERS = {
    "fra1": {"addresses": ["10.77.0.1"], "endpoint": "203.0.113.10", "advertise": ["192.168.10.0/24"]},
    "nyc1": {"addresses": ["10.77.0.2"], "endpoint": "203.0.113.20", "advertise": ["192.168.10.128/25"]},
    "ams1": {"addresses": ["10.77.0.3"], "endpoint": "203.0.113.30"},
}
DAY = datetime.date(2026, 6, 30)
LATER = DAY + datetime.timedelta(days=1)
OVERLAP = {"rule": "WG605", "host": "nyc1", "reason": "a lab inside the site"}


def planned(
    *entries: t.Any, today: datetime.date | None = DAY, hosts: tuple[str, ...] = ("fra1", "nyc1", "ams1")
) -> dict[str, t.Any]:
    hostvars = fleet({}, MEMBERS, **{host: {"wireguard_ignore": list(entries)} for host in hosts})
    return make_plan(hostvars, hostvars, public_keys=public_keys(hostvars), today=today)


def overlaps(plan: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    return [finding for finding in plan["findings"] if finding["rule"] == "WG605"]


@pytest.mark.parametrize("until", ["2026-06-30", DAY])
@pytest.mark.parametrize(("today", "holds"), [(None, True), (DAY, True), (LATER, False)])
def test_an_entry_holds_to_the_end_of_its_day(until: t.Any, today: datetime.date | None, holds: bool) -> None:
    plan = planned({**OVERLAP, "until": until}, today=today)
    assert [(one["rule"], one["until"]) for one in plan["ignored"]] == ([("WG605", "2026-06-30")] if holds else [])
    if not holds:
        (finding,) = overlaps(plan)
        assert (finding["severity"], finding["host"]) == ("error", "nyc1")
        assert finding["message"].endswith(" (ignored until 2026-06-30, which is over)")
    assert json.loads(json.dumps(plan)) == plan


def test_another_entry_that_still_holds_is_enough() -> None:
    entries = [{**OVERLAP, "until": "2026-01-01"}, {**OVERLAP, "reason": "and for good"}]
    assert [one["reason"] for one in planned(*entries)["ignored"]] == ["and for good"]
    assert overlaps(planned(*entries)) == []


def test_the_plan_is_the_same_on_every_day_before_and_on_every_day_after() -> None:
    entry = {**OVERLAP, "until": "2026-06-30"}
    years = [datetime.timedelta(days=365 * number) for number in (0, 1, 3)]
    before = {json.dumps(planned(entry, today=DAY - one)) for one in years}
    after = {json.dumps(planned(entry, today=LATER + one)) for one in years}
    assert len(before) == len(after) == 1
    assert before != after


@pytest.mark.parametrize(
    "until",
    [
        *("2026-6-30", "2026-02-30", "30.06.2026", "20260630", "2026-W27-2", "٢٠٢٦-٠٦-٣٠", "never", ""),
        *(20260630, True, [], {}, datetime.datetime(2026, 6, 30, 12)),
    ],
)
def test_what_is_no_day_is_refused(until: t.Any) -> None:
    with pytest.raises(InvalidInventory, match=r"wireguard_ignore\[0\]\.until of host ams1.*write year, month and day"):
        planned({**OVERLAP, "until": until})


@pytest.mark.parametrize(
    ("entry", "hosts", "host"),
    [
        ({"rule": "WG401", "reason": "x"}, ("fra1", "nyc1", "ams1"), ""),
        ({"rule": "WG401", "reason": "x"}, ("nyc1",), "nyc1"),
        ({"rule": "WG401", "host": "ams1", "reason": "x"}, ("fra1", "nyc1"), "ams1"),
        ({"rule": "WG605", "reason": "x"}, ("fra1", "ams1"), ""),
        ({"rule": "WG605", "peer": "ams1", "reason": "x"}, ("fra1", "nyc1"), ""),
        ({"rule": "WG605", "prefix": "192.168.99.0/24", "reason": "x"}, ("nyc1",), "nyc1"),
    ],
)
def test_an_entry_that_matches_nothing_is_one_note(entry: dict[str, str], hosts: tuple[str, ...], host: str) -> None:
    without, plan = planned(hosts=hosts), planned(entry, hosts=hosts)
    (note,) = [one for one in plan["findings"] if one not in without["findings"]]
    assert (note["rule"], note["severity"], note["host"]) == (entry["rule"], "info", host)
    assert note["message"].startswith(f"wireguard_ignore[0] of host {sorted(hosts)[0]} matches nothing")
    assert plan["summary"]["notes"] == without["summary"]["notes"] + 1
    assert plan["proof"] == without["proof"]


@pytest.mark.parametrize("hosts", [("fra1", "nyc1", "ams1"), ("nyc1",)])
def test_an_entry_that_matches_at_one_of_its_hosts_is_in_use(hosts: tuple[str, ...]) -> None:
    plan = planned({"rule": "WG605", "reason": "x"}, hosts=hosts)
    assert [one["severity"] for one in plan["findings"] if "wireguard_ignore" in one["message"]] == []


def test_an_entry_that_is_over_and_matches_nothing_says_both() -> None:
    plan = planned({"rule": "WG401", "reason": "x", "until": "2026-01-01"}, hosts=("fra1",))
    (note,) = [one for one in plan["findings"] if one["rule"] == "WG401"]
    assert note["message"].startswith("wireguard_ignore[0] of host fra1 ended on 2026-01-01 and matches nothing")


def test_the_report_tells_until_when() -> None:
    report = render_report(planned({**OVERLAP, "until": "2026-12-31"}), width=400)
    assert "because a lab inside the site, until 2026-12-31" in report


@pytest.mark.parametrize("option", ["reason", "until"])
def test_a_huge_number_is_a_mistake_like_any_other(option: str) -> None:
    """Python refuses to write more than 4,300 digits (sys.set_int_max_str_digits)."""
    with pytest.raises(InvalidInventory) as caught:
        planned({**OVERLAP, option: 1 << 20_000})
    assert f"wireguard_ignore[0].{option} of host " in str(caught.value)
