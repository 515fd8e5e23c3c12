# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Between a wg-quick file and the arguments of the module ``interface``. Pure.

wg-quick's ``Table = auto`` with a default route is the module's option ``full_tunnel`` (_full_tunnel).
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _full_tunnel
from ansible_collections.cryptokey.wireguard.plugins.module_utils._endpoint import (
    parse_endpoint,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    InvalidInput,
    placed,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
    PresharedKey,
    PrivateKey,
    PublicKey,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._number import (
    parse_fwmark,
    parse_number,
    parse_port,
    parse_table,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    parse_interface_address,
    parse_prefix_lenient,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    MAIN_TABLE,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wg_quick import (
    HOOKS,
    QuickFile,
    QuickPeer,
)

Document = t.Dict[str, t.Any]

_HOOK_NAMES = {"PreUp": "pre_up", "PostUp": "post_up", "PreDown": "pre_down", "PostDown": "post_down"}
# What says where the interface is and how it is kept, not what it is; a file has no words for it and needs none.
_OUTSIDE = frozenset(
    """name state namespace socket_namespace backend userspace_engine public_key keep_private_key peers_policy
    endpoint_policy state_directory""".split()
)
_SAID = frozenset(
    """private_key private_key_file listen_port fwmark mtu addresses peers routing table metric routes rules
    forwarding full_tunnel rp_filter masquerade clamp_mss open_port""".split()
)
_AROUND = frozenset({"interface", "dns", "hooks", "save_config", "comments", "unknown"})


def to_document(file: QuickFile) -> Document:
    """``{interface, dns, hooks, save_config, comments, unknown}``; ``interface`` are arguments of that module."""
    comments = {str(peer.public_key): list(peer.comments) for peer in file.peers if peer.comments}
    return {
        "interface": _arguments(file),
        "dns": list(file.dns),
        "hooks": {_HOOK_NAMES[word]: list(commands) for word, commands in file.hooks.items()},
        "save_config": file.save_config,
        "comments": {"interface": list(file.comments), "peers": comments},
        "unknown": [dataclasses.asdict(unknown) for unknown in file.unknown],
    }


def _arguments(file: QuickFile) -> Document:
    fields: Document = {
        "private_key": file.private_key.reveal() if file.private_key else None,
        "listen_port": file.listen_port,
        "fwmark": None if file.fwmark is None else f"{file.fwmark:#x}" if file.fwmark else "off",
        "mtu": file.mtu,
        "addresses": list(map(str, file.addresses)),
        "peers_policy": "exact",
        "peers": [_peer(peer) for peer in file.peers],
    }
    if file.table == 0:
        fields["routing"] = "off"
    elif file.table is not None:
        fields["table"] = str(file.table)
    elif _has_default(file):
        fields["full_tunnel"] = True
        if not file.fwmark:
            fields["fwmark"] = None  # wg-quick chooses a mark for FwMark = off as well
    return {name: value for name, value in fields.items() if value is not None}


def _peer(peer: QuickPeer) -> Document:
    fields: Document = {
        "name": peer.name,
        "public_key": str(peer.public_key),
        "preshared_key": peer.preshared_key.reveal() if peer.preshared_key else None,
        "endpoint": None if peer.endpoint is None else str(peer.endpoint),
        "persistent_keepalive": peer.persistent_keepalive,
        "allowed_ips": list(map(str, peer.allowed_ips)),
    }
    return {name: value for name, value in fields.items() if value is not None}


def _has_default(file: QuickFile) -> bool:
    return any(prefix.length == 0 for peer in file.peers for prefix in peer.allowed_ips)


def from_document(document: t.Mapping[str, t.Any]) -> QuickFile:
    """The other way; document: what to_document() gives, or the arguments of the module alone.

    Raises InvalidInput for a value that the module would refuse, too, and for what wg-quick has no word for.
    """
    whole = document if "interface" in document else {"interface": document}
    _refuse_unknown(whole, _AROUND, "one of " + ", ".join(sorted(_AROUND)))
    arguments = _mapping(whole["interface"], "interface")
    file = _file(arguments)
    comments = _mapping(whole.get("comments"), "comments")
    of_peers = _mapping(comments.get("peers"), "comments.peers")
    hooks = {word: _lines(entry, f"hooks.{word}") for word, entry in _mapping(whole.get("hooks"), "hooks").items()}
    _refuse_unknown(hooks, _HOOK_NAMES.values(), "pre_up, post_up, pre_down or post_down")
    peers = (
        dataclasses.replace(peer, comments=_comments(of_peers.get(str(peer.public_key)), "comments.peers"))
        for peer in file.peers
    )
    return dataclasses.replace(
        file,
        peers=tuple(peers),
        dns=_lines(whole.get("dns"), "dns"),
        hooks=_hooks(hooks, arguments),
        save_config=_flag(whole.get("save_config"), "save_config"),
        comments=_comments(comments.get("interface"), "comments.interface"),
    )


def _hooks(hooks: t.Mapping[str, tuple[str, ...]], arguments: t.Mapping[str, t.Any]) -> dict[str, tuple[str, ...]]:
    """A key that stays in its file is set as wg-quick(8) proposes it, before anything else that follows."""
    path = arguments.get("private_key_file")
    set_key = (f"wg set %i private-key {path}",) if path and not arguments.get("private_key") else ()
    known = {word: hooks.get(_HOOK_NAMES[word], ()) for word in HOOKS.values()}
    if not set(set_key) <= set(known["PostUp"]):
        known["PostUp"] = (*set_key, *known["PostUp"])
    return {word: commands for word, commands in known.items() if commands}


def _file(arguments: t.Mapping[str, t.Any]) -> QuickFile:
    if arguments.get("state") == "absent":
        raise InvalidInput("is absent", path="state", remedy="there is no file for an interface that is not to be")
    _refuse_unknown(arguments, _OUTSIDE | _SAID, "an argument of the module interface")
    mark = _read(arguments, "fwmark", parse_fwmark)
    table = _table(arguments)
    peers = arguments.get("peers") or []
    return QuickFile(
        private_key=_read(arguments, "private_key", PrivateKey.parse),
        listen_port=_read(arguments, "listen_port", lambda value: parse_port(value, lowest=0)),
        fwmark=None if table is None and mark == _full_tunnel.MARK and _is_full_tunnel(arguments) else mark,
        mtu=_read(arguments, "mtu", lambda value: parse_number(value, what="MTU", lowest=576, highest=65535)),
        table=table,
        addresses=_each(arguments, "addresses", parse_interface_address),
        peers=tuple(
            _quick_peer(peer, f"peers[{index}]") for index, peer in enumerate(peers) if peer.get("state") != "absent"
        ),
    )


def _table(arguments: t.Mapping[str, t.Any]) -> int | None:
    """None for auto, 0 for off. What the file cannot say is refused rather than left out."""
    for name in ("metric", "forwarding", "rp_filter", "masquerade", "clamp_mss", "open_port"):
        if arguments.get(name) not in (None, "off") and any(_values(arguments[name])):
            raise InvalidInput("has no word in a wg-quick file", path=name, remedy="leave it out, or use hooks")
    if _is_full_tunnel(arguments):
        return None
    for name in ("routes", "rules"):
        if arguments.get(name):
            raise InvalidInput("have no word in a wg-quick file", path=name, remedy="leave them out, or use hooks")
    if arguments.get("routing") in ("off", "explicit"):
        return 0
    number = _read(arguments, "table", parse_table)
    defaults = any(
        text in ("0.0.0.0/0", "::/0") for peer in arguments.get("peers") or [] for text in peer.get("allowed_ips") or []
    )
    if number == MAIN_TABLE and not defaults:
        return None
    return number


def _is_full_tunnel(arguments: t.Mapping[str, t.Any]) -> bool:
    """Whether the arguments are what a default route under ``Table = auto`` comes to, as one option or in pieces."""
    mark = _read(arguments, "fwmark", parse_fwmark)
    table = _read(arguments, "table", parse_table)
    rules = [{**rule, "fwmark": _read(rule, "fwmark", parse_fwmark)} for rule in arguments.get("rules") or []]
    if arguments.get("full_tunnel"):
        fits = table is None or table == (mark or _full_tunnel.MARK)
    else:
        left = _full_tunnel.without_arrangement(rules, mark=mark, table=table)
        fits, rules = left is not None and table == mark, left or []
    return fits and not rules and not arguments.get("routes")


def _quick_peer(peer: t.Mapping[str, t.Any], path: str) -> QuickPeer:
    with placed(path):
        return QuickPeer(
            t.cast("PublicKey", _read(peer, "public_key", PublicKey.parse, required=True)),
            name=_line(peer["name"], "name") if peer.get("name") else None,
            preshared_key=_read(peer, "preshared_key", PresharedKey.parse) if peer.get("preshared_key") else None,
            endpoint=_read(peer, "endpoint", parse_endpoint),
            persistent_keepalive=_read(
                peer,
                "persistent_keepalive",
                lambda value: parse_number(value, what="keepalive interval", highest=65535),
            ),
            allowed_ips=_each(peer, "allowed_ips", lambda text: parse_prefix_lenient(text)[0]),
        )


def _read(
    arguments: t.Mapping[str, t.Any], name: str, parse: t.Callable[[t.Any], t.Any], *, required: bool = False
) -> t.Any:
    if arguments.get(name) is None and not required:
        return None
    with placed(name):
        return parse(arguments.get(name))


def _each(arguments: t.Mapping[str, t.Any], name: str, parse: t.Callable[[t.Any], t.Any]) -> tuple[t.Any, ...]:
    found = []
    for index, text in enumerate(arguments.get(name) or []):
        with placed(f"{name}[{index}]"):
            found.append(parse(text))
    return tuple(found)


def _values(value: t.Any) -> t.Iterable[t.Any]:
    return value.values() if isinstance(value, t.Mapping) else [value]


def _mapping(value: t.Any, path: str) -> t.Mapping[str, t.Any]:
    if value is not None and not isinstance(value, t.Mapping):
        raise InvalidInput("is not a mapping", path=path)
    return value or {}


def _flag(value: t.Any, path: str) -> bool:
    if value not in (None, True, False):
        raise InvalidInput("is neither true nor false", path=path, value=value)
    return bool(value)


def _lines(entries: t.Any, path: str) -> tuple[str, ...]:
    """Texts that each fit on a line of their own; more than that would be another line of the file."""
    return tuple(_line(entry, place, forbidden="#") for entry, place in _entries(entries, path))


def _comments(entries: t.Any, path: str) -> tuple[str, ...]:
    """Comments with or without their mark."""
    lines = (_line(entry, place) for entry, place in _entries(entries, path))
    return tuple(line if line.startswith("#") else f"# {line}" for line in lines)


def _entries(entries: t.Any, path: str) -> t.Iterator[tuple[t.Any, str]]:
    if isinstance(entries, str) or not isinstance(entries or [], t.Sequence):
        raise InvalidInput("is not a list", path=path)
    return ((entry, f"{path}[{index}]") for index, entry in enumerate(entries or []))


def _line(entry: t.Any, path: str, *, forbidden: str = "\n") -> str:
    fits = isinstance(entry, str) and entry.replace("\t", " ").isprintable() and forbidden not in entry
    if not fits or not entry.strip():
        remedy = "one printable line each" + (", without #, which ends a line of the file" if forbidden == "#" else "")
        raise InvalidInput("is not a line of the file", path=path, value=entry, remedy=remedy)
    return str(entry).strip()


def _refuse_unknown(found: t.Iterable[t.Any], known: t.Iterable[str], words: str) -> None:
    for name in sorted(set(map(str, found)) - set(known)):
        raise InvalidInput(f"is not {words}", path=name)
