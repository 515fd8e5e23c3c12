# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place where an error becomes a failed task, and what the engine has to say a module's result.

ansible-core masks secrets in ``msg`` but not in exceptions that it sees, so none gets that far: fail_json() is called
outside of every ``except`` block, and an error that nobody foresaw is reported by its type and place only.
"""

from __future__ import annotations

import gc
import os
import sys
import traceback
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    WireguardError,
)

_MANY_OBJECTS = 10_000
_MANY = 100
"""From here on one pass over the result pays (_many_secrets); below, Ansible's own way is left alone."""


def run(module: t.Any, work: t.Callable[[], t.Mapping[str, t.Any]]) -> None:
    """Ends the module with what work returns, or with its error. Its ``warnings`` become the module's."""
    collects = gc.isenabled()
    # A process that ends in a moment: what it makes lives until then, so the collector would find nothing.
    gc.disable()
    try:
        _run(module, work)
    finally:
        if gc.get_count()[0] > _MANY_OBJECTS:
            # Before Python ends it looks at each object once more.
            gc.freeze()
        if collects:
            gc.enable()


def converged(module: t.Any, result: t.Any) -> dict[str, t.Any]:
    """What every module returns that brings something to its declaration. result: the engine's."""
    return {
        "changed": result.changed,
        "actions": result.actions,
        "disruptive": result.disruptive,
        "warnings": result.warnings,
        **({"diff": {"before": result.before, "after": result.after}} if module._diff else {}),
    }


def _run(module: t.Any, work: t.Callable[[], t.Mapping[str, t.Any]]) -> None:
    failure = ""
    result: dict[str, t.Any] = {}
    try:
        result = dict(work())
        for warning in result.pop("warnings", ()):
            module.warn(warning)
    except WireguardError as error:
        failure = str(error)
    except Exception as error:
        failure = unforeseen(error)
    if failure:
        module.fail_json(**_masked(module, {"msg": failure}))
    module.exit_json(**_masked(module, result))


def _masked(module: t.Any, result: t.Mapping[str, t.Any]) -> t.Mapping[str, t.Any]:
    """The result, and where there are many secrets the arguments as well, without any: Ansible then looks for none.

    Where something was warned of, Ansible adds the warnings itself, and so it has to look for secrets itself.
    """
    secrets: set[t.Any] = getattr(module, "no_log_values", set())
    if len(secrets) < _MANY or _warned():
        return result
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._many_secrets import Mask

    mask = Mask({str(secret) for secret in secrets})
    module.no_log_values = set()
    return mask({**result, "invocation": {"module_args": dict(module.params)}})


def _warned() -> bool:
    """Whether Ansible has warnings to add; asked of what the process has loaded, for this ring does not import it."""
    warnings = sys.modules.get("ansible.module_utils.common.warnings")
    return bool(warnings and (warnings.get_warning_messages() or warnings.get_deprecation_messages()))


def unforeseen(error: BaseException) -> str:
    """An error without its text, which may hold anything."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    places = " < ".join(f"{os.path.basename(frame.filename)}:{frame.lineno} {frame.name}" for frame in reversed(frames))
    return f"unforeseen {type(error).__name__} at {places}; please report this as a bug of cryptokey.wireguard"
