#!/usr/bin/python
# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: route
short_description: Declare one route that belongs to no interface's declaration
version_added: 0.1.0
description:
  - Makes sure that a route is there, or is not there. The routes that a WireGuard interface needs are better declared
    with M(cryptokey.wireguard.interface), which makes them along with its peers. This one is for what stands beside it,
    such as the route to an endpoint by a second provider, or an unreachable route that keeps a network from leaking.
  - A route is identified by O(destination), O(table) and O(metric), as the kernel does it. One that this module has
    made is replaced in one step when its other fields change.
  - A route that somebody else made, or that an interface has declared, is never replaced or removed. That is an error
    before anything is changed, unless it is just the route that is asked for.
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
  destination:
    description: Prefix to route, C(0.0.0.0/0) or C(::/0) for all.
    type: str
    required: true
  state:
    description: V(absent) removes the route with this O(destination), O(table) and O(metric), whatever else it says.
    type: str
    choices: [present, absent]
    default: present
  device:
    description: Where a route of type V(unicast) leads to.
    type: str
  gateway:
    description: Address of the next hop.
    type: str
  table:
    description: Routing table, V(main), V(default) or a number. Without it V(main).
    type: str
  metric:
    description: Metric. Without it the kernel's default, 0 for IPv4 and 1024 for IPv6.
    type: int
  type:
    description: Kind of route; all but V(unicast) make the kernel refuse or skip the destination.
    type: str
    choices: [unicast, blackhole, unreachable, prohibit, throw]
    default: unicast
  source:
    description: Preferred source address.
    type: str
  namespace:
    description: Network namespace, by its name under C(/run/netns). Empty for the initial one.
    type: str
    default: ""
seealso:
  - module: cryptokey.wireguard.rule
  - module: cryptokey.wireguard.interface
author:
  - the cryptokey.wireguard authors (@cryptokey)
"""

EXAMPLES = r"""
- name: The endpoint of a tunnel is reached by the second provider
  cryptokey.wireguard.route:
    destination: 203.0.113.9/32
    device: eth0
    gateway: 192.0.2.254

- name: What the tunnel carries goes nowhere while the tunnel is down
  cryptokey.wireguard.route:
    destination: 10.77.0.0/16
    type: unreachable
    metric: 4000

- name: Neither is needed any more
  cryptokey.wireguard.route:
    destination: 203.0.113.9/32
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or would be done in check mode, in this order, one line each. Empty if nothing changed.
  type: list
  elements: str
  returned: success
  sample: ["add route 203.0.113.9/32 via 192.0.2.254 dev eth0"]
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
    module = AnsibleModule(argument_spec=_argspec.lone_route(), supports_check_mode=True)
    run(module, lambda: route(module))


def route(module: AnsibleModule) -> dict[str, t.Any]:
    """The module's result."""
    request = _lone_routing.request_route(module.params)
    store = FileStore(module.params["state_directory"])
    return _lone_routing.converge(request, host=LinuxHost(), store=store, check=module.check_mode)


if __name__ == "__main__":
    main()
