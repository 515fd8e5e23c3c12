# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine: observe, compute the changes, apply, read back, verify, and on failure restore what was found.

The same code serves a dry run and a real one: check mode stops after the changes are known, and everything that is
refused is refused before the first of them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._engine_plan import Plan, make_plan
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    HostError,
    MissingLibrary,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._operation import FilterRequest, Site
from ansible_collections.cryptokey.wireguard.plugins.module_utils._recorded_peers import DeclaredRecord
from ansible_collections.cryptokey.wireguard.plugins.module_utils._view import (
    MADE_ON_APPLY,
    observed_view,
    render,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_at_once import WantedPeers, rows_of

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared import Declared
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import Host, Store
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._observed import Observed


@dataclasses.dataclass(frozen=True)
class Result:
    """What the module returns. found: the view of what was there; interface: of what is there now (in check mode: of
    what would be). before and after are their texts, made when somebody wants to see them."""

    changed: bool
    actions: list[str]
    found: dict[str, t.Any]
    public_key: str | None
    backend: str | None
    interface: dict[str, t.Any]
    warnings: list[str]
    disruptive: list[str] = dataclasses.field(default_factory=list)

    @property
    def before(self) -> str:
        return render(self.found)

    @property
    def after(self) -> str:
        return render(self.interface)


def converge(declared: Declared, *, host: Host, store: Store, check: bool = False) -> Result:
    """Bring one interface to its declaration. Raises WireguardError; what was there is then there again."""
    site = Site(host, store, declared.namespace, declared.name, filter=_filter_request(declared))
    with contextlib.nullcontext() if check else store.locked():
        plan = make_plan(declared, site, check=check)
        after = _carry_out(plan, declared, site, check=check)
    return _result(plan, declared, after)


def _carry_out(plan: Plan, declared: Declared, site: Site, *, check: bool) -> Observed:
    """What is there then: in check mode what would be. Nothing to do means that it is what it was."""
    if not plan.operations:
        if not check:
            # Nobody has asked for it: a disk that is full is no reason to fail a run that changes nothing.
            with contextlib.suppress(HostError):
                _settle_snapshot(plan.before, site)
        return plan.before
    if check:
        from ansible_collections.cryptokey.wireguard.plugins.module_utils._expected import expected

        return expected(plan.before, plan.wanted)
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._engine_apply import apply

    return apply(plan, declared, site)


def _settle_snapshot(found: Observed, site: Site) -> None:
    """On the kernel there is none, and none to be made."""
    if found.snapshot is None and found.backend != "userspace":
        return
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._losses import settle_snapshot

    settle_snapshot(found, site)


def _filter_request(declared: Declared) -> FilterRequest:
    if not declared.present:
        return FilterRequest(open_port="off")
    if declared.only_peers:
        return FilterRequest()
    return FilterRequest(
        table=bool(declared.masquerade or declared.clamp_mss or declared.full_tunnel),
        marks=bool(declared.full_tunnel),
        open_port=declared.open_port,
        listen_port=declared.listen_port,
        socket_namespace=declared.socket_namespace,
    )


def converge_peer(declared: Declared, *, host: Host, store: Store, check: bool = False) -> Result:
    """The same for one peer alone (declare_peer()). It is absent, too, where its interface or namespace is."""
    if declared.absent_keys and not _has_interface(declared, host, check=check):
        return Result(False, [], {}, None, None, {}, list(declared.warnings))
    return converge(declared, host=host, store=store, check=check)


def _has_interface(declared: Declared, host: Host, *, check: bool) -> bool:
    try:
        if declared.namespace and declared.namespace not in host.namespaces():
            return False
        return host.backend_of(declared.namespace, declared.name) is not None
    except MissingLibrary:
        if not check:
            raise
        return False


def _result(plan: Plan, declared: Declared, after: Observed) -> Result:
    shown = _public_key(plan, after)
    name, namespace = declared.name, declared.namespace
    same = after is plan.before
    peers = _peers_at_once(plan, after)
    found = observed_view(name, namespace, plan.before, peers=peers if same else None)
    interface = (
        found
        if same
        else observed_view(name, namespace, after, public_key=shown if after.exists else None, peers=peers)
    )
    return Result(
        changed=bool(plan.operations),
        actions=plan.actions,
        found=found,
        public_key=shown,
        backend=after.backend,
        interface=interface,
        warnings=list(plan.warnings),
        disruptive=plan.disruptive,
    )


def _peers_at_once(plan: Plan, after: Observed) -> list[dict[str, t.Any]] | None:
    """Their views, where there are just the declared ones, and so their names are the recorded ones."""
    wanted, there = plan.wanted, rows_of(after.device)
    recorded = wanted.record is not None and isinstance(wanted.record.peers, DeclaredRecord)
    if there is None or not recorded or not isinstance(wanted.peers, WantedPeers):
        return None
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._peer_views import views_at_once

    return views_at_once(wanted.peers.declared, there)


def _public_key(plan: Plan, after: Observed) -> str | None:
    identity = plan.wanted.identity
    if after.device is not None and after.device.public_key is not None:
        return str(after.device.public_key)
    return MADE_ON_APPLY if identity is not None and identity.origin == "made" else None
