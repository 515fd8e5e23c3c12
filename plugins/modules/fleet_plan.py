#!/usr/bin/python
# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of an action: plugins/action/fleet_plan.py does the work, on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_plan
short_description: Derive the plan of a fleet from its inventory
version_added: 0.1.0
author: The cryptokey.wireguard authors (!UNKNOWN)
description:
  - What P(cryptokey.wireguard.plan#filter) does, with the files that stand beside an inventory, and with all mistakes
    of an inventory in one readable list.
  - Runs on the controller, once for all hosts, and contacts no host. Each host's variables are read once.
  - An error finding does not fail this task. M(cryptokey.wireguard.fleet_report) prints the plan and stops the run.
extends_documentation_fragment:
  - cryptokey.wireguard.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: It changes nothing.
options:
  hosts:
    description:
      - The hosts of the fleet, from the inventory's groups. Hosts without a C(wireguard) variable are left out.
      - Not the hosts of the play, which C(--limit) and C(serial) make fewer.
    type: list
    elements: str
    required: true
  public_keys_dir:
    description: The folder with the public keys, C(<network>/<host>.pub).
    type: path
  previous:
    description: The file with an earlier plan to compare with. A file that is not there is no mistake.
    type: path
  today:
    description:
      - The date that C(until) in C(wireguard_ignore) is held against, as V(2026-12-31). After that day an entry
        silences nothing any more.
      - By default the controller's date. Give one for a plan that is the same on every day.
    type: str
seealso:
  - plugin: cryptokey.wireguard.plan
    plugin_type: filter
  - module: cryptokey.wireguard.fleet_report
"""

EXAMPLES = r"""
- name: Plan all hosts of the inventory
  cryptokey.wireguard.fleet_plan:
    hosts: "{{ groups['all'] }}"
    public_keys_dir: "{{ inventory_dir }}/wireguard_keys"
  run_once: true
  delegate_to: localhost
  register: planned

- name: Show the verdict
  ansible.builtin.debug:
    msg: "{{ planned.plan.proof.verdict }}"
"""

RETURN = r"""
plan:
  description: The plan document, as P(cryptokey.wireguard.plan#filter) returns it.
  returned: success
  type: dict
"""
