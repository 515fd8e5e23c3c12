#!/usr/bin/python
# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: keypair
short_description: Make, keep or remove a WireGuard key on a host
version_added: 0.1.0
description:
  - Makes sure that a file holds a WireGuard private key, and returns its public key; or a preshared key, and returns
    its fingerprint. A key that is made here never leaves the host.
  - The file is written whole or not at all, has mode C(0600), and is never followed through a symbolic link. Missing
    directories are made with mode C(0700).
  - The module M(cryptokey.wireguard.interface) makes its own key where none is there. This one is for keys that have
    to be known before the interface is declared, and for keys that another program uses.
extends_documentation_fragment:
  - cryptokey.wireguard.attributes
  - cryptokey.wireguard.attributes.actiongroup
attributes:
  check_mode:
    support: full
    details:
      - A key that is not made yet has no public key, which the diff shows as V((made on apply\)).
  diff_mode:
    support: full
requirements:
  - python >= 3.9
  - cryptography, or the program C(wg), to derive public keys
notes:
  - No secret is ever part of a result, a diff, a warning or an error.
options:
  path:
    description: The file of the private or preshared key.
    type: path
    required: true
  state:
    description: V(absent) removes the file, and the one named by O(public_key_path).
    type: str
    choices: [present, absent]
    default: present
  type:
    description: Which kind of key it is.
    type: str
    choices: [private, preshared]
    default: private
  private_key:
    description:
      - The private key that the file is to hold, as base64. Without it an existing key is kept, or a new one is made.
      - It is stored clamped, as WireGuard itself does.
    type: str
  preshared_key:
    description: The preshared key that the file is to hold, as base64, for O(type=preshared).
    type: str
  regenerate:
    description:
      - V(never) keeps the key that is in the file. A file that holds no such key is an error.
      - V(partial) keeps a key, too, and replaces what is none, such as an empty file or one that was cut short.
      - V(always) makes a new key on every run. It has no effect on a key that is given.
    type: str
    choices: [never, partial, always]
    default: never
  public_key_path:
    description: Also write the public key to this file, with mode C(0644).
    type: path
seealso:
  - module: cryptokey.wireguard.interface
  - module: cryptokey.wireguard.interface_info
author:
  - the cryptokey.wireguard authors (@cryptokey)
"""

EXAMPLES = r"""
- name: A key for an interface that is declared later
  cryptokey.wireguard.keypair:
    path: /etc/wireguard/cryptokey/@/wg0.key
  register: key

- name: Show its public key
  ansible.builtin.debug:
    msg: "{{ key.public_key }}"

- name: A key from the vault, with its public key beside it
  cryptokey.wireguard.keypair:
    path: /etc/wireguard/private.key
    private_key: "{{ vault_wireguard_private_key }}"
    public_key_path: /etc/wireguard/public.key

- name: A preshared key that another program reads
  cryptokey.wireguard.keypair:
    path: /etc/wireguard/site.psk
    type: preshared

- name: Remove both
  cryptokey.wireguard.keypair:
    path: /etc/wireguard/private.key
    public_key_path: /etc/wireguard/public.key
    state: absent
"""

RETURN = r"""
public_key:
  description:
    - The public key of the key in the file. Null for a preshared key, when the file is absent, and in check mode while
      the key is not made yet.
  type: str
  returned: success
  sample: xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=
fingerprint:
  description:
    - Eight hexadecimal digits that tell preshared keys apart without showing them. Null for a private key, when the
      file is absent, and in check mode while the key is not made yet.
  type: str
  returned: success
  sample: 5d41402a
actions:
  description: What was done, or would be done in check mode, one line each. Empty if nothing changed.
  type: list
  elements: str
  returned: success
  sample: ["make the private key in /etc/wireguard/cryptokey/@/wg0.key"]
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.cryptokey.wireguard.plugins.module_utils import (
    _keypair,
    _public_key,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._module import run

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "path": {"type": "path", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "type": {"type": "str", "choices": ["private", "preshared"], "default": "private"},
    "private_key": {"type": "str", "no_log": True},
    "preshared_key": {"type": "str", "no_log": True},
    "regenerate": {"type": "str", "choices": ["never", "partial", "always"], "default": "never"},
    "public_key_path": {"type": "path"},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    run(module, lambda: keypair(module))


def keypair(module: AnsibleModule) -> dict[str, t.Any]:
    """The module's result."""
    request = _keypair.parse_request(module.params)
    return _keypair.converge(request, derive=_public_key.of, check=module.check_mode)


if __name__ == "__main__":
    main()
