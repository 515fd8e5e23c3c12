# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: report
author: The cryptokey.wireguard authors (!UNKNOWN)
version_added: 0.1.0
short_description: A plan as a report, for a terminal, a pull request, a pipeline or a browser
description:
  - "Findings first, with host, peer, prefix and remedy; then what changes; then what was assumed; then the proof."
  - The same plan gives the same bytes. Every format is made from the plan alone, and is bounded whatever the size of
    the fleet - what is too much is counted.
  - Names of hosts and peers are not trusted - none of them becomes markup, a command or a control character.
positional: width, color, format
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
  format:
    description:
      - V(text) is for a terminal. O(width) and O(color) are only for this one.
      - V(markdown) is for a comment on a pull request. It folds details and has at most 65,000 characters.
      - V(github) are workflow commands of GitHub Actions, which annotate the lines of the inventory.
      - V(junit) is XML that GitLab, Jenkins and others show as test results.
      - V(sarif) is SARIF 2.1.0 for code scanning. The way of a packet is a code flow.
      - V(mermaid) is a flowchart of the fleet.
      - V(html) is a page that needs nothing else - a picture of the fleet, who reaches whom, and every finding.
      - V(json) is the plan itself, without the comparison with an earlier one.
    type: str
    choices: [text, markdown, github, junit, sarif, mermaid, html, json]
    default: text
seealso:
  - plugin: cryptokey.wireguard.plan
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show the plan
  ansible.builtin.debug:
    msg: "{{ (fleet_plan | cryptokey.wireguard.report(width=120)).splitlines() }}"

- name: Write a page
  ansible.builtin.copy:
    content: "{{ fleet_plan | cryptokey.wireguard.report(format='html') }}"
    dest: plan.html
    mode: "0644"
  delegate_to: localhost
"""

RETURN = r"""
_value:
  description: The text, without a newline at its end.
  type: str
"""

import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleFilterError

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput, WireguardError
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._arguments import refuse_unknown, require
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._plain import plain
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._reader import nearest
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._formats import FORMATS, render_as


# pylint: disable-next=redefined-builtin
def report(
    plan: t.Any,
    width: t.Any = 100,
    color: t.Any = False,
    format: t.Any = "text",  # noqa: A002  (the name that users write)
    **unknown: t.Any,
) -> str:
    try:
        refuse_unknown(unknown, ("width", "color", "format"))
        require(plan, Mapping, name="the input", words="a plan", remedy="give it what the plan filter returned")
        require(width, int, name="width", words="a number")
        require(color, bool, name="color", words="true or false")
        require(format, str, name="format", words="a text")
        if format not in FORMATS:
            raise InvalidInput("is not a format", path="format", value=str(format), remedy=nearest(format, FORMATS))
        return render_as(str(format), plain(plan), width=int(width), color=bool(color))
    except WireguardError as error:
        raise AnsibleFilterError(f"cryptokey.wireguard.report: {error}") from None


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"report": report}
