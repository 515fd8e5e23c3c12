#!/usr/bin/python
# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of an action: plugins/action/fleet_verdict.py does the work, on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_verdict
short_description: Sum up the comparison of a fleet with its plan
version_added: 0.1.0
author: The cryptokey.wireguard authors (!UNKNOWN)
description:
  - Prints what M(cryptokey.wireguard.fleet_verify) has found on each host as text, and fails when one of them differs
    from the plan or could not be asked.
  - Peers that do not answer and dropped packets are shown and fail nothing.
  - Runs on the controller, once for all hosts.
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
    description: The hosts that were to be verified. Those that are no member of a network are left out.
    type: list
    elements: str
    required: true
  variable:
    description: The variable of each host that holds the result of M(cryptokey.wireguard.fleet_verify).
    type: str
    default: fleet_verification
seealso:
  - module: cryptokey.wireguard.fleet_verify
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
  description: The hosts that differ from the plan.
  returned: always
  type: list
  elements: str
unverified:
  description: The hosts that could not be asked.
  returned: always
  type: list
  elements: str
"""
