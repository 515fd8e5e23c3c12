# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who watches over an engine, and what its unit says. tests/systemd/test_units.py has systemd read it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cryptokey.wireguard.plugins.module_utils._supervisor import (
    OLDEST_SYSTEMD,
    Launch,
    Manager,
    is_ours,
    properties,
    systemd_run,
    unit_name,
    unit_of,
    why_detached,
)


def launch(**fields):
    given_fields = {
        "program": "/usr/bin/wireguard-go",
        "birth_name": "wg0",
        "device": "wg0",
        "namespace": "",
        "birthplace": "",
        "inodes": {"": 7},
        "private": False,
    }
    return Launch(**{**given_fields, **fields})


BLUE = launch(namespace="blue", birthplace="blue", inodes={"blue": 8}, private=True)
MOVED = launch(namespace="blue", birth_name="wgnew-1", inodes={"": 7, "blue": 8}, private=True)
SYSTEMD = Manager(booted=True, version=OLDEST_SYSTEMD, inodes={"": 7, "blue": 8})


@pytest.mark.parametrize("engine", [launch(), BLUE, MOVED])
def test_systemd_has_the_engine_where_it_sees_what_we_see(engine):
    assert why_detached(SYSTEMD, engine.inodes) == ""


@pytest.mark.parametrize(
    ("manager", "reason"),
    [
        (Manager(booted=False), "does not run here"),
        (Manager(booted=True, version=OLDEST_SYSTEMD - 1, inodes={"": 7, "blue": 8}), "241 is older than 242"),
        (Manager(booted=True, version=255, inodes={"": 7}), "does not see the same network namespaces"),
        (Manager(booted=True, version=255, inodes={"": 9, "blue": 8}), "does not see the same network namespaces"),
    ],
)
def test_elsewhere_the_engine_is_detached(manager, reason):
    assert reason in why_detached(manager, MOVED.inodes)


def test_the_name_of_a_unit_tells_device_and_namespace():
    assert unit_name("", "wg0") == "cryptokey-wireguard-wg0.service"
    assert unit_name("blue", "wg0") == "cryptokey-wireguard-blue:wg0.service"
    assert unit_name("", "wg-corp@1") == "cryptokey-wireguard-wg\\x2dcorp\\x401.service"


NAMES = st.text(st.characters(exclude_characters="/:", exclude_categories=["Cs", "Cc", "Zs"]), min_size=1, max_size=15)


@given(
    st.one_of(st.just(""), st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), max_size=90)),
    NAMES,
)
def test_every_name_makes_a_unit_that_systemd_takes(namespace, device):
    name = unit_name(namespace, device)
    assert re.fullmatch(r"[A-Za-z0-9:_.\\-]+\.service", name)
    assert len(name) <= 255
    assert unit_of(f"0::/system.slice/{name}\n") == name


@given(
    st.lists(st.tuples(st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"])), NAMES), unique=True)
)
def test_two_interfaces_never_share_a_unit(interfaces):
    assert len({unit_name(*interface) for interface in interfaces}) == len(interfaces)


def test_a_process_outside_of_our_units_is_in_none():
    assert unit_of("1:name=systemd:/user.slice/session-3.scope\n0::/system.slice/ssh.service\n") is None
    assert unit_of("4:memory:/\n1:name=systemd:/system.slice/cryptokey-wireguard-wg0.service\n") is not None
    assert unit_of("") is None


def test_only_a_device_that_stays_where_it_is_born_is_restarted():
    assert "Restart=on-failure" in properties(launch())
    assert "Restart=on-failure" in properties(BLUE)
    assert "Restart=no" in properties(MOVED)


def test_an_engine_with_a_directory_of_its_own_sees_no_other_socket():
    assert "TemporaryFileSystem=/run/wireguard:mode=0700,size=1m" in properties(BLUE)
    assert "NetworkNamespacePath=/run/netns/blue" in properties(BLUE)
    assert not [text for text in properties(launch()) if text.startswith(("TemporaryFile", "NetworkNamespace"))]
    assert not [text for text in properties(MOVED) if text.startswith("NetworkNamespace")]


def test_the_unit_runs_exactly_the_engine_with_its_mark():
    arguments = systemd_run(BLUE)
    assert arguments[arguments.index("--") + 1 :] == ["/usr/bin/wireguard-go", "--foreground", "wg0"]
    assert "--setenv=CRYPTOKEY_WIREGUARD=8/wg0" in arguments
    assert is_ours('[Service]\nEnvironment="CRYPTOKEY_WIREGUARD=8/wg0" "LOG_LEVEL=error"\n')
    assert not is_ours("[Service]\nExecStart=/bin/sleep CRYPTOKEY_WIREGUARD=1\n")
