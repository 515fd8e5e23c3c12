# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policy rules from bytes, held against pyroute2's fibmsg."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cryptokey.wireguard.plugins.module_utils import (
    _routes,
    _rtnetlink,
    _rule_message,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._attributes import attribute
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Rule
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.module_utils.test_routes import FAMILIES, prefixes

pytest.importorskip("pyroute2")

HEADER_BYTES = 16


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    family = draw(FAMILIES)
    return Rule(
        family=family,
        priority=draw(st.integers(0, 2**32 - 1)),
        table=draw(st.integers(1, 2**32 - 1)),
        source=draw(st.none() | prefixes(family, shortest=1)),
        destination=draw(st.none() | prefixes(family, shortest=1)),
        iif=draw(st.sampled_from([None, "lo", "wg0"])),
        fwmark=draw(st.none() | st.integers(0, 2**32 - 1)),
        invert=draw(st.booleans()),
        suppress_prefixlength=draw(st.none() | st.integers(0, 128)),
        protocol=draw(st.integers(1, 255)),
    )


def encoded(rule: Rule) -> bytes:
    """What pyroute2 sends for a rule, without the netlink header."""
    sent = _rtnetlink.message("rule", *_routes.rule_request(rule))
    sent["header"].update(type=32, flags=0, sequence_number=1, pid=1)
    sent.encode()
    return bytes(sent.data)[HEADER_BYTES:]


@given(rules())
def test_a_rule_of_pyroute2_is_read(rule):
    assert _rule_message.rule_of(encoded(rule)) == rule


PLAIN = encoded(Rule(family=4, priority=5, table=9))


@pytest.mark.parametrize(
    "content",
    [
        PLAIN[:7] + b"\6" + PLAIN[8:],
        PLAIN[:3] + b"\x10" + PLAIN[4:],
        PLAIN + attribute(17, b"wg0\0"),
        PLAIN + attribute(22, b"\x11"),
        PLAIN + attribute(19, b"\1"),
        PLAIN + attribute(16, struct.pack("=I", 0xFF)),
        PLAIN + attribute(13, struct.pack("=I", 3)),
        PLAIN + attribute(25, b"\x2e"),
    ],
    ids=["action", "tos", "oif", "ipproto", "l3mdev", "mask", "group", "dscp"],
)
def test_a_rule_that_says_more_is_not_shown_as_one_that_says_less(content):
    assert _rule_message.rule_of(PLAIN) is not None
    assert _rule_message.rule_of(content) is None
