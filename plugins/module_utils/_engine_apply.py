# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The second half of the engine: every step in order, then the proof that it worked; on failure the way back."""

from __future__ import annotations

import contextlib
import errno
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._changes import changes
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    HostError,
    NotVerified,
    WireguardError,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._losses import settle_snapshot
from ansible_collections.cryptokey.wireguard.plugins.module_utils._observe import observe
from ansible_collections.cryptokey.wireguard.plugins.module_utils._operations import batches, execute
from ansible_collections.cryptokey.wireguard.plugins.module_utils._settled import asked_again, is_settled
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_state import describe_namespace

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared import Declared
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._engine_plan import Plan
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._observed import Observed
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._operation import Operation, Site
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_state import Wanted


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
        from ansible_collections.cryptokey.wireguard.plugins.module_utils._restore import restore

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
    wanted = asked_again(plan.wanted, after)
    left = () if is_settled(after, wanted) else changes(after, wanted)
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
