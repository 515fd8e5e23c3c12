# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is true of a report in every format: the same bytes for the same plan, bounded, and no name becomes markup.

The oracle for hostile names is the same plan with harmless ones: what a reader of the format sees has to have the same
structure.
"""

from __future__ import annotations

import copy
import html.parser
import json
import re
import time
import typing as t
import xml.etree.ElementTree as etree
from collections import Counter

import pytest
from markdown_it import MarkdownIt

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._formats import FORMATS, render_as
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.reports import (
    HOSTILE,
    PLANS,
    broken_mesh,
    hostile,
    mesh,
    renamed,
)

Plan = dict[str, t.Any]
Structure = Counter[t.Any]


class _Tags(html.parser.HTMLParser):
    """Which elements there are, with which attributes. Only harmless values of addresses are let through."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: Structure = Counter()
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found[tag, tuple(sorted(name for name, _value in attrs))] += 1
        for name, value in attrs:
            assert not name.startswith("on")
            if name in ("href", "src"):
                assert re.fullmatch(r"#[\w-]+", value or ""), value

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def tags(text: str) -> Structure:
    parser = _Tags()
    parser.feed(text)
    parser.close()
    return parser.found


def of_html(text: str) -> Structure:
    return tags(text)


def of_markdown(text: str) -> Structure:
    """As a renderer of CommonMark with tables makes it HTML. What stands in a fence cannot be markup."""
    found = tags(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))
    assert {tag for tag, _attributes in found} <= set(
        "h2 h3 p strong em br details summary pre code ul li table thead tbody tr th td".split()
    )
    return found


def of_junit(text: str) -> Structure:
    return Counter((element.tag, *sorted(element.attrib)) for element in etree.fromstring(text).iter())


def of_json(text: str) -> Structure:
    def walk(value: t.Any) -> t.Iterator[str]:
        if isinstance(value, dict):
            for key, entry in value.items():
                yield from (f".{key}{rest}" for rest in walk(entry))
        elif isinstance(value, list):
            for entry in value:
                yield from (f"[]{rest}" for rest in walk(entry))
        else:
            yield type(value).__name__

    return Counter(walk(json.loads(text)))


def of_github(text: str) -> Structure:
    commands = [re.fullmatch(r"::(error|warning|notice) ([^:\r\n]*)::([^\r\n]*)", line) for line in text.split("\n")]
    assert all(commands)
    listed = [[one.split("=")[0] for one in found[2].split(",")] for found in commands if found]
    return Counter((found[1], *names) for found, names in zip(commands, listed, strict=True) if found)


_NODE = r'    n\d+_\d+(\["|\[\["|\(\[")[^"\[\]<>`{}]*(<br/>[^"\[\]<>`{}]*)*("\]|"\]\]|"\]\))(:::\w+)?'
_MERMAID = {
    "head": "flowchart LR",
    "group": r'  subgraph s\d+\["[^"\[\]<>`{}]*"\]',
    "node": _NODE,
    "end": "  end",
    "link": r"  n\d+_\d+ (---|-\.-|x--x) n\d+_\d+",
    "note": "  %% a dotted line is a backup: [a-z ]+",
    "class": "  classDef [a-z]+ [a-z0-9:#,. -]+",
}


def of_mermaid(text: str) -> Structure:
    kinds = [[kind for kind, line_of in _MERMAID.items() if re.fullmatch(line_of, line)] for line in text.split("\n")]
    assert all(len(kind) == 1 for kind in kinds), text
    return Counter(kind[0] for kind in kinds)


def of_text(text: str) -> Structure:
    """Where texts are long, lines are broken elsewhere; headings and findings stay."""
    assert all(line.isprintable() for line in text.split("\n"))
    return Counter(found[0] for found in re.finditer(r"^(  WG\d+|[A-Z]{5,})", text, re.MULTILINE))


STRUCTURES: dict[str, t.Callable[[str], Structure]] = {
    "text": of_text,
    "markdown": of_markdown,
    "github": of_github,
    "junit": of_junit,
    "sarif": of_json,
    "mermaid": of_mermaid,
    "html": of_html,
}


def test_every_format_has_its_oracle() -> None:
    # JSON is the plan as it is: whoever reads it escapes for himself.
    assert set(STRUCTURES) | {"json"} == set(FORMATS)


@pytest.mark.parametrize("name", sorted(FORMATS))
@pytest.mark.parametrize("plan", sorted(PLANS))
def test_a_report_has_the_same_bytes_for_the_same_plan(name: str, plan: str) -> None:
    # As it comes back from a file, in another order of keys.
    other = json.loads(json.dumps(PLANS[plan], sort_keys=True))
    before = copy.deepcopy(PLANS[plan])
    assert render_as(name, PLANS[plan]) == render_as(name, other)
    assert PLANS[plan] == before


@pytest.mark.parametrize("name", sorted(STRUCTURES))
@pytest.mark.parametrize("plan", sorted(PLANS))
def test_every_report_is_well_formed(name: str, plan: str) -> None:
    STRUCTURES[name](render_as(name, PLANS[plan]))


@pytest.mark.parametrize("name", sorted(STRUCTURES))
def test_hostile_names_change_nothing_in_the_structure_of_a_report(name: str) -> None:
    harmless = render_as(name, renamed(hostile(), dict.fromkeys(HOSTILE, "x")))
    text = render_as(name, hostile())
    text.encode("utf-8")
    assert STRUCTURES[name](text) == STRUCTURES[name](harmless)


@pytest.mark.parametrize("name", sorted(STRUCTURES))
@pytest.mark.parametrize("attack", HOSTILE)
def test_each_hostile_name_is_shown_and_not_obeyed(name: str, attack: str) -> None:
    text = render_as(name, hostile(attack))
    assert STRUCTURES[name](text) == STRUCTURES[name](render_as(name, hostile("x")))
    # Nothing that moves a cursor or turns the direction of the text is left of it.
    assert all(character.isprintable() or character == "\n" for character in text)


@pytest.mark.parametrize("name", sorted(set(STRUCTURES) - {"json"}))
@pytest.mark.parametrize("make", [mesh, broken_mesh])
def test_a_report_stays_small_whatever_the_fleet(name: str, make: t.Callable[[int], Plan]) -> None:
    plan = make(80)
    began = time.process_time()
    text = render_as(name, plan)
    assert time.process_time() - began < 10
    limits = {"sarif": 1_500_000, "html": 300_000, "markdown": 65_000}
    assert len(text) <= limits.get(name, 200_000)


def test_a_comment_fits_even_where_single_findings_are_huge() -> None:
    plan = copy.deepcopy(PLANS["two-owners"])
    for finding in plan["findings"]:
        finding["message"] = "<&>" * 100_000
        finding["hint"] = "`" * 100_000
    plan["assumptions"] *= 1000
    assert len(render_as("markdown", plan)) <= 65_000
    assert len(render_as("html", plan)) <= 400_000


@pytest.mark.parametrize("name", sorted(set(FORMATS) - {"json"}))
def test_what_is_no_plan_is_refused_by_every_format(name: str) -> None:
    for bad in ({"fleet": {}}, {**PLANS["proved"], "findings": 5}):
        with pytest.raises(InvalidInput, match="the plan"):
            render_as(name, bad)
