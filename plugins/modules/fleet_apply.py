#!/usr/bin/python
# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of an action: plugins/action/fleet_apply.py does the work, on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_apply
short_description: Make a host what the plan of its fleet says
version_added: 0.1.0
author: The cryptokey.wireguard authors (!UNKNOWN)
description:
  - Takes this host's part of the plan from the variable C(fleet_plan), which the entry point C(plan) of the role
    P(cryptokey.wireguard.fleet#role) leaves, and runs M(cryptokey.wireguard.namespace) and
    M(cryptokey.wireguard.interface) for what the host needs. All of it is one task.
  - A host that is no member of a network is skipped without being contacted.
  - The preshared keys of the peers and a given private key pass straight to the modules. They are no arguments of
    the task and appear in no output.
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
  - module: cryptokey.wireguard.interface
  - module: cryptokey.wireguard.fleet_verify
notes:
  - Reads the variables C(fleet_plan), C(wireguard_fleet_secret) (for networks with C(preshared_keys=derived)) and
    C(wireguard_private_keys) (a mapping from network to private key, for keys that are not made on the host).
"""

EXAMPLES = r"""
- name: Plan, then apply
  hosts: all
  gather_facts: false
  become: true
  tasks:
    - name: Plan the fleet once
      ansible.builtin.import_role:
        name: cryptokey.wireguard.fleet
        tasks_from: plan
      run_once: true
      delegate_to: localhost

    - name: Apply this host's part
      cryptokey.wireguard.fleet_apply:
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be done, one line each.
  returned: always
  type: list
  elements: str
  sample: ["wg0: add peer nyc1 (q8Ql3oLz)"]
disruptive:
  description: Of RV(actions), those that can lose packets, each with the packets that it can lose.
  returned: when there are any
  type: list
  elements: str
  sample: ["wg0: set listen port 51821: what peers send to the old port, until this host has sent to them"]
interfaces:
  description: The interfaces of this host that the plan speaks of.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the interface.
      type: str
      returned: success
    namespace:
      description: The network namespace it lives in; empty for the initial one.
      type: str
      returned: success
    network:
      description: The network it belongs to; empty for one that has left its network.
      type: str
      returned: success
    changed:
      description: Whether anything was changed.
      type: bool
      returned: success
    public_key:
      description: Its public key.
      type: str
      returned: when it is known
    backend:
      description: What implements it, V(kernel) or V(userspace).
      type: str
      returned: when it is known
"""
