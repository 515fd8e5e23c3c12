# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/inventory.md names every option, and its example is planned as it stands there."""

from __future__ import annotations

import pathlib
import re
import typing as t

import pytest
import yaml

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _members, _networks, _stacks
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._plan import make_plan
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.inventories import public_keys

PAGE = (pathlib.Path(__file__).resolve().parents[4] / "docs" / "inventory.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))


def hostvars() -> dict[str, t.Any]:
    """The files of the page, put together as Ansible does."""
    common: dict[str, t.Any] = {}
    hosts: dict[str, t.Any] = {}
    for folder, name, text in re.findall(r"```yaml\n# (\w+)/(\w+)\.yml\n(.*?)```", PAGE, re.DOTALL):
        target = common if folder == "group_vars" else hosts.setdefault(name, {})
        target.update(yaml.safe_load(text))
    return {host: {**common, **variables} for host, variables in hosts.items()}


def test_the_exit_outside_is_proved_without_a_finding() -> None:
    (text,) = re.findall(r"```yaml\n# two laptops[^\n]*\n(.*?)```", PAGE, re.DOTALL)
    addresses = {"anna": "10.64.0.2", "ben": "10.64.0.3"}
    found = {
        name: {**yaml.safe_load(text), "wireguard": {"vpn": {"addresses": [addresses[name]]}}} for name in addresses
    }
    plan = make_plan(found, found, public_keys=public_keys(found, "vpn"))
    assert plan["findings"] == []
    assert plan["proof"]["verdict"] == "proved"
    assert [entry["holds"] for entry in plan["expectations"]] == [True, True]


def test_the_example_is_proved_without_a_finding() -> None:
    found = hostvars()
    plan = make_plan(found, found, public_keys=public_keys(found))
    assert plan["findings"] == []
    assert plan["proof"]["verdict"] == "proved"
    assert plan["proof"]["pairs"] == 6


@pytest.mark.parametrize(
    ("section", "options"),
    [
        ("wireguard_networks", _networks.OPTIONS),
        ("wireguard_networks", _networks.RULE_OPTIONS),
        ("wireguard_networks", _networks.SELECTORS),
        ("wireguard", _members.OPTIONS),
        ("wireguard_stacks", tuple(_stacks.OPTIONS)),
        ("wireguard_ignore", ("rule", "reason", "host", "interface", "peer", "prefix", "until")),
    ],
)
def test_every_option_is_named_in_its_section(section: str, options: tuple[str, ...]) -> None:
    words = set(re.findall(r"\w+", SECTIONS[section]))
    assert set(options) - words == set()


def test_every_option_in_a_table_exists() -> None:
    for section, options in (("wireguard_networks", _networks.OPTIONS), ("wireguard", _members.OPTIONS)):
        named = re.findall(r"^\| (`.*?) \|", SECTIONS[section], re.MULTILINE)
        assert {word for cell in named for word in re.findall(r"`(\w+)`", cell)} <= set(options)
