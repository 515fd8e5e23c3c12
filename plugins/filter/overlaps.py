# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: overlaps
author: The cryptokey.wireguard authors (!UNKNOWN)
version_added: 0.1.0
short_description: Which prefixes share addresses
description:
  - Returns every pair of prefixes that have an address in common, within one list or between two. Two prefixes are
    disjoint, equal or one inside the other, so what they have in common is the longer one of the two.
  - An empty list is the answer where nothing overlaps, so that C(== []) makes an assertion of it.
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
    description:
      - A second list. Each pair is then made of one prefix of the input and one of this list.
      - Without it the pairs within the input are returned, the wider prefix first; one that is listed twice overlaps
        itself.
    type: list
    elements: str
seealso:
  - plugin: cryptokey.wireguard.union
    plugin_type: filter
  - plugin: cryptokey.wireguard.subtract
    plugin_type: filter
  - plugin: cryptokey.wireguard.allowed_ips
    plugin_type: filter
"""

EXAMPLES = r"""
- name: The networks of this host must not overlap the pool
  ansible.builtin.assert:
    that: ansible_facts['all_ipv4_addresses'] | cryptokey.wireguard.overlaps(['10.77.0.0/16']) == []

- name: Which of these prefixes lie in each other
  ansible.builtin.debug:
    msg: "{{ ['10.0.0.0/8', '10.1.0.0/16', '192.168.0.0/24'] | cryptokey.wireguard.overlaps }}"
    # [{a: 10.0.0.0/8, b: 10.1.0.0/16, common: 10.1.0.0/16}]
"""

RETURN = r"""
_value:
  description: The pairs, sorted by O(_input) and then by the other prefix, IPv4 before IPv6.
  type: list
  elements: dict
  contains:
    a:
      description: A prefix of the input.
      type: str
    b:
      description: A prefix of O(others), or another one of the input.
      type: str
    common:
      description: The addresses that both hold.
      type: str
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import WireguardError
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _prefix_lists
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._arguments import refuse_unknown, require_texts

REMEDY = "write a list, such as ['10.0.0.0/8', '192.168.1.0/24']"


def overlaps(prefixes: t.Any, others: t.Any = None, **unknown: t.Any) -> list[dict[str, str]]:
    try:
        refuse_unknown(unknown, ("others",))
        found = _prefix_lists.overlaps(
            require_texts(prefixes, name="the input", remedy=REMEDY),
            None if others is None else require_texts(others, name="others", remedy=REMEDY),
        )
        return [{"a": str(pair.one), "b": str(pair.other), "common": str(pair.common)} for pair in found]
    except WireguardError as error:
        raise AnsibleFilterError(f"cryptokey.wireguard.overlaps: {error}") from None


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"overlaps": overlaps}
