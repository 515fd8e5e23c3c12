# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""5xx: links and endpoints."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._dialling import dialled
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Interface, StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._keepalives import (
    may_have_quiet_links,
    quiet_links,
    waited_for,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._likeness import doubtful_interfaces
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._pairs import is_before
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rules._rule import (
    ERROR,
    WARNING,
    Case,
    Finding,
    Rule,
    listed,
    on_interface,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._simple_stacks import SimpleKinds


def _no_initiator(case: Case) -> t.Iterator[Finding]:
    model = case.model
    for interface in doubtful_interfaces(model, lambda one: model.cryptokey(one).may_lack_endpoints()):
        silent = [target for target in _silent_peers(case, interface) if is_before(interface, target)]
        if silent:
            names = listed(sorted(target.host for target in silent))
            yield on_interface(
                interface,
                f"neither {interface.label} nor {names} knows an endpoint of the other, so no handshake can start",
                f"give {interface.host} or {names} an endpoint that the other can reach, or relay between them",
                peer=min(target.host for target in silent),
            )


def _silent_peers(case: Case, interface: Interface) -> t.Iterator[Interface]:
    """The managed peers that list an interface, where neither of the two knows an endpoint of the other."""
    model, kinds = case.model, SimpleKinds.of(case.model)
    knows: dict[Interface, bool] = {}
    for ident in model.cryptokey(interface).without_endpoint():
        target = model.target(interface, ident)
        if target is None:
            continue
        lister = kinds.lister(target)
        if lister not in knows:
            entry = model.entry_of(lister, interface)
            knows[lister] = entry is None or model.cryptokey(lister).knows_endpoint(entry)
        if not knows[lister]:
            yield target


def _no_keepalive(case: Case) -> t.Iterator[Finding]:
    dialled_ones = {one.target for one in dialled(case.model)}
    for interface in doubtful_interfaces(case.model, lambda one: may_have_quiet_links(case.model, one)):
        if interface not in dialled_ones:
            silent = sorted({target.host for target, _entry in quiet_links(case.model, interface)})
            if silent:
                yield on_interface(
                    interface,
                    f"nobody has an endpoint for {interface.label}, which sends no keepalive to {listed(silent)}: "
                    "they cannot reach it before it speaks, nor once its router has forgotten it",
                    f"set persistent_keepalive: 25 at {interface.host} for {listed(silent)}",
                    peer=silent[0],
                )


def _keepalive_on_wrong_side(case: Case) -> t.Iterator[Finding]:
    model = case.model
    for interface in waited_for(model):
        wrong = sorted(
            {
                target.host
                for target, entry in quiet_links(model, interface)
                if not model.cryptokey(target).knows_endpoint(entry)
                and any(one.persistent_keepalive for one in model.cryptokey(target).entries(entry))
            }
        )
        if wrong:
            sends = f"{listed(wrong)} sends its" if len(wrong) == 1 else f"{listed(wrong)} send their"
            yield on_interface(
                interface,
                f"{sends} keepalives to {interface.label}, for which no endpoint is known there, and "
                f"{interface.label}, which could dial, sends none",
                f"set persistent_keepalive: 25 at {interface.host} for {listed(wrong)}, and take it away there",
                peer=wrong[0],
            )


def _same_port(case: Case) -> t.Iterator[Finding]:
    taken: dict[tuple[StackId, int], Interface] = {}
    for interface in case.model.interfaces:
        if not interface.listen_port:
            continue
        birthplace = StackId(interface.host, interface.socket_namespace)
        first = taken.setdefault((birthplace, interface.listen_port), interface)
        if first is not interface:
            yield on_interface(
                interface,
                f"{interface.label} and {first.label} both listen on port {interface.listen_port} in one namespace; "
                "the second one cannot come up",
                f"give {interface.name} another listen_port",
            )


RULES = (
    Rule(
        id="WG501",
        name="no-initiator",
        severity=ERROR,
        summary="no initiator: neither side knows an endpoint",
        decide=_no_initiator,
    ),
    Rule(
        id="WG505",
        name="no-keepalive",
        severity=WARNING,
        summary="a host that no peer can dial (nobody knows an endpoint for it) must be reached but sends no keepalive",
        decide=_no_keepalive,
    ),
    Rule(
        id="WG506",
        name="keepalive-on-wrong-side",
        severity=WARNING,
        summary="keepalive on the wrong side",
        decide=_keepalive_on_wrong_side,
    ),
    Rule(
        id="WG507",
        name="port-taken",
        severity=ERROR,
        summary="two interfaces share a listen port in one birth namespace",
        decide=_same_port,
    ),
)
