# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes and policy rules that are declared for themselves, apart from any WireGuard interface.

They are ours as those of an interface are: by our protocol number and by a record, one per network namespace, which
has no name. What somebody else made is never replaced or removed, and neither is what an interface has declared.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _operations as op
from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared import declare_namespace
from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared_routing import (
    declare_route,
    declare_rule,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    HostError,
    InvalidInput,
    MissingLibrary,
    NotVerified,
    placed,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._record import Record
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    OUR_PROTOCOL,
    Route,
    Rule,
    parse_name,
)

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import Host, Store

NAMELESS = ""
"""The name of the record that belongs to no interface."""

Entry = t.Union[Route, Rule]


@dataclasses.dataclass(frozen=True)
class Request:
    """entries: one route, or the rule of each family that it is meant for."""

    namespace: str
    present: bool
    entries: tuple[Entry, ...]
    warnings: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Seen:
    """What is there. theirs: what the interfaces of the namespace have declared, with the name of each."""

    routes: frozenset[Route]
    rules: frozenset[Rule]
    record: Record | None
    theirs: t.Mapping[Entry, str]

    @property
    def entries(self) -> frozenset[Entry]:
        return self.routes | self.rules

    def owns(self, entry: Entry) -> bool:
        recorded = (*self.record.routes, *self.record.rules) if self.record else ()
        return entry.protocol == OUR_PROTOCOL and entry in recorded


def request_route(arguments: t.Mapping[str, t.Any]) -> Request:
    """From the arguments of the module ``route``. Raises InvalidInput."""
    warnings: list[str] = []
    kind = arguments.get("type") or "unicast"
    device = arguments.get("device") or None
    if kind == "unicast" and not device and arguments.get("state") != "absent":
        raise InvalidInput("is missing", path="device", remedy="a unicast route leads out of a device")
    if kind != "unicast" and device:
        raise InvalidInput(f"makes no sense on a route of type {kind}", path="device", value=device)
    if device:
        with placed("device"):
            device = parse_name(device)
    route = declare_route(arguments, device=device, path="", warnings=warnings)
    return _request(arguments, (route,), warnings)


def request_rule(arguments: t.Mapping[str, t.Any]) -> Request:
    """From the arguments of the module ``rule``. Raises InvalidInput."""
    warnings: list[str] = []
    return _request(arguments, tuple(declare_rule(arguments, path="", warnings=warnings)), warnings)


def _request(arguments: t.Mapping[str, t.Any], entries: tuple[Entry, ...], warnings: list[str]) -> Request:
    namespace = declare_namespace(arguments, "namespace")
    return Request(namespace, arguments.get("state") != "absent", entries, tuple(warnings))


def converge(request: Request, *, host: Host, store: Store, check: bool) -> dict[str, t.Any]:
    """The module's result. Raises WireguardError before the first change, or after everything is as it was."""
    warnings = list(request.warnings)
    if check:
        seen = _observe_in_check_mode(request, host, store, warnings)
        steps = plan(request, seen)
    else:
        with store.locked():
            seen = _observe(request, host, store)
            steps = plan(request, seen)
            if steps:
                _apply(request, seen, steps, op.Site(host, store, request.namespace, NAMELESS))
    actions = [step.describe() for step in steps if not isinstance(step, (op.WriteRecord, op.RemoveRecord))]
    return {
        "changed": bool(actions),
        "actions": actions,
        "diff": {"before": _text(request, seen.entries), "after": _text(request, _after(seen.entries, steps))},
        "warnings": warnings,
    }


def plan(request: Request, seen: Seen) -> list[op.Operation]:
    """Pure. The record names what is about to be made before it is made, and forgets it last."""
    steps: list[op.Operation] = []
    for entry in request.entries:
        steps += _to_have(entry, seen) if request.present else _to_lose(entry, seen)
    if not steps:
        return []
    old = seen.record or Record(request.namespace, NAMELESS)
    after = _recorded(old, steps)
    claim = _union(old, after)
    claimed: list[op.Operation] = [] if claim == seen.record else [op.ClaimOwnership(claim)]
    last: op.Operation = op.WriteRecord(after) if after.routes or after.rules else op.RemoveRecord()
    return [*claimed, *steps, *([] if after == claim else [last])]


def _to_have(entry: Entry, seen: Seen) -> list[op.Operation]:
    if entry in seen.entries:
        return []
    if isinstance(entry, Rule):
        return [op.AddRule(entry)]
    standing = next((route for route in sorted(seen.routes, key=str) if route.identity == entry.identity), None)
    if standing is None:
        return [op.AddRoute(entry)]
    _refuse_foreign(standing, seen, verb="replaced")
    return [op.ReplaceRoute(standing, entry)]


def _to_lose(entry: Entry, seen: Seen) -> list[op.Operation]:
    """What has the same destination, table and metric counts as the route that is meant, whatever else it says."""
    steps: list[op.Operation] = []
    for standing in sorted(_concerned([entry], seen.entries), key=str):
        _refuse_foreign(standing, seen, verb="removed")
        steps.append(op.RemoveRule(standing) if isinstance(standing, Rule) else op.RemoveRoute(standing))
    return steps


def _refuse_foreign(standing: Entry, seen: Seen, *, verb: str) -> None:
    if seen.owns(standing):
        return
    kind = "rule" if isinstance(standing, Rule) else "route"
    owner = seen.theirs.get(standing)
    reason = f"the {kind} {standing} is not {verb}: "
    if owner is not None:
        raise HostError(reason + f"the interface {owner} has declared it", remedy=f"change the declaration of {owner}")
    raise HostError(
        reason + f"this collection did not make it (protocol {standing.protocol})",
        remedy=f"remove it by hand if it has to go (ip {kind} del {standing})",
    )


def _recorded(record: Record, steps: t.Iterable[op.Operation]) -> Record:
    routes, rules = set(record.routes), set(record.rules)
    for step in steps:
        if isinstance(step, op.AddRoute):
            routes.add(step.route)
        elif isinstance(step, op.ReplaceRoute):
            routes = (routes - {step.old}) | {step.new}
        elif isinstance(step, op.RemoveRoute):
            routes.discard(step.route)
        elif isinstance(step, op.AddRule):
            rules.add(step.rule)
        elif isinstance(step, op.RemoveRule):
            rules.discard(step.rule)
    return dataclasses.replace(
        record, routes=frozenset(routes), explicit_routes=frozenset(routes), rules=frozenset(rules)
    )


def _union(one: Record, other: Record) -> Record:
    routes = one.routes | other.routes
    return dataclasses.replace(one, routes=routes, explicit_routes=routes, rules=one.rules | other.rules)


def _apply(request: Request, seen: Seen, steps: t.Sequence[op.Operation], site: op.Site) -> None:
    try:
        for step in steps:
            step.apply(site)
        left = plan(request, _observe(request, site.host, site.store))
        if left:
            raise NotVerified(f"afterwards it is not what was declared; still to do: {left[0].describe()}")
    except BaseException as error:
        failures = _restore(request, seen, site)
        if not isinstance(error, HostError):
            raise
        ending = f"could not be restored completely: {'; '.join(failures)}" if failures else "has been restored"
        raise type(error)(f"{error}. What was there before {ending}.", errno=error.errno) from None


def _restore(request: Request, seen: Seen, site: op.Site) -> list[str]:
    """Whatever stands where the declared entries stand becomes what was seen there; what fails is told."""
    failures = []
    try:
        back = _way_back(request, seen, _observe(request, site.host, site.store))
    except HostError as error:
        return [str(error)]
    for step in [*back, op.WriteRecord(seen.record) if seen.record else op.RemoveRecord()]:
        try:
            step.apply(site)
        except HostError as error:
            failures.append(str(error))
    return failures


def _way_back(request: Request, seen: Seen, now: Seen) -> list[op.Operation]:
    steps: list[op.Operation] = []
    before, after = _concerned(request.entries, seen.entries), _concerned(request.entries, now.entries)
    old = {entry.identity: entry for entry in before if isinstance(entry, Route)}
    new = {entry.identity: entry for entry in after if isinstance(entry, Route)}
    for identity in sorted(old.keys() | new.keys(), key=str):
        if identity not in new:
            steps.append(op.AddRoute(old[identity]))
        elif identity not in old:
            steps.append(op.RemoveRoute(new[identity]))
        elif old[identity] != new[identity]:
            steps.append(op.ReplaceRoute(new[identity], old[identity]))
    steps += [op.RemoveRule(rule) for rule in sorted(after - before, key=str) if isinstance(rule, Rule)]
    steps += [op.AddRule(rule) for rule in sorted(before - after, key=str) if isinstance(rule, Rule)]
    return steps


def _observe(request: Request, host: Host, store: Store) -> Seen:
    if request.namespace and request.namespace not in host.namespaces():
        remedy = "make it with the module cryptokey.wireguard.namespace"
        if request.present:
            raise HostError(f"the network namespace {request.namespace} does not exist", remedy=remedy)
        return Seen(frozenset(), frozenset(), store.record(request.namespace, NAMELESS), {})
    network = host.network(request.namespace)
    theirs: dict[Entry, str] = {}
    for record in store.records(request.namespace):
        theirs.update(dict.fromkeys(record.routes, record.name))
        theirs.update(dict.fromkeys(record.rules, record.name))
    return Seen(
        frozenset(network.routes()), frozenset(network.rules()), store.record(request.namespace, NAMELESS), theirs
    )


def _observe_in_check_mode(request: Request, host: Host, store: Store, warnings: list[str]) -> Seen:
    """What cannot be seen yet counts as not there, with a warning."""
    try:
        return _observe(request, host, store)
    except (MissingLibrary, HostError) as error:
        warnings.append(f"{error}; everything is shown as if it were new")
        return Seen(frozenset(), frozenset(), None, {})


def _after(entries: frozenset[Entry], steps: t.Iterable[op.Operation]) -> frozenset[Entry]:
    left = set(entries)
    for step in steps:
        if isinstance(step, (op.AddRoute, op.RemoveRoute)):
            (left.add if isinstance(step, op.AddRoute) else left.discard)(step.route)
        elif isinstance(step, (op.AddRule, op.RemoveRule)):
            (left.add if isinstance(step, op.AddRule) else left.discard)(step.rule)
        elif isinstance(step, op.ReplaceRoute):
            left = (left - {step.old}) | {step.new}
    return frozenset(left)


def _concerned(declared: t.Iterable[Entry], entries: t.Iterable[Entry]) -> frozenset[Entry]:
    """What stands where the declared entries stand, whoever made it."""
    meant = set(declared)
    places = {entry.identity for entry in meant if isinstance(entry, Route)}
    return frozenset(
        entry
        for entry in entries
        if (isinstance(entry, Route) and entry.identity in places)
        or (isinstance(entry, Rule) and dataclasses.replace(entry, protocol=OUR_PROTOCOL) in meant)
    )


def _text(request: Request, entries: t.Iterable[Entry]) -> str:
    """One side of the diff."""
    return "".join(f"{entry}\n" for entry in sorted(map(str, _concerned(request.entries, entries))))
