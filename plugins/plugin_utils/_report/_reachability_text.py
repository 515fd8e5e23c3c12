# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a change does to reachability, and in which order hosts can follow it: lines of WHAT CHANGES."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._expectations import sentence
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._paint import Paint

Document = Mapping[str, t.Any]

_KINDS = (("lost", "-", "red"), ("rerouted", "~", "yellow"), ("gained", "+", "green"))


def reachability_lines(reachability: Document, *, paint: Paint) -> Iterable[tuple[str, int]]:
    """(line, how far its continuation is indented). What is lost comes first."""
    yield f"  {paint.bold('reachability')}: {headline(reachability)}", 2
    for kind, sign, color in _KINDS:
        found = reachability[kind]
        for entry in found["entries"]:
            yield f"    {paint(sign, color)} {entry['text']}", 6
        if found["more"]:
            yield f"    {paint(sign, color)} … and {found['more']:,} more like these", 6
    for intent in reachability.get("intents") or ():
        told = sentence(intent["from"], intent["to"], reach=intent["reach"])
        state = "holds now" if intent["after"] else "no longer holds"
        sign, color = ("+", "green") if intent["after"] else ("-", "red")
        yield f"    {paint(sign, color)} intent {told}: {state}", 6


def headline(reachability: Document) -> str:
    """``nothing lost, 3 pairs rerouted, 1,999 pairs gained``."""
    words = []
    for kind, _sign, _color in _KINDS:
        pairs = reachability[kind]["pairs"]
        if pairs or kind == "lost":
            words.append(f"{pairs:,} pair{'' if pairs == 1 else 's'} {kind}" if pairs else "nothing lost")
    if not any(reachability[kind]["pairs"] for kind, _sign, _color in _KINDS):
        return "nothing lost, nothing gained, nothing rerouted"
    return ", ".join(words)


def rollout_lines(rollout: Document, *, paint: Paint) -> Iterable[tuple[str, int]]:
    """The order of hosts; one line where any will do."""
    yield f"  {paint.bold('order of hosts')}: {rollout['text']}", 4
    for number, step in enumerate(rollout["steps"] if rollout["verdict"] != "any" else (), 1):
        yield f"    {number}. {step['text']}", 7
