# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: from_wg_quick
author: The cryptokey.wireguard authors (!UNKNOWN)
version_added: 0.1.0
short_description: What a wg-quick file says, as arguments of the module interface
description:
  - Reads the format of C(wg-quick\(8\)) and C(wg\(8\)) as those programs read it, also the output of C(wg showconf).
  - Nothing is dropped. What neither program knows is listed under RV(_value.unknown); because of it they refuse the
    whole file.
  - Names of peers are taken from comments, such as C(# Name = anna), C(# friendly_name=anna), C(### Client anna),
    C(# BEGIN_PEER anna) or a single short comment.
  - A default route under C(Table = auto) becomes what wg-quick makes of it, a table, a mark and two policy rules.
  - The result holds the private key and preshared keys of the file. Use C(no_log) where it would be shown.
options:
  _input:
    description: The text of the file.
    type: str
    required: true
seealso:
  - plugin: cryptokey.wireguard.to_wg_quick
    plugin_type: filter
  - module: cryptokey.wireguard.interface
"""

EXAMPLES = r"""
- name: Read the file of a host that was set up by hand
  ansible.builtin.slurp:
    src: /etc/wireguard/wg0.conf
  register: file
  no_log: true

- name: Declare the same interface
  cryptokey.wireguard.interface: >-
    {{ (file.content | b64decode | cryptokey.wireguard.from_wg_quick).interface | combine({'name': 'wg0'}) }}
"""

RETURN = r"""
_value:
  description: What the file says.
  type: dict
  contains:
    interface:
      description: Arguments of M(cryptokey.wireguard.interface) but for its name.
      type: dict
    dns:
      description: DNS servers and search domains. The module does not set them.
      type: list
      elements: str
    hooks:
      description: Commands by V(pre_up), V(post_up), V(pre_down) and V(post_down). The module does not run them.
      type: dict
    save_config:
      description: Whether wg-quick overwrites the file with the running configuration.
      type: bool
    comments:
      description: The comments of the V(interface), and of the V(peers) by public key.
      type: dict
    unknown:
      description: Lines that neither wg-quick nor wg knows, each with its V(line), V(section) and V(key).
      type: list
      elements: dict
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import WireguardError
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wg_quick import parse
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wg_quick_arguments import to_document
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._arguments import refuse_unknown, require


def from_wg_quick(text: t.Any, **unknown: t.Any) -> dict[str, t.Any]:
    try:
        refuse_unknown(unknown, ())
        require(text, str, name="the input", words="the text of a wg-quick file")
        return to_document(parse(str.__str__(text)))
    except WireguardError as error:
        raise AnsibleFilterError(f"cryptokey.wireguard.from_wg_quick: {error}") from None


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"from_wg_quick": from_wg_quick}
