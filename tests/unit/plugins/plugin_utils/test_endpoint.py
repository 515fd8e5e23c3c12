# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._endpoint import (
    address_of,
    parse_declared_endpoint,
    parse_endpoint,
)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("203.0.113.10", "203.0.113.10:51820"),
        ("203.0.113.10:4000", "203.0.113.10:4000"),
        ("2001:db8::1", "[2001:db8::1]:51820"),
        ("[2001:DB8::1]", "[2001:db8::1]:51820"),
        ("[2001:db8::1]:65535", "[2001:db8::1]:65535"),
        ("fra1.example.net", "fra1.example.net:51820"),
        ("Fra1.example.net:1", "fra1.example.net:1"),
        ("fra1.example.net.", "fra1.example.net.:51820"),
        ("localhost", "localhost:51820"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example:51820"),
        ("3com.example", "3com.example:51820"),
        ("my_service", "my_service:51820"),
    ],
)
def test_an_inventory_may_leave_the_port_out_and_a_document_may_not(text: str, written: str) -> None:
    declared = parse_declared_endpoint(text)
    assert declared.text(51820) == written
    assert str(parse_endpoint(written)) == written
    if declared.port is None:
        with pytest.raises(InvalidInput, match="has no port"):
            parse_endpoint(text)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.10:51820", "203.0.113.10"),
        ("[2001:DB8::1]:1", "2001:db8::1"),
        ("203.0.113.10", "203.0.113.10"),
        ("10.0.0.0/8", "10.0.0.0/8"),
    ],
)
def test_the_address_of_an_endpoint_where_it_has_one(text: str, address: str) -> None:
    assert address_of(text) == address


def test_a_name_has_no_address_that_a_list_could_hold() -> None:
    with pytest.raises(InvalidInput, match="is a name, not an address"):
        address_of("fra1.example.net:1")


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
        "203.0.113.10:" + "9" * 5000,
        "203.0.113.300",
        "10.0.0",
        "203.0.113.10/32",
        "[203.0.113.10]:51820",
        "[2001:db8::1",
        "[2001:db8::1]51820",
        "2001:db8::1]:51820",
        "2001:db8:::1",
        "::ffff:192.0.2.1",
        "-fra1.example.net",
        "fra1..example.net",
        "fra1 .example.net",
        "a" * 64 + ".example",
        ".".join(["a" * 60] * 5),
        "fra1.example.net\n",
        "fra1.example.net..",
        "fra1-.example.net",
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
