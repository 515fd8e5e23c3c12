# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first half of the engine: what is there, what is wanted, and the steps between. Nothing is changed here, and
everything wrong is refused."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._choices import choose
from ansible_collections.cryptokey.wireguard.plugins.module_utils._completed import complete
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    HostError,
    MissingLibrary,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._observe import observe
from ansible_collections.cryptokey.wireguard.plugins.module_utils._observed import Observed
from ansible_collections.cryptokey.wireguard.plugins.module_utils._settled import is_settled
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted import (
    want,
    want_absent,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_filter import (
    missing_nftables,
    obstacle_warnings,
    strict_filter_warnings,
    unseen_warnings,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_forwarding import (
    forwarding_warnings,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_state import Wanted, describe_namespace

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._completed import Surroundings
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared import Declared
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._operation import Operation, Site


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is there, what is wanted, and the steps from one to the other."""

    before: Observed
    wanted: Wanted
    operations: tuple[Operation, ...]
    warnings: tuple[str, ...] = ()

    @property
    def actions(self) -> list[str]:
        return [line for operation in self.operations if not operation.bookkeeping for line in operation.lines()]

    @property
    def disruptive(self) -> list[str]:
        """Of these, the ones that can lose packets, each with which."""
        return [f"{operation.describe()}: {operation.disrupts}" for operation in self.operations if operation.disrupts]


def make_plan(declared: Declared, site: Site, *, check: bool) -> Plan:
    """The first half: nothing is changed, everything wrong is refused."""
    warnings = list(declared.warnings)
    before = _observe(declared, site, check=check, warnings=warnings)
    if before.record is not None and declared.rows is None:
        len(before.record.peers)  # a record that is damaged is refused before anything is changed
    if declared.only_peers:
        before = _with_interface(declared, before, check=check, warnings=warnings)
    if declared.present:
        known = _as_it_was(before)
        around = complete(declared, known)
        _refuse_without_nftables(around, before, check=check, warnings=warnings)
        choices = choose(declared, around, known, host=site.host, check=check, warnings=warnings)
        wanted = want(declared, around, known, choices)
        _refuse_without_birthplace(wanted, before, site, check=check)
        warnings += strict_filter_warnings(around, before)
        warnings += obstacle_warnings(around, before, wanted.listen_port)
        warnings += _loss_warnings(declared, before, wanted)
    else:
        _refuse_without_nftables(None, before, check=check, warnings=warnings)
        wanted = want_absent(declared, before)
        warnings += unseen_warnings(before)
    warnings += forwarding_warnings(wanted.forwarding, before)
    operations = _operations(before, wanted)
    if operations:
        _check_tools(site, check=check, warnings=warnings)
    return Plan(before, wanted, operations, warnings=tuple(warnings))


def _as_it_was(before: Observed) -> Observed:
    if before.remembered is None:
        return before
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._remembered import as_it_was

    return as_it_was(before)


def _loss_warnings(declared: Declared, before: Observed, wanted: Wanted) -> list[str]:
    if not before.lost:
        return []
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._losses import loss_warnings

    return loss_warnings(declared, before, wanted)


def _operations(before: Observed, wanted: Wanted) -> tuple[Operation, ...]:
    if is_settled(before, wanted):
        return ()
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._changes import changes

    return changes(before, wanted)


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
