#!/usr/bin/python
# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of an action: plugins/action/lab.py does the work, on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lab
short_description: Stage a planned fleet in network namespaces of the controller
version_added: 0.1.0
author: The cryptokey.wireguard authors (!UNKNOWN)
description:
  - Brings up every host of the plan as a process with PID, mount, network and UTS namespaces of its own, joined by an
    underlay made from the inventory. There is a router that everybody can reach, a NAT in front of each host that
    nobody can dial, and one host in each LAN behind a gateway.
  - Nothing is applied to the hosts, and nothing is made in the controller's own network namespace. All of a lab ends
    with its first process.
  - Runs on the controller, as root. Needs iproute2, and nftables where a host is behind a NAT.
extends_documentation_fragment:
  - cryptokey.wireguard.attributes
attributes:
  check_mode:
    support: none
  diff_mode:
    support: none
options:
  name:
    description:
      - The name of the lab.
      - At most 63 letters, digits, C(-) and C(_), beginning with a letter or digit.
    type: str
    required: true
  state:
    description:
      - V(present) brings up a lab for the plan in the fact C(fleet_plan). One of that name that was made for something
        else, or that is no longer whole, is ended first.
      - V(absent) ends the lab and everything that runs in it.
    type: str
    choices: [present, absent]
    default: present
  keep:
    description: Whether the lab stays when this run of Ansible ends.
    type: bool
    default: true
  owner:
    description: The process on the controller with which the lab ends, instead of this run.
    type: int
seealso:
  - plugin: cryptokey.wireguard.netns
    plugin_type: connection
  - module: cryptokey.wireguard.lab_measure
"""

EXAMPLES = r"""
- name: Plan the fleet
  ansible.builtin.import_role:
    name: cryptokey.wireguard.fleet
    tasks_from: derive

- name: Stage it on this machine
  cryptokey.wireguard.lab:
    name: rehearsal
  run_once: true
  delegate_to: localhost
"""

RETURN = r"""
lab:
  description: The name of the lab.
  returned: success
  type: str
hosts:
  description: The hosts that the lab stages.
  returned: when O(state=present)
  type: list
  elements: str
directory:
  description: Where the lab is written down.
  returned: when O(state=present)
  type: str
public_keys_directory:
  description: A directory for the lab's public keys, which goes away with the lab.
  returned: when O(state=present)
  type: str
"""
