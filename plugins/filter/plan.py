# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: plan
author: The cryptokey.wireguard authors (!UNKNOWN)
version_added: 0.1.0
short_description: Derive a WireGuard fleet from the inventory and prove it
description:
  - Reads C(wireguard_networks), C(wireguard), C(wireguard__*) and C(wireguard_stacks) of every host, derives all
    interfaces, peers and prefixes, and proves which packets arrive, over all addresses of both families.
  - No host is contacted. The plan depends on nothing but its arguments; the order of the hosts does not matter.
  - "C(wireguard_ignore) takes findings out that are wanted: C({rule: WG202, host: fra1, reason: ...}). An entry that
    matches nothing is told as information, as a finding of the rule that it names."
  - Bad keys, prefixes, addresses and interface names are findings of the plan. Wrong types and unknown options are
    an error that lists all of them.
positional: hosts, public_keys, previous, today
options:
  _input:
    description: The variables of all hosts, usually C(hostvars). Each host's are read once.
    type: dict
    required: true
  hosts:
    description: The hosts of the fleet, from the inventory's groups. Hosts without a membership are passed over.
    type: list
    elements: str
    required: true
  public_keys:
    description:
      - "What is known of public keys: C({host: {network: key}}), as P(cryptokey.wireguard.public_keys#lookup) gives
        it. External peers may stand there by name. Takes precedence over keys in the inventory."
    type: dict
  previous:
    description: An earlier plan, to tell what changes.
    type: dict
  today:
    description:
      - The date that C(until) in C(wireguard_ignore) is held against, as V(2026-12-31). After that day an entry
        silences nothing any more.
      - Without it, such entries hold for good; M(cryptokey.wireguard.fleet_plan) takes the controller's date.
    type: str
seealso:
  - plugin: cryptokey.wireguard.host_config
    plugin_type: filter
  - plugin: cryptokey.wireguard.report
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Plan once, whatever --limit says
  ansible.builtin.set_fact:
    fleet_plan: >-
      {{ hostvars | cryptokey.wireguard.plan(
           hosts=groups['all'],
           public_keys=lookup('cryptokey.wireguard.public_keys', inventory_dir ~ '/wireguard_keys')) }}
  run_once: true
  delegate_to: localhost
"""

RETURN = r"""
_value:
  description: The plan document. Its JSON schema is C(docs/schema/plan.schema.json) of this collection.
  type: dict
  contains:
    version:
      description: The version of the format, 1.
      type: int
    fleet:
      description: The fleet document, the only thing that the proof reads.
      type: dict
    removals:
      description: By host, the interfaces of memberships that say C(state=absent).
      type: dict
    findings:
      description: >-
        What is wrong, the worst first. An apply stops at one with the severity V(error). C(place) has the C(file) and
        C(line) of the inventory where that is known.
      type: list
      elements: dict
    ignored:
      description: Findings that C(wireguard_ignore) names, each with its reason.
      type: list
      elements: dict
    expectations:
      description: The intents of the networks, each with its verdict.
      type: list
      elements: dict
    assumptions:
      description: What the proof takes for granted, each with the command that settles it.
      type: list
      elements: dict
    proof:
      description: The verdict (V(proved), V(refuted) or V(unproven)) and what was counted for it.
      type: dict
    matrix:
      description: >-
        Who reaches whom, one table per network, by host or, where those are many, by the inventory's groups. Each cell
        counts the flows that are intended and those that are delivered, and has an example packet.
      type: list
      elements: dict
    traces:
      description: The ways of the packets that findings and C(matrix) name, up to a fixed number.
      type: list
      elements: dict
    summary:
      description: >-
        Counts of hosts, networks and findings. Against O(previous), C(changes) of the configuration, C(reachability),
        that is which flows are gained, lost and rerouted, and C(rollout), the order of hosts in which no flow that
        stays breaks meanwhile.
      type: dict
"""

import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleFilterError

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import WireguardError, placed
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._arguments import (
    refuse_unknown,
    require,
    require_texts,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ignore import parse_date
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._plain import plain
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._plan import make_plan
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._written_at import written_at


def plan(
    hostvars: t.Any,
    hosts: t.Any = None,
    public_keys: t.Any = None,
    previous: t.Any = None,
    today: t.Any = None,
    **unknown: t.Any,
) -> dict[str, t.Any]:
    try:
        refuse_unknown(unknown, ("hosts", "public_keys", "previous", "today"))
        require(
            hostvars, Mapping, name="the input", words="a mapping", remedy="write hostvars | cryptokey.wireguard.plan"
        )
        names = require_texts(hosts, name="hosts", remedy="write hosts=groups['all']")
        if public_keys is not None:
            require(public_keys, Mapping, name="public_keys", words="a mapping")
            with placed("public_keys"):
                public_keys = plain(public_keys)
        if previous is not None:
            require(previous, Mapping, name="previous", words="a plan")
            with placed("previous"):
                previous = plain(previous)
        with placed("today"):
            day = None if today is None else parse_date(today)
        return make_plan(hostvars, names, public_keys=public_keys, previous=previous, locate=written_at, today=day)
    except WireguardError as error:
        raise AnsibleFilterError(f"cryptokey.wireguard.plan: {error}") from None


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"plan": plan}
