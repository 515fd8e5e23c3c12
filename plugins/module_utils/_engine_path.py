# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a userspace engine is installed."""

from __future__ import annotations

import os
import shutil

KNOWN = ("wireguard-go",)
"""Found on their own. Any other engine has to be asked for: some have to lose a tunnel to change one of its fields."""
_MORE_PATHS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def engine_path(engine: str | None) -> str | None:
    """The program: a path, a name on PATH, or None for the first known one. None: not installed."""
    for candidate in [engine] if engine else KNOWN:
        found = shutil.which(candidate, path=f"{os.environ.get('PATH', '')}:{_MORE_PATHS}")
        if found:
            return found
    return None
