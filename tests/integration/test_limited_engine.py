# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine that cannot edit a peer and hides its private key, and ends where it is asked for more (limited_engine)."""

from __future__ import annotations

import contextlib
import sys
import time

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared import declare
from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import (
    DeviceUpdate,
    PeerUpdate,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._engine import converge
from ansible_collections.cryptokey.wireguard.plugins.module_utils._host import LinuxHost
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
    PresharedKey,
    PrivateKey,
    PublicKey,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    parse_prefix,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._store import FileStore
from ansible_collections.cryptokey.wireguard.tests.integration import limited_engine
from ansible_collections.cryptokey.wireguard.tests.integration.interface_calls import (
    ABSENT,
    FIRST,
    KEY_A,
    KEY_B,
    SECOND,
    STATE,
    apply,
    picture,
    public_key,
)
from ansible_collections.cryptokey.wireguard.tests.integration.stacks import (
    Failed,
    Stack,
    stack,
    stacks,
    wait_until,
)

ONE, TWO = PublicKey(b"\1" * 32), PublicKey(b"\2" * 32)


@pytest.fixture
def engine(tmp_path) -> dict[str, str]:
    """What makes a declaration one for the limited engine."""
    program = tmp_path / "limited-engine"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {limited_engine.__file__} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return {"backend": "userspace", "userspace_engine": str(program)}


@pytest.fixture
def host():
    with stack() as made:
        yield made


def process(_host: Stack) -> int:
    daemon = LinuxHost().daemon("", "wg0")
    assert daemon is not None
    return daemon.pid


def written(private: str, updates: list[PeerUpdate]) -> dict[str, tuple[list[str], bool]]:
    """Inside of a stack: {peer: its prefixes, whether it has a preshared key} after a raw write of all of them."""
    driver = LinuxHost().wireguard("", "wg0")
    driver.write(DeviceUpdate(private_key=PrivateKey.parse(private), peers=tuple(updates)))
    device = driver.read()[0]
    return {
        peer.public_key.short: (sorted(map(str, peer.allowed_ips)), not peer.preshared_key.is_zero)
        for peer in device.peers
    }


def test_the_whole_life_of_an_interface(host, engine):
    for declaration in (FIRST, SECOND, FIRST):
        host.call(apply, {**declaration, **engine})
        pid = host.call(process, None)
        assert host.call(apply, {**declaration, **engine}) == (False, [])
        assert host.call(process, None) == pid, "the engine is still the same process"
    assert host.call(apply, {**ABSENT, **engine})[0]
    assert host.call(apply, {**ABSENT, **engine}) == (False, [])


def test_peers_are_told_one_by_one_and_whole(host, engine):
    host.call(apply, {"private_key": KEY_A, **engine})
    secret = PresharedKey(b"\5" * 32)
    add = [
        PeerUpdate(ONE, action="add", preshared_key=secret, add_allowed_ips=(parse_prefix("10.1.0.0/16"),)),
        PeerUpdate(TWO, action="add", add_allowed_ips=(parse_prefix("10.2.0.0/16"), parse_prefix("10.3.0.0/16"))),
    ]
    assert host.call_apart(written, KEY_A, add) == {
        ONE.short: (["10.1.0.0/16"], True),
        TWO.short: (["10.2.0.0/16", "10.3.0.0/16"], False),
    }
    one, two = parse_prefix("10.1.0.0/16"), parse_prefix("10.2.0.0/16")
    move = [PeerUpdate(ONE, add_allowed_ips=(two,), remove_allowed_ips=(one,))]
    assert host.call_apart(written, KEY_A, move) == {
        ONE.short: (["10.2.0.0/16"], True),
        TWO.short: (["10.3.0.0/16"], False),
    }


def test_what_it_does_to_others_is_true_of_it(host, engine):
    """The limits are there: without our care the engine ends."""
    host.call(apply, {"private_key": KEY_A, **engine})
    add = f"set=1\npublic_key={'01' * 32}\nallowed_ip=10.1.0.0/16\n\n"
    program = "import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect('/run/wireguard/wg0.sock'); "
    program += "s.sendall(sys.argv[1].encode()); print(s.recv(99))"
    assert "errno=0" in host.out(sys.executable, "-c", program, add)
    assert "errno=22" in host.out(
        sys.executable, "-c", program, add.replace("allowed_ip=", "update_only=true\nallowed_ip=")
    )
    assert "errno=0" not in host.run(sys.executable, "-c", program, add, check=False).stdout
    wait_until(lambda: host.run("ip", "link", "show", "wg0", check=False).returncode != 0)


def test_losing_a_session_is_said_beforehand_and_nothing_else_is(host, engine):
    host.call(apply, {**FIRST, **engine})
    new = {"public_key": "gN65BkIKy1eCE9pP1wdc8ROUtkHLF2PfAqYdyYBz6EA=", "allowed_ips": ["10.7.0.0/16"]}
    more = [*FIRST["peers"], new]
    assert host.call(disruptive, {**FIRST, **engine, "peers": more}) == []
    kept = [{**FIRST["peers"][0], "persistent_keepalive": 25}, FIRST["peers"][1]]
    said = host.call(disruptive, {**FIRST, **engine, "peers": kept})
    assert len(said) == 1
    assert "the tunnel to this peer, which this engine has to make anew" in said[0]


def disruptive(arguments: dict) -> list[str]:
    """Inside of a stack: in check mode."""
    declared = declare({"name": "wg0", "state_directory": STATE, **arguments})
    with contextlib.closing(LinuxHost()) as host:
        return converge(declared, host=host, store=FileStore(STATE), check=True).disruptive


def test_a_key_that_is_nowhere_is_asked_for_instead_of_made_anew(host, engine):
    host.call(apply, {**FIRST, **engine})
    host.run("rm", f"{STATE}/@/wg0.key")
    without_key = {name: value for name, value in FIRST.items() if name != "private_key"}
    before = host.call(picture)
    with pytest.raises(Failed, match=r"does not show its private key, and .*wg0\.key does not have it"):
        host.call(apply, {**without_key, **engine})
    assert host.call(picture) == before
    host.call(apply, {**FIRST, **engine})
    assert host.call(apply, {**without_key, **engine}) == (False, [])


def test_it_speaks_with_the_other_engine_and_its_handshakes_have_a_time(packets, engine):
    with stacks(2) as hosts:
        keys = [public_key(hosts[0], key) for key in (KEY_A, KEY_B)]
        for number, host in enumerate(hosts):
            other = 1 - number
            peer = {"public_key": keys[other], "endpoint": f"192.0.2.{other + 1}:51820"}
            declaration = {
                "private_key": (KEY_A, KEY_B)[number],
                "listen_port": 51820,
                "addresses": [f"10.7.0.{number + 1}/32"],
                "peers": [{**peer, "allowed_ips": [f"10.7.0.{other + 1}/32"]}],
            }
            host.call(apply, {**declaration, "backend": "userspace", **(engine if number else {})})
        wait_until(lambda: hosts[0].run("ping", "-c1", "-W1", "10.7.0.2", check=False).returncode == 0, seconds=30)
        packets.sent(1)
        ages = [host.call(handshake_age) for host in hosts]
        assert all(0 <= age < 60 for age in ages), ages


def handshake_age() -> float:
    """Inside of a stack: in seconds."""
    with contextlib.closing(LinuxHost()) as host:
        statistics = host.wireguard("", "wg0").read()[1]
    return time.time() - next(iter(statistics.values())).latest_handshake
