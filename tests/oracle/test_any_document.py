# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any YAML at all gives findings or one clear error, never a traceback, an endless loop or a wrong "proved"."""

from __future__ import annotations

import json
import random
import typing as t

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cryptokey.wireguard.plugins.filter.check import check
from ansible_collections.cryptokey.wireguard.plugins.filter.plan import plan
from ansible_collections.cryptokey.wireguard.tests.oracle.fuzz import Fuzz, _must_be_clear
from ansible_collections.cryptokey.wireguard.tests.oracle.good import INVENTORIES, PLANS
from ansible_collections.cryptokey.wireguard.tests.oracle.sizes import seed, size

# So few each that no processor is left alone with the last ones.
SHARDS = max(4, size("documents") // 2_500)


@pytest.mark.parametrize("shard", range(SHARDS))
def test_damaged_documents_of_every_kind(shard: int) -> None:
    count = size("documents") // SHARDS
    fuzz = Fuzz(seed("fuzz"))
    fuzz.run(count, first=shard * count)
    print("\n" + fuzz.report())
    assert not fuzz.failures, fuzz.report()
    # A damage that is always refused, or never, would prove nothing about what lies behind the entrance.
    for filter_ in ("check", "plan", "report", "host_config", "trace", "reachability"):
        assert fuzz.seen[f"{filter_} answered"] > count / 100, filter_
        assert fuzz.seen[f"{filter_} refused"] > count / 100, filter_
    assert fuzz.seen["documents compared"] > count / 20
    assert fuzz.seen["proofs confirmed"] > count / 40


HUGE = 1 << 20_000  # YAML's 0xfff...; Python refuses to write what has more than 4,300 digits


def places(value: t.Any, way: tuple = ()) -> t.Iterator[tuple]:
    """The way to every value inside one."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        yield (*way, step)
        yield from places(inner, (*way, step))


def chosen(ways: t.Iterable[tuple]) -> list[tuple]:
    """As many of a hundred as sizes.py says, not always the same ones of every document."""
    return [way for way in ways if random.Random(f"{seed('places')} {way}").randrange(100) < size("places")]


def replaced(value: t.Any, way: tuple, new: t.Any) -> t.Any:
    if not way:
        return new
    box = list(value) if isinstance(value, list) else dict(value)
    box[way[0]] = replaced(value[way[0]], way[1:], new)
    return box


def laughs() -> t.Any:
    """A list that stands for a thousand million values."""
    value: t.Any = ["ha"]
    for _level in range(30):
        value = [value, value]
    return value


@pytest.mark.parametrize("hostile", [HUGE, -HUGE, laughs()], ids=["huge", "huge and negative", "a billion laughs"])
@pytest.mark.parametrize("number", range(len(INVENTORIES)))
def test_one_hostile_value_at_every_place(number: int, hostile: t.Any) -> None:
    """Chance needs very many documents to put the one value that breaks something where it breaks."""
    fuzz, inventory, plan = Fuzz("places"), INVENTORIES[number], PLANS[number]
    for way in chosen(places(inventory)):
        fuzz.inventory(replaced(inventory, way, hostile))
    for way in chosen(places(plan)):
        fuzz.plan(replaced(plan, way, hostile), random.Random(str(way)))


WORDS = (
    "version", "hosts", "namespaces", "interfaces", "name", "peers", "allowed_ips", "public_key", "routes", "rules",
    "destination", "device", "addresses", "networks", "peer_groups", "prefix_sets", "priority", "wireguard",
    "wireguard_networks", "corp", "expect", "pool", "topology", "a", "b", "", "10.0.0.1", "10.0.0.0/24", "fd00::1",
    "wg0",
)  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.dates() | st.binary(max_size=4) | st.text(
    max_size=8
) | st.sampled_from(WORDS)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(WORDS) | st.integers() | st.none(), inner, max_size=4)
    ),
    max_leaves=25,
)


def answers(call: t.Callable[[], t.Any], name: str) -> None:
    try:
        result = call()
    except AnsibleFilterError as error:
        _must_be_clear(str(error), name)
    else:
        json.dumps(result, allow_nan=False)


@given(VALUES)
def test_values_that_nobody_would_write(value: t.Any) -> None:
    answers(lambda: check(value), "check")
    answers(lambda: check({"version": 1, "hosts": value}), "check")
    answers(lambda: check({"hosts": {"a": {"interfaces": [{"name": "wg0", "peers": value}]}}}), "check")
    answers(lambda: plan(value, ["a", "b"]), "plan")
    answers(lambda: plan({"a": {"wireguard_networks": value, "wireguard": {"corp": {}}}}, ["a"]), "plan")
    answers(lambda: plan({"a": {"wireguard_networks": {"corp": {}}, "wireguard": {"corp": value}}}, ["a"]), "plan")


@given(st.text(alphabet="ab:[]{}&*-!|>\n \"'#%0.,?~٣\x85é", max_size=60))
def test_texts_that_happen_to_be_yaml(text: str) -> None:
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return
    answers(lambda: check({"hosts": value}), "check")
    answers(lambda: plan({"a": {"wireguard": value, "wireguard_networks": {"a": {}}}}, ["a"]), "plan")


ENDLESS = "corp: &itself\n  pool: [10.0.0.0/8]\n  expect: [*itself]\n"
LAUGHS = "\n".join(["corp:", "  l0: &l0 [ha]", *(f"  l{n}: &l{n} [*l{n - 1}, *l{n - 1}]" for n in range(1, 40))])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ENDLESS, "wireguard_networks of host a: contains itself; write out what the YAML alias in it stands for"),
        (LAUGHS, "wireguard_networks of host a: stands for more than 20,000,000 values; look for YAML aliases of"),
        ("corp: " + "[" * 150 + "]" * 150, "wireguard_networks of host a: is nested more than 100 levels deep"),
    ],
)
def test_aliases_without_an_end_are_one_clear_mistake(text: str, words: str) -> None:
    hostvars = {"a": {"wireguard_networks": yaml.safe_load(text), "wireguard": {"corp": {}}}}
    with pytest.raises(AnsibleFilterError) as caught:
        plan(hostvars, ["a"])
    assert words in str(caught.value)


def test_an_alias_that_ends_is_as_good_as_its_value() -> None:
    text = """
    a: {wireguard_networks: &all {corp: {}}, wireguard: {corp: {addresses: &mine [10.0.0.1], advertise: *mine}}}
    b: {wireguard_networks: *all, wireguard: {corp: {addresses: [10.0.0.2], endpoint: 203.0.113.1}}}
    """
    aliased = yaml.safe_load(text)
    assert plan(aliased, ["a", "b"]) == plan(json.loads(json.dumps(aliased)), ["a", "b"])
