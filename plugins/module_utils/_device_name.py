# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which names the kernel takes for a network device, and which of these a terminal can show."""

from __future__ import annotations

NAME_BYTES = 15
"""The longest name: IFNAMSIZ without its final zero byte (linux/if.h)."""

# A name with % is a pattern (dev_alloc_name in net/core/dev.c): wg%d becomes wg0.
_REFUSED = "/:%"
# Byte 0xa0 is white space to the kernel (lib/ctype.c), so that it refuses "à", which is 0xc3 0xa0 in UTF-8.
_SPACE = 0xA0
# Directories of /proc/sys/net/ipv4/conf that are no devices (devinet_sysctl_register in net/ipv4/devinet.c).
_RESERVED = ("all", "default")


def why_invalid(name: str) -> str:
    """Why a name is refused, to stand behind it in a sentence; empty where it is not (dev_valid_name)."""
    encoded = name.encode(errors="surrogatepass")
    if not name:
        return "is empty"
    if len(encoded) > NAME_BYTES:
        return f"is {len(encoded)} bytes long; the kernel takes {NAME_BYTES} (IFNAMSIZ)"
    if name in (".", "..") or name in _RESERVED:
        return "is a name that the kernel keeps for itself"
    bad = sorted({character for character in name if character in _REFUSED or character.isspace()})
    if bad:
        return f"has {bad[0]!r} in it, which no device name may have"
    if not name.isprintable() or _SPACE in encoded:
        return "has characters in it that the kernel refuses or a terminal cannot show"
    return ""
