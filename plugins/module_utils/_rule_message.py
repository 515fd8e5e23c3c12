# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policy rules from the bytes of rtnetlink messages (struct fib_rule_hdr in linux/fib_rules.h). Pure."""

from __future__ import annotations

import socket
import struct

from ansible_collections.cryptokey.wireguard.plugins.module_utils._attributes import attributes, integer, text
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import WIDTH, Prefix, mask
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Rule

MESSAGE = struct.Struct("=BBBBBxxBI")
"""Family, length of the destination and of the source, tos, table, action, flags."""
_NUMBERS = {int(socket.AF_INET): 4, int(socket.AF_INET6): 6}
_DESTINATION, _SOURCE, _IIF, _PRIORITY, _MARK, _GROUP, _SUPPRESSED, _TABLE, _MARK_BITS, _PROTOCOL = (
    *(1, 2, 3, 6, 10, 13, 14, 15, 16, 21),
)
_LAYER_3 = 19
# FRA_GOTO, FRA_TUN_ID, FRA_OIFNAME, FRA_UID_RANGE, FRA_IP_PROTO, FRA_SPORT_RANGE, FRA_DPORT_RANGE
_UNKNOWN_TO_RULE = {4, 12, 17, 20, 22, 23, 24}
_LAST_KNOWN = 24
"""What later kernels have added (FRA_DSCP, FRA_FLOWLABEL ...) are selectors or their masks."""
_TO_TABLE = 1
_INVERT = 2
_WHOLE_MARK = 0xFFFFFFFF
_NO_SUPPRESSION = 0xFFFFFFFF


def rule_of(content: bytes) -> Rule | None:
    """None: a rule with a selector or an action that Rule has no word for."""
    number, destination, source, tos, table, action, flags = MESSAGE.unpack_from(content)
    values = attributes(content, MESSAGE.size)
    family = _NUMBERS.get(number)
    if family is None or action != _TO_TABLE or tos or integer(values.get(_LAYER_3)):
        return None
    if any(name in _UNKNOWN_TO_RULE or name > _LAST_KNOWN for name in values):
        return None
    bits = integer(values.get(_MARK_BITS))
    if bits not in (0, _WHOLE_MARK) or integer(values.get(_GROUP, b"\xff" * 4)) != _NO_SUPPRESSION:
        return None
    suppressed = integer(values.get(_SUPPRESSED, b"\xff" * 4))
    return Rule(
        family=family,
        priority=integer(values.get(_PRIORITY)),
        table=integer(values.get(_TABLE)) or table,
        source=_selector(family, values.get(_SOURCE), source),
        destination=_selector(family, values.get(_DESTINATION), destination),
        iif=text(values.get(_IIF)),
        fwmark=integer(values.get(_MARK)) if bits else None,
        invert=bool(flags & _INVERT),
        suppress_prefixlength=None if suppressed == _NO_SUPPRESSION else suppressed,
        protocol=integer(values.get(_PROTOCOL)),
    )


def _selector(family: int, raw: bytes | None, length: int) -> Prefix | None:
    if not length or length > WIDTH[family]:
        return None
    return Prefix(family, mask(family, int.from_bytes(raw or b"", "big"), length), length)
