# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets taken out of a result in one pass, however many there are. Pure.

Ansible does it as well, one secret after the other for every text: with a preshared key for each of ten thousand peers
that is minutes. What comes out is the same.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

MANY = 100
"""From here on one pass pays; below, Ansible's own way is left alone."""

WHOLE = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
PART = "********"


class Mask:
    """Plain data in, the same data without the secrets out."""

    def __init__(self, secrets: t.AbstractSet[str]) -> None:
        self._secrets = secrets
        # A secret ends with its last character: only there a text has to be looked at. All keys end with "=".
        self._endings = sorted({(len(secret), secret[-1]) for secret in secrets if secret}, reverse=True)
        self._shortest = min((length for length, _last in self._endings), default=0)

    def __call__(self, value: t.Any) -> t.Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Mapping):
            return {key: self(entry) for key, entry in value.items()}
        if isinstance(value, (list, tuple)):
            return [self(entry) for entry in value]
        if isinstance(value, (int, float)) and not isinstance(value, bool) and self._text(str(value)) != str(value):
            return WHOLE
        return value

    def _text(self, text: str) -> str:
        if len(text) < self._shortest or not self._secrets:
            return text
        if text in self._secrets:
            return WHOLE
        for length, last in self._endings:
            text = self._without(text, length, last)
        return text

    def _without(self, text: str, length: int, last: str) -> str:
        kept: list[str] = []
        done, end = 0, text.find(last, length - 1)
        while end >= 0:
            start = end + 1 - length
            if start >= done and text[start : end + 1] in self._secrets:
                kept += [text[done:start], PART]
                done = end + 1
            end = text.find(last, end + 1)
        return "".join([*kept, text[done:]]) if kept else text
