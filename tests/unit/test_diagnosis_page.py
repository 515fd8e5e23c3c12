# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/diagnosis.md and the module's documentation name every cause, and what they tell to ask is taken."""

from __future__ import annotations

import json
import pathlib
import re

import yaml

from ansible_collections.cryptokey.wireguard.plugins.module_utils import (
    _argspec,
    _probe_question,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._diagnosis_words import CAUSES
from ansible_collections.cryptokey.wireguard.plugins.modules import interface_info

TOP = pathlib.Path(__file__).resolve().parents[2]
PAGE = (TOP / "docs" / "diagnosis.md").read_text(encoding="utf-8")


def test_every_cause_is_explained_on_the_page():
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", PAGE.partition("## The answers")[2], re.MULTILINE)
    assert {cause for row in rows for cause in re.findall(r"\w+", row)} == set(CAUSES)


def test_every_cause_is_in_the_documentation_of_the_module():
    described = yaml.safe_load(interface_info.RETURN)["probe"]["contains"]["cause"]["description"]
    assert set(re.findall(r"V\((\w+)\)", " ".join(described))) == set(CAUSES)


def test_every_option_is_documented_with_its_default():
    documented = yaml.safe_load(interface_info.DOCUMENTATION)["options"]["probe"]["suboptions"]
    known = _argspec.probe()
    assert set(documented) == set(known)
    assert {name: entry.get("default") for name, entry in documented.items()} == {
        name: entry.get("default") for name, entry in known.items()
    }


def test_what_the_page_tells_to_type_can_be_asked():
    [arguments] = [json.loads(text) for text in re.findall(r"-a '(.*)'", PAGE)]
    assert set(arguments) <= set(interface_info.ARGUMENTS)
    question = _probe_question.read(arguments["probe"]).question
    assert question.send
    table = PAGE.partition("## The questions")[2].partition("```")[0]
    assert set(re.findall(r"`(\w+)(?:: [^`]*)?`", table)) == set(_argspec.probe())
    assert f"{_argspec.DEFAULT_SECONDS} unless told otherwise, {_probe_question.LONGEST} at most" in PAGE
