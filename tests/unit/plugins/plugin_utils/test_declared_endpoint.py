# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._declared_endpoint import parse_declared_endpoint


@pytest.mark.parametrize(
    ("text", "written", "is_name"),
    [
        ("203.0.113.10", "203.0.113.10:51820", False),
        ("203.0.113.10:4000", "203.0.113.10:4000", False),
        ("2001:db8::1", "[2001:db8::1]:51820", False),
        ("[2001:DB8::1]", "[2001:db8::1]:51820", False),
        ("[2001:db8::1]:65535", "[2001:db8::1]:65535", False),
        ("fra1.example.net", "fra1.example.net:51820", True),
        ("Fra1.example.net:1", "fra1.example.net:1", True),
        ("fra1.example.net.", "fra1.example.net.:51820", True),
        ("localhost", "localhost:51820", True),
        ("xn--bcher-kva.example", "xn--bcher-kva.example:51820", True),
        ("3com.example", "3com.example:51820", True),
    ],
)
def test_accepts(text: str, written: str, is_name: bool) -> None:
    endpoint = parse_declared_endpoint(text)
    assert endpoint.text(51820) == written
    assert endpoint.is_name is is_name


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":51820",
        "203.0.113.10:",
        "203.0.113.10:0",
        "203.0.113.10:65536",
        "203.0.113.10:+80",
        "203.0.113.10:٣",
        "203.0.113.300",
        "10.0.0",
        "203.0.113.10/32",
        "[203.0.113.10]:51820",
        "[2001:db8::1",
        "[2001:db8::1]51820",
        "2001:db8::1]:51820",
        "2001:db8:::1",
        "::ffff:192.0.2.1",
        "fra_1.example.net",
        "-fra1.example.net",
        "fra1..example.net",
        "fra1 .example.net",
        "a" * 64 + ".example",
        ".".join(["a" * 60] * 5),
        "fra1.example.net\n",
        "bücher.example",
    ],
)
def test_refuses_with_a_remedy(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_declared_endpoint(text)
    assert caught.value.remedy


@pytest.mark.parametrize("value", [None, 51820, ["203.0.113.10"], True])
def test_refuses_what_is_no_text(value: object) -> None:
    with pytest.raises(InvalidInput, match="is not an endpoint"):
        parse_declared_endpoint(value)
