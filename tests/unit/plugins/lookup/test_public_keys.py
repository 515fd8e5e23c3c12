# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible.errors import AnsibleLookupError
from ansible.plugins.loader import lookup_loader

from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.inventories import key


@pytest.fixture
def lookup() -> t.Any:
    from ansible_collections.cryptokey.wireguard.plugins.lookup.public_keys import LookupModule

    module = LookupModule(loader=None, templar=None)
    # What Ansible's loader gives a plugin of its own accord.
    module.set_options = lambda **_options: None
    assert lookup_loader is not None
    return module


def keys_in(folder: pathlib.Path, **hosts: str) -> str:
    for host, text in hosts.items():
        path = folder / "corp" / f"{host}.pub"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n", encoding="utf-8")
    return str(folder)


def test_the_result_is_one_mapping(lookup: t.Any, tmp_path: pathlib.Path) -> None:
    assert lookup.run([keys_in(tmp_path, fra1=key("a"))]) == [{"fra1": {"corp": key("a")}}]


def test_a_later_folder_takes_precedence(lookup: t.Any, tmp_path: pathlib.Path) -> None:
    one = keys_in(tmp_path / "one", fra1=key("a"), nyc1=key("b"))
    two = keys_in(tmp_path / "two", fra1=key("c"))
    assert lookup.run([one, two]) == [{"fra1": {"corp": key("c")}, "nyc1": {"corp": key("b")}}]


def test_a_bad_file_is_an_error_with_path_and_reason(lookup: t.Any, tmp_path: pathlib.Path) -> None:
    folder = keys_in(tmp_path, fra1="nonsense")
    with pytest.raises(AnsibleLookupError, match=r"public_keys: .*corp/fra1.pub: this is not a public key"):
        lookup.run([folder])


@pytest.mark.parametrize("term", ["", 5, None, ["x"]])
def test_what_is_no_folder_is_refused(lookup: t.Any, term: t.Any) -> None:
    with pytest.raises(AnsibleLookupError, match=r"_terms\[0\]: is not a folder"):
        lookup.run([term])
