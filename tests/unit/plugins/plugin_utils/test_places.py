# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._inventory import read_inventory
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._places import with_places
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._reader import InvalidInventory, Problem


class Written(str):
    """A text that knows its line."""

    line = 0

    @classmethod
    def at(cls, line: int, text: str) -> Written:
        value = cls(text)
        value.line = line
        return value


class Failing(dict[str, t.Any]):
    def __getitem__(self, name: str) -> t.Any:
        raise RuntimeError(name)


def locate(value: t.Any) -> t.Optional[str]:
    return f"host_vars/a.yml:{value.line}" if isinstance(value, Written) else None


VARIABLES = {
    "a": {"wireguard": {"corp": {"addresses": [Written.at(3, "10.0.0.1"), Written.at(4, "x")]}}},
    "b": {
        "wireguard_networks": {"corp": Written.at(7, "mesh")},
        "wireguard_stacks": {"": {"ipv6": Written.at(9, "no")}},
    },
    "c": {"wireguard": Failing()},
}


@pytest.mark.parametrize(
    ("host", "path", "place"),
    [
        ("a", "wireguard.corp.addresses[1]", "host_vars/a.yml:4"),
        ("a", "wireguard.corp.addresses[7]", ""),
        ("a", "wireguard.corp.mtu", ""),
        ("", "wireguard_networks.corp", "host_vars/a.yml:7"),
        ("", "wireguard_networks.corp.topology", "host_vars/a.yml:7"),
        ("b", "wireguard_stacks[''].ipv6", "host_vars/a.yml:9"),
        ("c", "wireguard.corp", ""),
        ("d", "wireguard.corp", ""),
        ("", "hosts", ""),
    ],
)
def test_the_place_is_that_of_the_value_or_of_what_is_around_it(host: str, path: str, place: str) -> None:
    (found,) = with_places([Problem(path=path, host=host, reason="is wrong")], VARIABLES, locate)
    assert found.place == place


def test_the_error_shows_the_place() -> None:
    hostvars = {"a": {"wireguard_networks": {"corp": {}}, "wireguard": {"corp": {"adresses": Written.at(5, "x")}}}}
    with pytest.raises(
        InvalidInventory, match=r"wireguard.corp.adresses of host a \(host_vars/a.yml:5\): is not an option"
    ):
        read_inventory(hostvars, hostvars, locate=locate)
