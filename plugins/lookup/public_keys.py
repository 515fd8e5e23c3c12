# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: public_keys
author: The cryptokey.wireguard authors (!UNKNOWN)
version_added: 0.1.0
short_description: Read the folder of public keys that is committed with an inventory
description:
  - Reads C(<folder>/<network>/<host>.pub), one line of base64 each, which the playbook
    C(cryptokey.wireguard.keys) writes. External peers may have such a file too, by their name.
  - A folder that does not exist holds no keys. A file that holds no public key is an error that names it.
options:
  _terms:
    description: The folder. Several are read in order; a later one takes precedence.
    type: list
    elements: path
    required: true
seealso:
  - plugin: cryptokey.wireguard.plan
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show what is known
  ansible.builtin.debug:
    msg: "{{ lookup('cryptokey.wireguard.public_keys', inventory_dir ~ '/wireguard_keys') }}"
"""

RETURN = r"""
_raw:
  description: "One mapping: C({host: {network: key}})."
  type: list
  elements: dict
"""

import os
import typing as t

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput, WireguardError
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._key_files import read_key_files


class LookupModule(LookupBase):
    def run(self, terms: t.Any, variables: t.Any = None, **kwargs: t.Any) -> list[dict[str, dict[str, str]]]:
        self.set_options(var_options=variables, direct=kwargs)
        found: dict[str, dict[str, str]] = {}
        try:
            for index, folder in enumerate(terms):
                if not isinstance(folder, str) or not folder:
                    raise InvalidInput("is not a folder", path=f"_terms[{index}]", remedy="write its path as a text")
                for host, keys in read_key_files(os.path.expanduser(folder)).items():
                    found.setdefault(host, {}).update(keys)
        except WireguardError as error:
            raise AnsibleLookupError(f"cryptokey.wireguard.public_keys: {error}") from None
        return [found]
