# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records and key files on a real disk."""

from __future__ import annotations

import json
import os
import stat

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _store
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import HostError, InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PresharedKey, PrivateKey, PublicKey
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    parse_address,
    parse_interface_address,
    parse_prefix,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._record import (
    ForwardingClaim,
    Record,
    RecordedPeer,
    dump_record,
    load_record,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._snapshot import Snapshot
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Endpoint, Peer, Route, Rule
from ansible_collections.cryptokey.wireguard.plugins.module_utils._store import FileStore
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.module_utils.declarations import (
    KEYS,
    PRIVATE_KEYS,
    SECRETS,
)

RECORD = Record(
    "blue",
    "wg0",
    socket_namespace="",
    peers=(RecordedPeer(PublicKey.parse(KEYS[0]), name="fra1", endpoint="fra1.example:51820"),),
    routing="explicit",
    table=77,
    metric=5,
    routes=frozenset(
        [
            Route(parse_prefix("10.0.0.0/8"), device="wg0", source=parse_address("10.0.0.1")),
            Route(parse_prefix("fd00::/8"), metric=1024, type="blackhole"),
        ]
    ),
    explicit_routes=frozenset([Route(parse_prefix("fd00::/8"), metric=1024, type="blackhole")]),
    rules=frozenset([Rule(4, priority=9, table=77, source=parse_prefix("10.0.0.0/8"), fwmark=7, invert=True)]),
    forwarding=(ForwardingClaim(4, on=True, previous=False),),
)


@pytest.fixture
def store(tmp_path, monkeypatch) -> FileStore:
    monkeypatch.setattr(_store, "HOST_LOCK", str(tmp_path / "host.lock"))
    return FileStore(str(tmp_path / "state"), patience=0.3)


def test_a_record_survives_the_disk(store):
    assert load_record(dump_record(RECORD)) == RECORD
    store.write_record(RECORD)
    assert store.record("blue", "wg0") == RECORD
    assert store.records("blue") == (RECORD,)
    assert (store.record("blue", "wg1"), store.records("")) == (None, ())


def test_a_record_is_read_however_it_is_laid_out_and_written_a_line_per_peer():
    text = dump_record(RECORD)
    assert load_record(json.dumps(json.loads(text), indent=2)) == RECORD
    assert [line for line in text.splitlines() if KEYS[0] in line and "fra1.example:51820" in line]
    assert dump_record(load_record(text)) == text


@pytest.mark.parametrize(
    "peers", [[{"name": "fra1"}], ["fra1"], 7, [{"public_key": "x", "name": None, "endpoint": None}]]
)
def test_what_is_no_peer_makes_no_record(peers):
    document = {**json.loads(dump_record(RECORD)), "peers": peers}
    with pytest.raises(InvalidInput):
        load_record(json.dumps(document))


def test_records_and_keys_are_for_their_owner_only(store):
    store.write_record(RECORD)
    store.write_private_key(os.path.join(store.directory, "blue", "wg0.key"), PrivateKey.parse(PRIVATE_KEYS[0]))
    modes = {
        os.path.relpath(path, store.directory): stat.S_IMODE(os.stat(path).st_mode)
        for folder, _folders, files in os.walk(store.directory)
        for path in [folder, *(os.path.join(folder, name) for name in files)]
    }
    assert modes == {".": 0o700, "blue": 0o700, "blue/wg0.json": 0o600, "blue/wg0.key": 0o600}


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", "is not a declared-state record"), ("[]", "is not a declared"), ('{"version": 99}', "version 99")],
)
def test_a_broken_record_is_an_error_that_names_the_file(store, text, reason):
    store.write_record(RECORD)
    path = os.path.join(store.directory, "blue", "wg0.json")
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    with pytest.raises(HostError, match=reason) as caught:
        store.record("blue", "wg0")
    assert path in str(caught.value)
    assert "move it away" in str(caught.value)


SNAPSHOT = Snapshot(
    "blue",
    "wg0",
    era="boot/7",
    index=4,
    replacing=True,
    listen_port=51820,
    peers=(
        Peer(
            PublicKey.parse(KEYS[0]),
            preshared_key=PresharedKey.parse(SECRETS[0]),
            endpoint=Endpoint("192.0.2.1", 1000),
            persistent_keepalive=25,
            allowed_ips=frozenset([parse_prefix("10.0.0.0/8")]),
        ),
    ),
    addresses=frozenset([parse_interface_address("10.0.0.1/24")]),
    address_order=(parse_interface_address("10.0.0.1/24"),),
    routes=frozenset([Route(parse_prefix("10.200.0.0/16"), device="wg0", protocol=4)]),
)


def test_a_snapshot_is_for_its_owner_only_and_goes_without_a_trace(store):
    old = os.umask(0)
    try:
        store.write_snapshot(SNAPSHOT)
    finally:
        os.umask(old)
    assert store.snapshot("blue", "wg0") == SNAPSHOT
    assert store.snapshot("", "wg0") is None
    path = os.path.join(store.directory, "blue", "wg0.snapshot")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert store.records("blue") == ()
    store.remove_snapshot("blue", "wg0")
    store.remove_snapshot("blue", "wg0")
    assert os.listdir(store.directory) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda text: text[:-20], "is not a snapshot of an interface"),
        (
            lambda text: text.replace('"version":1', '"version":9'),
            "is a snapshot of version 9, this collection reads 1",
        ),
        (lambda text: text.replace(SECRETS[0], f"x{SECRETS[0]}"), "is not a snapshot of an interface"),
        (lambda text: text.replace("10.0.0.0/8", SECRETS[0]), "is not a snapshot of an interface"),
        (lambda text: text.replace('"listen_port"', '"port"'), "is not a snapshot of an interface"),
        (lambda text: text.replace('"wg0"', '"wg1"'), "is the snapshot of another interface"),
    ],
)
def test_a_broken_snapshot_names_the_file_and_never_shows_its_content(store, change, reason):
    store.write_snapshot(SNAPSHOT)
    path = os.path.join(store.directory, "blue", "wg0.snapshot")
    with open(path, encoding="ascii") as file:
        text = file.read()
    with open(path, "w", encoding="ascii") as file:
        file.write(change(text))
    with pytest.raises(HostError, match=reason) as caught:
        store.snapshot("blue", "wg0")
    assert path in str(caught.value)
    assert "move it away" in str(caught.value)
    assert SECRETS[0] not in str(caught.value)


def test_a_file_is_on_the_disk_by_its_name_before_anything_follows(store, monkeypatch):
    """The file first, then the rename, then the folder that holds the name: a power cut leaves the old or the new."""
    done = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)

        def noted(*arguments, name=name, real=real):
            kind = "folder" if name == "fsync" and stat.S_ISDIR(os.fstat(arguments[0]).st_mode) else name
            done.append(kind)
            return real(*arguments)

        monkeypatch.setattr(os, name, noted)
    store.write_snapshot(SNAPSHOT)
    assert done == ["fsync", "replace", "folder"]


def test_a_broken_key_file_never_shows_its_content(store):
    path = os.path.join(store.directory, "@", "wg0.key")
    os.makedirs(os.path.dirname(path))
    with open(path, "w", encoding="ascii") as file:
        file.write(PRIVATE_KEYS[0] + "x")
    with pytest.raises(HostError, match="holds no private key") as caught:
        store.private_key(path)
    assert PRIVATE_KEYS[0] not in str(caught.value)


def test_the_last_file_of_a_namespace_takes_its_directory_along(store):
    key = os.path.join(store.directory, "blue", "wg0.key")
    store.write_record(RECORD)
    store.write_private_key(key, PrivateKey.parse(PRIVATE_KEYS[0]))
    store.remove_record("blue", "wg0")
    assert store.private_key(key) == PrivateKey.parse(PRIVATE_KEYS[0])
    store.remove_private_key(key)
    assert os.listdir(store.directory) == []


def test_a_second_run_waits_and_then_says_why_it_gives_up(store):
    text = rf"another run has held .*\.lock for 0.3 seconds: process {os.getpid()} \(.+\); try again when it has ended"
    with store.locked(), pytest.raises(HostError, match=text), FileStore(store.directory, patience=0.3).locked():
        pytest.fail("both runs hold the lock")
    with store.locked():
        pass


def test_runs_with_other_folders_wait_as_well(store, tmp_path, monkeypatch):
    lock = str(tmp_path / "host.lock")
    monkeypatch.setattr(_store, "HOST_LOCK", lock)
    other = FileStore(str(tmp_path / "other"), patience=0.3)
    with store.locked(), pytest.raises(HostError, match=f"another run has held {lock}"), other.locked():
        pytest.fail("both runs hold the lock")
    with other.locked():
        pass


def test_where_nobody_may_write_below_run_the_folder_s_lock_has_to_do(store, tmp_path, monkeypatch):
    monkeypatch.setattr(_store, "HOST_LOCK", str(tmp_path / "missing" / "host.lock"))
    with store.locked():
        pass


def test_a_run_removes_what_one_that_was_killed_has_left(store):
    store.write_record(RECORD)
    left = os.path.join(store.directory, "blue", "wg0.key.unfinished-0123abcd")
    with open(left, "w", encoding="ascii") as file:
        file.write(PRIVATE_KEYS[0])
    with store.locked():
        assert not os.path.exists(left)
    assert store.record("blue", "wg0") == RECORD
