# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Memberships that hosts declare alike, as the spokes of a hub do: read once, but for keys and addresses."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._content import content_of
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._declaration import Member
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._texts import assignable_of, public_key_of

# What nearly every host has for itself.
_OWN = frozenset({"public_key", "addresses"})
# The MTU from which on it does not matter which addresses a member has (RFC 8200, 5).
_ANY_FAMILY = 1280


class AlikeMembers:
    """The memberships that were read without a mistake, by all that is declared but for keys and addresses."""

    def __init__(self) -> None:
        self._known: dict[bytes, dict[str, Member]] = {}

    def find(self, host: str, declared: t.Any, content: bytes | None) -> dict[str, Member] | None:
        """A host's memberships by network; None where they have to be read by themselves, mistakes included."""
        known = None if content is None else self._known.get(content)
        if known is None:
            return None
        try:
            return {network: _like(member, host, declared[network]) for network, member in known.items()}
        except (InvalidInput, TypeError):
            return None

    def keep(self, declared: t.Any, content: bytes | None, members: dict[str, Member]) -> None:
        """members: as they were read from it, without a mistake."""
        indifferent = all(member.mtu is None or member.mtu >= _ANY_FAMILY for member in members.values())
        if content is not None and indifferent and members.keys() == declared.keys():
            self._known[content] = members


def common_content(declared: t.Any) -> bytes | None:
    """What alike memberships have in common; None where they are not plain."""
    if not isinstance(declared, dict) or not all(isinstance(options, dict) for options in declared.values()):
        return None
    return content_of(
        {
            # Whether a key or addresses are declared at all is a part of it.
            network: {name: name if name in _OWN and value is not None else value for name, value in options.items()}
            for network, options in declared.items()
        }
    )


def _like(member: Member, host: str, declared: Mapping[str, t.Any]) -> Member:
    """Raises InvalidInput or TypeError where the key or an address is not one."""
    key, addresses = declared.get("public_key"), declared.get("addresses")
    if addresses is not None and not (isinstance(addresses, list) and addresses):
        raise TypeError("no list of addresses")
    made = object.__new__(Member)
    # A frozen dataclass takes its fields one by one: at ten thousand hosts, ten times as long as taking all at once.
    vars(made).update(
        vars(member),
        host=host,
        public_key=None if key is None else public_key_of(key),
        addresses=tuple(dict.fromkeys([assignable_of(text) for text in addresses or ()])),
    )
    return made
