# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network namespaces as something declared: there or not there, and what stands in the way of taking one away."""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils import (
    _daemon,
    _netns,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    HostError,
    placed,
)

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._host import LinuxHost
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._store import (
        FileStore,
    )

# Each namespace is born with these where their modules are loaded (net/ipv4/ip_tunnel.c, fb_tunnels).
_BORN_WITH = frozenset("lo tunl0 gre0 gretap0 erspan0 ip_vti0 ip6_vti0 sit0 ip6tnl0 ip6gre0 teql0".split())


@dataclasses.dataclass(frozen=True)
class Contents:
    """ours: interfaces that this collection has made, by name.  foreign: everything else, one line each."""

    ours: tuple[str, ...]
    foreign: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Plan:
    """The operations to run, each with the line that describes it."""

    operations: tuple[tuple[str, t.Callable[[], None]], ...] = ()


def converge(
    name: str, *, present: bool, force: bool, host: LinuxHost, store: FileStore, check: bool
) -> dict[str, t.Any]:
    """The module's result. The lock is held from looking to doing: nobody declares an interface in between."""
    with placed("name"):
        _netns.parse_name(name)
    with contextlib.nullcontext() if check else store.locked():
        before = f"{name}\n" if _netns.exists(name) else ""
        decided = plan(name, present=present, force=force, host=host, store=store)
        if not check:
            for _line, operation in decided.operations:
                operation()
    return {
        "changed": bool(decided.operations),
        "actions": [line for line, _operation in decided.operations],
        "diff": {"before": before, "after": f"{name}\n" if present else ""},
    }


def plan(name: str, *, present: bool, force: bool, host: LinuxHost, store: FileStore) -> Plan:
    """Raises HostError where the namespace holds what is not ours, unless force."""
    if present:
        return _plan_present(name)
    if not _netns.exists(name):
        return Plan()
    held = contents(name, host=host, store=store)
    if held.foreign and not force:
        raise HostError(
            f"network namespace {name!r} holds what this collection has not made: {', '.join(held.foreign)}",
            remedy="remove it first, or write `force: true` to delete the namespace with it",
        )
    operations = [
        (f"remove interface {interface}", _remover(interface, name, host=host, store=store)) for interface in held.ours
    ]
    operations.append((f"delete network namespace {name}", lambda: _delete(name, host, store)))
    return Plan(tuple(operations))


def contents(name: str, *, host: LinuxHost, store: FileStore) -> Contents:
    """What would go, or lose its network, together with the namespace."""
    ours = tuple(record.name for record in store.records(name))
    foreign = [
        f"device {link.name}" + (f" ({link.kind})" if link.kind else "")
        for link in host.network(name).links()
        if link.name not in _BORN_WITH and link.name not in ours
    ]
    engines = {daemon.pid: daemon for interface in ours for daemon in [host.daemon(name, interface)] if daemon}
    foreign += [_describe(pid) for pid in _netns.processes(name) if pid not in engines]
    foreign += [
        f"the socket of interface {record.name} of {_place(other)}"
        for other in ("", *host.namespaces())
        for record in store.records(other)
        if other != name and record.socket_namespace == name and host.network(other).link(record.name)
    ]
    return Contents(ours, tuple(sorted(set(foreign))))


def _plan_present(name: str) -> Plan:
    if not _netns.exists(name):
        return Plan(((f"create network namespace {name}", lambda: _netns.create(name)),))
    if not _netns.loopback_is_up(name):
        return Plan(((f"bring lo of network namespace {name} up", lambda: _netns.set_loopback_up(name)),))
    return Plan()


def _remover(interface: str, name: str, *, host: LinuxHost, store: FileStore) -> t.Callable[[], None]:
    def remove() -> None:
        store.remove_snapshot(name, interface)
        host.delete(name, interface)
        store.remove_record(name, interface)

    return remove


def _delete(name: str, host: LinuxHost, store: FileStore) -> None:
    """Its routes and rules go with it, so nothing is left that their record could name."""
    host.close()
    _netns.delete(name)
    store.remove_record(name, "")


def _describe(pid: int) -> str:
    """A process, or the engine of a device of another namespace."""
    for daemon in _daemon.marked_daemons():
        if daemon.pid == pid:
            return f"the socket of userspace interface {daemon.device}"
    return f"process {pid} ({_netns.process_name(pid)})"


def _place(namespace: str) -> str:
    return f"network namespace {namespace!r}" if namespace else "the initial network namespace"
