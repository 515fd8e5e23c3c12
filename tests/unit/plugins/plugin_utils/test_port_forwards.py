# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the port forwards of a stack."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import parse_address
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Fleet, PortForward

from .fleets import pair


def read(*forwards: t.Any) -> Fleet:
    document = pair()
    document["hosts"]["a"]["namespaces"][""]["port_forwards"] = list(forwards)
    return parse_fleet(document)


def test_what_is_left_out_stands_for_any_and_for_the_same() -> None:
    full = {"protocol": "udp", "address": "192.0.2.1", "port": 4000, "to_address": "fd00::1", "to_port": 51820}
    fleet = read(full, {"port": 7})
    assert fleet.hosts["a"].stacks[""].port_forwards == (
        PortForward(
            protocol="udp",
            address=parse_address("192.0.2.1"),
            port=4000,
            to_address=parse_address("fd00::1"),
            to_port=51820,
        ),
        PortForward(protocol=None, address=None, port=7, to_address=None, to_port=7),
    )
    assert fleet.problems == ()


@pytest.mark.parametrize(
    ("forward", "path"),
    [
        ({"port": 0}, "port"),
        ({"port": 65536}, "port"),
        ({"port": 7, "to_port": 0}, "to_port"),
        ({"port": 7, "address": "192.0.2.300"}, "address"),
        ({"port": 7, "to_address": "b.example.net"}, "to_address"),
    ],
)
def test_one_with_a_bad_value_is_reported_and_left_out(forward: dict[str, t.Any], path: str) -> None:
    fleet = read({"port": 1}, forward)
    assert [one.port for one in fleet.hosts["a"].stacks[""].port_forwards] == [1]
    (problem,) = fleet.problems
    assert (problem.rule, problem.host) == ("WG206", "a")
    assert problem.path.endswith(f"port_forwards[1].{path}")


@pytest.mark.parametrize(
    ("forward", "said"),
    [
        ({}, "has no port"),
        ({"port": "7"}, "must be a whole number"),
        ({"port": 7, "protocol": "sctp"}, "is not a protocol"),
        ({"port": 7, "toport": 8}, "is not a known key"),
        (7, "must be a mapping"),
    ],
)
def test_the_wrong_shape_is_refused(forward: t.Any, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        read(forward)
