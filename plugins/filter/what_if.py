# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: what_if
author: The cryptokey.wireguard authors (!UNKNOWN)
version_added: 0.1.0
short_description: Tell what is lost while hosts or links of a WireGuard fleet are down
description:
  - Follows every flow between what two members of a network own, with and without the hosts and links named, and
    returns which of them no longer arrive. Exact over all addresses of both families. No host is contacted.
  - WireGuard does not reroute. While a peer is gone, packets for its AllowedIPs are dropped, so nothing takes another
    way, and what remains remains as it was.
  - A link that is down is a tunnel in which no handshake comes about. Both hosts keep their AllowedIPs.
positional: hosts_down, links_down
options:
  _input:
    description: A fleet document, or a plan as P(cryptokey.wireguard.plan#filter) returns it.
    type: dict
    required: true
  hosts_down:
    description: The hosts that are down. An external peer counts as one.
    type: list
    elements: str
    default: []
  links_down:
    description: >-
      Pairs of hosts between which no tunnel comes up, on whatever interface. They have to be peers. One of them may be
      an external peer.
    type: list
    elements: list
    default: []
seealso:
  - plugin: cryptokey.wireguard.reachability
    plugin_type: filter
  - plugin: cryptokey.wireguard.trace
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show what depends on hub1
  ansible.builtin.debug:
    msg: "{{ (fleet_plan | cryptokey.wireguard.what_if(hosts_down=['hub1'])).lost.entries | map(attribute='text') }}"

- name: Stop where one link that is down would cut anybody else off
  ansible.builtin.assert:
    that: (fleet_plan | cryptokey.wireguard.what_if(links_down=[['fra1', 'nyc1']])).lost.pairs <= 2
"""

RETURN = r"""
_value:
  description: What is lost and what remains.
  type: dict
  contains:
    hosts_down:
      description: The hosts that are down, sorted.
      type: list
      elements: str
    links_down:
      description: The links that are down, each a sorted pair of hosts.
      type: list
      elements: list
    pairs:
      description: How many ordered pairs of network stacks had a flow that arrived.
      type: int
    lost:
      description: The flows that no longer arrive, joined where they are alike, those of most pairs first.
      type: dict
      contains:
        pairs:
          description: The ordered pairs of network stacks that lose a flow.
          type: int
        entries:
          description: >-
            At most 20 entries. Each has C(from) and C(to) in words, C(hosts), the number of sending hosts, C(sources),
            where it is not all that they own, C(prefixes), at most 8 of the destinations, C(more_prefixes), C(before)
            and C(after), the way, C(pairs), and C(text), all of it in one line.
          type: list
          elements: dict
        more:
          description: How many entries there are beyond those.
          type: int
    lost_between_others:
      description: The pairs among them of which neither end is down. A relay served them.
      type: int
    remaining:
      description: The flows that still arrive, as in RV(_value.lost).
      type: dict
    intents:
      description: >-
        The declared intents that hold in one of the two cases only, as dictionaries with C(network), C(from), C(to),
        C(reach), C(before) and C(after).
      type: list
      elements: dict
"""

import typing as t
from collections.abc import Mapping, Sequence

from ansible.errors import AnsibleFilterError

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput, WireguardError
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _what_if
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._arguments import (
    refuse_unknown,
    require,
    require_texts,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet


def what_if(fleet: t.Any, hosts_down: t.Any = (), links_down: t.Any = (), **unknown: t.Any) -> dict[str, t.Any]:
    try:
        refuse_unknown(unknown, ("hosts_down", "links_down"))
        require(fleet, Mapping, name="the input", words="a fleet document or a plan")
        hosts = require_texts(hosts_down or (), name="hosts_down", remedy="write what_if(hosts_down=['host'])")
        return _what_if.what_if(parse_fleet(fleet), hosts_down=hosts, links_down=_links(links_down or ()))
    except WireguardError as error:
        raise AnsibleFilterError(f"cryptokey.wireguard.what_if: {error}") from None


def _links(value: t.Any) -> list[tuple[str, str]]:
    remedy = "write what_if(links_down=[['host', 'host']])"
    if isinstance(value, str) or not isinstance(value, Sequence):
        require(value, list, name="links_down", words="a list", remedy=remedy)
    links = []
    for index, entry in enumerate(value):
        ends = require_texts(entry, name=f"links_down[{index}]", remedy=remedy)
        if len(ends) != 2:
            raise InvalidInput("is not two hosts", path=f"links_down[{index}]", value=", ".join(ends), remedy=remedy)
        links.append((ends[0], ends[1]))
    return links


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"what_if": what_if}
