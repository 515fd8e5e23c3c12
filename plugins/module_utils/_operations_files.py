# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps on the files that the engine keeps: private keys, the record of what was declared, the snapshot of a device."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from ansible_collections.cryptokey.wireguard.plugins.module_utils._operation import (
    Operation,
    Site,
)

if TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PrivateKey
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._record import Record
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._snapshot import Snapshot


@dataclasses.dataclass(frozen=True)
class WriteKeyFile(Operation):
    """made: the key is new."""

    path: str
    key: PrivateKey
    made: bool = False

    def describe(self) -> str:
        return f"{'make a private key in' if self.made else 'write the private key to'} {self.path}"

    def apply(self, site: Site) -> None:
        site.store.write_private_key(self.path, self.key)


@dataclasses.dataclass(frozen=True)
class RemoveKeyFile(Operation):
    path: str

    def describe(self) -> str:
        return f"remove the private key file {self.path}"

    def apply(self, site: Site) -> None:
        site.store.remove_private_key(self.path)


@dataclasses.dataclass(frozen=True)
class WriteRecord(Operation):
    record: Record

    def describe(self) -> str:
        return "record what is declared"

    def apply(self, site: Site) -> None:
        site.store.write_record(self.record)


@dataclasses.dataclass(frozen=True)
class ClaimOwnership(WriteRecord):
    """Notes the routes, rules and switches before they are made: an interrupted run leaves nothing that nobody owns."""

    bookkeeping = True


@dataclasses.dataclass(frozen=True)
class RememberDevice(Operation):
    """Before it is deleted to be made again: whatever becomes of this run, the next one can put it back."""

    bookkeeping = True
    snapshot: Snapshot

    def describe(self) -> str:
        return f"write down what {self.snapshot.name} has"

    def apply(self, site: Site) -> None:
        site.store.write_snapshot(self.snapshot)


@dataclasses.dataclass(frozen=True)
class NoteSuccessor(RememberDevice):
    """The device that is there now is the one that was made in its place, however far that comes."""

    def describe(self) -> str:
        return f"write down that {self.snapshot.name} was made again"

    def apply(self, site: Site) -> None:
        link = site.network.link(site.name)
        site.store.write_snapshot(dataclasses.replace(self.snapshot, successor=link.index if link else 0))


@dataclasses.dataclass(frozen=True)
class ForgetSnapshot(Operation):
    """Before a device is deleted for good: its peers are not to come back with another one of its name."""

    bookkeeping = True

    def describe(self) -> str:
        return "forget what the interface had"

    def apply(self, site: Site) -> None:
        site.store.remove_snapshot(site.namespace, site.name)


@dataclasses.dataclass(frozen=True)
class RemoveRecord(Operation):
    def describe(self) -> str:
        return "forget what was declared"

    def apply(self, site: Site) -> None:
        site.store.remove_record(site.namespace, site.name)
