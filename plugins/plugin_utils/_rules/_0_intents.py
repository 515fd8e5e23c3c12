# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""0xx: intents and proof."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import WIDTH, Prefix, format_number
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._expectations import sentence
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._explain import explain
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._failures import Cause
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Expectation
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._intents import Intent, ending
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rules._rule import (
    ERROR,
    WARNING,
    Case,
    Finding,
    Rule,
    witness,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import to_prefixes


def _accept_not_delivered(case: Case) -> t.Iterator[Finding]:
    for intent in case.proof.intents:
        if intent.expectation.reach and not intent.holds:
            yield _broken_intent(case, intent)
    for cause in case.proof.failures:
        if cause.first_pairs:
            yield _broken_flows(case, cause)


def _expected(wanted: Expectation) -> str:
    told = sentence(wanted.source.text, wanted.destination.text, reach=wanted.reach)
    return f"network {wanted.network} expects that {told}"


def _broken_intent(case: Case, intent: Intent) -> Finding:
    wanted = intent.expectation
    text = _expected(wanted)
    if intent.example is None:
        return Finding(host="", message=f"{text}, but {intent.reason}", hint="correct that entry of expect")
    example = intent.example
    place = example.first.place
    said = explain(
        case.model, example.first, family=intent.family, source=example.source, destination=example.destination
    )
    return Finding(
        host=place.stack.host,
        namespace=place.stack.namespace,
        interface=place.device if place.device in case.model.stacks[place.stack].devices else None,
        prefixes=(Prefix(intent.family, example.destination, WIDTH[intent.family]),),
        message=f"{text}, but {intent.reason}",
        hint=said.hint,
        witness=witness(example.source_stack, intent.family, example.source, example.destination),
    )


def _broken_flows(case: Case, cause: Cause) -> Finding:
    example, place = cause.example, cause.blocked.place
    said = explain(
        case.model, cause.blocked, family=cause.family, source=example.source, destination=example.destination
    )
    count = len(cause.first_pairs)
    flows = "1 intended flow does" if count == 1 else f"{count} intended flows do"
    source = f"{example.source_stack} ({format_number(cause.family, example.source)})"
    destination = f"{example.destination_stack} ({format_number(cause.family, example.destination)})"
    return Finding(
        host=place.stack.host,
        namespace=place.stack.namespace,
        interface=place.device if place.device in case.model.stacks[place.stack].devices else None,
        prefixes=tuple(to_prefixes(cause.family, cause.all_destinations())),
        message=f"{flows} not arrive in network {cause.network}: {source} to {destination} {ending(cause.blocked)}",
        hint=f"mend what leads the packet to {place.stack}; trace it" if cause.astray else said.hint,
        witness=witness(example.source_stack, cause.family, example.source, example.destination),
    )


def _deny_delivered(case: Case) -> t.Iterator[Finding]:
    for intent in case.proof.intents:
        wanted, example = intent.expectation, intent.example
        if wanted.reach or intent.holds or example is None:
            continue
        yield Finding(
            host=example.destination_stack.host,
            namespace=example.destination_stack.namespace,
            prefixes=(Prefix(intent.family, example.destination, WIDTH[intent.family]),),
            message=f"{_expected(wanted)}, but {intent.reason}",
            hint="take the destination out of the AllowedIPs and routes on that way, or filter it and drop the intent",
            witness=witness(example.source_stack, intent.family, example.source, example.destination),
        )


def _not_modelled(case: Case) -> t.Iterator[Finding]:
    for one in case.proof.unmodelled:
        construct = one.construct
        packet = f"{format_number(one.family, one.source)} to {format_number(one.family, one.destination)}"
        sender = one.origin or construct.stack
        yield Finding(
            host=construct.stack.host,
            namespace=construct.stack.namespace,
            interface=construct.device,
            message=f"{construct.path} of {construct.stack} is {construct.what}, which the proof does not model, "
            f"and it may decide where a packet from {packet} goes",
            hint="verify the flows that it touches with real packets, or leave the construct out",
            witness=witness(sender, one.family, one.source, one.destination),
        )


RULES = (
    Rule(
        id="WG001",
        name="accept-not-delivered",
        severity=ERROR,
        summary="a declared or derived accept flow is not delivered both ways",
        decide=_accept_not_delivered,
    ),
    Rule(
        id="WG002",
        name="deny-delivered",
        severity=ERROR,
        summary="a deny flow is delivered",
        decide=_deny_delivered,
    ),
    Rule(
        id="WG003",
        name="not-modelled",
        severity=WARNING,
        summary="a construct in the document that is not modelled lies on the path",
        decide=_not_modelled,
    ),
)
