# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: reachability
author: The cryptokey.wireguard authors (!UNKNOWN)
version_added: 0.1.0
short_description: Where every packet ends that a host of a WireGuard fleet can send
description:
  - Follows all packets of one network stack, whatever their source and destination, through the fleet.
  - The result is exact. Its rectangles do not overlap and cover the whole space of both families.
positional: host, namespace
options:
  _input:
    description: A fleet document, or a plan as P(cryptokey.wireguard.plan#filter) returns it.
    type: dict
    required: true
  host:
    description: The host that sends.
    type: str
    required: true
  namespace:
    description: The network namespace that sends. Empty for the initial one.
    type: str
    default: ""
seealso:
  - plugin: cryptokey.wireguard.trace
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show what fra1 can reach
  ansible.builtin.debug:
    msg: >-
      {{ fleet_plan | cryptokey.wireguard.reachability('fra1')
         | selectattr('outcome', 'in', ['delivered', 'exits']) }}
"""

RETURN = r"""
_value:
  description: Disjoint rectangles of packets, sorted.
  type: list
  elements: dict
  contains:
    sources:
      description: The sources of the rectangle.
      type: list
      elements: str
    destinations:
      description: The destinations of the rectangle.
      type: list
      elements: str
    outcome:
      description: >-
        V(delivered), V(exits), V(no_route), V(blackhole), V(unreachable), V(prohibit), V(no_peer),
        V(unmanaged_peer), V(one_sided), V(no_endpoint), V(source_rejected), V(martian_source), V(rp_filtered),
        V(not_forwarded) or V(loop).
      type: str
    at:
      description: Where it ends, as host, namespace and device.
      type: dict
"""

import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleFilterError

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import WireguardError
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _prover
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._arguments import refuse_unknown, require
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet


def reachability(fleet: t.Any, host: t.Any = None, namespace: t.Any = "", **unknown: t.Any) -> list[dict[str, t.Any]]:
    try:
        refuse_unknown(unknown, ("host", "namespace"))
        require(fleet, Mapping, name="the input", words="a fleet document or a plan")
        require(host, str, name="host", words="a text", remedy="write reachability('host')")
        require(namespace, str, name="namespace", words="a text")
        return _prover.reachability(parse_fleet(fleet), host=str.__str__(host), namespace=str.__str__(namespace))
    except WireguardError as error:
        raise AnsibleFilterError(f"cryptokey.wireguard.reachability: {error}") from None


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"reachability": reachability}
