# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Python functions called inside of a Stack: by a process that lives there, or each by one of its own."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import pickle
import signal
import socket
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _public_key, _syscall
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import HostError
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PrivateKey

# What they load, pyroute2 and cryptography, is loaded once here instead of in every process.
importlib.import_module("pyroute2")
with contextlib.suppress(HostError):
    _public_key.of(PrivateKey.generate())

_NEW_PID = 0x20000000
_NAMESPACES = (("net", 0x40000000), ("mnt", 0x00020000))

Function = t.Callable[..., t.Any]


class Killed(AssertionError):
    """The process of a call has ended before it could answer."""


class Failed(Exception):
    """An error inside of a Stack. kind: the name of its type."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind


class Answerer:
    """A process that lives in a Stack and runs there what it is asked, one after the other.

    It is a copy of the test's process from when it was made. pid: the Stack's holder.
    """

    def __init__(self, pid: int) -> None:
        ours, theirs = socket.socketpair()
        self._pid = _fork_inside(pid)
        if self._pid == 0:
            ours.close()
            _enter_and(pid, lambda: _answer_all(theirs))
        theirs.close()
        self._pipe = ours.makefile("rwb")
        ours.close()

    def ask(self, function: Function, arguments: tuple[t.Any, ...]) -> t.Any:
        """Raises Failed, or Killed where it has ended instead of an answer."""
        try:
            self._pipe.write(pickle.dumps((function, arguments)))
            self._pipe.flush()
            answer = pickle.load(self._pipe)
        except (EOFError, ConnectionError):
            raise Killed("the call ended without an answer") from None
        return _taken(answer)

    def close(self) -> None:
        """It ends with its Stack or here, whichever comes first."""
        with contextlib.suppress(ConnectionError):
            self._pipe.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)


def call_once(pid: int, function: Function, arguments: tuple[t.Any, ...]) -> t.Any:
    """In a process of its own. Raises as Answerer.ask does."""
    reading, writing = os.pipe()
    child = _fork_inside(pid)
    if child == 0:
        os.close(reading)
        # Collecting would touch, and so copy, every page that it shares with the test.
        gc.disable()
        _enter_and(pid, lambda: _answer_one(writing, function, arguments))
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    if not answer:
        raise Killed("the call ended without an answer")
    return _taken(pickle.loads(answer))


def _taken(answer: tuple[str, t.Any]) -> t.Any:
    kind, value = answer
    if kind == "error":
        raise Failed(*value)
    return value


def _fork_inside(pid: int) -> int:
    """Only children are born in another process namespace; their parent returns to its own (setns(2))."""
    with contextlib.ExitStack() as opened:
        own, theirs = (os.open(f"/proc/{who}/ns/pid", os.O_RDONLY) for who in ("thread-self", pid))
        for handle in (own, theirs):
            opened.callback(os.close, handle)
        child = -1
        _syscall.setns(theirs, _NEW_PID)
        try:
            child = os.fork()
        finally:
            if child:
                _syscall.setns(own, _NEW_PID)
        return child


def _enter_and(pid: int, work: t.Callable[[], None]) -> t.NoReturn:
    """In the child, which lives in the process namespace already, so that /proc/self exists in there."""
    try:
        handles = [(os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY), kind) for name, kind in _NAMESPACES]
        root = os.open(f"/proc/{pid}/root", os.O_RDONLY)
        for handle, kind in handles:
            _syscall.setns(handle, kind)
        os.fchdir(root)
        os.chroot(".")  # where this machine itself runs in one, entering the mounts leads out of it
        work()
    finally:
        os._exit(1)


def _answer_one(writing: int, function: Function, arguments: tuple[t.Any, ...]) -> None:
    with os.fdopen(writing, "wb") as pipe:
        pipe.write(_answer(function, arguments))


def _answer_all(theirs: socket.socket) -> None:
    # What it shares with the test is never garbage; its own is.
    gc.freeze()
    pipe = theirs.makefile("rwb")
    while True:
        function, arguments = pickle.load(pipe)
        pipe.write(_answer(function, arguments))
        pipe.flush()


def _answer(function: Function, arguments: tuple[t.Any, ...]) -> bytes:
    try:
        return pickle.dumps(("value", function(*arguments)))
    except BaseException as error:
        return pickle.dumps(("error", (type(error).__name__, str(error))))
