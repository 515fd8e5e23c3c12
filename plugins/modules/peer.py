#!/usr/bin/python
# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: peer
short_description: Declare one peer of an existing WireGuard interface
version_added: 0.1.0
description:
  - Makes sure that one peer is on an interface, or is not. All other peers stay as they are, and so does everything
    else of the interface. What an entry leaves out is left alone on a peer that exists.
  - On an interface that M(cryptokey.wireguard.interface) has declared, the peer becomes part of that declaration, and
    the routes of its AllowedIPs follow. On one that somebody else has made, such as C(wg-quick), the peer is all that
    is touched.
  - Giving it a prefix that another peer has is refused, since WireGuard would take it away from that one silently.
  - An unchanged peer is never touched, so its session and its roamed endpoint survive.
extends_documentation_fragment:
  - cryptokey.wireguard.attributes
  - cryptokey.wireguard.attributes.actiongroup
  - cryptokey.wireguard.host
  - cryptokey.wireguard.host.state
attributes:
  check_mode:
    support: full
    details:
      - An interface that is not there yet is a warning, and the peer is shown as new.
  diff_mode:
    support: full
options:
  interface:
    description: Name of the interface.
    type: str
    required: true
  public_key:
    description: The peer's public key as base64.
    type: str
    required: true
  state:
    description: Whether the peer is to be there. An interface that is not there has no peers either.
    type: str
    choices: [present, absent]
    default: present
  name:
    description: Name for people, used in messages and by M(cryptokey.wireguard.interface_info).
    type: str
  preshared_key:
    description: Preshared key as base64. An empty text removes it.
    type: str
  endpoint:
    description: Where to reach the peer, C(host:port) or C([IPv6 address]:port). See O(endpoint_policy).
    type: str
  endpoint_policy:
    description:
      - V(learn) sets an endpoint where the peer is new, has none, or the declared value changed since the last run. An
        endpoint that roamed stays. Where it is not known what was declared last, one that has answered stays.
      - V(enforce) sets it whenever it differs.
    type: str
    choices: [learn, enforce]
    default: learn
  persistent_keepalive:
    description: Seconds between keepalive packets, V(0) for off.
    type: int
  allowed_ips:
    description:
      - All prefixes that belong to this peer.
      - Host bits are cleared, as WireGuard does, with a warning.
    type: list
    elements: str
  namespace:
    description: Network namespace of the device, by its name under C(/run/netns). Empty for the initial one.
    type: str
    default: ""
seealso:
  - module: cryptokey.wireguard.interface
  - module: cryptokey.wireguard.interface_info
author:
  - the cryptokey.wireguard authors (@cryptokey)
"""

EXAMPLES = r"""
- name: A phone joins
  cryptokey.wireguard.peer:
    interface: wg0
    name: anna-phone
    public_key: TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=
    allowed_ips: [10.77.200.1/32]

- name: It was lost
  cryptokey.wireguard.peer:
    interface: wg0
    public_key: TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or would be done in check mode, in this order, one line each. Empty if nothing changed.
  type: list
  elements: str
  returned: success
  sample: ["add peer anna-phone (TrMvSoP4): +10.77.200.1/32", "add route 10.77.200.1/32 dev wg0"]
disruptive:
  description:
    - Of RV(actions), those that can lose packets, each with the packets that it can lose; in check mode they are known
      before anything is done. All others lose none.
  type: list
  elements: str
  returned: success
  sample: ["remove peer anna-phone (TrMvSoP4): the tunnel to this peer"]
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _argspec
from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared_peer import (
    declare_peer,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._engine import (
    converge_peer,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._host import LinuxHost
from ansible_collections.cryptokey.wireguard.plugins.module_utils._module import converged, run
from ansible_collections.cryptokey.wireguard.plugins.module_utils._store import (
    FileStore,
)


def main() -> None:
    module = AnsibleModule(argument_spec=_argspec.lone_peer(), supports_check_mode=True)
    run(module, lambda: peer(module))


def peer(module: AnsibleModule) -> dict[str, t.Any]:
    """The module's result."""
    declared = declare_peer(module.params)
    store = FileStore(module.params["state_directory"])
    return converged(module, converge_peer(declared, host=LinuxHost(), store=store, check=module.check_mode))


if __name__ == "__main__":
    main()
