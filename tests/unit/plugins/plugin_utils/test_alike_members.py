# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Memberships that are read by content are what they would be if each were read by itself."""

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _inventory, _underlay
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._derive import derive
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._inventory import read_inventory
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._plain import _Copier, plain
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.inventories import fleet, inventories, key

OPTIONS: dict[str, list[t.Any]] = {
    "addresses": [["10.77.0.1"], ["10.77.0.1", "10.77.0.1"], ["10.77.0.2/24", "fd77::2"], [], ["127.0.0.1"], None, "x",
                  [5], ["fd77::1"]],
    "public_key": [key("a"), key("b"), None, "no key", 5],
    "mtu": [1280, 1200, 1500],
    "endpoint": ["203.0.113.1", {"default": "203.0.113.1", "h1": None}],
    "advertise": [["192.168.7.0/24"], ["0.0.0.0/0"]],
    "state": ["present", "absent"],
    "namespace": ["", "blue"],
    "persistent_keepalive": [0, 25, True],
}  # fmt: skip
MEMBERS = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in OPTIONS.items()})


def outcome(hostvars: dict[str, t.Any]) -> t.Any:
    try:
        inventory = read_inventory(hostvars, list(hostvars))
        return inventory, derive(inventory)
    except InvalidInput as error:
        return str(error)


def one_by_one(hostvars: dict[str, t.Any]) -> t.Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_inventory, "common_content", lambda _declared: None)
        patch.setattr(_underlay, "content_of", lambda _stacks: None)
        return outcome(hostvars)


@given(st.lists(MEMBERS, min_size=1, max_size=6), st.sampled_from([{}, {"pool": ["10.77.0.0/16"]}, {"mtu": 1200}]))
def test_mixed_memberships(members: list[dict[str, t.Any]], network: dict[str, t.Any]) -> None:
    hostvars = fleet(network, {f"h{number}": member for number, member in enumerate(members)})
    assert outcome(hostvars) == one_by_one(hostvars)


@given(inventories())
def test_good_inventories(drawn: tuple[dict[str, t.Any], dict[str, t.Any]]) -> None:
    hostvars = fleet(*drawn)
    assert outcome(hostvars) == one_by_one(hostvars)


def test_spokes_are_read_once() -> None:
    members = {f"h{number}": {"addresses": [f"10.77.0.{number}"]} for number in range(1, 20)}
    members["h1"]["endpoint"] = "203.0.113.1"
    with pytest.MonkeyPatch.context() as patch:
        read: list[str] = []
        reader = _inventory.read_member
        patch.setattr(
            _inventory, "read_member", lambda cursor, *more: (read.append(cursor.host), reader(cursor, *more))[1]
        )
        inventory = read_inventory(fleet({"topology": "hub", "hubs": ["h1"]}, members), list(members))
    assert sorted(read) == ["h1", "h10"]
    assert [str(one.members["corp"].addresses[0]) for one in inventory.hosts.values()] == [
        f"{members[name]['addresses'][0]}/32" for name in sorted(members)
    ]


@given(
    st.recursive(
        st.sampled_from([None, True, 1, 1.5, "a"]),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["a", 1, "b"]), inner) | st.tuples(inner),
        max_leaves=60,
    )
)
def test_small_values_are_copied_as_large_ones_are(value: t.Any) -> None:
    assert repr(plain(value)) == repr(_Copier().copy(value)[0])
