# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Colour by terminal escapes (ECMA-48, SGR), or none at all."""

from __future__ import annotations

_CODES = {"red": "31", "green": "32", "yellow": "33", "cyan": "36"}


class Paint:
    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled

    def __call__(self, text: str, color: str, *, bold: bool = False) -> str:
        return self._sgr(f"1;{_CODES[color]}" if bold else _CODES[color], text)

    def bold(self, text: str) -> str:
        return self._sgr("1", text)

    def dim(self, text: str) -> str:
        return self._sgr("2", text)

    def _sgr(self, code: str, text: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self.enabled else text
