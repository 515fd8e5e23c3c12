# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files with secrets: atomic, private, and not to be led astray."""

from __future__ import annotations

import fcntl
import os
import stat

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _secret_file
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    HostError,
)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(autouse=True)
def generous_umask():
    before = os.umask(0)
    yield
    os.umask(before)


def test_what_is_written_is_read_and_only_the_owner_may(tmp_path):
    path = tmp_path / "a" / "b" / "key"
    _secret_file.write(str(path), "secret")
    assert _secret_file.read(str(path)) == "secret"
    assert path.read_text(encoding="ascii") == "secret\n"
    assert (mode(path), mode(path.parent), mode(path.parent.parent)) == (0o600, 0o700, 0o700)
    assert _secret_file.mode_of(str(path)) == 0o600


def test_the_mode_is_the_one_asked_for_whatever_the_umask(tmp_path):
    os.umask(0o777)
    _secret_file.write(str(tmp_path / "key"), "secret")
    _secret_file.write(str(tmp_path / "pub"), "public", 0o644)
    assert (mode(tmp_path / "key"), mode(tmp_path / "pub")) == (0o600, 0o644)


def test_a_directory_that_is_there_keeps_its_mode(tmp_path):
    tmp_path.chmod(0o755)
    _secret_file.write(str(tmp_path / "key"), "secret")
    assert mode(tmp_path) == 0o755


def test_a_file_is_replaced_whole_and_its_mode_repaired(tmp_path):
    path = tmp_path / "key"
    path.write_text("old", encoding="ascii")
    path.chmod(0o666)
    with open(path, encoding="ascii") as reader:
        _secret_file.write(str(path), "new\n")
        assert reader.read() == "old"
    assert path.read_text(encoding="ascii") == "new\n"
    assert mode(path) == 0o600
    assert os.listdir(tmp_path) == ["key"]


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "key"
    _secret_file.write(str(path), "old")

    def refuse(_source, _target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(HostError, match=r"cannot write .*No space left"):
        _secret_file.write(str(path), "new")
    assert _secret_file.read(str(path)) == "old"
    assert os.listdir(tmp_path) == ["key"]


def test_a_symbolic_link_is_followed_by_neither(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("public", encoding="ascii")
    link.symlink_to(target)
    for act in (lambda: _secret_file.read(str(link)), lambda: _secret_file.write(str(link), "secret")):
        with pytest.raises(HostError, match="is a symbolic link"):
            act()
    assert target.read_text(encoding="ascii") == "public"
    assert _secret_file.remove(str(link))
    assert target.exists()


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_file_is_refused_without_waiting(tmp_path, make):
    path = str(tmp_path / "odd")
    make(path)
    for act in (lambda: _secret_file.read(path), lambda: _secret_file.write(path, "secret")):
        with pytest.raises(HostError, match="is not an ordinary file"):
            act()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_not_trusted(tmp_path):
    path = tmp_path / "key"
    path.write_text("planted", encoding="ascii")
    os.chown(path, 12345, 12345)
    for act in (lambda: _secret_file.read(str(path)), lambda: _secret_file.write(str(path), "secret")):
        with pytest.raises(HostError, match="belongs to user 12345"):
            act()


def test_absent_is_none_and_no_error(tmp_path):
    path = str(tmp_path / "nothing")
    assert _secret_file.read(path) is None
    assert _secret_file.mode_of(path) is None
    assert _secret_file.remove(path) is False


def test_a_file_in_the_place_of_a_directory_is_an_error(tmp_path):
    (tmp_path / "file").write_text("", encoding="ascii")
    with pytest.raises(HostError, match="cannot make "):
        _secret_file.write(str(tmp_path / "file" / "key"), "secret")


def test_no_error_holds_the_secret(tmp_path):
    with pytest.raises(HostError) as caught:
        _secret_file.write("/proc/nowhere/key", "the secret itself")
    assert "the secret itself" not in str(caught.value)


def test_what_a_killed_run_has_left_is_removed_and_what_another_one_is_writing_is_not(tmp_path):
    path = tmp_path / "wg0.key"
    left, unfinished, others = (
        tmp_path / f"wg0.key.{end}" for end in ("unfinished-0123abcd", "unfinished-4567cdef", "20260101")
    )
    for file in (left, unfinished, others):
        file.write_text("a secret", encoding="ascii")
    with unfinished.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        _secret_file.write(str(path), "text")
        assert sorted(tmp_path.iterdir()) == sorted([path, unfinished, others])
    assert _secret_file.remove(str(path))
    assert list(tmp_path.iterdir()) == [others]
