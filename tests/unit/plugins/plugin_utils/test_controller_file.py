# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pathlib
import stat

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import HostError
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._controller_file import read_text, write_text


def test_what_is_written_is_read_and_nothing_else_is_left(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "keys" / "corp" / "fra1.pub"
    write_text(str(path), "one\n")
    write_text(str(path), "two\n")
    assert read_text(str(path)) == "two\n"
    assert [entry.name for entry in path.parent.iterdir()] == ["fra1.pub"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_missing_file_is_not_an_error(tmp_path: pathlib.Path) -> None:
    assert read_text(str(tmp_path / "none")) is None


def test_a_folder_in_the_way_is_an_error_that_names_the_path(tmp_path: pathlib.Path) -> None:
    (tmp_path / "fra1.pub").mkdir()
    with pytest.raises(HostError, match=r"cannot read .*fra1\.pub: Is a directory"):
        read_text(str(tmp_path / "fra1.pub"))
    with pytest.raises(HostError, match=r"cannot write .*fra1\.pub: Is a directory"):
        write_text(str(tmp_path / "fra1.pub"), "x")
    assert [entry.name for entry in tmp_path.iterdir()] == ["fra1.pub"]


def test_a_file_that_is_no_text_is_an_error(tmp_path: pathlib.Path) -> None:
    (tmp_path / "x").write_bytes(b"\xff\xfe")
    with pytest.raises(HostError, match="it is not UTF-8 text"):
        read_text(str(tmp_path / "x"))
