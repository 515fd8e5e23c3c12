# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import HostError, InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab_record import (
    Holder,
    LabRecord,
    directory_name,
    start_time,
    write_holder,
)


@pytest.fixture
def record(tmp_path):
    (tmp_path / "one" / "fra1").mkdir(parents=True)
    return LabRecord("one", str(tmp_path))


def write(record, holder):
    directory = os.open(record.path / "fra1", os.O_RDONLY)
    write_holder(directory, "holder", holder)
    os.close(directory)


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a" * 64, "ü", 7, None])
def test_names_that_lead_elsewhere_are_refused(name):
    with pytest.raises(InvalidInput, match="is not a name for a lab"):
        LabRecord(name)


@pytest.mark.parametrize("host", [".", "..", ".ssh", "a/b", "ä", "fra1.example.net"])
def test_every_host_name_is_one_visible_component(host):
    name = directory_name(host)
    assert "/" not in name
    assert not name.startswith(".")


def test_a_running_holder_is_found(record):
    me = Holder(os.getpid(), start_time(os.getpid()))
    write(record, me)
    assert record.host("fra1") == me


def test_a_process_that_only_has_the_number_is_not_the_holder(record):
    write(record, Holder(os.getpid(), start_time(os.getpid()) - 1))
    with pytest.raises(HostError, match="has ended"):
        record.host("fra1")


def test_a_process_that_waits_to_be_reaped_does_not_run():
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    assert start_time(child) is None
    os.waitpid(child, 0)


@pytest.mark.parametrize("text", ["", "7", "x y", "1 2 3"])
def test_a_record_that_cannot_be_read_is_no_holder(record, text):
    (record.path / "fra1" / "holder").write_text(text)
    with pytest.raises(HostError, match="has no host 'fra1'"):
        record.host("fra1")


def test_what_is_not_there_is_told_apart(record, tmp_path):
    with pytest.raises(HostError, match="has no host 'nyc1'"):
        record.host("nyc1")
    with pytest.raises(HostError, match=r"there is no lab 'two'.*bring the lab up"):
        LabRecord("two", str(tmp_path)).host("fra1")
