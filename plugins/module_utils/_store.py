# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that the engine keeps on a host: records, snapshots, private keys, and a lock over all of them."""

from __future__ import annotations

import contextlib
import os
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _lock, _secret_file
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    HostError,
    InvalidInput,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PrivateKey
from ansible_collections.cryptokey.wireguard.plugins.module_utils._namespace_name import (
    INITIAL_DIRECTORY,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._record import (
    Record,
    load_record,
    record_path,
    record_pieces,
)

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._snapshot import Snapshot

HOST_LOCK = "/run/cryptokey-wireguard.lock"
"""What every run on this machine takes, wherever it keeps its files: what they change is the same.

Below /run only root can make a file; a lock that anybody can take (flock(2) of a namespace's own file in /proc, an
abstract socket) would let any user hold up all runs.
"""


_Kept = t.TypeVar("_Kept", "Record", "Snapshot")


def _read(path: str, load: t.Callable[[bytes], _Kept], *, of: tuple[str, str], what: str, remedy: str) -> _Kept | None:
    """What is kept of an interface, of = (namespace, name); None where nothing is. Raises HostError."""
    data = _secret_file.read_bytes(path)
    if data is None:
        return None
    try:
        found = load(data)
    except InvalidInput as error:
        raise HostError(f"{path} {error.reason}", remedy=remedy) from None
    if (found.namespace, found.name) != of:
        raise HostError(f"{path} is the {what} of another interface", remedy="move it away")
    return found


class FileStore:
    """Below one directory, 0700: NAMESPACE/NAME.json beside NAME.key and NAME.snapshot, all 0600."""

    def __init__(self, directory: str, *, patience: float = _lock.PATIENCE) -> None:
        """Raises InvalidInput where directory, the modules' state_directory, is not an absolute path."""
        if not directory.startswith("/"):
            raise InvalidInput(
                "is not the absolute path of a folder",
                path="state_directory",
                value=directory,
                remedy="write one such as /etc/wireguard/cryptokey, or leave it out",
            )
        self.directory = directory
        self.patience = patience

    def record(self, namespace: str, name: str) -> Record | None:
        path = record_path(self.directory, namespace, name)
        remedy = "move it away; the routes and rules that it named then count as somebody else's"
        damaged = HostError(f"{path} is not a declared-state record", remedy=remedy)
        return _read(
            path,
            lambda data: load_record(data, damaged=lambda: damaged),
            of=(namespace, name),
            what="record",
            remedy=remedy,
        )

    def records(self, namespace: str) -> tuple[Record, ...]:
        try:
            entries = os.listdir(os.path.join(self.directory, namespace or INITIAL_DIRECTORY))
        except (FileNotFoundError, NotADirectoryError):
            return ()
        names = sorted(entry[: -len(".json")] for entry in entries if entry.endswith(".json"))
        found = (self.record(namespace, name) for name in names)
        return tuple(record for record in found if record is not None)

    def write_record(self, record: Record) -> None:
        _secret_file.write_pieces(record_path(self.directory, record.namespace, record.name), record_pieces(record))

    def remove_record(self, namespace: str, name: str) -> None:
        self._remove(record_path(self.directory, namespace, name))

    def _remove(self, path: str) -> None:
        _secret_file.remove(path)
        with contextlib.suppress(OSError):  # not empty: others live here
            os.rmdir(os.path.dirname(path))

    def snapshot(self, namespace: str, name: str) -> Snapshot | None:
        if not os.path.lexists(os.path.join(self.directory, namespace or INITIAL_DIRECTORY, f"{name}.snapshot")):
            return None
        from ansible_collections.cryptokey.wireguard.plugins.module_utils._snapshot import load_snapshot, snapshot_path

        return _read(
            snapshot_path(self.directory, namespace, name),
            lambda data: load_snapshot(data.strip().decode("utf-8", errors="replace")),
            of=(namespace, name),
            what="snapshot",
            remedy="move it away; peers that went with the interface and are not declared are then not put back",
        )

    def write_snapshot(self, snapshot: Snapshot) -> None:
        from ansible_collections.cryptokey.wireguard.plugins.module_utils._snapshot import dump_snapshot, snapshot_path

        path = snapshot_path(self.directory, snapshot.namespace, snapshot.name)
        _secret_file.write(path, dump_snapshot(snapshot))

    def remove_snapshot(self, namespace: str, name: str) -> None:
        from ansible_collections.cryptokey.wireguard.plugins.module_utils._snapshot import snapshot_path

        self._remove(snapshot_path(self.directory, namespace, name))

    def private_key(self, path: str) -> PrivateKey | None:
        text = _secret_file.read(path)
        if text is None:
            return None
        try:
            key: PrivateKey = PrivateKey.parse(text)
        except InvalidInput:
            raise HostError(f"{path} holds no private key", remedy="move it away; a new one is then made") from None
        return key

    def write_private_key(self, path: str, key: PrivateKey) -> None:
        _secret_file.write(path, key.reveal())

    def remove_private_key(self, path: str) -> None:
        _secret_file.remove(path)
        if os.path.dirname(os.path.dirname(path)) == self.directory:
            with contextlib.suppress(OSError):
                os.rmdir(os.path.dirname(path))

    @contextlib.contextmanager
    def locked(self) -> t.Iterator[None]:
        """The folder's lock, which guards its files, and then the host's. All take them in that order."""
        _secret_file.make_directory(self.directory)
        with contextlib.ExitStack() as held:
            held.enter_context(_lock.locked(os.path.join(self.directory, ".lock"), patience=self.patience))
            # Who is root in a container alone may find a /run that is not his to write in; others then are not, either.
            if os.access(os.path.dirname(HOST_LOCK), os.W_OK):
                held.enter_context(_lock.locked(HOST_LOCK, patience=self.patience))
            for folder, _folders, _files in os.walk(self.directory):
                _secret_file.sweep(folder)
            yield
