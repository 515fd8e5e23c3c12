# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import itertools

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._full_tunnel import SOURCE_CHECK
from ansible_collections.cryptokey.wireguard.plugins.module_utils._setting import RP_FILTER, rp_filter
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.module_utils.declarations import World

ETH0 = rp_filter("eth0")


def converge(world: World, name: str, **arguments: object) -> None:
    world.converge({"name": name, **arguments})


def value(world: World, setting: str = ETH0) -> str:
    return world.host.networks[""].settings()[setting]


@pytest.mark.parametrize("words", list(itertools.permutations(RP_FILTER, 2)))
@pytest.mark.parametrize("leaving", [("wg0", "wg1"), ("wg1", "wg0")])
def test_the_more_permissive_claim_wins_and_the_last_one_restores(words, leaving) -> None:
    world = World()
    claims = {"wg0": words[0], "wg1": words[1]}
    for name, word in claims.items():
        converge(world, name, rp_filter={"eth0": word})
    permissive = next(word for word in ("off", "loose", "strict") if word in words)
    assert value(world) == RP_FILTER[permissive]
    first, last = leaving
    converge(world, first, state="absent")
    assert value(world) == RP_FILTER[claims[last]]
    converge(world, last, rp_filter={})
    assert value(world) == "1"


def test_what_somebody_has_set_since_stays() -> None:
    world = World()
    converge(world, "wg0", rp_filter={"eth0": "loose"})
    world.host.networks[""].parameters[ETH0] = "0"
    converge(world, "wg0", rp_filter={})
    assert value(world) == "0"


def test_two_full_tunnels_share_what_the_filter_knows_of_marks() -> None:
    world = World()
    for name in ("wg0", "wg1"):
        converge(world, name, full_tunnel=True)
    marks = {driver.device.fwmark for driver in world.host.devices.values()}
    assert marks == {51820, 51821}
    converge(world, "wg0", state="absent")
    assert value(world, SOURCE_CHECK) == "1"
    converge(world, "wg1", full_tunnel=False)
    assert value(world, SOURCE_CHECK) == "0"
    assert world.host.wireguard("", "wg1").device.fwmark == 0
    assert world.host.networks[""].rules() == ()


@pytest.mark.parametrize(("everywhere", "word"), [("1", "off"), ("2", "off"), ("2", "strict")])
def test_a_value_that_all_outweighs_is_refused(everywhere: str, word: str) -> None:
    world = World()
    world.host.networks[""].parameters[rp_filter("all")] = everywhere
    with pytest.raises(InvalidInput, match="has no effect"):
        converge(world, "wg0", rp_filter={"eth0": word})
    converge(world, "wg0", rp_filter={"eth0": word, "all": "off"})
    assert value(world) == RP_FILTER[word]
