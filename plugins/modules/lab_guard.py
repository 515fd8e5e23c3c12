#!/usr/bin/python
# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of an action: plugins/action/lab_guard.py does the work, on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_guard
short_description: Refuse to go on unless the host is a lab host
version_added: 0.1.0
author: The cryptokey.wireguard authors (!UNKNOWN)
description:
  - Looks at the connection that Ansible has really made for the task's host, which no variable of a play decides, and
    fails unless it is P(cryptokey.wireguard.netns#connection) to the lab host of the same name.
  - Fails, too, where a part of the fleet is left out of the play, or where keys would be written outside the lab.
  - Touches neither the host nor the controller.
extends_documentation_fragment:
  - cryptokey.wireguard.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: It changes nothing.
options:
  lab:
    description: The name of the lab.
    type: str
    required: true
  fleet:
    description: The hosts that have to be in the play.
    type: list
    elements: str
    required: true
  public_keys_dir:
    description: Where public keys are going to be written.
    type: path
    required: true
  state_directory:
    description: Where private keys are going to be made on the lab hosts.
    type: path
    required: true
seealso:
  - module: cryptokey.wireguard.lab
"""

EXAMPLES = r"""
- name: Refuse unless every host is a lab host
  cryptokey.wireguard.lab_guard:
    lab: rehearsal
    fleet: "{{ groups['all'] }}"
    public_keys_dir: /run/cryptokey-lab/rehearsal/.keys
    state_directory: /etc/wireguard/cryptokey
"""

RETURN = r"""
guarded:
  description: Always true; where it is not, the task has failed.
  returned: success
  type: bool
"""
