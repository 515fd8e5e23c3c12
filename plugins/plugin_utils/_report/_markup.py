# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text that Markdown, as GitHub and GitLab render it, shows as it is: no markup, no mention, no link of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable

_MARKUP = re.compile(r"([\\`*_{}\[\]|~$^])")
# Mentions, references to issues and bare addresses become links even without markup; an empty comment parts them.
_LINKS = re.compile(r"@(?=\w)|#(?=\d)|:(?=//)|(?<=\b[wW]{3})\.|(?<=\bGH)-(?=\d)")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def escaped(text: str) -> str:
    """One line of text. Idempotent it is not: use it once, where text meets markup."""
    text = "".join(_ENTITIES.get(c, c) for c in text)
    text = _MARKUP.sub(r"\\\1", text)
    return _LINKS.sub(lambda found: f"{found.group()}<!-- -->", text)


def fenced(lines: Iterable[str], language: str = "") -> str:
    """A code block, with a fence that is longer than any in it."""
    text = "\n".join(lines)
    ticks = "`" * max(3, max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    return f"{ticks}{language}\n{text}\n{ticks}"


def folded(summary: str, body: str, *, is_open: bool = False) -> str:
    """summary: escaped already."""
    return f"<details{' open' if is_open else ''}><summary>{summary}</summary>\n\n{body}\n\n</details>"


def cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
