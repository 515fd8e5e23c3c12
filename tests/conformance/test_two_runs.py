# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two runs at once on one host, as processes of their own: one waits for the other, and neither gets a mixture."""

from __future__ import annotations

import concurrent.futures
import contextlib
import itertools
import multiprocessing
import os
import time
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _keypair, _namespace, _public_key
from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared import declare
from ansible_collections.cryptokey.wireguard.plugins.module_utils._engine import converge
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import WireguardError
from ansible_collections.cryptokey.wireguard.plugins.module_utils._host import LinuxHost
from ansible_collections.cryptokey.wireguard.plugins.module_utils._memory import Faults
from ansible_collections.cryptokey.wireguard.plugins.module_utils._store import FileStore
from ansible_collections.cryptokey.wireguard.tests.integration.interface_calls import (
    ABSENT,
    FIRST,
    KEY_A,
    SECOND,
    STATE,
    apply,
)
from ansible_collections.cryptokey.wireguard.tests.integration.stacks import Stack, stack, wait_until

pytestmark = pytest.mark.usefixtures("backend")
ROUNDS = 4


@pytest.fixture
def host() -> t.Iterator[Stack]:
    with stack() as made:
        yield made


def race(job: t.Callable[[t.Any], t.Any], *arguments: t.Any) -> list[t.Any]:
    """Inside of a stack: job of each of the arguments, again and again, each in a process of its own."""
    context = multiprocessing.get_context("fork")
    together = context.Barrier(len(arguments))

    with concurrent.futures.ProcessPoolExecutor(
        len(arguments), mp_context=context, initializer=together.wait
    ) as processes:
        return list(processes.map(job, arguments))


def again_and_again(arguments: dict[str, t.Any]) -> list[str]:
    """The errors."""
    errors = []
    for _round in range(ROUNDS):
        try:
            apply(arguments)
        except WireguardError as error:
            errors.append(str(error))
    return errors


def foreseen(arguments: dict[str, t.Any]) -> list[str]:
    return apply(arguments, check=True)[1]


def make_keys(_number: int) -> list[tuple[bool, str]]:
    """Whether it was this one that made the key, and the key that it reports, for each of many files."""
    return [_make_key(f"/run/keys/{number}.key") for number in range(40)]


def _make_key(path: str) -> tuple[bool, str]:
    arguments = {"path": path, "state": "present", "type": "private", "regenerate": "never"}
    result = _keypair.converge(_keypair.parse_request(arguments), derive=_public_key.of, check=False)
    return result["changed"], result["public_key"]


def make_namespace(_number: int) -> list[str]:
    store = FileStore(STATE)
    with contextlib.closing(LinuxHost()) as host:
        result = _namespace.converge("blue", present=True, force=False, host=host, store=store, check=False)
    return list(result["actions"])


def test_two_declarations_of_one_interface_leave_one_of_them(host: Stack) -> None:
    assert host.call(race, again_and_again, FIRST, SECOND) == [[], []]
    left = [host.call(foreseen, arguments) for arguments in (FIRST, SECOND)]
    assert [] in left
    assert left != [[], []]


OTHER_STATE = "/run/other-state"
SLOW = 0.1


class Slow(Faults):
    """Takes its time for every change. first: when the first one began (seconds, the same clock in all processes)."""

    def __init__(self) -> None:
        super().__init__()
        self.first = 0.0

    @contextlib.contextmanager
    def change(self, what: str) -> t.Iterator[None]:
        self.first = self.first or time.monotonic()
        time.sleep(SLOW)
        with super().change(what):
            yield


def slowly(folder: str) -> list[tuple[float, float]]:
    """From the first change to the end of each run; the files are kept in folder."""
    spans = []
    for number in range(ROUNDS):
        slow = Slow()
        apply({"state_directory": folder, "private_key": KEY_A, "mtu": 1300 + 10 * number}, faults=slow)
        spans.append((slow.first, time.monotonic()))
    return [span for span in spans if span[0]]


def test_two_state_folders_do_not_let_two_runs_at_one_interface(host: Stack) -> None:
    spans = sorted(itertools.chain(*host.call(race, slowly, STATE, OTHER_STATE)))
    assert len(spans) > ROUNDS
    for (_first, end), (first, _end) in itertools.pairwise(spans):
        assert end <= first, "the next one changes nothing before this one has ended"
    assert [host.call(of_folder, folder) for folder in (STATE, OTHER_STATE)] == [False, False]


def of_folder(folder: str) -> bool:
    return apply({"state_directory": folder, "mtu": 1300 + 10 * (ROUNDS - 1)})[0]


def test_two_interfaces_at_once_share_what_belongs_to_the_host(host: Stack) -> None:
    one = {**FIRST, "name": "wg1", "routes": [], "rules": []}
    other = {
        **SECOND,
        "name": "wg2",
        "routes": [],
        "forwarding": {"ipv4": True},
        "addresses": ["10.5.0.1/24"],
        "peers": [],
    }
    assert host.call(race, again_and_again, one, other) == [[], []]
    for arguments in (one, other):
        assert host.call(apply, arguments) == (False, [])
    assert host.out("cat", "/proc/sys/net/ipv4/ip_forward") == "1\n"
    gone = [{**ABSENT, "name": name} for name in ("wg1", "wg2")]
    assert host.call(race, again_and_again, *gone) == [[], []]
    assert host.out("cat", "/proc/sys/net/ipv4/ip_forward") == "0\n"
    assert host.out("find", STATE, "-type", "f") == f"{STATE}/.lock\n"


def test_two_runs_that_make_one_key_report_the_same_one(host: Stack) -> None:
    for reports in zip(*host.call(race, make_keys, 1, 2, 3), strict=True):
        assert sorted(changed for changed, _key in reports) == [False, False, True]
        assert len({key for _changed, key in reports}) == 1


def test_two_runs_that_make_one_namespace_make_it_once(host: Stack) -> None:
    assert sorted(host.call(race, make_namespace, 1, 2, 3)) == [[], [], ["create network namespace blue"]]


def test_who_gives_up_says_who_has_the_lock_and_has_changed_nothing(host: Stack) -> None:
    holder = host.start("flock", f"{STATE}/.lock", "sleep", "30")
    wait_until(lambda: host.run("test", "-e", f"{STATE}/.lock", check=False).returncode == 0)
    said = host.call(impatient)
    holder.kill()
    holder.wait()
    assert "another run has held /run/state/.lock for 0.5 seconds: process " in said
    assert "(flock); try again when it has ended (`ps -fp " in said
    assert "wg0" not in host.out("ip", "link")


def impatient() -> str:
    store, start = FileStore(STATE, patience=0.5), time.monotonic()
    try:
        with contextlib.closing(LinuxHost()) as host:
            converge(declare({"name": "wg0", "state_directory": STATE}), host=host, store=store)
    except WireguardError as error:
        assert time.monotonic() - start < 20
        return str(error)
    return f"process {os.getpid()} did not wait"
