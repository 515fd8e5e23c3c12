# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tells plain values apart, as something that is quickly compared."""

from __future__ import annotations

import marshal
import typing as t

# It refers back to what is one object, so that aliases of aliases take no room. What is shared in one value and not in
# another may therefore be told apart although it is equal; what is different never counts as equal.
_FORMAT = 4


def content_of(value: t.Any) -> bytes | None:
    """Equal only for values that are equal in everything: their types (1 is not true) and the order of keys, too.

    None for what is more than plain data, such as the tagged texts of Ansible.
    """
    try:
        return marshal.dumps(value, _FORMAT)
    except ValueError:
        return None


def value_of(content: bytes) -> t.Any:
    """A new value with that content."""
    return marshal.loads(content)
