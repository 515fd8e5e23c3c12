# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers are taken as wg(8) and ip(8) write them and in no other way."""

from __future__ import annotations

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._number import (
    parse_fwmark,
    parse_metric,
    parse_port,
    parse_table,
)

ODD = ("", " 1", "1 ", "+1", "-1", "1_0", "٣", "0b1", "0o7", "1.0", "9" * 5000, True, 1.0, None, [1], -1, 2**32)


@pytest.mark.parametrize("parse", [parse_fwmark, parse_metric, parse_port, parse_table])
@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:12])
def test_what_is_no_plain_number_is_refused_with_a_remedy(parse, value):
    with pytest.raises(InvalidInput) as caught:
        parse(value)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("parse", "value", "number"),
    [
        (parse_fwmark, "off", 0),
        (parse_fwmark, "0xCA6C", 51820),
        (parse_fwmark, "51820", 51820),
        (parse_fwmark, 2**32 - 1, 2**32 - 1),
        (parse_metric, 0, 0),
        (parse_port, "65535", 65535),
        (parse_table, "main", 254),
        (parse_table, "254", 254),
    ],
)
def test_what_is_one_is_taken(parse, value, number):
    assert parse(value) == number


@pytest.mark.parametrize(
    ("parse", "value"), [(parse_fwmark, "0x"), (parse_fwmark, "0x100000000"), (parse_port, 0), (parse_table, 0)]
)
def test_the_ends_of_the_ranges(parse, value):
    with pytest.raises(InvalidInput):
        parse(value)
