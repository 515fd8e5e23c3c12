# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: check
author: The cryptokey.wireguard authors (!UNKNOWN)
version_added: 0.1.0
short_description: Find what is wrong with a WireGuard fleet
description:
  - Applies every rule of the catalogue to a fleet document and returns the findings, errors first, in a fixed order.
  - Exact over all addresses of both families. No host is contacted.
  - A bad value inside the document is a finding. Only a document of the wrong shape is an error, which names the path.
positional: previous
options:
  _input:
    description: A fleet document, or a plan as P(cryptokey.wireguard.plan#filter) returns it.
    type: dict
    required: true
  previous:
    description:
      - The fleet document or plan before the change, or what an audit of the live hosts has found.
      - The rules WG901 to WG906 compare with it. Without it they say nothing.
    type: dict
seealso:
  - plugin: cryptokey.wireguard.plan
    plugin_type: filter
  - plugin: cryptokey.wireguard.trace
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Stop where the fleet has an error
  ansible.builtin.assert:
    that: (fleet_plan | cryptokey.wireguard.check | selectattr('severity', 'eq', 'error')) == []
"""

RETURN = r"""
_value:
  description: The findings, sorted. Empty for a fleet that is as it should be.
  type: list
  elements: dict
  contains:
    rule:
      description: The id of the rule, such as C(WG201). It has a page in the collection's documentation.
      type: str
    name:
      description: The rule's name.
      type: str
    severity:
      description: V(error), V(warning) or V(info).
      type: str
    host:
      description: The host where the remedy goes.
      type: str
    namespace:
      description: The network namespace on that host. Empty for the initial one.
      type: str
    interface:
      description: The WireGuard interface, if it is about one.
      type: str
    peer:
      description: The peer, if it is about one.
      type: str
    prefixes:
      description: Exactly the prefixes concerned.
      type: list
      elements: str
    message:
      description: What is wrong, in one sentence.
      type: str
    hint:
      description: The smallest edit that mends it.
      type: str
    witness:
      description: One packet that shows it, as arguments of P(cryptokey.wireguard.trace#filter).
      type: dict
"""

import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleFilterError

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import WireguardError
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _rules
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._arguments import refuse_unknown, require
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet


def check(fleet: t.Any, previous: t.Any = None, **unknown: t.Any) -> list[dict[str, t.Any]]:
    try:
        refuse_unknown(unknown, ("previous",))
        require(fleet, Mapping, name="the input", words="a fleet document or a plan")
        if previous is not None:
            require(previous, Mapping, name="previous", words="a fleet document or a plan")
        earlier = None if previous is None else parse_fleet(previous)
        return _rules.check(parse_fleet(fleet), earlier)
    except WireguardError as error:
        raise AnsibleFilterError(f"cryptokey.wireguard.check: {error}") from None


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"check": check}
