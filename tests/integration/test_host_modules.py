# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules namespace and keypair: create, again, modify, again, delete, delete what is gone."""

from __future__ import annotations

import base64
import os
import pathlib
import stat
import subprocess
import time
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils import (
    _netns,
    _public_key,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
    PresharedKey,
    PrivateKey,
)
from ansible_collections.cryptokey.wireguard.tests.integration.isolation import (
    Place,
    isolated,
)
from ansible_collections.cryptokey.wireguard.tests.integration.module_calls import (
    Calls,
    changes,
)

PUBLIC = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="


@pytest.fixture
def place() -> t.Iterator[Place]:
    with isolated() as here:
        yield here


@pytest.fixture
def calls(tmp_path):
    return Calls(tmp_path)


def test_a_namespace_goes_through_its_whole_life(place, calls):
    for state in ("absent", "present", "present", "absent", "absent"):
        calls.both("namespace", name="blue", state=state)
    results = calls.run()
    assert changes(results) == [False, False, True, True, False, False, True, True, False, False]
    assert results[2]["actions"] == results[3]["actions"] == ["create network namespace blue"]
    assert results[6]["actions"] == results[7]["actions"] == ["delete network namespace blue"]
    assert results[3]["diff"] == {"before": "", "after": "blue\n"}
    assert _netns.names() == ()


def test_a_namespace_is_modified_where_its_loopback_is_down(place, calls):
    place.run("ip", "netns", "add", "blue")
    calls.both("namespace", name="blue")
    calls.both("namespace", name="blue")
    results = calls.run()
    assert changes(results) == [True, True, False, False]
    assert results[0]["actions"] == ["bring lo of network namespace blue up"]
    assert _netns.loopback_is_up("blue")


def test_a_name_that_a_killed_run_has_left_without_a_namespace_is_used_again(place, calls):
    place.namespace("red")
    pathlib.Path("/run/netns/blue").touch(mode=0)
    calls.both("namespace", name="blue")
    calls.both("namespace", name="blue")
    assert changes(calls.run()) == [True, True, False, False]
    assert _netns.names() == ("blue", "red")


def test_a_namespace_that_holds_something_foreign_is_kept_unless_forced(place, calls):
    place.namespace("blue")
    place.run("ip", "-n", "blue", "link", "add", "v1", "type", "veth", "peer", "name", "v2")
    with subprocess.Popen(["ip", "netns", "exec", "blue", "sleep", "60"]) as sleeper:
        try:
            while sleeper.pid not in _netns.processes("blue") or _netns.process_name(sleeper.pid) != "sleep":
                time.sleep(0.01)
            calls.both("namespace", name="blue", state="absent")
            calls.both("namespace", name="blue", state="absent", force=True)
        finally:
            sleeper.kill()
    results = calls.run()
    assert changes(results) == ["failed", "failed", True, True]
    message = results[1]["msg"]
    assert "device v1 (veth), device v2 (veth), process " in message
    assert "(sleep)" in message
    assert "`force: true`" in message
    assert _netns.names() == ()


@pytest.mark.parametrize("name", ["", "..", "a/b", "@", "-x"])
def test_a_bad_namespace_name_is_refused(place, calls, name):
    calls.both("namespace", name=name)
    results = calls.run()
    assert changes(results) == ["failed", "failed"]
    assert results[0]["msg"].startswith("name: ")
    assert not os.path.exists("/run/netns")


def test_a_key_goes_through_its_whole_life(place, calls, tmp_path):
    path, public = str(tmp_path / "new" / "wg0.key"), str(tmp_path / "new" / "wg0.pub")
    calls.both("keypair", path=path)
    calls.both("keypair", path=path)
    calls.both("keypair", path=path, public_key_path=public)
    calls.both("keypair", path=path, public_key_path=public, regenerate="always")
    os.chmod(path, 0o640)
    calls.both("keypair", path=path, public_key_path=public)
    calls.both("keypair", path=path, public_key_path=public, state="absent")
    calls.both("keypair", path=path, public_key_path=public, state="absent")
    results = calls.run()
    assert changes(results) == [
        True, True, False, False, True, True, True, True, True, True, True, True, False, False,
    ]  # fmt: skip
    made, kept, replaced = results[1], results[3], results[7]
    assert results[0]["public_key"] is None
    assert "(made on apply)" in results[0]["diff"]["after"]
    assert made["public_key"] == kept["public_key"] == results[5]["public_key"]
    assert replaced["public_key"] not in (None, made["public_key"])
    assert results[9]["actions"] == [f"restrict {path} to its owner (it was 0640)"]
    assert results[9]["public_key"] == replaced["public_key"]
    assert results[11]["actions"] == [f"remove {path}", f"remove {public}"]
    assert list((tmp_path / "new").iterdir()) == []


def test_a_given_key_is_stored_as_it_is_used_and_shown_nowhere(place, calls, tmp_path):
    path = tmp_path / "keys" / "given.key"
    # None of their clamped and unclamped forms is the same.
    raw, other = bytes([0xFF, *range(1, 31), 0xFF]), bytes([0xFE, *range(31, 61), 0x81])
    given, later = (base64.b64encode(one).decode() for one in (raw, other))
    calls.both("keypair", path=str(path), private_key=given)
    calls.both("keypair", path=str(path), private_key=PrivateKey(raw).reveal())
    calls.both("keypair", path=str(path), private_key=later)
    calls.both("keypair", path=str(path))
    results = calls.run()
    assert changes(results) == [True, True, False, False, True, True, False, False]
    assert results[0]["public_key"] == results[2]["public_key"] == str(_public_key.of(PrivateKey(raw)))
    assert results[5]["public_key"] == results[7]["public_key"] == str(_public_key.of(PrivateKey(other)))
    assert path.read_text(encoding="ascii") == PrivateKey(other).reveal() + "\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    for secret in (raw, other, PrivateKey(raw).raw, PrivateKey(other).raw):
        assert base64.b64encode(secret).decode() not in calls.output
        assert secret.hex() not in calls.output


def test_a_preshared_key_shows_its_fingerprint_only(place, calls, tmp_path):
    path, given = str(tmp_path / "site.psk"), PresharedKey.generate()
    calls.both("keypair", path=path, type="preshared")
    calls.both("keypair", path=path, type="preshared", preshared_key=given.reveal())
    calls.both("keypair", path=path, type="preshared")
    results = calls.run()
    assert changes(results) == [True, True, True, True, False, False]
    assert all(result["public_key"] is None for result in results)
    assert results[5]["fingerprint"] == results[3]["fingerprint"] == given.fingerprint
    assert given.reveal() not in calls.output


def test_bad_keys_and_paths_are_refused_without_being_repeated(place, calls, tmp_path):
    broken, link = tmp_path / "broken.key", tmp_path / "link.key"
    broken.write_text("this is nearly a secret\n", encoding="ascii")
    link.symlink_to(broken)
    directory = tmp_path / "directory"
    directory.mkdir()
    path = str(tmp_path / "wg0.key")
    calls.add("keypair", path=path, private_key="not-a-key-but-secret")
    calls.add("keypair", path=path, preshared_key=PresharedKey.generate().reveal())
    calls.add("keypair", path=path, type="preshared", private_key=PrivateKey.generate().reveal())
    calls.add("keypair", path=path, type="preshared", public_key_path=path + ".pub")
    calls.add("keypair", path=path, public_key_path=path)
    calls.add("keypair", path="relative.key")
    calls.add("keypair", path=str(broken))
    calls.add("keypair", path=str(link))
    calls.add("keypair", path=str(directory))
    calls.add("keypair", path=str(broken), regenerate="partial")
    results = calls.run()
    assert changes(results) == ["failed"] * 9 + [True]
    messages = [result.get("msg", "") for result in results]
    expected = [
        "private_key: this is not a private key", "preshared_key: does not go with `type: private`",
        "private_key: does not go with `type: preshared`", "public_key_path: a preshared key has no public key",
        "public_key_path: ", "path: ", "holds no private key", "is a symbolic link", "is not an ordinary file",
    ]  # fmt: skip
    assert [text for text, message in zip(expected, messages, strict=False) if text not in message] == []
    assert "nearly a secret" not in calls.output
    assert "not-a-key-but-secret" not in "".join(messages)
    assert not os.path.exists(path)
