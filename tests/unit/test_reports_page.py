# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/reports.md names every format and every exit code, and what it tells to type is taken."""

from __future__ import annotations

import pathlib
import re

import yaml
from ansible.module_utils.common.validation import check_type_dict

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _exit_code
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._formats import FORMATS

TOP = pathlib.Path(__file__).resolve().parents[2]
PAGE = (TOP / "docs" / "reports.md").read_text(encoding="utf-8")
FILTER = (TOP / "plugins" / "filter" / "report.py").read_text(encoding="utf-8")
ROLE = yaml.safe_load((TOP / "roles" / "fleet" / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))


def test_every_format_is_in_the_table_and_in_the_documentation():
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == list(FORMATS)
    documented = re.search(r"choices: \[(text, .*)\]", FILTER)
    assert documented
    assert documented[1].split(", ") == list(FORMATS)
    described = " ".join(ROLE["argument_specs"]["plan"]["options"]["fleet_reports"]["description"])
    assert set(re.findall(r"V\((\w+)\)", described)) == set(FORMATS)


def test_every_command_names_formats_that_there_are():
    written = [check_type_dict(text) for text in re.findall(r"-e wireguard_reports=(\S+)", PAGE)]
    assert {name for reports in written for name in reports} == set(FORMATS) - {"json"}


def test_every_exit_code_is_there():
    codes = {value for name, value in vars(_exit_code).items() if name.isupper() and isinstance(value, int)}
    assert {int(code) for code in re.findall(r"^\| (\d) \|", PAGE, re.MULTILINE)} == codes
    program = (TOP / "scripts" / "wireguard-plan").read_text(encoding="utf-8")
    assert {int(code) for code in re.findall(r"[# ] (\d)  [a-z]", program)} == codes


def test_the_snippets_are_yaml():
    snippets = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]
    assert len(snippets) == 2


def test_every_link_leads_somewhere():
    targets = re.findall(r"\]\(([^)#:]+)\)", PAGE)
    assert targets
    assert all((TOP / "docs" / target).exists() for target in targets)
