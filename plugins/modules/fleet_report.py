#!/usr/bin/python
# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of an action: plugins/action/fleet_report.py does the work, on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_report
short_description: Report a plan in every format that is asked for, and stop on what is too bad
version_added: 0.1.0
author: The cryptokey.wireguard authors (!UNKNOWN)
description:
  - Prints a plan, as P(cryptokey.wireguard.plan#filter) returns it, as text - findings first, then what will change,
    then the proof. Whatever callback plugin shows the results, the text stays text.
  - Writes it in other formats, too, each made from the plan alone - see O(reports).
  - Fails when the plan has a finding as severe as O(fail_level), when it is not proved and O(strict) is set, or when a
    network derives its preshared keys and a member of it has no C(wireguard_fleet_secret).
  - Runs on the controller and contacts no host.
extends_documentation_fragment:
  - cryptokey.wireguard.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
options:
  plan:
    description: The plan document.
    type: dict
    required: true
  output:
    description:
      - Where to write the plan as JSON, without the comparison with an earlier one, so that the same fleet gives the
        same bytes.
      - Committed, it is what the next plan can be compared with. It holds no secret.
    type: path
  reports:
    description:
      - Which further reports to write, as a mapping from format to path. The formats are those of
        P(cryptokey.wireguard.report#filter).
      - V(-) instead of a path prints the report, which is where GitHub Actions looks for V(github).
    type: dict
    default: {}
  fail_level:
    description: The least severe finding that fails this task.
    type: str
    choices: [error, warning, info]
    default: error
  strict:
    description: Whether a plan that is not proved fails this task, though no finding does.
    type: bool
    default: false
  status_file:
    description:
      - >-
        Where to write C({"exit_code": n}), also in check mode: V(0) proved and nothing to do, V(1) findings at or above
        O(fail_level), V(2) proved with changes, V(3) not proved under O(strict), V(4) bad input.
      - The program C(scripts/wireguard-plan) of this collection uses it, since a run of C(ansible-playbook) has no
        exit code of its own for them.
    type: path
  show:
    description: Whether to print the report.
    type: bool
    default: true
  width:
    description: The width of the report in columns. That of the terminal where it is not given.
    type: int
seealso:
  - plugin: cryptokey.wireguard.plan
    plugin_type: filter
  - plugin: cryptokey.wireguard.report
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Report the plan
  cryptokey.wireguard.fleet_report:
    plan: "{{ fleet_plan }}"
    output: "{{ inventory_dir }}/wireguard_plan.json"
  run_once: true
  delegate_to: localhost

- name: Report the plan to a pipeline, and let a warning fail it
  cryptokey.wireguard.fleet_report:
    plan: "{{ fleet_plan }}"
    fail_level: warning
    reports:
      github: "-"
      html: plan.html
      sarif: plan.sarif
  run_once: true
  delegate_to: localhost
"""

RETURN = r"""
verdict:
  description: What the prover says of the plan, V(proved), V(refuted) or V(unproven).
  returned: always
  type: str
counts:
  description: The number of findings by severity, with the keys C(error), C(warning) and C(info).
  returned: always
  type: dict
"""
