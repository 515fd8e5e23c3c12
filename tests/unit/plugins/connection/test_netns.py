# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible.playbook.play_context import PlayContext
from ansible.plugins.connection.local import Connection as LocalConnection

from ansible_collections.cryptokey.wireguard.plugins.connection.netns import Connection
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab_record import (
    Holder,
    LabRecord,
    start_time,
    write_holder,
)


@pytest.fixture
def root(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)


@pytest.fixture
def connection(tmp_path, monkeypatch):
    found = Connection(PlayContext())
    options = {"lab": "one", "host": "fra1", "directory": str(tmp_path)}
    monkeypatch.setattr(found, "get_option", options.__getitem__)
    return found


@pytest.fixture
def fra1(tmp_path):
    """The record of a lab host; this process stands for its holder."""
    record = LabRecord("one", str(tmp_path))
    (record.path / "fra1").mkdir(parents=True)
    directory = os.open(record.path / "fra1", os.O_RDONLY)

    def write(started):
        write_holder(directory, "holder", Holder(os.getpid(), started))

    yield write
    os.close(directory)


def test_every_command_enters_all_four_namespaces_of_the_host(connection, root, fra1, monkeypatch):
    fra1(start_time(os.getpid()))
    seen = []
    monkeypatch.setattr(LocalConnection, "exec_command", lambda _self, cmd, **_more: seen.append(cmd) or (0, b"", b""))
    connection.exec_command("echo 'a b' && true")
    (command,) = seen
    assert command.startswith(f"nsenter --target {os.getpid()} --pid --mount --net --uts -- /bin/sh -c ")
    assert command.endswith("""'echo '"'"'a b'"'"' && true'""")


@pytest.mark.parametrize("way", ["exec_command", "put_file", "fetch_file"])
def test_without_its_host_it_never_falls_back_to_the_machine(connection, root, way, tmp_path):
    (tmp_path / "file").write_text("x")
    arguments = ["touch mark"] if way == "exec_command" else [str(tmp_path / "file"), str(tmp_path / "there")]
    with pytest.raises(AnsibleConnectionFailure, match=r"there is no lab 'one'.*bring the lab up first"):
        getattr(connection, way)(*arguments)


def test_a_process_that_took_over_the_number_is_not_entered(connection, root, fra1):
    fra1(start_time(os.getpid()) - 1)
    with pytest.raises(AnsibleConnectionFailure, match=r"the lab host 'fra1' of lab 'one' has ended"):
        connection.exec_command("true")


def test_an_ordinary_user_is_told_that_it_needs_root(connection, fra1, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(AnsibleConnectionFailure, match="only root can enter"):
        connection.exec_command("true")
