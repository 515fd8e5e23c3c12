#!/usr/bin/python
# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of an action: plugins/action/lab_measure.py does the work, on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_measure
short_description: Compare real packets in a lab with the proof
version_added: 0.1.0
author: The cryptokey.wireguard authors (!UNKNOWN)
description:
  - Sends echo requests from every address of every stack in the lab to every address elsewhere, in both families, and
    compares what is answered with what the plan predicts.
  - Prints the matrix as text. Fails when a cell is not as predicted, with its trace, or when no packet was sent.
  - Runs on the controller, as root, once for all hosts. Uses the fact C(fleet_plan) that the role
    P(cryptokey.wireguard.fleet#role) has left.
extends_documentation_fragment:
  - cryptokey.wireguard.attributes
attributes:
  check_mode:
    support: none
  diff_mode:
    support: none
options:
  lab:
    description: The name of the lab.
    type: str
    required: true
  patience:
    description: How many seconds to wait for the first handshakes.
    type: int
    default: 30
seealso:
  - module: cryptokey.wireguard.lab
"""

EXAMPLES = r"""
- name: Compare real packets with the proof
  cryptokey.wireguard.lab_measure:
    lab: rehearsal
  run_once: true
  delegate_to: localhost
"""

RETURN = r"""
cells:
  description: How many pairs of addresses were compared.
  returned: always
  type: int
delivered:
  description: How many of them were answered.
  returned: always
  type: int
in_clear:
  description: How many of those used the underlay instead of the tunnels.
  returned: always
  type: int
blocked:
  description: How many were not answered, by outcome.
  returned: always
  type: dict
packets_sent:
  description: How many echo requests were sent.
  returned: always
  type: int
differences:
  description: How many cells are not as predicted.
  returned: always
  type: int
differing:
  description: These cells.
  returned: always
  type: list
  elements: str
"""
