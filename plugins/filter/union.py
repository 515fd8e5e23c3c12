# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: union
author: The cryptokey.wireguard authors (!UNKNOWN)
version_added: 0.1.0
short_description: Several lists of prefixes as one, as short as it can be
description:
  - Returns the minimal list of prefixes that covers exactly the addresses which lie in any of the lists. Neighbours are
    joined, what lies inside another prefix is left out.
  - Unlike P(ansible.builtin.union#filter), which compares texts, it knows what the prefixes mean. Given one list alone
    it aggregates that.
  - Entries are prefixes, addresses or the named sets V(private), V(cgnat), V(link_local) and V(multicast), as
    P(cryptokey.wireguard.allowed_ips#filter) knows them. Both families may stand in one list. Host bits are refused.
positional: others
options:
  _input:
    description: The prefixes, addresses or named sets.
    type: list
    elements: str
    required: true
  others:
    description: More lists. By position each list is an argument of its own, by keyword it is a list of lists.
    type: list
    elements: list
    default: []
seealso:
  - plugin: cryptokey.wireguard.subtract
    plugin_type: filter
  - plugin: cryptokey.wireguard.overlaps
    plugin_type: filter
  - plugin: cryptokey.wireguard.allowed_ips
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Two halves are a whole
  ansible.builtin.debug:
    msg: "{{ ['10.0.0.0/25'] | cryptokey.wireguard.union(['10.0.0.128/25', '10.0.0.7'], ['fd00::/64']) }}"
    # ['10.0.0.0/24', 'fd00::/64']

- name: Everything that the sites advertise, in as few prefixes as possible
  ansible.builtin.debug:
    msg: >-
      {{ [] | cryptokey.wireguard.union(
           others=groups['sites'] | map('extract', hostvars, ['wireguard', 'corp', 'advertise'])) }}
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
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._arguments import (
    refuse_unknown,
    require_list,
    require_texts,
)

REMEDY = "write a list, such as ['10.0.0.0/8', '192.168.1.0/24']"


def union(prefixes: t.Any, *lists: t.Any, others: t.Any = (), **unknown: t.Any) -> list[str]:
    try:
        refuse_unknown(unknown, ("others",))
        given = {"prefixes": require_texts(prefixes, name="the input", remedy=REMEDY)}
        for index, entries in enumerate((*lists, *require_list(others, name="others"))):
            name = f"others[{index}]"
            given[name] = require_texts(entries, name=name, remedy=REMEDY)
        return _prefix_lists.union(given)
    except WireguardError as error:
        raise AnsibleFilterError(f"cryptokey.wireguard.union: {error}") from None


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"union": union}
