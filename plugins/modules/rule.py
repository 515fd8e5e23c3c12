#!/usr/bin/python
# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rule
short_description: Declare one policy rule that belongs to no interface's declaration
version_added: 0.1.0
description:
  - Makes sure that a policy rule, as in C(ip-rule\(8\)), is there or is not there. The rules that a WireGuard interface
    needs are better declared with M(cryptokey.wireguard.interface).
  - All fields together identify a rule. One without O(from) and O(to) stands for one of each family.
  - A rule that somebody else made, or that an interface has declared, is never removed. That is an error before
    anything is changed.
extends_documentation_fragment:
  - cryptokey.wireguard.attributes
  - cryptokey.wireguard.attributes.actiongroup
  - cryptokey.wireguard.host
  - cryptokey.wireguard.host.state
attributes:
  check_mode:
    support: full
    details:
      - What cannot be seen yet, such as a namespace that an earlier task would have made, is a warning, and everything
        is shown as new.
  diff_mode:
    support: full
options:
  priority:
    description: Priority, from 1 to 32765.
    type: int
    required: true
  state:
    description: Whether the rule is to be there.
    type: str
    choices: [present, absent]
    default: present
  from:
    description: Source prefix.
    type: str
  to:
    description: Destination prefix.
    type: str
  iif:
    description: Incoming device; V(lo) for packets of the host itself.
    type: str
  fwmark:
    description: Mark to match, decimal or hexadecimal.
    type: str
  invert:
    description: Whether the rule is for packets that do not match.
    type: bool
    default: false
  table:
    description: Table to look up, V(main), V(default), V(local) or a number. Without it V(main).
    type: str
  suppress_prefixlength:
    description: Ignore routes of this prefix length or shorter.
    type: int
  namespace:
    description: Network namespace, by its name under C(/run/netns). Empty for the initial one.
    type: str
    default: ""
seealso:
  - module: cryptokey.wireguard.route
  - module: cryptokey.wireguard.interface
author:
  - the cryptokey.wireguard authors (@cryptokey)
"""

EXAMPLES = r"""
- name: Guests use a routing table of their own
  cryptokey.wireguard.rule:
    priority: 1000
    from: 192.168.40.0/24
    table: "400"

- name: They do not any more
  cryptokey.wireguard.rule:
    priority: 1000
    from: 192.168.40.0/24
    table: "400"
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or would be done in check mode, in this order, one line each. Empty if nothing changed.
  type: list
  elements: str
  returned: success
  sample: ["add rule IPv4 1000: from 192.168.40.0/24 lookup 400"]
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.cryptokey.wireguard.plugins.module_utils import (
    _argspec,
    _lone_routing,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._host import LinuxHost
from ansible_collections.cryptokey.wireguard.plugins.module_utils._module import run
from ansible_collections.cryptokey.wireguard.plugins.module_utils._store import (
    FileStore,
)


def main() -> None:
    module = AnsibleModule(argument_spec=_argspec.lone_rule(), supports_check_mode=True)
    run(module, lambda: rule(module))


def rule(module: AnsibleModule) -> dict[str, t.Any]:
    """The module's result."""
    request = _lone_routing.request_rule(module.params)
    store = FileStore(module.params["state_directory"])
    return _lone_routing.converge(request, host=LinuxHost(), store=store, check=module.check_mode)


if __name__ == "__main__":
    main()
