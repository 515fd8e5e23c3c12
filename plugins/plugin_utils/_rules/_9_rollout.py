# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""9xx: rollout. Rules about a change: without a previous fleet they have nothing to say."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._comparison import Comparison
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._management import Cut, management_cuts
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._moves import moved_prefixes
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._parts import connected_parts
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rollout import (
    ANY,
    NONE,
    ORDER,
    Breakage,
    Rollout,
    rollout_of,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rollout_summary import breakage_text
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rules._rule import (
    ERROR,
    INFO,
    WARNING,
    Case,
    Finding,
    Rule,
    listed,
    on_interface,
    witness,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import to_prefixes
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._unknown_live import unknown_peers, unknown_routes


def _cuts_management(case: Case) -> t.Iterator[Finding]:
    for cut in management_cuts(_comparison(case)) if case.previous is not None else ():
        yield Finding(
            host=cut.stack.host,
            namespace=cut.stack.namespace,
            interface=cut.device,
            severity=None if cut.certain else WARNING,
            prefixes=tuple(to_prefixes(cut.family, cut.addresses)),
            message=f"Ansible reaches {cut.stack.host} at {cut.address}; {cut.reason}",
            hint=_management_hint(cut),
        )


def _management_hint(cut: Cut) -> str:
    if cut.inside:
        return f"let Ansible reach {cut.stack.host} by an address outside the tunnel, or change it from its console"
    command = "ip rule" if cut.family == 4 else "ip -6 rule"
    return f"keep replies out of the tunnel: {command} add from {cut.address} lookup main, before the tunnel's rules"


def _breaks_meanwhile(case: Case) -> t.Iterator[Finding]:
    if case.previous is None:
        return
    rollout = rollout_of(case.previous, case.fleet)
    if rollout.evidence is None or rollout.verdict == ANY:
        return
    if rollout.verdict == ORDER:
        yield _out_of_order(rollout, rollout.evidence)
        return
    steps = [step for step in rollout.steps if step.breakage is not None]
    for step in steps:
        breakage = t.cast("Breakage", step.breakage)
        together = listed(step.hosts)
        claim = "no order of hosts avoids it" if rollout.verdict == NONE else "no order was found that avoids it"
        yield _meanwhile(
            step.hosts[0],
            breakage,
            f"until {together} have all changed, {breakage_text(breakage)}, which arrives before and after; {claim}",
            f"change {together} at the same time, or in a first run that only adds to what is there",
        )
    if not steps:
        yield _meanwhile(
            rollout.evidence.source_stack.host,
            rollout.evidence,
            f"while hosts change one by one, {breakage_text(rollout.evidence)}, which arrives before and after; "
            f"no order that avoids it was found among {rollout.judged} mixed states",
            "split the change into runs that only add and a last one that removes",
        )


def _out_of_order(rollout: Rollout, evidence: Breakage) -> Finding:
    order = "; then ".join(listed(step.hosts) for step in rollout.steps)
    return _meanwhile(
        rollout.steps[0].hosts[0],
        evidence,
        f"in some orders of hosts {breakage_text(evidence)}, which arrives before and after",
        f"apply in this order, in which nothing that stays breaks: {order}",
    )


def _meanwhile(host: str, breakage: Breakage, message: str, hint: str) -> Finding:
    packet = witness(breakage.source_stack, breakage.family, breakage.source, breakage.destination)
    prefixes = tuple(to_prefixes(breakage.family, breakage.destinations))
    return Finding(host=host, message=message, hint=hint, prefixes=prefixes, witness=packet)


def _prefix_moves(case: Case) -> t.Iterator[Finding]:
    for move in moved_prefixes(case.previous, case.fleet) if case.previous is not None else ():
        others = f", and so on {move.count - 1} other interfaces" if move.count > 1 else ""
        yield on_interface(
            move.interface,
            f"{listed(move.prefixes)} move{'s' if len(move.prefixes) == 1 else ''} from peer {move.before} to peer "
            f"{move.after} on {move.interface.label}{others}",
            "nothing to do if that is what you mean; an interface moves it in one message and loses no packet to it",
            peer=move.after,
            prefixes=move.prefixes,
        )


def _unknown_to_the_plan(case: Case) -> t.Iterator[Finding]:
    if case.previous is None:
        return
    for interface, peer, prefixes in unknown_peers(case.previous, case.fleet):
        held = f" with {listed(prefixes)}" if prefixes else ""
        yield on_interface(
            interface,
            f"{interface.label} has a peer {peer}{held} that the plan does not know",
            "declare it under external_peers, or remove it with peers_policy: exact",
            peer=peer,
            prefixes=prefixes,
        )
    for stack, route in unknown_routes(case.previous, case.fleet):
        yield Finding(
            host=stack.host,
            namespace=stack.namespace,
            interface=route.device,
            prefixes=(route.destination,) if route.destination is not None else (),
            message=f"{stack} has the {route.label()} that the plan does not know; it is not ours and stays",
            hint="declare it in wireguard_stacks, or delete it on the host",
        )


def _splits(case: Case) -> t.Iterator[Finding]:
    for parts in connected_parts(_comparison(case)) if case.previous is not None else ():
        smallest = min(parts, key=lambda part: (len(part), part))
        shown = "; ".join(listed(part) for part in parts[:4])
        more = f"; and {len(parts) - 4} more" if len(parts) > 4 else ""
        yield Finding(
            host=smallest[0].host,
            namespace=smallest[0].namespace,
            message=f"what was connected falls into {len(parts)} parts: {shown}{more}",
            hint="keep a link or a relay between the parts, or take them into networks of their own",
        )


def _comparison(case: Case) -> Comparison:
    return Comparison.of(t.cast("t.Any", case.previous), case.fleet)


RULES = (
    Rule(
        id="WG901",
        name="cuts-management",
        severity=ERROR,
        summary="the change cuts the connection that Ansible itself uses",
        decide=_cuts_management,
    ),
    Rule(
        id="WG902",
        name="breaks-meanwhile",
        severity=WARNING,
        summary="a mixed old and new state breaks a flow that arrives before and after; an order is suggested",
        decide=_breaks_meanwhile,
    ),
    Rule(
        id="WG903",
        name="prefix-moves",
        severity=INFO,
        summary="a prefix moves between peers",
        decide=_prefix_moves,
    ),
    Rule(
        id="WG905",
        name="unknown-to-the-plan",
        severity=INFO,
        summary="live peers or routes that the plan does not know",
        decide=_unknown_to_the_plan,
    ),
    Rule(
        id="WG906",
        name="splits-the-fleet",
        severity=WARNING,
        summary="the change splits the fleet into parts that were connected",
        decide=_splits,
    ),
)
