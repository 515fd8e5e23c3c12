# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors of the host side and of the parsers. Every one of them reads well at 3 a.m.; none holds a key."""

from __future__ import annotations

import itertools
import re
import typing as t
from collections.abc import Mapping

# A text of this form may be somebody's private key in the wrong place: base64 of 32 bytes, with or without its
# padding or a character too few, or hex, as it stands between wg(8) and a userspace engine. Compiled when
# there is a text to look at: most runs have none.
_KEY_LIKE = r"(?<![A-Za-z0-9+/])([A-Za-z0-9+/]{42,44}={0,2}|[0-9A-Fa-f]{63,65})(?![A-Za-z0-9+/=])"
_LONGEST_VALUE = 120
_LONGEST_PATH = 300
# How deep a wrong list or mapping is shown, and how much of each.
_LEVELS = 2
_ENTRIES = 4

_PACKAGES = {"pyroute2": "python3-pyroute2", "cryptography": "python3-cryptography"}


def hide_keys(text: str) -> str:
    """The text without what could be a key."""
    return re.sub(_KEY_LIKE, "(hidden)", text)


def shown(value: t.Any) -> str:
    """A wrong value as it may stand in a message: quoted, on one line, not longer than anybody reads, never a key."""
    text = _written(value, _LEVELS)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def _written(value: t.Any, levels: int) -> str:
    """As repr() does, but never more of a list or mapping than the eye takes in: YAML aliases can make it endless."""
    if isinstance(value, (Mapping, list, tuple, set, frozenset)):
        opened, closed = "[]" if isinstance(value, list) else "()" if isinstance(value, tuple) else "{}"
        entries = list(itertools.islice(value, _ENTRIES)) if levels else []
        texts = [_written(entry, levels - 1) for entry in entries]
        if isinstance(value, Mapping):
            texts = [f"{text}: {_written(value[key], levels - 1)}" for text, key in zip(texts, entries)]
        return opened + ", ".join([*texts, *(["…"] if len(value) > len(texts) else [])]) + closed
    try:
        return hide_keys(repr(value))
    except ValueError:  # a number of more than 4,300 digits (CVE-2020-10735)
        return "(a huge number)"


def shortened(path: str) -> str:
    """A path as it may stand in a message: its names may be as long as anybody likes, and even keys."""
    text = hide_keys(path)
    return text if len(text) <= _LONGEST_PATH else f"{text[: _LONGEST_PATH // 2]}…{text[-_LONGEST_PATH // 2 :]}"


class WireguardError(Exception):
    """Base of everything that this collection raises on purpose; str() is the text for the user."""


class InvalidInput(WireguardError):
    """A value that was declared wrongly, found before anything was changed.

    path: where it stands, such as ``peers[2].allowed_ips[1]``; empty while a parser does not know it.
    value: the offending text; None where it must not be shown (keys).
    reason: why it is refused.  remedy: what to write instead; may be empty.
    """

    def __init__(self, reason: str, *, path: str = "", value: t.Any = None, remedy: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = path
        self.value = value
        self.remedy = remedy

    def at(self, path: str) -> InvalidInput:
        """The same error seen from one level further out: ``at("peers[2]")`` puts that before its path."""
        joined = path + self.path if self.path.startswith("[") or not self.path else f"{path}.{self.path}"
        return InvalidInput(self.reason, path=joined, value=self.value, remedy=self.remedy)

    def __str__(self) -> str:
        # A name in the path may be a key that somebody has put in the wrong place.
        place = f"{shortened(self.path)}: " if self.path else ""
        value = "" if self.value is None else f"{shown(self.value)} "
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{place}{value}{self.reason}{remedy}"


class placed:
    """``with placed("peers[2]"):`` puts path before that of every InvalidInput that comes out of the block.

    A class, because it is entered five times per peer, and a generator takes three times as long.
    """

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        self.path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: t.Any, error: t.Any, trace: t.Any) -> None:
        if isinstance(error, InvalidInput):
            raise error.at(self.path) from None


class HostError(WireguardError):
    """The host refused or lacks something. ``remedy`` says what to do about it; may be empty."""

    def __init__(self, message: str, *, remedy: str = "", errno: int | None = None) -> None:
        super().__init__(message)
        self.remedy = remedy
        self.errno = errno

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message}; {self.remedy}" if self.remedy else message


class NotVerified(HostError):
    """What was read back after the change is not what was declared."""


class MissingLibrary(HostError):
    """A Python library is not installed on the host. A warning in check mode, an error otherwise."""

    def __init__(self, name: str) -> None:
        package = _PACKAGES.get(name, name)
        super().__init__(
            f"the Python library {name} is missing on this host",
            remedy=f"install the package {package}, or let the role cryptokey.wireguard.prepare do it",
        )
