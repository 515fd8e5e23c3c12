# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""3xx: routing. Which source a packet has, and whether an answer to it comes back."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import WIDTH, Prefix, format_number
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._exit_nodes import find_unanswered
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._local_traffic import find_wrong_sources
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rules._rule import (
    ERROR,
    Case,
    Finding,
    Rule,
    listed,
    on_interface,
    witness,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import to_prefixes


def _wrong_source(case: Case) -> t.Iterator[Finding]:
    for wrong in find_wrong_sources(case.model, case.ownership):
        interface, family = wrong.interface, wrong.family
        sources = [format_number(family, number) for number in wrong.sources]
        chosen = sources[0] if len(sources) == 1 else f"one of {', '.join(sources)}"
        why = "as the route says" if wrong.route.source is not None else f"because of the addresses of {interface.name}"
        yield on_interface(
            interface,
            f"what {interface.stack} itself sends by the {wrong.route.label()} gets the source {chosen}, {why}, "
            f"which {listed(wrong.peers)} does not accept from it",
            f"give {interface.name} an IPv{family} address that its peers list, or the route a source that they list",
            peer=wrong.peers[0],
            prefixes=tuple(Prefix(family, number, WIDTH[family]) for number in wrong.sources),
            witness=witness(interface.stack, family, wrong.sources[0], wrong.destination),
        )


def _exit_without_answer(case: Case) -> t.Iterator[Finding]:
    for lost in find_unanswered(case.model, case.ownership):
        if not lost.certain:
            continue
        interface, family = lost.interface, lost.family
        prefixes = tuple(to_prefixes(family, lost.sources))
        yield on_interface(
            interface,
            f"{interface.stack} is an exit: it sends packets of {listed(prefixes)} to the internet by {lost.device}, "
            "which does not masquerade; nobody out there can answer a private address",
            f"masquerade on {lost.device} and say so: masquerade: [{lost.device}]",
            peer=lost.client.host,
            prefixes=prefixes,
            witness=witness(lost.client.stack, family, lost.sources[0], lost.destination),
        )


RULES = (
    Rule(
        id="WG308",
        name="default-source-rejected",
        severity=ERROR,
        summary="default source of local traffic is not accepted by the peer",
        decide=_wrong_source,
    ),
    Rule(
        id="WG315",
        name="exit-without-masquerade",
        severity=ERROR,
        summary="exit node without masquerade or return path",
        decide=_exit_without_answer,
    ),
)
