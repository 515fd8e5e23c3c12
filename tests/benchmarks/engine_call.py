# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One call of the host engine as a process: ``python -m ...engine_call start|engine|module ARGUMENTS``.

start: a module that does nothing: Python, and what every module of Ansible imports.
engine: from the arguments (JSON) to the result (JSON): checked, observed, compared, changed, read back, shown.
module: the same within AnsibleModule, which also checks, logs and masks the arguments and the result.

The last line of its standard error is what it took, as JSON.
"""

from __future__ import annotations

import json
import pathlib
import resource
import sys
import typing as t


class Sent:
    """Counts what goes to the device, on either backend."""

    def __init__(self) -> None:
        self.figures = {"messages": 0, "bytes": 0, "peers": 0}

    def install(self) -> None:
        from ansible_collections.cryptokey.wireguard.plugins.module_utils import _kernel, _uapi, _userspace

        exchange, over_socket = _kernel._exchange, _uapi.exchange

        def to_kernel(sock: t.Any, family: int, payload: bytes, flags: int) -> t.Any:
            if payload[:1] == b"\1":
                self.add(len(payload))
            return exchange(sock, family, payload, flags)

        def to_engine(path: str, request: str, **options: t.Any) -> str:
            if request.startswith("set="):
                self.add(len(request))
            return over_socket(path, request, **options)

        _kernel._exchange, _uapi.exchange = to_kernel, to_engine
        for driver in (_kernel.KernelDriver, _userspace.UserspaceDriver):
            driver.write = self._counted(driver.write)  # type: ignore[method-assign]

    def add(self, size: int) -> None:
        self.figures["messages"] += 1
        self.figures["bytes"] += size

    def _counted(self, write: t.Callable[..., None]) -> t.Callable[..., None]:
        def counted(driver: t.Any, update: t.Any) -> None:
            self.figures["peers"] += len(update.peers)
            write(driver, update)

        return counted


def engine(arguments: dict[str, t.Any]) -> dict[str, t.Any]:
    """The work of the module ``interface`` without AnsibleModule."""
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._module import run
    from ansible_collections.cryptokey.wireguard.plugins.modules import interface

    class Module:
        params, check_mode, _diff, result = arguments, False, False, {}

        def exit_json(self, **result: t.Any) -> None:
            print(json.dumps(result))
            Module.result = result

        def fail_json(self, msg: str) -> None:
            raise SystemExit(msg)

        def warn(self, text: str) -> None:
            raise SystemExit(text)

    module = Module()
    run(module, lambda: interface.interface(module))
    return Module.result


def module(arguments: dict[str, t.Any]) -> None:
    from ansible.module_utils import basic

    from ansible_collections.cryptokey.wireguard.plugins.modules import interface

    basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
    basic._ANSIBLE_PROFILE = "legacy"
    try:
        interface.main()
    except SystemExit as end:
        if end.code not in (None, 0):
            raise


def main() -> None:
    import ansible.module_utils.basic  # noqa: F401 - this is what a start is

    kind = sys.argv[1]
    sent = Sent()
    if kind != "start":
        sent.install()
        arguments = json.loads(pathlib.Path(sys.argv[2]).read_text(encoding="utf-8"))
        engine(arguments) if kind == "engine" else module(arguments)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**sent.figures, "megabytes": peak}), file=sys.stderr)


if __name__ == "__main__":
    main()
