# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a diff."""

from __future__ import annotations

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._view import render

yaml = pytest.importorskip("yaml")

VIEW = {
    "name": "wg0",
    "namespace": "",
    "up": True,
    "backend": None,
    "addresses": ["10.0.0.1/24"],
    "peers": [{"name": "fra1", "allowed_ips": ["10.0.0.2/32"], "keepalive": 0}, {"name": None, "allowed_ips": []}],
}


def test_a_view_reads_as_yaml():
    assert yaml.safe_load(render(VIEW)) == VIEW


def test_nothing_is_the_empty_text():
    assert render({}) == ""
