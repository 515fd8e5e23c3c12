# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules say about themselves under ``attributes``."""

from __future__ import annotations


class ModuleDocFragment:
    # Use: extends_documentation_fragment: [cryptokey.wireguard.attributes, cryptokey.wireguard.attributes.actiongroup]
    # and give check_mode and diff_mode their support in the module itself.
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
  diff_mode:
    description: Returns details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
  platform:
    description: Target OS or families that can be operated against.
    support: full
    platforms: linux
"""

    ACTIONGROUP = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/cryptokey.wireguard.wireguard) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - cryptokey.wireguard.wireguard
"""
