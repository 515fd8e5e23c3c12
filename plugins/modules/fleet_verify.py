#!/usr/bin/python
# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of an action: plugins/action/fleet_verify.py does the work, on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_verify
short_description: Compare a host with the plan of its fleet
version_added: 0.1.0
author: The cryptokey.wireguard authors (!UNKNOWN)
description:
  - Runs M(cryptokey.wireguard.interface) in check mode for every interface that the plan gives this host, and lists
    what it would change as drift. Then asks M(cryptokey.wireguard.interface_info) which peers have answered.
  - Changes nothing, with or without C(--check).
  - Drift does not fail this task. M(cryptokey.wireguard.fleet_verdict) sums all hosts up and fails the run.
extends_documentation_fragment:
  - cryptokey.wireguard.attributes
  - cryptokey.wireguard.attributes.actiongroup
  - cryptokey.wireguard.host.state
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
seealso:
  - module: cryptokey.wireguard.fleet_apply
  - module: cryptokey.wireguard.fleet_verdict
notes:
  - Reads the variables C(fleet_plan), C(wireguard_fleet_secret) and C(wireguard_private_keys), like
    M(cryptokey.wireguard.fleet_apply).
"""

EXAMPLES = r"""
- name: Compare the host with the plan
  cryptokey.wireguard.fleet_verify:
  register: fleet_verification

- name: Sum it up
  cryptokey.wireguard.fleet_verdict:
    hosts: "{{ ansible_play_hosts_all }}"
  run_once: true
  delegate_to: localhost
"""

RETURN = r"""
drift:
  description: What would have to be changed to make the host what the plan says, one line each.
  returned: for members of a network
  type: list
  elements: str
  sample: ["wg0: remove peer AbCdEfGh"]
error:
  description: Why the host could not be compared to the end.
  returned: on failure of a module
  type: str
unplanned:
  description: Interfaces that were once declared on this host and are in no plan now. They are no drift.
  returned: for members of a network
  type: list
  elements: str
interfaces:
  description: What is seen of each interface beyond its configuration.
  returned: for members of a network
  type: list
  elements: dict
  contains:
    name:
      description: Name of the interface.
      type: str
      returned: always
    namespace:
      description: The network namespace it lives in; empty for the initial one.
      type: str
      returned: always
    network:
      description: The network it belongs to.
      type: str
      returned: always
    silent:
      description:
        - The peers that this host sends keepalives to and that have made no handshake for three minutes.
        - A dictionary each, with C(name) and C(age), the seconds since the last handshake; null where there was none.
      type: list
      elements: dict
      returned: always
    rejected_source:
      description: Packets that came from a peer without a right to their source address; null where nobody counts them.
      type: int
      returned: always
"""
