# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the README shows is what happens, and what it lists is what there is."""

from __future__ import annotations

import pathlib
import re
import sys

import pytest
import yaml

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests" / "tools"))

import readme

FOLDERS = ("plugins", "tests", "docs", "roles", "playbooks", "meta", "examples")
README = readme.README.read_text(encoding="utf-8")


def test_the_inventory_is_the_example():
    (inventory,) = readme.blocks("yaml")
    assert yaml.safe_load(inventory) == yaml.safe_load((readme.EXAMPLE / "inventory.yml").read_text(encoding="utf-8"))
    assert len(inventory.splitlines()) <= 10


@pytest.mark.parametrize(("number", "output"), [(0, readme.planned), (1, readme.refused)])
def test_the_outputs_are_what_the_commands_give(number, output):
    assert readme.blocks("text")[number] == output(), "run: make readme"


@pytest.mark.parametrize("kind", ["modules", "filter", "lookup", "connection"])
def test_every_plugin_is_listed(kind):
    names = {path.stem for path in (TOP / "plugins" / kind).glob("[!_]*.py")}
    assert {name for name in names if f"`{name}`" not in README} == set()


@pytest.mark.parametrize("kind", ["roles", "playbooks"])
def test_every_role_and_playbook_is_listed(kind):
    names = {path.stem for path in (TOP / kind).iterdir()}
    assert {name for name in names if f"`{name}`" not in README} == set()


def test_every_link_leads_somewhere():
    targets = re.findall(r"\]\(([^)#:]+)\)", README)
    assert targets
    assert {target for target in targets if not (TOP / target).exists()} == set()


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md", "tests/README.md"])
def test_every_file_that_a_page_names_is_there(page):
    text = (TOP / page).read_text(encoding="utf-8")
    names = set(re.findall(r"`(?:[\w.]+/)*([\w*]+\.(?:py|yml|toml))`", text))
    assert names
    missing = {name for name in names if not any(any((TOP / top).rglob(name)) for top in FOLDERS)}
    assert missing == set()


def test_every_module_is_in_the_action_group():
    runtime = yaml.safe_load((TOP / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    modules = sorted(path.stem for path in (TOP / "plugins" / "modules").glob("[!_]*.py"))
    assert runtime["action_groups"]["wireguard"] == modules
