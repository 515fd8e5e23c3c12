# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: trace
author: The cryptokey.wireguard authors (!UNKNOWN)
version_added: 0.1.0
short_description: Follow one packet and its reply through a WireGuard fleet
description:
  - Tells for every network stack on the way which route, which peer and which source check decide about the packet.
  - Names all that blocks the packet or its reply at once, not only the first blocker.
positional: host, source, destination, namespace
options:
  _input:
    description: A fleet document, or a plan as P(cryptokey.wireguard.plan#filter) returns it.
    type: dict
    required: true
  host:
    description: The host that sends the packet.
    type: str
    required: true
  source:
    description: The packet's source address.
    type: str
    required: true
  destination:
    description: The packet's destination address.
    type: str
    required: true
  namespace:
    description: The network namespace that sends. Empty for the initial one.
    type: str
    default: ""
seealso:
  - plugin: cryptokey.wireguard.check
    plugin_type: filter
  - plugin: cryptokey.wireguard.reachability
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Why does nyc1 not reach the LAN behind fra1?
  ansible.builtin.debug:
    msg: "{{ fleet_plan | cryptokey.wireguard.trace('nyc1', '10.77.0.2', '192.168.10.7') }}"
"""

RETURN = r"""
_value:
  description: The way of the packet and of the reply.
  type: dict
  contains:
    outcome:
      description: What becomes of the packet, with the words of P(cryptokey.wireguard.reachability#filter).
      type: str
    at:
      description: Where it ends, as host, namespace and device.
      type: dict
    hops:
      description: >-
        One entry per network stack with host, namespace, ingress, accepted (the source check), route, device, peer,
        outcome and blockers. Behind a blocker that could be mended the trace goes on as if it were.
      type: list
      elements: dict
    blockers:
      description: All that stops the packet or the reply, with rule, outcome, at, direction, message and hint.
      type: list
      elements: dict
    back:
      description: >-
        The reply, with outcome, at, hops and the host that it sets out from; peer is the external peer that it comes
        from, or null. Null where it is not known who would reply.
      type: dict
    text:
      description: The same to be read.
      type: str
"""

import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleFilterError

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import WireguardError
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _trace
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._arguments import refuse_unknown, require
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._trace_text import render


def trace(
    fleet: t.Any,
    host: t.Any = None,
    source: t.Any = None,
    destination: t.Any = None,
    namespace: t.Any = "",
    **unknown: t.Any,
) -> dict[str, t.Any]:
    try:
        refuse_unknown(unknown, ("host", "source", "destination", "namespace"))
        require(fleet, Mapping, name="the input", words="a fleet document or a plan")
        given = {"host": host, "source": source, "destination": destination, "namespace": namespace}
        for name, value in given.items():
            require(value, str, name=name, words="a text", remedy="write trace('host', 'source', 'destination')")
        found = _trace.trace(parse_fleet(fleet), **{name: str.__str__(value) for name, value in given.items()})
        return {**found, "text": render(found)}
    except WireguardError as error:
        raise AnsibleFilterError(f"cryptokey.wireguard.trace: {error}") from None


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"trace": trace}
