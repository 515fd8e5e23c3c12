# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ownership import Ownership

from .fleets import Document, fleet, host, interface, peer


def listed_in_a_row(*own: Document) -> list[str]:
    """What a, which advertises nothing, owns of a LAN that a row lists. own: the entries of b, which has that row."""
    document = fleet(
        {"peer_groups": {"row": [peer("phone", "192.168.7.0/24")]}},
        a=host(interface("a", ["10.0.0.1/32"]), addresses={"lan0": ["192.168.7.1/24"]}),
        b=host(interface("b", ["10.0.0.2/32"], *own, peer_group="row")),
    )
    owned = Ownership.of(Model.of(parse_fleet(document))).networks["corp"].stacks[StackId("a", "")]
    return [str(prefix) for prefix in owned.prefixes]


def test_a_lan_that_another_host_lists_is_owned() -> None:
    assert listed_in_a_row() == ["10.0.0.1/32", "192.168.7.0/24"]


@pytest.mark.parametrize("prefixes", [(), ("10.9.0.0/16",)])
def test_an_entry_that_everybody_overrides_lists_nothing(prefixes: tuple[str, ...]) -> None:
    """The row of the fleet document stands for b, whose own entry for that peer takes its place."""
    assert listed_in_a_row(peer("phone", *prefixes)) == ["10.0.0.1/32"]
