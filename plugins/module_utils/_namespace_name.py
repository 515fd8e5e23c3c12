# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which names a network namespace may have: one file name below /run/netns (ip-netns(8))."""

from __future__ import annotations

INITIAL_DIRECTORY = "@"
"""Where files of the initial namespace, which has no name, are kept; so no other one can be called that."""

REMEDY = "use letters, digits, dot, dash and underscore"
_LONGEST = 255
"""NAME_MAX (linux/limits.h)."""


def why_invalid(name: str) -> str:
    """Why a name is refused, to stand behind it in a sentence; empty where it is not."""
    odd = "/" in name or name.startswith("-") or not name.isprintable() or any(map(str.isspace, name))
    if odd or name in ("", ".", "..", INITIAL_DIRECTORY):
        return "is not the name of a network namespace"
    if len(name.encode(errors="surrogatepass")) > _LONGEST:
        return "is too long for the name of a network namespace"
    return ""
