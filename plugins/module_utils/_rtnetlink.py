# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One rtnetlink(7) socket of pyroute2: whole messages with their flags spelled out, dumps that are consistent.

Only what pyroute2 0.7.2 (Debian 12) and 0.9 have in common is used: message classes and nlm_request(). Its convenience
methods changed meaning between releases, and ``replace`` or ``netns=`` do more than they are asked for.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _deps
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    HostError,
)

REQUEST = 0x1
ACKNOWLEDGE = 0x4
DUMP = 0x300
REPLACE = 0x100
EXCLUSIVE = 0x200
CREATE = 0x400
DUMP_INTERRUPTED = 0x10
"""NLM_F_DUMP_INTR: the data changed under the dump (linux/netlink.h)."""

DUMP_ATTEMPTS = 10

_CLASSES = {
    "link": ("pyroute2.netlink.rtnl.ifinfmsg", "ifinfmsg"),
    "address": ("pyroute2.netlink.rtnl.ifaddrmsg", "ifaddrmsg"),
    "route": ("pyroute2.netlink.rtnl.rtmsg", "rtmsg"),
    "rule": ("pyroute2.netlink.rtnl.fibmsg", "fibmsg"),
}
_NEW = {"link": 16, "address": 20, "route": 24, "rule": 32}
_DELETE = {kind: number + 1 for kind, number in _NEW.items()}
_GET = {kind: number + 2 for kind, number in _NEW.items()}

Fields = t.Mapping[str, int]
Attributes = t.Sequence[t.Tuple[str, t.Any]]
Message = t.Any


class RouteSocket:
    """Talks to the network namespace of the thread that made it; used in that thread only."""

    def __init__(self) -> None:
        self._socket = _deps.require("pyroute2.netlink.nlsocket").NetlinkSocket(family=socket.NETLINK_ROUTE)
        self._socket.register_policy({number: _class(kind) for kind, number in _NEW.items()})
        self._socket.bind()

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self._socket.close()

    def dump(self, kind: str, *, family: int = 0) -> list[Message]:
        """Every message of that kind. Repeated until no change came in between."""
        for _attempt in range(DUMP_ATTEMPTS):
            messages, interrupted = self._dump_once(kind, family)
            if not interrupted:
                return messages
        raise HostError(f"the {kind} list of this host changes faster than it can be read", remedy="try again later")

    def ask(self, kind: str, *, what: str, fields: Fields, attributes: Attributes = ()) -> Message:
        """The one message that answers a request that is no dump."""
        with translated(what):
            request = message(kind, fields, attributes)
            return next(iter(list(self._socket.nlm_request(request, msg_type=_GET[kind], msg_flags=REQUEST))))

    def add(
        self, kind: str, *, what: str, fields: Fields, attributes: Attributes = (), flags: int = CREATE | EXCLUSIVE
    ) -> None:
        """flags: of the netlink header; without CREATE the object must be there and is changed."""
        self._send(_NEW[kind], what, message(kind, fields, attributes), flags)

    def remove(self, kind: str, *, what: str, fields: Fields, attributes: Attributes = ()) -> None:
        self._send(_DELETE[kind], what, message(kind, fields, attributes), 0)

    def _send(self, number: int, what: str, content: Message, flags: int) -> None:
        with translated(what):
            tuple(self._socket.nlm_request(content, msg_type=number, msg_flags=REQUEST | ACKNOWLEDGE | flags))

    def _dump_once(self, kind: str, family: int) -> tuple[list[Message], bool]:
        request = message(kind, {"family": family})
        try:
            with translated(f"cannot read the {kind} list"):
                messages = list(self._socket.nlm_request(request, msg_type=_GET[kind], msg_flags=REQUEST | DUMP))
        except DumpInterrupted:
            return [], True
        return messages, any(one["header"].get("flags", 0) & DUMP_INTERRUPTED for one in messages)


class DumpInterrupted(HostError):
    """pyroute2 raised its own NetlinkDumpInterrupted."""


def message(kind: str, fields: Fields, attributes: Attributes = ()) -> Message:
    """A pyroute2 message; attributes without a value (None) are left out."""
    made = _class(kind)()
    for field in made.fields:
        made[field[0]] = fields.get(field[0], 0)
    made["attrs"] = [[attribute, value] for attribute, value in attributes if value is not None]
    return made


def _class(kind: str) -> t.Any:
    module, name = _CLASSES[kind]
    return getattr(_deps.require(module), name)


@contextlib.contextmanager
def translated(what: str) -> t.Iterator[None]:
    """Turns what pyroute2 and the socket raise into HostError with the errno kept."""
    try:
        yield
    except HostError:
        raise
    except OSError as error:
        raise refused(what, error.errno or 0) from None
    except Exception as error:
        if type(error).__name__ == "NetlinkDumpInterrupted":
            raise DumpInterrupted(what) from None
        code = getattr(error, "code", None)
        if not isinstance(code, int):
            raise
        raise refused(what, code) from None


def refused(what: str, number: int) -> HostError:
    remedies = {
        errno.EPERM: "it takes root (CAP_NET_ADMIN in the namespace)",
        errno.EACCES: "it takes root (CAP_NET_ADMIN in the namespace)",
        errno.EOPNOTSUPP: "this kernel does not support it",
    }
    return HostError(f"{what}: {os.strerror(number)}", remedy=remedies.get(number, ""), errno=number)
