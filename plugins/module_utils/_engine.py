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
import errno
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._changes import changes
from ansible_collections.cryptokey.wireguard.plugins.module_utils._choices import choose
from ansible_collections.cryptokey.wireguard.plugins.module_utils._completed import Surroundings, complete
from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared import Declared
from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import Host, Store
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    HostError,
    MissingLibrary,
    NotVerified,
    WireguardError,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._expected import expected
from ansible_collections.cryptokey.wireguard.plugins.module_utils._losses import (
    loss_warnings,
    settle_snapshot,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._observe import observe
from ansible_collections.cryptokey.wireguard.plugins.module_utils._observed import Observed
from ansible_collections.cryptokey.wireguard.plugins.module_utils._operation import FilterRequest
from ansible_collections.cryptokey.wireguard.plugins.module_utils._operations import (
    Operation,
    Site,
    batches,
    execute,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._remembered import as_it_was
from ansible_collections.cryptokey.wireguard.plugins.module_utils._restore import (
    restore,
    settled,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._view import (
    MADE_ON_APPLY,
    observed_view,
    render,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted import (
    Wanted,
    describe_namespace,
    want,
    want_absent,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_filter import (
    missing_nftables,
    strict_filter_warnings,
    unseen_warnings,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_forwarding import (
    forwarding_warnings,
)


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is there, what is wanted, and the steps from one to the other."""

    before: Observed
    wanted: Wanted
    operations: tuple[Operation, ...]
    warnings: tuple[str, ...] = ()

    @property
    def actions(self) -> list[str]:
        return [operation.describe() for operation in self.operations if not operation.bookkeeping]

    @property
    def disruptive(self) -> list[str]:
        """Of these, the ones that can lose packets, each with which."""
        return [f"{operation.describe()}: {operation.disrupts}" for operation in self.operations if operation.disrupts]


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
                settle_snapshot(plan.before, site)
        return plan.before
    return expected(plan.before, plan.wanted) if check else apply(plan, declared, site)


def _filter_request(declared: Declared) -> FilterRequest:
    if not declared.present:
        return FilterRequest(open_port="off")
    if declared.only_peers:
        return FilterRequest()
    return FilterRequest(
        table=bool(declared.masquerade or declared.clamp_mss or declared.full_tunnel),
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


def make_plan(declared: Declared, site: Site, *, check: bool) -> Plan:
    """The first half: nothing is changed, everything wrong is refused."""
    warnings = list(declared.warnings)
    before = _observe(declared, site, check=check, warnings=warnings)
    if declared.only_peers:
        before = _with_interface(declared, before, check=check, warnings=warnings)
    if declared.present:
        known = as_it_was(before)
        around = complete(declared, known)
        _refuse_without_nftables(around, before, check=check, warnings=warnings)
        choices = choose(declared, around, known, host=site.host, check=check, warnings=warnings)
        wanted = want(declared, around, known, choices)
        _refuse_without_birthplace(wanted, before, site, check=check)
        warnings += strict_filter_warnings(around, before)
        warnings += loss_warnings(declared, before, wanted)
    else:
        _refuse_without_nftables(None, before, check=check, warnings=warnings)
        wanted = want_absent(declared, before)
        warnings += unseen_warnings(before)
    warnings += forwarding_warnings(wanted.forwarding, before)
    operations = changes(before, wanted)
    if operations:
        _check_tools(site, check=check, warnings=warnings)
    return Plan(before, wanted, operations, warnings=tuple(warnings))


def _check_tools(site: Site, *, check: bool, warnings: list[str]) -> None:
    try:
        site.host.check_tools()
    except MissingLibrary as error:
        if not check:
            raise
        warnings.append(str(error))


def _refuse_without_nftables(
    around: Surroundings | None, before: Observed, *, check: bool, warnings: list[str]
) -> None:
    error = missing_nftables(around, before)
    if error is not None and not check:
        raise error
    warnings += [str(error)] if error is not None else []


def _with_interface(declared: Declared, before: Observed, *, check: bool, warnings: list[str]) -> Observed:
    """A peer needs an interface that works. In check mode one that is not there may be an earlier task's to make."""
    place = f"in {describe_namespace(declared.namespace)}"
    if before.exists and before.lost:
        raise HostError(
            f"{declared.name} {place} does not work: {before.lost}",
            remedy="declare the interface again with cryptokey.wireguard.interface, which repairs it",
        )
    if before.exists:
        return before
    text = f"there is no WireGuard interface {declared.name} {place}"
    remedy = "declare it first, with cryptokey.wireguard.interface"
    if not check:
        raise HostError(text, remedy=remedy)
    warnings.append(f"{text} yet; the peer is shown as if it were new ({remedy})")
    return before.with_new_device(declared.name, "userspace")


def _observe(declared: Declared, site: Site, *, check: bool, warnings: list[str]) -> Observed:
    """In check mode what cannot be seen yet (no library, no namespace) counts as not there, with a warning."""
    missing = _missing_namespaces(declared, site)
    if missing and declared.present:
        text = f"the network namespace {' and '.join(missing)} does not exist"
        remedy = "make it with the module cryptokey.wireguard.namespace"
        if not check:
            raise HostError(text, remedy=remedy)
        warnings.append(f"{text} yet; everything in it is shown as if it were new ({remedy})")
    try:
        return observe(site, key_file=declared.private_key_file)
    except MissingLibrary as error:
        if not check:
            raise
        warnings.append(f"{error}; everything is shown as if it were new")
        return Observed(key_file=site.store.private_key(declared.private_key_file))


def _refuse_without_birthplace(wanted: Wanted, before: Observed, site: Site, *, check: bool) -> None:
    """A declaration that names none means the one on record, which may have gone since."""
    born = wanted.socket_namespace
    if check or not (wanted.recreate or not before.exists) or born in ("", *site.host.namespaces()):
        return
    reason = f" ({wanted.recreate})" if wanted.recreate else ""
    raise HostError(
        f"{wanted.name} has to be made in the network namespace {born}, which does not exist{reason}",
        remedy="make it with the module cryptokey.wireguard.namespace, or declare another socket_namespace",
    )


def _missing_namespaces(declared: Declared, site: Site) -> list[str]:
    named = sorted({declared.namespace, declared.socket_namespace or ""} - {""})
    if not named:
        return []
    there = site.host.namespaces()
    return [namespace for namespace in named if namespace not in there]


def apply(plan: Plan, declared: Declared, site: Site) -> Observed:
    """The second half: every step in order, then the proof that it worked; restores on failure and raises."""
    try:
        for batch in batches(plan.operations):
            try:
                execute(batch, site)
            except HostError as error:
                raise _refused(batch, error, plan.wanted) from None
        after = _verify(plan, declared, site)
        settle_snapshot(after, site)
        return after
    except BaseException as error:
        failures = restore(plan.before, plan.wanted, site, key_file=declared.private_key_file)
        if not failures:
            _settle_again(plan.before, declared, site)
        if not isinstance(error, HostError):
            raise
        raise type(error)(f"{error}. {_restored(failures)}", errno=error.errno) from None


def _settle_again(before: Observed, declared: Declared, site: Site) -> None:
    """An interface that an earlier run has left half made is so again, and its snapshot is still what it was."""
    if before.remembered is None:
        with contextlib.suppress(WireguardError):
            settle_snapshot(observe(site, key_file=declared.private_key_file), site)


def _refused(batch: t.Sequence[Operation], error: HostError, wanted: Wanted) -> HostError:
    """The kernel binds the socket when the device comes up, and then does not say which port was taken."""
    more = f" and {len(batch) - 1} more" if len(batch) > 1 else ""
    text = f"cannot {batch[0].describe()}{more}: {error}"
    port = wanted.listen_port
    if error.errno == errno.EADDRINUSE and port and str(port) not in text:
        text += f" (UDP port {port} in {describe_namespace(wanted.socket_namespace)})"
    return HostError(text, errno=error.errno)


def _verify(plan: Plan, declared: Declared, site: Site) -> Observed:
    after = observe(site, key_file=declared.private_key_file)
    left = changes(after, settled(plan.wanted, after))
    if left:
        raise NotVerified(
            "after all steps the interface is not what was declared; still to do: "
            + "; ".join(operation.describe() for operation in left)
        )
    return after


def _restored(failures: t.Sequence[str]) -> str:
    if not failures:
        return "What was there before has been restored."
    return f"What was there before could not be restored completely: {'; '.join(failures)}."


def _result(plan: Plan, declared: Declared, after: Observed) -> Result:
    shown = _public_key(plan, after)
    name, namespace = declared.name, declared.namespace
    found = observed_view(name, namespace, plan.before)
    same = after is plan.before
    interface = found if same else observed_view(name, namespace, after, public_key=shown if after.exists else None)
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


def _public_key(plan: Plan, after: Observed) -> str | None:
    identity = plan.wanted.identity
    if after.device is not None and after.device.public_key is not None:
        return str(after.device.public_key)
    return MADE_ON_APPLY if identity is not None and identity.origin == "made" else None
