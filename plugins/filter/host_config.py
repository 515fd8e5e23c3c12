# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: host_config
author: The cryptokey.wireguard authors (!UNKNOWN)
version_added: 0.1.0
short_description: One host's share of a plan, as arguments of the interface module
description:
  - Writes out the peers of one host, which a plan keeps in shared rows so that it stays small.
  - The result holds preshared keys where the network derives them. Do not print it, and give it to
    M(cryptokey.wireguard.interface) only.
positional: host, fleet_secret
options:
  _input:
    description: What the filter P(cryptokey.wireguard.plan#filter) returned, or a fleet document.
    type: dict
    required: true
  host:
    description: The host's name in the inventory.
    type: str
    required: true
  fleet_secret:
    description: The secret that preshared keys are derived from. Needed where a network says C(preshared_keys=derived).
    type: str
seealso:
  - plugin: cryptokey.wireguard.plan
    plugin_type: filter
  - module: cryptokey.wireguard.interface
"""

EXAMPLES = r"""
- name: Apply this host's interfaces
  cryptokey.wireguard.interface: "{{ item }}"
  loop: "{{ fleet_plan | cryptokey.wireguard.host_config(inventory_hostname, wireguard_fleet_secret) }}"
  loop_control:
    label: "{{ item.name }}"
"""

RETURN = r"""
_value:
  description:
    - One set of arguments per interface of the host, those to be removed first. Empty for a host that the plan does
      not know.
  type: list
  elements: dict
"""

import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleFilterError

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import WireguardError
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _host_config
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._arguments import refuse_unknown, require


def host_config(
    plan: t.Any, host: t.Any = None, fleet_secret: t.Any = None, **unknown: t.Any
) -> list[dict[str, t.Any]]:
    try:
        refuse_unknown(unknown, ("host", "fleet_secret"))
        require(plan, Mapping, name="the input", words="a plan", remedy="give it what the plan filter returned")
        require(host, str, name="host", words="a text", remedy="write host_config(inventory_hostname)")
        if fleet_secret is not None:
            require(fleet_secret, str, name="fleet_secret", words="a text")
        return _host_config.host_config(plan, host, fleet_secret=fleet_secret)
    except WireguardError as error:
        raise AnsibleFilterError(f"cryptokey.wireguard.host_config: {error}") from None


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"host_config": host_config}
