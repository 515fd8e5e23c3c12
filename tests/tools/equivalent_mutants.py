# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes that mutation.py could make and nobody could notice, since they decide nothing: each with its reason."""

from __future__ import annotations

# "file: what", as mutation.py prints it without the line -> why every answer stays the same.
EQUIVALENT: dict[str, str] = {
    "_3_routing: condition always True: 'stops' not in memo": "the memo saves time alone: what it keeps is made again",
}
