# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An interface whose userspace engine has ended."""

from __future__ import annotations

from ansible_collections.cryptokey.wireguard.tests.integration.interface_calls import (
    KEY_A,
    KEY_B,
    apply,
    public_key,
)
from ansible_collections.cryptokey.wireguard.tests.integration.stacks import (
    stacks,
    wait_until,
)


def test_an_engine_that_ended_is_started_again(packets):
    with stacks(2) as hosts:
        keys = [public_key(hosts[0], key) for key in (KEY_A, KEY_B)]
        for number, host in enumerate(hosts):
            other = 1 - number
            peer = {"public_key": keys[other], "endpoint": f"192.0.2.{other + 1}:51820"}
            declaration = {
                "private_key": (KEY_A, KEY_B)[number],
                "listen_port": 51820,
                "backend": "userspace",
                "addresses": [f"10.7.0.{number + 1}/32"],
                "peers": [{**peer, "allowed_ips": [f"10.7.0.{other + 1}/32"]}],
            }
            host.call(apply, declaration)
        hosts[1].run("pkill", "-KILL", "wireguard-go")
        wait_until(lambda: hosts[1].run("ip", "link", "show", "wg0", check=False).returncode != 0)
        changed, actions = hosts[1].call(apply, declaration)
        assert changed
        assert any(action.startswith("create interface wg0") for action in actions)
        wait_until(lambda: hosts[0].run("ping", "-c1", "-W1", "10.7.0.2", check=False).returncode == 0, seconds=30)
        packets.sent(1)
