# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links and addresses to and from bytes, held against pyroute2's ifinfmsg and ifaddrmsg."""

from __future__ import annotations

import struct
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cryptokey.wireguard.plugins.module_utils import (
    _deps,
    _link_message,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import WIDTH, InterfaceAddress, format_number

pytest.importorskip("pyroute2")

HEADER_BYTES = 16
NAMES = st.text("abcdefghijklmnop.-_0123456789", min_size=1, max_size=15)
COUNTERS = ("rx_bytes", "rx_packets", "rx_errors", "rx_frame_errors", "tx_errors", "tx_compressed")


@st.composite
def addresses(draw: t.Any) -> InterfaceAddress:
    family = draw(st.sampled_from([4, 6]))
    return InterfaceAddress(family, draw(st.integers(0, 2 ** WIDTH[family] - 1)), draw(st.integers(0, WIDTH[family])))


def message(kind: str, fields: dict[str, int], attributes: list[list[t.Any]]) -> t.Any:
    made = getattr(_deps.require(f"pyroute2.netlink.rtnl.{kind}"), kind)()
    for field in made.fields:
        made[field[0]] = fields.get(field[0], 0)
    made["attrs"] = attributes
    return made


def encoded(made: t.Any) -> bytes:
    made["header"].update(type=16, flags=0, sequence_number=1, pid=1)
    made.encode()
    return bytes(made.data)[HEADER_BYTES:]


def decoded(kind: str, content: bytes) -> t.Any:
    header = struct.pack("=IHHII", HEADER_BYTES + len(content), 16, 0, 1, 1)
    received = type(message(kind, {}, []))(header + content)
    received.decode()
    return received


@given(
    NAMES, st.integers(1, 2**31 - 1), st.integers(68, 65535), st.booleans(), st.sampled_from([None, 0, 1]),
    st.sampled_from(["", "wireguard", "tun", "veth"]), st.lists(addresses(), unique=True, max_size=4),
)  # fmt: skip
def test_a_link_of_pyroute2_is_read(name, index, mtu, up, carrier, kind, held):
    counters = {counter: number for number, counter in enumerate(COUNTERS, start=1)}
    attributes = [["IFLA_IFNAME", name], ["IFLA_MTU", mtu], ["IFLA_STATS64", counters]]
    attributes += [["IFLA_CARRIER", carrier]] if carrier is not None else []
    attributes += [["IFLA_LINKINFO", {"attrs": [["IFLA_INFO_KIND", kind]]}]] if kind else []
    content = encoded(message("ifinfmsg", {"index": index, "flags": int(up)}, attributes))
    link = _link_message.link_of(content, {index: held, index + 1: [InterfaceAddress(4, 1, 32)]})
    assert (link.name, link.index, link.kind, link.mtu, link.up) == (name, index, kind, mtu, up)
    assert link.carrier is (carrier != 0)
    assert link.addresses == frozenset(held)
    assert link.address_order == tuple(address for address in held if address.family == 4)
    assert {counter: link.statistics[counter] for counter in COUNTERS} == counters
    assert _link_message.name_of(content) == (index, name)


@given(st.lists(st.tuples(addresses(), st.integers(1, 9)), max_size=6))
def test_addresses_of_pyroute2_are_read_in_their_order(held):
    contents = []
    for address, index in held:
        text = format_number(address.family, address.number)
        family = {4: 2, 6: 10}[address.family]
        fields = {"family": family, "prefixlen": address.length, "index": index}
        # With a peer at the other end IPv4 has its address in IFA_ADDRESS.
        far = "192.0.2.99" if address.family == 4 else text
        attributes = [["IFA_ADDRESS", far], *([["IFA_LOCAL", text]] if address.family == 4 else [])]
        contents.append(encoded(message("ifaddrmsg", fields, attributes)))
    found = _link_message.addresses_of(contents)
    for index in range(1, 10):
        assert found.get(index, []) == [address for address, place in held if place == index]


@given(addresses(), st.integers(1, 2**31 - 1))
def test_pyroute2_reads_an_address_of_ours(address, index):
    received = decoded("ifaddrmsg", _link_message.address_change(address, index))
    assert received["index"] == index
    assert received["prefixlen"] == address.length
    assert received["flags"] == (0x02 if address.family == 6 else 0)
    assert received.get_attr("IFA_LOCAL") == received.get_attr("IFA_ADDRESS")
    assert received.get_attr("IFA_LOCAL") == format_number(address.family, address.number)


@given(NAMES, st.integers(1, 2**31 - 1), st.integers(68, 65535), st.booleans())
def test_pyroute2_reads_a_change_of_a_link_of_ours(name, index, mtu, up):
    created = decoded("ifinfmsg", _link_message.creation(name, "wireguard"))
    assert created.get_attr("IFLA_IFNAME") == name
    assert created.get_attr("IFLA_LINKINFO").get_attr("IFLA_INFO_KIND") == "wireguard"
    narrowed = decoded("ifinfmsg", _link_message.mtu_change(index, mtu))
    assert (narrowed["index"], narrowed.get_attr("IFLA_MTU"), narrowed["change"]) == (index, mtu, 0)
    switched = decoded("ifinfmsg", _link_message.switch(index, up=up))
    assert (switched["index"], switched["flags"], switched["change"]) == (index, int(up), 1)
    moved = decoded("ifinfmsg", _link_message.move(index, target=7, name=name))
    assert (moved["index"], moved.get_attr("IFLA_NET_NS_FD"), moved.get_attr("IFLA_IFNAME")) == (index, 7, name)
