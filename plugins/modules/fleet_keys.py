#!/usr/bin/python
# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of an action: plugins/action/fleet_keys.py does the work, on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_keys
short_description: Make the keys of a host and write its public ones beside the inventory
version_added: 0.1.0
author: The cryptokey.wireguard authors (!UNKNOWN)
description:
  - Runs M(cryptokey.wireguard.keypair) on the host for every interface that the plan in the variable C(fleet_plan)
    gives it, and writes each public key on the controller to C(<directory>/<network>/<host>.pub).
  - Private keys stay on the host.
  - A host that is no member of a network is skipped without being contacted.
extends_documentation_fragment:
  - cryptokey.wireguard.attributes
  - cryptokey.wireguard.attributes.actiongroup
  - cryptokey.wireguard.host.state
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
options:
  directory:
    description: The folder for the public keys, to be committed with the inventory.
    type: path
    required: true
  regenerate:
    description:
      - V(never) keeps a private key that is there. V(partial) does so, too, and replaces what is no key.
      - V(always) makes a new one. The interface uses it from the next M(cryptokey.wireguard.fleet_apply) on.
    type: str
    choices: [never, partial, always]
    default: never
seealso:
  - module: cryptokey.wireguard.keypair
  - plugin: cryptokey.wireguard.public_keys
    plugin_type: lookup
notes:
  - Reads the variable C(wireguard_private_keys), a mapping from network to private key, for keys that are not made on
    the host. They belong into a vault.
"""

EXAMPLES = r"""
- name: Make the keys
  cryptokey.wireguard.fleet_keys:
    directory: "{{ inventory_dir }}/wireguard_keys"
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be done, one line each.
  returned: always
  type: list
  elements: str
public_keys:
  description: The public keys by network; null in check mode for one that is yet to be made.
  returned: success
  type: dict
  sample: {corp: "q8Ql3oLzWbBnYHpK2cPMq7A8vq6MR4bIl2gTQ1cTeXU="}
"""
