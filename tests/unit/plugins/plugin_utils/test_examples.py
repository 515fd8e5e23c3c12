# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every example inventory, read by Ansible, is proved without an error or a warning."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.vars.manager import VariableManager

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._key_files import read_key_files
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._plan import make_plan

TOP = pathlib.Path(__file__).resolve().parents[4]
EXAMPLES = sorted(path.parent for path in (TOP / "examples").glob("*/inventory.yml"))


def variables(folder: pathlib.Path) -> dict[str, t.Any]:
    loader = DataLoader()
    inventory = InventoryManager(loader=loader, sources=[str(folder / "inventory.yml")])
    manager = VariableManager(loader=loader, inventory=inventory)
    return {host.name: manager.get_vars(host=host, include_hostvars=False) for host in inventory.get_hosts()}


def planned(folder: pathlib.Path, hostvars: t.Any = None) -> dict[str, t.Any]:
    found = hostvars or variables(folder)
    kept = folder / "wireguard_plan.json"
    previous = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else None
    return make_plan(found, list(found), public_keys=read_key_files(str(folder / "wireguard_keys")), previous=previous)


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
def test_an_example_is_proved_without_an_error_or_a_warning(folder: pathlib.Path) -> None:
    plan = planned(folder)
    assert [finding for finding in plan["findings"] if finding["severity"] != "info"] == []
    assert plan["proof"]["verdict"] == "proved"
    assert all(entry["holds"] for entry in plan["expectations"])


def held(hosts: dict[str, t.Any]) -> dict[str, list[str]]:
    return {name: host["interfaces"][0]["addresses"] for name, host in hosts.items()}


def test_there_are_examples() -> None:
    assert {folder.name for folder in EXAMPLES} >= {"exits", "external-exits", "minimal", "pools", "two-hubs"}


@pytest.mark.parametrize("page", ["README.md", "docs/inventory.md"])
def test_every_example_is_listed(page: str) -> None:
    text = (TOP / page).read_text(encoding="utf-8")
    assert [folder.name for folder in EXAMPLES if f"examples/{folder.name}" not in text] == []


def test_the_kept_plan_of_the_pools_is_the_one_that_its_inventory_gives() -> None:
    folder = TOP / "examples" / "pools"
    plan = planned(folder)
    assert plan["summary"]["changes"] == []
    kept = json.loads((folder / "wireguard_plan.json").read_text(encoding="utf-8"))
    assert held(plan["fleet"]["hosts"]) == held(kept["fleet"]["hosts"])


def test_a_host_that_joins_the_pools_renumbers_nobody() -> None:
    folder = TOP / "examples" / "pools"
    hostvars = variables(folder)
    before = planned(folder, hostvars)["fleet"]["hosts"]
    newcomers = {f"new{number}": hostvars["roaming1"] for number in range(60)}
    after = planned(folder, {**hostvars, **newcomers})["fleet"]["hosts"]
    assert {name: held(after)[name] for name in before} == held(before)
