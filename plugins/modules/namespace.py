#!/usr/bin/python
# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: namespace
short_description: Create or delete a network namespace
version_added: 0.1.0
description:
  - Makes sure that a named network namespace exists, with its loopback device up, or that it does not exist.
  - It is the kind of namespace that C(ip netns) lists, a bind mount below C(/run/netns). Like those it is gone after a
    reboot.
extends_documentation_fragment:
  - cryptokey.wireguard.attributes
  - cryptokey.wireguard.attributes.actiongroup
  - cryptokey.wireguard.host
  - cryptokey.wireguard.host.state
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
options:
  name:
    description: The namespace, by its name under C(/run/netns).
    type: str
    required: true
  state:
    description:
      - V(absent) deletes the namespace together with the interfaces that M(cryptokey.wireguard.interface) has declared
        in it. Their private key files stay.
      - A namespace that holds anything else is not deleted, unless O(force=true). That is any other device than the
        ones that every namespace is born with, a process, or the socket of an interface that lives elsewhere.
    type: str
    choices: [present, absent]
    default: present
  force:
    description:
      - Delete the namespace whatever it holds. Its virtual devices are destroyed, hardware moves back to the initial
        namespace. Processes keep running in a namespace without a name, cut off from every device.
    type: bool
    default: false
seealso:
  - module: cryptokey.wireguard.interface
author:
  - the cryptokey.wireguard authors (@cryptokey)
"""

EXAMPLES = r"""
- name: A namespace for the tunnel of a customer
  cryptokey.wireguard.namespace:
    name: blue

- name: An interface that lives there, with its socket outside
  cryptokey.wireguard.interface:
    name: wg0
    namespace: blue
    addresses: [10.77.0.1/24]

- name: Remove both
  cryptokey.wireguard.namespace:
    name: blue
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or would be done in check mode, in this order, one line each. Empty if nothing changed.
  type: list
  elements: str
  returned: success
  sample: ["create network namespace blue"]
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.cryptokey.wireguard.plugins.module_utils import (
    _argspec,
    _namespace,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._host import LinuxHost
from ansible_collections.cryptokey.wireguard.plugins.module_utils._module import run
from ansible_collections.cryptokey.wireguard.plugins.module_utils._store import (
    FileStore,
)

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "force": {"type": "bool", "default": False},
    **_argspec.state_directory(),
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    run(module, lambda: namespace(module))


def namespace(module: AnsibleModule) -> dict[str, t.Any]:
    """The module's result."""
    return _namespace.converge(
        module.params["name"],
        present=module.params["state"] == "present",
        force=module.params["force"],
        host=LinuxHost(),
        store=FileStore(module.params["state_directory"]),
        check=module.check_mode,
    )


if __name__ == "__main__":
    main()
