# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps on the files that the engine keeps: private keys, and the record of what was declared."""

from __future__ import annotations

import dataclasses

from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PrivateKey
from ansible_collections.cryptokey.wireguard.plugins.module_utils._operation import (
    Operation,
    Site,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._record import Record


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
class RemoveRecord(Operation):
    def describe(self) -> str:
        return "forget what was declared"

    def apply(self, site: Site) -> None:
        site.store.remove_record(site.namespace, site.name)
