# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pathlib

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import HostError, InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._key_files import read_key_files
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.inventories import key


def write(folder: pathlib.Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_reads_one_key_per_host_and_network(tmp_path: pathlib.Path) -> None:
    write(tmp_path, "corp/fra1.pub", f"{key('a')}\n")
    write(tmp_path, "lab/fra1.pub", key("b"))
    write(tmp_path, "corp/nyc1.example.net.pub", f"\n{key('c')}\r\n\n")
    assert read_key_files(str(tmp_path)) == {
        "fra1": {"corp": key("a"), "lab": key("b")},
        "nyc1.example.net": {"corp": key("c")},
    }


def test_other_files_are_passed_over(tmp_path: pathlib.Path) -> None:
    write(tmp_path, "README.md", "keys")
    write(tmp_path, "corp/.fra1.pub.swp", "x")
    write(tmp_path, "corp/notes.txt", "x")
    write(tmp_path, ".git/config.pub", "x")
    assert read_key_files(str(tmp_path)) == {}


def test_a_folder_that_is_not_there_yet_holds_no_keys(tmp_path: pathlib.Path) -> None:
    assert read_key_files(str(tmp_path / "absent")) == {}


def test_a_file_in_place_of_the_folder_is_an_error(tmp_path: pathlib.Path) -> None:
    write(tmp_path, "keys", "x")
    with pytest.raises(HostError, match=r"cannot read the public keys in .*keys: Not a directory"):
        read_key_files(str(tmp_path / "keys"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "holds 0 lines"),
        (f"{key('a')}\n{key('b')}\n", "holds 2 lines"),
        ("not a key\n", "this is not a public key"),
        (key("a")[:-2] + "\n", "this is not a public key"),
        ("A" * 43 + "=\n", "it is all zero"),
        ("ключ\n", "is not a text file with a public key"),
    ],
)
def test_a_bad_file_is_named_with_the_reason(tmp_path: pathlib.Path, text: str, reason: str) -> None:
    write(tmp_path, "corp/fra1.pub", text)
    with pytest.raises(InvalidInput) as caught:
        read_key_files(str(tmp_path))
    assert f"{tmp_path}/corp/fra1.pub" in str(caught.value)
    assert reason in str(caught.value)


def test_every_bad_file_is_named_and_no_text_of_it_shown(tmp_path: pathlib.Path) -> None:
    write(tmp_path, "corp/fra1.pub", "SomePrivateLookingText\n")
    write(tmp_path, "corp/nyc1.pub", f"{key('x')}=\n")
    with pytest.raises(InvalidInput) as caught:
        read_key_files(str(tmp_path))
    assert "fra1.pub" in str(caught.value)
    assert "nyc1.pub" in str(caught.value)
    assert "SomePrivateLookingText" not in str(caught.value)
    assert key("x") not in str(caught.value)


def test_an_unreadable_file_is_named(tmp_path: pathlib.Path) -> None:
    (tmp_path / "corp" / "fra1.pub").mkdir(parents=True)
    with pytest.raises(InvalidInput, match=r"corp/fra1.pub: cannot be read: Is a directory"):
        read_key_files(str(tmp_path))
