# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: report
author: The cryptokey.wireguard authors (!UNKNOWN)
version_added: 0.1.0
short_description: A plan as text for a terminal
description:
  - "Findings first, with host, peer, prefix and remedy; then what changes; then what was assumed; then the proof."
  - The same plan gives the same text.
positional: width, color
options:
  _input:
    description: What the filter P(cryptokey.wireguard.plan#filter) returned.
    type: dict
    required: true
  width:
    description: The columns to fill. Commands and prefixes are never broken.
    type: int
    default: 100
  color:
    description: Whether to colour it with terminal escapes.
    type: bool
    default: false
seealso:
  - plugin: cryptokey.wireguard.plan
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show the plan
  ansible.builtin.debug:
    msg: "{{ (fleet_plan | cryptokey.wireguard.report(width=120)).splitlines() }}"
"""

RETURN = r"""
_value:
  description: The text, without a newline at its end.
  type: str
"""

import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleFilterError

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import WireguardError
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._arguments import refuse_unknown, require
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._plain import plain
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._text import render_report


def report(plan: t.Any, width: t.Any = 100, color: t.Any = False, **unknown: t.Any) -> str:
    try:
        refuse_unknown(unknown, ("width", "color"))
        require(plan, Mapping, name="the input", words="a plan", remedy="give it what the plan filter returned")
        require(width, int, name="width", words="a number")
        require(color, bool, name="color", words="true or false")
        return render_report(plain(plan), width=int(width), color=bool(color))
    except WireguardError as error:
        raise AnsibleFilterError(f"cryptokey.wireguard.report: {error}") from None


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"report": report}
