# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: allowed_ips
author: The cryptokey.wireguard authors (!UNKNOWN)
version_added: 0.1.0
short_description: The shortest AllowedIPs list for "this, but not that"
description:
  - Returns the minimal list of prefixes that covers exactly the addresses of the input without the excluded ones.
  - AllowedIPs know no exceptions, so "everything but my LAN" has to be written as what remains.
  - >-
    Besides prefixes and addresses the names of sets may be used. V(private) is RFC 1918 and RFC 4193, V(cgnat) is
    RFC 6598, V(link_local) is RFC 3927 and C(fe80::/10), V(multicast) is C(224.0.0.0/4) and C(ff00::/8); V(lan) and
    V(endpoints) stand for what is passed by these names.
positional: exclude
options:
  _input:
    description: The prefixes, addresses or named sets to cover.
    type: list
    elements: str
    required: true
  exclude:
    description: The prefixes, addresses or named sets to leave out.
    type: list
    elements: str
    default: []
  lan:
    description: What the set V(lan) stands for, such as the prefixes of the local network.
    type: list
    elements: str
    default: []
  endpoints:
    description: >-
      What the set V(endpoints) stands for: the outer addresses of the peers, with or without C(:port), or prefixes. A
      DNS name is refused, since a list of prefixes cannot follow it.
    type: list
    elements: str
    default: []
seealso:
  - plugin: cryptokey.wireguard.union
    plugin_type: filter
  - plugin: cryptokey.wireguard.subtract
    plugin_type: filter
  - plugin: cryptokey.wireguard.overlaps
    plugin_type: filter
"""

EXAMPLES = r"""
- name: A full tunnel that leaves the local network and the server's own address alone
  ansible.builtin.debug:
    msg: >-
      {{ ['0.0.0.0/0'] | cryptokey.wireguard.allowed_ips(exclude=['lan', 'endpoints'],
         lan=['192.168.1.0/24'], endpoints=['203.0.113.10:51820']) }}
"""

RETURN = r"""
_value:
  description: The prefixes, IPv4 before IPv6, each in ascending order.
  type: list
  elements: str
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import WireguardError, placed
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _prefix_lists
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._arguments import refuse_unknown, require_texts
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._endpoint import address_of


def allowed_ips(
    include: t.Any, exclude: t.Any = (), lan: t.Any = (), endpoints: t.Any = (), **unknown: t.Any
) -> list[str]:
    try:
        refuse_unknown(unknown, ("exclude", "lan", "endpoints"))
        remedy = "write a list, such as ['0.0.0.0/0']"
        return _prefix_lists.allowed_ips(
            require_texts(include, name="the input", remedy=remedy),
            require_texts(exclude, name="exclude", remedy=remedy),
            lan=require_texts(lan, name="lan", remedy=remedy),
            endpoints=_addresses(require_texts(endpoints, name="endpoints", remedy=remedy)),
        )
    except WireguardError as error:
        raise AnsibleFilterError(f"cryptokey.wireguard.allowed_ips: {error}") from None


def _addresses(endpoints: list[str]) -> list[str]:
    found = []
    for index, text in enumerate(endpoints):
        with placed(f"endpoints[{index}]"):
            found.append(address_of(text))
    return found


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"allowed_ips": allowed_ips}
