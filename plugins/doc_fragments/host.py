# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module that works on a host's WireGuard has in common."""

from __future__ import annotations


class ModuleDocFragment:
    # Use: extends_documentation_fragment: [cryptokey.wireguard.host]
    DOCUMENTATION = r"""
options: {}
requirements:
  - Linux
  - python >= 3.9
  - pyroute2 >= 0.7.2 (Debian and Ubuntu have it as C(python3-pyroute2))
notes:
  - Needs root, or the capabilities C(CAP_NET_ADMIN) and C(CAP_SYS_ADMIN) in the initial user namespace.
  - No secret is ever part of a result, a diff, a warning or an error. Private keys appear as their public keys,
    preshared keys as fingerprints.
"""

    STATE = r"""
options:
  state_directory:
    description:
      - Where the host keeps private keys, the record of what was last declared for each interface, and, as long as
        nothing else could bring it back, a snapshot of what the interface has, preshared keys included.
        All of them have the mode C(0600).
      - Made with mode C(0700) when it is missing.
    type: path
    default: /etc/wireguard/cryptokey
"""
