# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E501  (a table of names and addresses)
from __future__ import annotations

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._assignable import (
    why_unassignable,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._device_name import (
    why_invalid,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import shown
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    parse_prefix,
)


@pytest.mark.parametrize("name", ["wg0", "wg-corp", "a" * 15, "\u00e9" * 7, "@", "-h", "10.0"])
def test_names_that_the_kernel_takes(name):
    assert why_invalid(name) == ""


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "all", "default", "a b", "a/b", "a:b", "wg%d", "\u00e0", "\u00e9" * 8, "a" * 16, "\x1b[m", "\ud800"],
)  # fmt: skip
def test_names_that_the_kernel_refuses_or_nobody_can_read(name):
    assert why_invalid(name)


@pytest.mark.parametrize(
    "text", ["0.0.0.0", "127.0.0.1", "127.0.0.0/16", "239.1.1.1", "255.255.255.255", "::", "::1", "ff02::5"]
)
def test_addresses_that_nobody_has(text):
    assert why_unassignable(parse_prefix(text))


@pytest.mark.parametrize("text", ["0.0.0.0/0", "::/0", "10.0.0.0/8", "169.254.1.1", "240.0.0.1", "fe80::1", "0.1.2.3"])
def test_addresses_that_somebody_can_have(text):
    assert why_unassignable(parse_prefix(text)) == ""


def test_a_wrong_value_is_short_on_one_line_and_no_key():
    assert shown("a\nb") == r"'a\nb'"
    assert len(shown("a" * 100_000)) < 200
    for secret in (
        "QEZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkY=",
        "QEZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkY",
        "4046" * 16,
    ):
        assert shown(secret) == "'(hidden)'"
        assert shown([secret]) == "['(hidden)']"
    assert "etc" in shown("/etc/wireguard/cryptokey/a-namespace-with-a-name/wg0.key")
