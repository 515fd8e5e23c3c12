# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An interface whose userspace engine has ended."""

from __future__ import annotations

import contextlib
import itertools
import subprocess

from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared import declare
from ansible_collections.cryptokey.wireguard.plugins.module_utils._engine import converge
from ansible_collections.cryptokey.wireguard.plugins.module_utils._host import LinuxHost
from ansible_collections.cryptokey.wireguard.plugins.module_utils._store import FileStore
from ansible_collections.cryptokey.wireguard.tests.conformance.strikes import struck
from ansible_collections.cryptokey.wireguard.tests.integration.interface_calls import (
    KEY_A,
    KEY_B,
    KEY_C,
    SECRET,
    STATE,
    apply,
    public_key,
)
from ansible_collections.cryptokey.wireguard.tests.integration.stacks import (
    Killed,
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


SOME = {"backend": "userspace", "private_key": KEY_B, "mtu": 1380, "peers": []}


def end_the_engine() -> None:
    subprocess.run(["pkill", "-KILL", "wireguard-go"], check=True)
    with contextlib.closing(LinuxHost()) as host:
        wait_until(lambda: host.network("").link("wg0") is None)


def test_a_peer_of_an_earlier_run_comes_back_with_the_engine_however_often_that_is_interrupted(packets):
    """It has its preshared key again, and the interface the address that nobody declares now; both are needed to ping.

    The run after the engine's end is killed at each of its changes in turn.
    """
    with stacks(2) as (peer, host):
        keys = [public_key(peer, key) for key in (KEY_A, KEY_B)]
        other = {"public_key": keys[1], "preshared_key": SECRET, "allowed_ips": ["10.7.0.2/32"]}
        peer.call(apply, {"private_key": KEY_A, "listen_port": 51820, "addresses": ["10.7.0.1/32"], "peers": [other]})
        kept = {**other, "public_key": keys[0], "endpoint": "192.0.2.1:51820", "allowed_ips": ["10.7.0.1/32"]}
        host.call(apply, {**SOME, "addresses": ["10.7.0.2/32"], "peers": [{**kept, "name": "kept"}]})
        assert host.call(apply, SOME) == (False, [])
        for at in itertools.count(1):
            host.call(end_the_engine)
            try:
                host.call_apart(struck, SOME, "killed", at, bool(at % 2))
                break
            except Killed:
                host.call(apply, SOME)
            wait_until(lambda: host.run("ping", "-c1", "-W1", "10.7.0.1", check=False).returncode == 0, seconds=20)
            packets.sent(1)
            assert host.call(apply, SOME) == (False, []), at
        assert at > 10


def test_what_comes_back_is_said_and_what_was_removed_does_not():
    with stacks(1) as (host,):
        peers = [
            {"public_key": public_key(host, key), "name": name, "preshared_key": SECRET}
            for key, name in ((KEY_A, "anna"), (KEY_C, "bert"))
        ]
        host.call(apply, {**SOME, "peers": peers})
        host.call(apply, {**SOME, "peers": [{**peers[1], "state": "absent"}]})
        host.call(end_the_engine)
        warnings = host.call(warned, SOME)
        assert "its userspace engine has ended" in warnings[0]
        assert "gets back what is not declared now, as it was at the end of the last run" in warnings[1]
        assert "peers anna (" in warnings[1]
        assert "bert" not in "".join(warnings)
        assert host.out("wg", "show", "wg0", "peers").split() == [peers[0]["public_key"]]
        assert SECRET not in "".join(warnings)
        assert host.out("stat", "-c", "%a %U", f"{STATE}/@/wg0.snapshot") == "600 root\n"


def warned(arguments):
    declared = declare({"name": "wg0", "state_directory": STATE, **arguments})
    with contextlib.closing(LinuxHost()) as host:
        return converge(declared, host=host, store=FileStore(STATE)).warnings
