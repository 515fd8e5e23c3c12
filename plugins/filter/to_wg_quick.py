# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: to_wg_quick
author: The cryptokey.wireguard authors (!UNKNOWN)
version_added: 0.1.0
short_description: An interface as the text of a wg-quick file
description:
  - Writes the file of C(wg-quick\(8\)) for arguments of the module M(cryptokey.wireguard.interface), such as an entry
    of what P(cryptokey.wireguard.host_config#filter) returns, or for what P(cryptokey.wireguard.from_wg_quick#filter)
    returns. It is meant for hosts and phones that Ansible does not manage.
  - What a file has no word for, such as a metric or policy rules other than those of a full tunnel, is refused.
  - A private key that stays in its file, C(private_key_file), is set by a C(PostUp) command.
  - The result may hold a private key and preshared keys. Use C(no_log) and a file of mode C(0600).
positional: stripped
options:
  _input:
    description: The arguments of the module, or a mapping with them under V(interface) and with V(dns), V(hooks),
      V(save_config) and V(comments).
    type: dict
    required: true
  stripped:
    description: Only what C(wg setconf) and C(wg syncconf) take, as C(wg-quick strip) prints it.
    type: bool
    default: false
seealso:
  - plugin: cryptokey.wireguard.from_wg_quick
    plugin_type: filter
"""

EXAMPLES = r"""
- name: A file for a phone, from which a QR code can be made
  ansible.builtin.copy:
    content: "{{ {'interface': phone, 'dns': ['10.77.0.53']} | cryptokey.wireguard.to_wg_quick }}"
    dest: anna-phone.conf
    mode: "0600"
  no_log: true
  vars:
    phone:
      private_key: "{{ anna_phone_private_key }}"
      addresses: [10.77.200.1/32]
      peers:
        - name: fra1
          public_key: xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=
          endpoint: fra1.example.net:51820
          allowed_ips: [10.77.0.0/16]
"""

RETURN = r"""
_value:
  description: The text, with a newline at its end.
  type: str
"""

import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleFilterError

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import WireguardError
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wg_quick_arguments import from_document
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wg_quick_text import render, render_stripped
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._arguments import refuse_unknown, require
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._plain import plain


def to_wg_quick(interface: t.Any, stripped: t.Any = False, **unknown: t.Any) -> str:
    try:
        refuse_unknown(unknown, ("stripped",))
        require(interface, Mapping, name="the input", words="a mapping", remedy="give it arguments of the interface")
        require(stripped, bool, name="stripped", words="true or false")
        file = from_document(plain(interface))
        return render_stripped(file) if stripped else render(file)
    except WireguardError as error:
        raise AnsibleFilterError(f"cryptokey.wireguard.to_wg_quick: {error}") from None


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"to_wg_quick": to_wg_quick}
