# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts that are parsed once, however often they stand in an inventory or in a document. Raise InvalidInput."""

from __future__ import annotations

from functools import lru_cache

from ansible_collections.cryptokey.wireguard.plugins.module_utils._assignable import is_ordinary, why_unassignable
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PublicKey
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    InterfaceAddress,
    Prefix,
    parse_interface_address,
    parse_prefix_lenient,
)


@lru_cache(maxsize=200_000)
def prefix_of(text: str) -> tuple[Prefix, bool]:
    """The prefix with host bits cleared, and whether the text has any."""
    return parse_prefix_lenient(text)


@lru_cache(maxsize=200_000)
def assignable_of(text: str) -> InterfaceAddress:
    """An address that a host can have."""
    address = parse_interface_address(text)
    if not is_ordinary(address.family, address.number):
        reason = why_unassignable(address.address.prefix)
        if reason:
            raise InvalidInput(reason, value=text)
    return address


@lru_cache(maxsize=200_000)
def public_key_of(text: str) -> str:
    """A public key in its one canonical form."""
    PublicKey.parse(text)
    return str.__str__(text)


@lru_cache(maxsize=200_000)
def text_of(address: Prefix | InterfaceAddress) -> str:
    """As str() writes it. An address that stands alone and the prefix that holds just it are equal, and so written."""
    return str(address)
