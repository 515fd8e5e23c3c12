# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The argument specification and the documentation say the same."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _argspec

pytest.importorskip("ansible", reason="needs ansible-core, which this Python is too old for")
yaml = pytest.importorskip("yaml")
interface = pytest.importorskip("ansible_collections.cryptokey.wireguard.plugins.modules.interface")

NOT_DOCUMENTED = ("no_log",)


def documented(options: dict[str, t.Any]) -> dict[str, t.Any]:
    """Documented options in the form of an argument specification."""
    spec = {}
    for name, option in options.items():
        entry = {key: value for key, value in option.items() if key not in ("description", "suboptions")}
        if "suboptions" in option:
            entry["options"] = documented(option["suboptions"])
        spec[name] = entry
    return spec


def specified(spec: dict[str, t.Any]) -> dict[str, t.Any]:
    plain = {}
    for name, option in spec.items():
        entry = {key: value for key, value in option.items() if key not in NOT_DOCUMENTED}
        if "options" in option:
            entry["options"] = specified(option["options"])
        plain[name] = entry
    return plain


def test_interface_is_documented_as_it_is():
    options = documented(yaml.safe_load(interface.DOCUMENTATION)["options"])
    assert options == specified(
        {name: option for name, option in _argspec.interface().items() if name != "state_directory"}
    )


def test_secrets_are_masked_and_nothing_else():
    spec = _argspec.interface()
    hidden = {name for name, option in spec.items() if option.get("no_log")}
    assert hidden == {"private_key"}
    assert {name for name, option in _argspec.peer().items() if option.get("no_log")} == {"preshared_key"}
