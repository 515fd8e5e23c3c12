# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._ruleset import (
    Ruleset,
    clamping,
    load_commands,
    marking,
    masquerading,
    parse_listing,
    ruleset,
)

ALL = [*masquerading("wg0", {(4, "eth0"), (6, "eth0")}), *clamping("wg0", 1420), *marking("wg0", 51820)]


def loaded(commands: str) -> dict[str, list[dict[str, object]]]:
    """What nft would list after these commands."""
    entries: list[dict[str, object]] = []
    for command in json.loads(commands)["nftables"]:
        ((verb, entry),) = command.items()
        entries = [] if verb == "delete" else [*entries, entry]
    return {"nftables": entries}


@pytest.mark.parametrize("parts", [ALL, ALL[:1], ALL[2:5], ALL[5:]])
def test_what_is_loaded_is_what_is_read(parts) -> None:
    wanted = ruleset(parts)
    assert wanted is not None
    assert parse_listing(loaded(load_commands("wg0", wanted))) == wanted


def test_it_is_replaced_in_one_transaction_that_cannot_fail_for_want_of_a_table() -> None:
    commands = json.loads(load_commands("wg0", None))["nftables"]
    assert [next(iter(command)) for command in commands] == ["add", "delete"]
    assert all(command[verb]["table"]["name"] == "cryptokey-wg0" for command in commands for verb in command)
    verbs = [next(iter(command)) for command in json.loads(load_commands("wg0", ruleset(ALL)))["nftables"]]
    assert verbs[:3] == ["add", "delete", "add"]
    assert set(verbs[3:]) == {"add"}


def test_it_never_decides_about_a_packet() -> None:
    assert not {"accept", "drop", "reject"} & set(
        load_commands("wg0", ruleset(ALL)).replace('"policy": "accept"', "").split('"')
    )


def test_nothing_declared_is_no_table() -> None:
    assert ruleset([]) is None
    assert parse_listing({"nftables": [{"metainfo": {}}]}) == Ruleset(frozenset(), ())


def test_a_rule_of_somebody_else_in_the_table_is_seen() -> None:
    listing = loaded(load_commands("wg0", ruleset(ALL)))
    listing["nftables"].append({"rule": {"chain": "clamp", "handle": 9, "expr": [{"drop": None}]}})
    assert parse_listing(listing) != ruleset(ALL)


def test_an_order_of_rules_matters_within_a_chain_only() -> None:
    assert ruleset(ALL[::-1]) != ruleset(ALL)
    assert ruleset([*ALL[2:5], *ALL[:2], *ALL[5:]]) == ruleset(ALL)
