# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may befall a run at any of its changes on a real host, and what on that host belongs to others.

Everything here is called inside of a Stack: by Stack.call, and what may be killed by Stack.call_apart.
"""

from __future__ import annotations

import contextlib
import functools
import os
import pathlib
import signal
import subprocess
import typing as t
from unittest import mock

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _daemon, _engine_start, _netns, _syscall
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import HostError, InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._host import LinuxHost
from ansible_collections.cryptokey.wireguard.plugins.module_utils._losses import settle_snapshot
from ansible_collections.cryptokey.wireguard.plugins.module_utils._memory import Faults
from ansible_collections.cryptokey.wireguard.plugins.module_utils._network import LinuxNetwork
from ansible_collections.cryptokey.wireguard.plugins.module_utils._observe import observe
from ansible_collections.cryptokey.wireguard.plugins.module_utils._operations import Site
from ansible_collections.cryptokey.wireguard.plugins.module_utils._store import FileStore
from ansible_collections.cryptokey.wireguard.tests.integration import interface_calls
from ansible_collections.cryptokey.wireguard.tests.integration.interface_calls import (
    KEY_C,
    STATE,
    apply,
    picture,
)
from ansible_collections.cryptokey.wireguard.tests.integration.stacks import wait_until

FILLER = f"{STATE}/filler"
STRANGER = "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0="
INNER_PLACES: tuple[tuple[t.Any, str], ...] = (
    (LinuxNetwork, "create_link"),
    (LinuxNetwork, "move_link"),
    (LinuxNetwork, "delete_link"),
    (_engine_start, "start"),
    (_daemon, "stop"),
    (os, "replace"),
    (os, "unlink"),
    (_syscall, "mount"),
    (_syscall, "unmount"),
)
"""Changes within those of an adapter, at which a kill leaves it half done."""
INNER = {name for _owner, name in INNER_PLACES}
FOREIGN_FILES = (f"{STATE}/@/wg9.key", f"{STATE}/notes.txt", "/run/private.key")

STANDING = (*FOREIGN_FILES, FILLER, f"{STATE}/.lock")


class Struck(Faults):
    """Something happens at a change, counted from 1, before it takes effect or after. at 0: never.

    Counted are the changes of the adapters, and, as long as it is entered, those within them.
    """

    def __init__(self, strike: t.Callable[[], None], at: int, *, late: bool) -> None:
        super().__init__()
        self.strike, self.strikes_at, self.strikes_late = strike, at, late
        self._patches = contextlib.ExitStack()

    def __enter__(self) -> Struck:
        for owner, name in INNER_PLACES:
            self._patches.enter_context(mock.patch.object(owner, name, self._counted(getattr(owner, name), name)))
        return self

    def __exit__(self, *_error: object) -> None:
        self._patches.close()

    @contextlib.contextmanager
    def change(self, what: str) -> t.Iterator[None]:
        self.count += 1
        self.log.append(what)
        strikes = self.count == self.strikes_at
        if strikes and not self.strikes_late:
            self.strike()
        yield
        if strikes and self.strikes_late:
            self.strike()

    def _counted(self, function: t.Callable[..., t.Any], name: str) -> t.Callable[..., t.Any]:
        @functools.wraps(function)
        def counted(*arguments: t.Any, **options: t.Any) -> t.Any:
            with self.change(name):
                return function(*arguments, **options)

        return counted


def kill_the_run() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def take_the_device_away() -> None:
    """The engine is killed; a device of the kernel, which has none, is deleted behind the run's back."""
    network = LinuxNetwork(_netns.Worker(""))
    daemon = _daemon.find("wg0", _netns.own_inode())
    if daemon is not None:
        os.kill(daemon.pid, signal.SIGKILL)
        wait_until(lambda: network.link("wg0") is None)
    elif network.link("wg0") is not None:
        subprocess.run(["ip", "link", "delete", "wg0"], check=True)


def fill_the_disk() -> None:
    with contextlib.suppress(OSError), open(FILLER, "ab", buffering=0) as file:
        while True:
            file.write(bytes(4096))


STRIKES = {"killed": kill_the_run, "device gone": take_the_device_away, "disk full": fill_the_disk}


FURNITURE = (
    "netns add blue",
    "link add eth9 type veth peer name cable",
    "address add 198.51.100.1/24 dev eth9",
    "link set eth9 up",
    "link set cable up",
    "route add 10.202.0.0/16 via 198.51.100.2",
    "route add blackhole 10.201.0.0/16 proto 148",
    "rule add priority 300 table 99",
)


def furnish() -> None:
    """A host with a small disk for the state folder, a second stack, and what belongs to somebody else."""
    subprocess.run(f"mount -t tmpfs -o size=64k,mode=0700 tmpfs {STATE}".split(), check=True)
    subprocess.run(["ip", "-batch", "-"], input="\n".join(FURNITURE), text=True, check=True)
    pathlib.Path(STATE, "@").mkdir(mode=0o700)
    for path in FOREIGN_FILES:
        pathlib.Path(path).write_text(f"{KEY_C}\n", encoding="ascii")
    hosts = pathlib.Path("/run/hosts")
    hosts.write_text("127.0.0.1 localhost\n192.0.2.9 hub.example\n", encoding="ascii")
    subprocess.run(["mount", "--bind", str(hosts), "/etc/hosts"], check=True)
    with contextlib.closing(LinuxHost()) as host:
        host.create("wg9", namespace="", socket_namespace="", backend=interface_calls.BACKEND)
    allowed = ["peer", STRANGER, "allowed-ips", "10.203.0.0/16"]
    subprocess.run(["wg", "set", "wg9", "private-key", "/run/private.key", *allowed], check=True)


def of_others() -> list[str]:
    """What no run may touch, as other programs see it."""
    routes = [
        line for line in _out("ip route").splitlines() if line.startswith(("10.201.", "10.202.", "blackhole 10.2"))
    ]
    rules = [line for line in _out("ip rule").splitlines() if line.startswith("300:")]
    files = [pathlib.Path(path).read_text(encoding="ascii") for path in FOREIGN_FILES]
    return [_out("wg showconf wg9"), *routes, *rules, *files]


def _out(command: str) -> str:
    return subprocess.run(command.split(), check=True, capture_output=True, text=True).stdout


def meet_a_stranger() -> None:
    """A peer and a route that somebody adds to our interface, where there is one."""
    if "wg0" in _out("wg show interfaces").split():
        subprocess.run(["wg", "set", "wg0", "peer", STRANGER, "allowed-ips", "10.204.0.0/16"], check=True)
        subprocess.run("ip route replace 10.205.0.0/16 dev wg0 proto static".split(), check=False)
    # As the next run would do: whether one has to, must not depend on what has been tried before.
    with contextlib.closing(LinuxHost()) as host:
        site = Site(host, FileStore(STATE), "", "wg0")
        settle_snapshot(observe(site, key_file=f"{STATE}/@/wg0.key"), site)


class Smooth(t.NamedTuple):
    """What a run comes to that nothing happens to. changes: of the adapters; all_changes: those within them, too.

    Both are 0 where the declaration is refused or there is nothing to do.
    """

    changes: int
    all_changes: int
    arrived: str


def smoothly(arguments: dict[str, t.Any]) -> Smooth:
    with Struck(lambda: None, 0, late=False) as deep:
        try:
            changed, _actions = apply(arguments, faults=deep)
        except (HostError, InvalidInput):
            changed = False
    if not changed:
        return Smooth(0, 0, "")
    outer = [name for name in deep.log if name not in INNER]
    return Smooth(len(outer), deep.count, picture(arguments.get("namespace", "")))


def refused(arguments: dict[str, t.Any], at: int, late: bool) -> tuple[str, str, str]:
    """The adapter fails at that change: (what was there, what is there, the error)."""
    faults = Faults()
    faults.arm(at, late=late)
    before, said = picture(), ""
    try:
        apply(arguments, faults=faults)
    except HostError as error:
        said = str(error)
    return before, picture(), said


def struck(arguments: dict[str, t.Any], strike: str, at: int, late: bool) -> str:
    """The error, empty where it worked all the same. A run that is killed says nothing (stacks.Killed)."""
    with Struck(STRIKES[strike], at, late=late) as faults:
        try:
            apply(arguments, faults=faults)
        except HostError as error:
            return str(error) or "failed"
    return ""


def repaired(arguments: dict[str, t.Any]) -> tuple[str, list[str]]:
    """The next run, with room on the disk again: (what is there then, what one more run would still do)."""
    pathlib.Path(FILLER).unlink(missing_ok=True)
    apply(arguments)
    return picture(arguments.get("namespace", "")), apply(arguments)[1]


def aftermath(arguments: dict[str, t.Any]) -> tuple[tuple[str, list[str]], list[str], list[str]]:
    """What the next run comes to: as repaired says, what others have, what is left over."""
    return repaired(arguments), of_others(), leftovers()


def leftovers() -> list[str]:
    """What only a run that ended halfway leaves: files that were not finished, devices that were not moved."""
    files = [str(path) for path in pathlib.Path(STATE).rglob("*.unfinished-*")]
    links = [line for line in _out("ip -brief link").splitlines() if line.startswith("wgnew-")]
    engines = [f"{engine.pid} of {engine.device}" for engine in _daemon.marked_daemons() if not engine.has_device]
    return files + links + engines


def files() -> list[str]:
    """What the collection itself keeps."""
    return sorted(str(path) for path in pathlib.Path(STATE).rglob("*") if path.is_file() and str(path) not in STANDING)
