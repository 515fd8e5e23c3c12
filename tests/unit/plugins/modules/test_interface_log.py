# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Ansible logs of a call of the module interface before it begins."""

from __future__ import annotations

import base64
import hashlib
import json
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _argspec

pytest.importorskip("ansible", reason="needs ansible-core, which this Python is too old for")
basic = pytest.importorskip("ansible.module_utils.basic")
interface = pytest.importorskip("ansible_collections.cryptokey.wireguard.plugins.modules.interface")


def key(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def logged(count: int, monkeypatch: pytest.MonkeyPatch) -> tuple[str, t.Any]:
    """(the line, the module) for that many peers, each with a preshared key."""
    peers = [{"public_key": key(f"peer {number}"), "preshared_key": key(f"{number}")} for number in range(count)]
    arguments = {"name": "wg0", "peers": peers}
    lines: list[str] = []
    monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode())
    monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
    monkeypatch.setattr(basic.AnsibleModule, "log", lambda _self, line, **_more: lines.append(str(line)))
    module = interface.InterfaceModule(argument_spec=_argspec.interface(), supports_check_mode=True)
    assert len(lines) == 1
    assert not [peer for peer in peers if peer["preshared_key"] in lines[0]]
    return lines[0], module


def test_few_peers_are_written_out(monkeypatch):
    line, _module = logged(2, monkeypatch)
    assert key("peer 1") in line


def test_many_peers_are_counted_and_the_arguments_stay_whole(monkeypatch):
    line, module = logged(interface.MANY_PEERS, monkeypatch)
    assert "(100 peers)" in line
    assert key("peer 1") not in line
    assert len(module.params["peers"]) == 100
    assert module.params["peers"][7]["preshared_key"] == key("7")


def test_the_line_does_not_grow_with_the_peers(monkeypatch):
    line, _module = logged(1000, monkeypatch)
    more, _module = logged(2000, monkeypatch)
    assert len(line) == len(more)
