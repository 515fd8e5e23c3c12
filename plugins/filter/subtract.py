# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: subtract
author: The cryptokey.wireguard authors (!UNKNOWN)
version_added: 0.1.0
short_description: A list of prefixes without the addresses of another
description:
  - Returns the minimal list of prefixes that covers exactly the addresses of the input which do not lie in O(remove).
    What is removed need not stand in the input as such, nor lie inside it as a whole.
  - Entries are prefixes, addresses or the named sets V(private), V(cgnat), V(link_local) and V(multicast), as
    P(cryptokey.wireguard.allowed_ips#filter) knows them. Both families may stand in one list. Host bits are refused.
positional: remove
options:
  _input:
    description: The prefixes, addresses or named sets.
    type: list
    elements: str
    required: true
  remove:
    description: The prefixes, addresses or named sets to take away.
    type: list
    elements: str
    required: true
seealso:
  - plugin: cryptokey.wireguard.union
    plugin_type: filter
  - plugin: cryptokey.wireguard.overlaps
    plugin_type: filter
  - plugin: cryptokey.wireguard.allowed_ips
    plugin_type: filter
"""

EXAMPLES = r"""
- name: What is left of a pool
  ansible.builtin.debug:
    msg: "{{ ['10.77.0.0/29'] | cryptokey.wireguard.subtract(['10.77.0.1', '10.77.0.2']) }}"
    # ['10.77.0.0/32', '10.77.0.3/32', '10.77.0.4/30']
"""

RETURN = r"""
_value:
  description: The prefixes, IPv4 before IPv6, each in ascending order.
  type: list
  elements: str
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import WireguardError
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _prefix_lists
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._arguments import refuse_unknown, require_texts

REMEDY = "write a list, such as ['10.0.0.0/8', '192.168.1.0/24']"


def subtract(prefixes: t.Any, remove: t.Any = None, **unknown: t.Any) -> list[str]:
    try:
        refuse_unknown(unknown, ("remove",))
        return _prefix_lists.subtract(
            require_texts(prefixes, name="the input", remedy=REMEDY),
            require_texts(remove, name="remove", remedy=REMEDY),
        )
    except WireguardError as error:
        raise AnsibleFilterError(f"cryptokey.wireguard.subtract: {error}") from None


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"subtract": subtract}
