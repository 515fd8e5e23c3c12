# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared import declare
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput


def test_what_is_not_declared_is_left_alone() -> None:
    declared = declare({"name": "wg0"})
    options = ("full_tunnel", "rp_filter", "masquerade", "clamp_mss", "open_port")
    assert [getattr(declared, option) for option in options] == [None] * 5


def test_yaml_makes_false_of_off() -> None:
    declared = declare({"name": "wg0", "rp_filter": {"eth0": False, "eth1": 2, "all": "strict"}, "open_port": False})
    assert declared.rp_filter == {"eth0": "0", "eth1": "2", "all": "1"}
    assert declared.open_port == "off"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rp_filter": {"eth0": "lose"}}, "rp_filter.eth0: 'lose' is no mode"),
        ({"rp_filter": {"eth0": True}}, "rp_filter.eth0: True is no mode"),
        ({"rp_filter": {"a/b": "off"}}, "rp_filter: 'a/b' has '/' in it"),
        ({"rp_filter": ["eth0"]}, "rp_filter: .* is not a mapping"),
        ({"masquerade": {"ipv4": ["eth0", "eth 1"]}}, r"masquerade.ipv4\[1\]: 'eth 1' has ' ' in it"),
        ({"masquerade": {"ipv6": ["wg0"]}}, r"masquerade.ipv6\[0\]: 'wg0' is the interface itself"),
        ({"open_port": "iptables"}, "open_port: 'iptables' is no packet filter; use one of auto, firewalld"),
        ({"full_tunnel": True, "routing": "off"}, "routing: 'off' leaves a full tunnel without its routes"),
        ({"full_tunnel": True, "table": "main"}, "table: 'main' is where the encrypted packets look"),
        ({"full_tunnel": True, "fwmark": "off"}, "fwmark: 'off' leaves the encrypted packets"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place_and_a_remedy(arguments, message) -> None:
    with pytest.raises(InvalidInput, match=message) as error:
        declare({"name": "wg0", **arguments})
    assert error.value.remedy or "name" not in message
