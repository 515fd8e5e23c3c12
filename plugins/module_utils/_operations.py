# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be done to an interface, one frozen value per kind of step: it says what it does, and does it.

This is the index: each kind stands in the file of what it works on. describe() is one line for people and never holds
a secret; disrupts says which packets a step can lose, before it is done.
"""

from __future__ import annotations

import itertools
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import (
    DeviceUpdate,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._operation import (
    Operation,
    Site,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._operations_device import (
    AddPeers,
    ChangePeer,
    CreateDevice,
    DeleteDevice,
    DeviceOperation,
    RemoveUnmoved,
    SetFwmark,
    SetListenPort,
    SetPrivateKey,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._operations_files import (
    ClaimOwnership,
    ForgetSnapshot,
    NoteSuccessor,
    RememberDevice,
    RemoveKeyFile,
    RemoveRecord,
    WriteKeyFile,
    WriteRecord,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._operations_filter import (
    ChangeSetting,
    ClosePort,
    OpenPort,
    ReplaceRuleset,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._operations_network import (
    AddAddress,
    AddRoute,
    AddRule,
    RemoveAddress,
    RemoveRoute,
    RemoveRule,
    ReplaceRoute,
    SetForwarding,
    SetMtu,
    SetUp,
)

__all__ = [
    "AddAddress",
    "AddPeers",
    "AddRoute",
    "AddRule",
    "ChangePeer",
    "ChangeSetting",
    "ClaimOwnership",
    "ClosePort",
    "CreateDevice",
    "DeleteDevice",
    "DeviceOperation",
    "ForgetSnapshot",
    "NoteSuccessor",
    "OpenPort",
    "Operation",
    "RememberDevice",
    "RemoveAddress",
    "RemoveKeyFile",
    "RemoveRecord",
    "RemoveRoute",
    "RemoveRule",
    "RemoveUnmoved",
    "ReplaceRoute",
    "ReplaceRuleset",
    "SetForwarding",
    "SetFwmark",
    "SetListenPort",
    "SetMtu",
    "SetPrivateKey",
    "SetUp",
    "Site",
    "WriteKeyFile",
    "WriteRecord",
    "batches",
    "execute",
]


def batches(operations: t.Iterable[Operation]) -> t.Iterator[tuple[Operation, ...]]:
    """Neighbouring changes of peers together, and neighbouring new routes, each in one call; the others alone."""
    for kind, group in itertools.groupby(operations, key=_shared_call):
        if kind is None:
            yield from ((operation,) for operation in group)
        else:
            yield tuple(group)


def _shared_call(operation: Operation) -> type[Operation] | None:
    return type(operation) if isinstance(operation, (ChangePeer, AddRoute)) else None


def execute(batch: t.Sequence[Operation], site: Site) -> None:
    """Apply what batches() put together."""
    if len(batch) == 1:
        batch[0].apply(site)
        return
    routes = [operation.route for operation in batch if isinstance(operation, AddRoute)]
    if routes:
        site.network.add_routes(routes)
        return
    site.driver.write(
        DeviceUpdate(peers=tuple(operation.peer for operation in batch if isinstance(operation, ChangePeer)))
    )
