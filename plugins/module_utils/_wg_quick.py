# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of wg-quick(8): what its words say, as values. Pure.

The reader does what wg-quick and wg do with the same text: a ``#`` ends the line wherever it stands, words are known
in any case, blanks inside of a value of wg(8) do not count, lists may be spread over several lines, and of a word that
takes one value the last line counts.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._endpoint import (
    parse_endpoint,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    InvalidInput,
    hide_keys,
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
    InterfaceAddress,
    Prefix,
    parse_interface_address,
    parse_prefix_lenient,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    Endpoint,
)

HOOKS = {"preup": "PreUp", "postup": "PostUp", "predown": "PreDown", "postdown": "PostDown"}
KEEPALIVE_HIGHEST = 65535
_KEEPALIVE_REMEDY = f"use seconds from 1 to {KEEPALIVE_HIGHEST}, or off"
# How people and their tools say whose peer it is, the surest first: a word for it, the marks of the usual scripts.
_NAMES = (
    re.compile(r"#+\s*(?:friendly[_ -]?name|name)\s*[=:]\s*(.+)", re.IGNORECASE),
    re.compile(r"#+\s*BEGIN_PEER\s+(.+)"),
    re.compile(r"#+\s*(?:client|peer)\s+(.+)", re.IGNORECASE),
)
_CLOSING = re.compile(r"#+\s*END_PEER\b")
_LONGEST_NAME = 64


@dataclasses.dataclass(frozen=True)
class Unknown:
    """A line that neither wg-quick nor wg knows; wg refuses the whole file because of it. line: from 1."""

    line: int
    section: str
    key: str


@dataclasses.dataclass(frozen=True)
class QuickPeer:
    """One [Peer]. None: not said. comments: the lines with a ``#`` above and inside of it, as they stand."""

    public_key: PublicKey
    name: str | None = None
    preshared_key: PresharedKey | None = None
    endpoint: Endpoint | None = None
    persistent_keepalive: int | None = None
    allowed_ips: tuple[Prefix, ...] = ()
    comments: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class QuickFile:
    """A whole file. table: None for auto, 0 for off. dns: servers and search domains, as they are listed.

    hooks: the commands by word, such as ``PostUp``, in their order.
    """

    private_key: PrivateKey | None = None
    listen_port: int | None = None
    fwmark: int | None = None
    mtu: int | None = None
    table: int | None = None
    addresses: tuple[InterfaceAddress, ...] = ()
    dns: tuple[str, ...] = ()
    hooks: t.Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    save_config: bool = False
    peers: tuple[QuickPeer, ...] = ()
    comments: tuple[str, ...] = ()
    unknown: tuple[Unknown, ...] = ()


def parse(text: str) -> QuickFile:
    """Raises InvalidInput with the line as its path; never with the text of a key."""
    reader = _Reader()
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            reader.line(number, line)
        except InvalidInput as error:
            raise error.at(f"line {number}") from None
    return reader.finished()


class _Reader:
    """Line by line: the fields of the section that is open, and the comments that may belong to the next one.

    Comments right above a section are the section's; with an empty line in between they belong to what is before.
    """

    def __init__(self) -> None:
        self.section = ""
        self.fields: dict[str, dict[str, t.Any]] = {"Interface": {}, "Peer": {}}
        self.comments: dict[str, list[str]] = {"Interface": [], "Peer": []}
        self.hooks: dict[str, list[str]] = {}
        self.peers: list[QuickPeer] = []
        self.opened = 0
        self.waiting: list[str] = []
        self.unknown: list[Unknown] = []

    def line(self, number: int, line: str) -> None:
        said, mark, comment = line.partition("#")
        said = said.strip()
        if said.startswith("["):
            self._open(number, said)
        elif said:
            self._keep_waiting()
            self._inside(number, *_word(said))
        elif not mark:
            self._keep_waiting()
        if mark:
            self.waiting.append(f"#{comment}".rstrip())
        if mark and (said or _CLOSING.match(line.strip())):
            self._keep_waiting()

    def _open(self, number: int, said: str) -> None:
        name = said.lower()
        if name not in ("[interface]", "[peer]"):
            raise InvalidInput("is not a section", value=said, remedy="there are [Interface] and [Peer]")
        self._close_peer()
        self.section = name.strip("[]").capitalize()
        self.opened = number
        self._keep_waiting()

    def _inside(self, number: int, word: str, value: str) -> None:
        known = word.lower()
        if self.section == "Interface" and known in HOOKS:
            self.hooks.setdefault(HOOKS[known], []).append(value)
        elif known in _WORDS.get(self.section, {}):
            field, read = _WORDS[self.section][known]
            try:
                found = read(value)
            except InvalidInput as error:
                raise error.at(word) from None
            target = self.fields[self.section]
            is_list = isinstance(found, tuple) and not isinstance(found, Endpoint)
            target[field] = (*target.get(field, ()), *found) if is_list else found
        else:
            self.unknown.append(Unknown(number, self.section, hide_keys(word)))

    def _keep_waiting(self) -> None:
        """The comments so far belong to the section that is open; before the first one, to the interface."""
        self.comments[self.section or "Interface"] += self.waiting
        self.waiting = []

    def _close_peer(self) -> None:
        if self.section != "Peer":
            return
        fields, self.fields["Peer"] = self.fields["Peer"], {}
        comments, self.comments["Peer"] = tuple(self.comments["Peer"]), []
        if "public_key" not in fields:
            remedy = "wg refuses such a file; give it one or remove it"
            raise InvalidInput(f"the peer of line {self.opened} has no PublicKey", remedy=remedy)
        self.peers.append(QuickPeer(**fields, comments=comments, name=name_in(comments)))

    def finished(self) -> QuickFile:
        self._keep_waiting()
        self._close_peer()
        return QuickFile(
            **self.fields["Interface"],
            hooks={word: tuple(self.hooks[word]) for word in HOOKS.values() if word in self.hooks},
            peers=tuple(self.peers),
            comments=tuple(self.comments["Interface"]),
            unknown=tuple(self.unknown),
        )


def _word(said: str) -> tuple[str, str]:
    word, equals, value = said.partition("=")
    if not equals:
        raise InvalidInput("is neither a section nor Key = value", value=said)
    return word.strip(), value.strip()


def name_in(comments: t.Iterable[str]) -> str | None:
    """Whose peer it is, if a comment says so in one of the usual ways, else its only comment if that is short."""
    lines = list(comments)
    for pattern in _NAMES:
        for line in lines:
            found = pattern.fullmatch(line)
            if found:
                return _as_name(found[1])
    plain = [line.strip("# \t") for line in lines]
    return _as_name(plain[0]) if len(plain) == 1 else None


def _as_name(text: str) -> str | None:
    text = text.strip("# \t")
    return text if text and text.isprintable() and len(text) <= _LONGEST_NAME and hide_keys(text) == text else None


def _listed(read: t.Callable[[str], t.Any]) -> t.Callable[[str], t.Any]:
    """A list with commas, as wg takes it: an empty one says nothing, an empty entry is an error."""

    def read_all(value: str) -> tuple[t.Any, ...]:
        return tuple(read(entry.strip()) for entry in value.split(",")) if value else ()

    return read_all


def _bare(read: t.Callable[[str], t.Any]) -> t.Callable[[str], t.Any]:
    """wg drops every blank from a value before it looks at it (config.c)."""
    return lambda value: read("".join(value.split()))


def _addresses(value: str) -> tuple[InterfaceAddress, ...]:
    """wg-quick takes commas and blanks alike."""
    return tuple(parse_interface_address(entry) for entry in value.replace(",", " ").split())


def _dns(value: str) -> tuple[str, ...]:
    return tuple(value.replace(",", " ").split())


def _prefix(text: str) -> Prefix:
    """Host bits are cleared, as the kernel does; ``+`` only says that a prefix is added, which a file always does."""
    if text.startswith("-"):
        raise InvalidInput("takes a prefix away, where nothing is yet", value=text, remedy="leave it out")
    return parse_prefix_lenient(text.removeprefix("+"))[0]


def _keepalive(value: str) -> int:
    if value.lower() == "off":
        return 0
    return parse_number(value, what="keepalive interval", highest=KEEPALIVE_HIGHEST, remedy=_KEEPALIVE_REMEDY)


def _table(value: str) -> int | None:
    known = value.lower()
    return None if known == "auto" else 0 if known == "off" else parse_table(known)


def _switch(value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise InvalidInput("is neither true nor false", value=value)
    return value.lower() == "true"


def _mtu(value: str) -> int:
    return parse_number(value, what="MTU", lowest=68, highest=65535)


_Words = t.Dict[str, t.Tuple[str, t.Callable[[str], t.Any]]]

_WORDS: dict[str, _Words] = {
    "Interface": {
        "privatekey": ("private_key", _bare(PrivateKey.parse)),
        "listenport": ("listen_port", _bare(lambda value: parse_port(value, lowest=0))),
        "fwmark": ("fwmark", _bare(parse_fwmark)),
        "address": ("addresses", _addresses),
        "mtu": ("mtu", _mtu),
        "dns": ("dns", _dns),
        "table": ("table", _table),
        "saveconfig": ("save_config", _switch),
    },
    "Peer": {
        "publickey": ("public_key", _bare(PublicKey.parse)),
        "presharedkey": ("preshared_key", _bare(PresharedKey.parse)),
        "endpoint": ("endpoint", _bare(parse_endpoint)),
        "persistentkeepalive": ("persistent_keepalive", _bare(_keepalive)),
        "allowedips": ("allowed_ips", _bare(_listed(_prefix))),
    },
}
