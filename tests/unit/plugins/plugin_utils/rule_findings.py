# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rules say about a document, for the tests of single rules."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _rules
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet

from .fleets import Document


def found(document: Document, rule: str) -> list[dict[str, t.Any]]:
    """The findings of one rule."""
    return [finding for finding in _rules.check(parse_fleet(document)) if finding["rule"] == rule]


def places(document: Document, rule: str) -> list[tuple[str, str | None]]:
    """(host, peer) of the findings of one rule."""
    return [(finding["host"], finding["peer"]) for finding in found(document, rule)]


def rules(document: Document) -> set[str]:
    """The errors and warnings."""
    return {finding["rule"] for finding in _rules.check(parse_fleet(document)) if finding["severity"] != "info"}
