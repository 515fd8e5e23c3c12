# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wg-quick format against the programs that own it: wg-quick strip, wg setconf and wg showconf."""

from __future__ import annotations

import os
import pathlib
import random
import subprocess

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PrivateKey, PublicKey
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wg_quick import QuickFile, parse
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wg_quick_text import render, render_stripped
from ansible_collections.cryptokey.wireguard.tests.integration.interface_calls import KEY_A, apply
from ansible_collections.cryptokey.wireguard.tests.integration.stacks import stack

WRITTEN = [
    """
[interface]
 privatekey = {key}
ListenPort=51820
Address = 10.0.0.1/24
DNS = 1.1.1.1, corp
PostUp = true # yes

# anna
[PEER]
PublicKey = {a} # hers
AllowedIPs = 10.0.0.2 , fd00::2/128
AllowedIPs = 10.9.0.0/16
PersistentKeepalive = off
""",
    """
# a file
[Interface]
PrivateKey={key}
FwMark=0x10
MTU = 1380
Table = off
SaveConfig = false
[Peer]
PublicKey = {a}
Endpoint = [2001:db8::1]:51820
AllowedIPs = ::/0
PersistentKeepalive = 25
[Peer]
PublicKey={b}
Endpoint=192.0.2.1:1
PresharedKey = {key}
AllowedIPs=0.0.0.0/0,10.0.0.77/8
""",
]


def _filled(text: str) -> str:
    keys = random.Random(7)
    a, b = (str(PublicKey(keys.randbytes(32))) for _number in range(2))
    return text.replace("{key}", KEY_A).replace("{a}", a).replace("{b}", b)


def _strip(folder: pathlib.Path, text: str) -> str:
    path = folder / "wg0.conf"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return subprocess.run(
        ["wg-quick", "strip", str(path)], check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL
    ).stdout


def _of_wg(file: QuickFile) -> tuple[object, ...]:
    """What wg keeps of a file, in no order."""
    peers = {
        (p.public_key, p.preshared_key, p.endpoint, p.persistent_keepalive or 0, frozenset(p.allowed_ips))
        for p in file.peers
    }
    return file.private_key, file.listen_port, file.fwmark or 0, frozenset(peers)


@pytest.mark.skipif(os.geteuid() != 0, reason="wg-quick strip needs root")
@pytest.mark.parametrize("text", WRITTEN)
def test_stripped_as_wg_quick_does(tmp_path: pathlib.Path, text: str) -> None:
    text = _filled(text)
    stripped = _of_wg(parse(_strip(tmp_path, text)))
    assert stripped == _of_wg(parse(text))
    assert stripped == _of_wg(parse(render_stripped(parse(text))))
    assert stripped == _of_wg(parse(_strip(tmp_path, render(parse(text)))))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to make an interface")
@pytest.mark.parametrize("text", WRITTEN)
def test_the_device_says_what_the_file_says(text: str) -> None:
    """wg setconf with ours, wg showconf read by us; and the same with the file as it was written."""
    file = parse(_filled(text))
    with stack() as host:
        host.call(apply, {"private_key": KEY_A, "peers": []})
        host.run("wg", "setconf", "wg0", "/dev/stdin", input=render_stripped(file))
        shown = parse(host.out("wg", "showconf", "wg0"))
        if file.listen_port is None:
            file = QuickFile(**{**vars(file), "listen_port": shown.listen_port})
        assert _of_wg(shown) == _of_wg(file)
        assert shown.private_key == PrivateKey.parse(KEY_A)
        assert shown.unknown == ()
