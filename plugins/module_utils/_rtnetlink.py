# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One rtnetlink(7) socket of pyroute2: single changes of routes and rules, whole messages with their flags spelled out.

Only what pyroute2 0.7.2 (Debian 12) and 0.9 have in common is used: message classes and nlm_request(). Its convenience
methods changed meaning between releases, and ``replace`` or ``netns=`` do more than they are asked for.
"""

from __future__ import annotations

import contextlib
import socket
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _deps, _netlink
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    HostError,
)

_CLASSES = {
    "route": ("pyroute2.netlink.rtnl.rtmsg", "rtmsg"),
    "rule": ("pyroute2.netlink.rtnl.fibmsg", "fibmsg"),
}
_NEW = {"route": 24, "rule": 32}
_DELETE = {kind: number + 1 for kind, number in _NEW.items()}
_GET = {kind: number + 2 for kind, number in _NEW.items()}

_NEW_ONE = _netlink.CREATE | _netlink.EXCLUSIVE

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

    def ask(self, kind: str, *, what: str, fields: Fields, attributes: Attributes = ()) -> Message:
        """The one message that answers a request that is no dump."""
        with translated(what):
            request = message(kind, fields, attributes)
            return next(iter(list(self._socket.nlm_request(request, msg_type=_GET[kind], msg_flags=_netlink.REQUEST))))

    def add(self, kind: str, *, what: str, fields: Fields, attributes: Attributes = (), flags: int = _NEW_ONE) -> None:
        """flags: of the netlink header; without CREATE the object must be there and is changed."""
        self._send(_NEW[kind], what, message(kind, fields, attributes), flags)

    def remove(self, kind: str, *, what: str, fields: Fields, attributes: Attributes = ()) -> None:
        self._send(_DELETE[kind], what, message(kind, fields, attributes), 0)

    def _send(self, number: int, what: str, content: Message, flags: int) -> None:
        with translated(what):
            answered = _netlink.REQUEST | _netlink.ACKNOWLEDGE
            tuple(self._socket.nlm_request(content, msg_type=number, msg_flags=answered | flags))


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
        raise _netlink.refused(what, error.errno or 0) from None
    except Exception as error:
        code = getattr(error, "code", None)
        if not isinstance(code, int):
            raise
        raise _netlink.refused(what, code) from None
