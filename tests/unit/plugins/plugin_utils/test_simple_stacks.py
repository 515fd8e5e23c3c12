# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which stacks are asked one for all. That the answers are the same is what the oracles compare."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._simple_stacks import SimpleKinds

from .fleets import Document, bare_hub, hub, key, mesh, peer

Change = t.Callable[[Document], None]


def simple(document: Document) -> set[str]:
    """The hosts whose interface belongs to a simple kind."""
    model = Model.of(parse_fleet(document))
    return {one.host for one in model.interfaces if SimpleKinds.of(model).get(one) is not None}


def keeping(document: Document) -> set[str]:
    """Those that surely give none of their own addresses to a peer."""
    model = Model.of(parse_fleet(document))
    return {one.host for one in model.interfaces if SimpleKinds.of(model).keeps_to_itself(one)}


def spokes(document: Document) -> dict[str, Document]:
    """The interface of every spoke."""
    return {name: host["interfaces"][0] for name, host in document["hosts"].items() if name != "hub"}


def test_the_spokes_of_a_hub_are_of_two_kinds_and_one_answers_for_each() -> None:
    document = bare_hub(7)
    model = Model.of(parse_fleet(document))
    kinds = SimpleKinds.of(model)
    listers = {one.host: kinds.lister(one).host for one in model.interfaces}
    both_families = dict.fromkeys(("s0000", "s0003", "s0006"), "s0000")
    others = dict.fromkeys(("s0001", "s0002", "s0004", "s0005"), "s0001")
    assert listers == {**both_families, **others, "hub": "hub"}
    assert simple(document) == keeping(document) == set(spokes(document))


@pytest.mark.parametrize("document", [mesh(6), hub(6)])
def test_a_stack_with_other_addresses_is_not_simple(document: Document) -> None:
    assert simple(document) == set()


def _second_interface(host: Document) -> None:
    host["interfaces"].append({**host["interfaces"][0], "name": "wg1", "public_key": None, "addresses": []})


@pytest.mark.parametrize(
    "change",
    [
        lambda host: host["namespaces"][""].update(addresses={"eth0": ["192.0.2.1/24"]}),
        lambda host: host["namespaces"][""].update(advertise=["10.9.0.0/24"]),
        lambda host: host["namespaces"][""].update(ipv6=False),
        lambda host: host["interfaces"][0].update(advertise=["10.9.0.0/24"]),
        lambda host: host["interfaces"][0].update(addresses=["10.78.0.1/24"]),
        lambda host: host["interfaces"][0].update(public_key=None),
        _second_interface,
    ],
)
def test_what_owns_or_is_more_than_its_single_addresses_is_not_simple(change: Change) -> None:
    document = bare_hub(7)
    for name in spokes(document):
        change(document["hosts"][name])
    assert simple(document) == set()


def test_an_interface_that_lists_itself_is_not_simple() -> None:
    document = bare_hub(7)
    for name, interface in spokes(document).items():
        interface["peers"].append(peer("s0001", "10.77.0.3/32"))
        assert interface["public_key"] == key(name)
    assert simple(document) == set(spokes(document)) - {"s0001"}


@pytest.mark.parametrize("more", ["10.77.0.0/24", "10.77.0.3/32", "0.0.0.0/0"])
def test_nobody_keeps_to_itself_what_a_second_entry_of_the_set_holds(more: str) -> None:
    document = bare_hub(7)
    document["prefix_sets"]["corp"].append(more)
    assert keeping(document) == set()


def test_an_address_that_is_missing_from_the_set_is_not_surely_kept() -> None:
    document = bare_hub(7)
    document["prefix_sets"]["corp"].remove("10.77.0.6/32")
    assert keeping(document) == set(spokes(document)) - {"s0004"}


def test_entries_of_the_list_itself_are_kept_by_nobody() -> None:
    document = bare_hub(7)
    for interface in spokes(document).values():
        interface["peers"][0]["allowed_ips"].append("10.99.0.0/16")
    assert keeping(document) == set()
    assert simple(document) == set(spokes(document))
