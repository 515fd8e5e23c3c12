# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The declared-state record: what was last declared for an interface, and which routes and rules are therefore ours.

It answers two questions that the running system cannot: may this route be deleted (its protocol number alone does
not prove that we made it), and did the declared endpoint of a peer change (the one in use may have roamed since).
It holds no secret.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import functools
import itertools
import json
import operator
import posixpath
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    InvalidInput,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PublicKey
from ansible_collections.cryptokey.wireguard.plugins.module_utils._namespace_name import (
    INITIAL_DIRECTORY,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._opening import Opening
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    parse_address,
    parse_prefix,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._recorded_peers import (
    BETWEEN,
    DeclaredRecord,
    RecordedPeer,
    WrittenPeers,
    line,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._setting import SettingClaim
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    MAIN_TABLE,
    Route,
    Rule,
)

VERSION = 1
_PEERS = b'\n  "peers": [\n'
_json = json.JSONEncoder(sort_keys=True).encode
_AT_ONCE = 256
"""Lines in one piece."""


@dataclasses.dataclass(frozen=True)
class ForwardingClaim:
    """on: what was declared for the family.  previous: what the namespace had before the first claim on it."""

    family: int
    on: bool
    previous: bool


@dataclasses.dataclass(frozen=True)
class Record:
    """One interface, identified by namespace and name.

    peers: sorted by key.  routes: all of ours; explicit_routes: those of them that were declared one by one.
    full_tunnel: the mark of that arrangement, None without it.  settings: the kernel parameters that it claims.
    masquerade: (family, outward device).  open_port: the choice; openings: what was opened because of it.
    filtered: the interface has an nftables table.  derived_mtu: what its MTU follows from, empty if it was declared.
    """

    namespace: str
    name: str
    socket_namespace: str = ""
    peers: t.Sequence[RecordedPeer] = ()
    routing: str = "auto"
    table: int = MAIN_TABLE
    metric: int | None = None
    routes: frozenset[Route] = frozenset()
    explicit_routes: frozenset[Route] = frozenset()
    rules: frozenset[Rule] = frozenset()
    forwarding: tuple[ForwardingClaim, ...] = ()
    full_tunnel: int | None = None
    settings: tuple[SettingClaim, ...] = ()
    masquerade: frozenset[tuple[int, str]] = frozenset()
    clamp_mss: bool = False
    open_port: str = "off"
    openings: frozenset[Opening] = frozenset()
    filtered: bool = False
    derived_mtu: str = ""

    @functools.cached_property
    def peer_names(self) -> dict[PublicKey, str]:
        """{public key: name} of the peers that have one."""
        return {peer.public_key: peer.name for peer in self.peers if peer.name}

    @functools.cached_property
    def _by_key(self) -> dict[PublicKey, RecordedPeer]:
        return {peer.public_key: peer for peer in self.peers}

    def peer(self, public_key: PublicKey) -> RecordedPeer | None:
        return self._by_key.get(public_key)

    def claim(self, family: int) -> ForwardingClaim | None:
        return next((claim for claim in self.forwarding if claim.family == family), None)

    def setting(self, name: str) -> SettingClaim | None:
        return next((claim for claim in self.settings if claim.name == name), None)


def record_path(state_directory: str, namespace: str, name: str) -> str:
    """name: empty for the record of the routes and rules that belong to no interface."""
    return posixpath.join(state_directory, namespace or INITIAL_DIRECTORY, f"{name}.json" if name else "routing.record")


def key_path(state_directory: str, namespace: str, name: str) -> str:
    """Where an interface's private key is kept unless its declaration says otherwise."""
    return posixpath.join(state_directory, namespace or INITIAL_DIRECTORY, f"{name}.key")


def dump_record(record: Record) -> str:
    """The same record gives the same text, byte for byte: one line for each value, and for each entry of a list."""
    return "".join(record_pieces(record))


def record_pieces(record: Record) -> t.Iterator[str]:
    """That text piece by piece, so that the lines of thousands of peers are never there as a whole."""
    document = {
        "version": VERSION,
        "namespace": record.namespace,
        "name": record.name,
        "socket_namespace": record.socket_namespace,
        "peers": _peer_lines(record.peers),
        "routing": record.routing,
        "table": record.table,
        "metric": record.metric,
        "routes": [dump_route(route) for route in sorted(record.routes, key=str)],
        "explicit_routes": [dump_route(route) for route in sorted(record.explicit_routes, key=str)],
        "rules": [_dump(rule) for rule in sorted(record.rules, key=str)],
        "forwarding": [
            dataclasses.asdict(claim) for claim in sorted(record.forwarding, key=lambda claim: claim.family)
        ],
        "full_tunnel": record.full_tunnel,
        "settings": [dataclasses.asdict(claim) for claim in sorted(record.settings)],
        "masquerade": [list(entry) for entry in sorted(record.masquerade)],
        "clamp_mss": record.clamp_mss,
        "open_port": record.open_port,
        "openings": [dataclasses.asdict(opening) for opening in sorted(record.openings)],
        "filtered": record.filtered,
        "derived_mtu": record.derived_mtu,
    }
    start = "{\n"
    for name, value in sorted(document.items()):
        yield f"{start}  {_json(name)}: "
        yield from _written(value)
        start = ",\n"
    yield "\n}\n"


def _written(value: t.Any) -> t.Iterator[str]:
    """The encoder that indents is many times slower than the other one, and writes a line for each field of a peer."""
    if not isinstance(value, (list, collections.abc.Iterator)):
        yield _json(value)
        return
    lines = value if isinstance(value, collections.abc.Iterator) else (f"    {_json(entry)}" for entry in value)
    start, end = "[\n", "[]"
    while True:
        some = list(itertools.islice(lines, _AT_ONCE))
        if not some:
            yield end
            return
        yield start + BETWEEN.join(some)
        start, end = BETWEEN, "\n  ]"


def _peer_lines(peers: t.Sequence[RecordedPeer]) -> t.Iterator[str]:
    if isinstance(peers, DeclaredRecord):
        return peers.lines()
    return map(line, sorted(peers, key=operator.itemgetter(0)))


def load_record(text: str | bytes, *, damaged: t.Callable[[], Exception] | None = None) -> Record:
    """The reverse of dump_record. Raises InvalidInput where the text is no record of this version.

    damaged: what is raised where only its peers turn out to be none, which is known when somebody asks for one.
    """
    data = text.encode("utf-8", errors="replace") if isinstance(text, str) else text
    try:
        start, end = _place_of_peers(data)
        document = json.loads(data[:start] + data[end:])
        if document["version"] != VERSION:
            raise InvalidInput(f"is a record of version {document['version']}, this collection reads {VERSION}")
        body = memoryview(data)[start:end] if end else memoryview(_json([*document["peers"]])[1:-1].encode())
        peers = WrittenPeers(body, damaged or _no_record)
        if damaged is None:
            len(peers)
        return Record(
            namespace=document["namespace"],
            name=document["name"],
            socket_namespace=document["socket_namespace"],
            peers=peers,
            routing=document["routing"],
            table=document["table"],
            metric=document["metric"],
            routes=frozenset(load_route(entry) for entry in document["routes"]),
            explicit_routes=frozenset(load_route(entry) for entry in document["explicit_routes"]),
            rules=frozenset(_load_rule(entry) for entry in document["rules"]),
            forwarding=tuple(ForwardingClaim(**entry) for entry in document["forwarding"]),
            full_tunnel=document.get("full_tunnel"),
            settings=tuple(SettingClaim(**entry) for entry in document.get("settings", ())),
            masquerade=frozenset((family, device) for family, device in document.get("masquerade", ())),
            clamp_mss=document.get("clamp_mss", False),
            open_port=document.get("open_port", "off"),
            openings=frozenset(Opening(**entry) for entry in document.get("openings", ())),
            filtered=document.get("filtered", False),
            derived_mtu=document.get("derived_mtu", ""),
        )
    except InvalidInput:
        raise
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _no_record() from None


def _no_record() -> InvalidInput:
    return InvalidInput("is not a declared-state record")


def _place_of_peers(data: bytes) -> tuple[int, int]:
    """Where their lines stand, as dump_record() has written them; no text of JSON has an end of line in it.

    (0, 0): they stand there in another way.
    """
    found = data.find(_PEERS)
    start = found + len(_PEERS)
    end = data.find(b"\n  ]", start)
    return (start, end) if found >= 0 and end >= 0 else (0, 0)


def dump_route(route: Route) -> dict[str, t.Any]:
    return _dump(route)


def _dump(value: Route | Rule) -> dict[str, t.Any]:
    fields = value._asdict() if isinstance(value, Route) else vars(value)
    return {name: str(field) if isinstance(field, tuple) else field for name, field in fields.items()}


def load_route(entry: t.Mapping[str, t.Any]) -> Route:
    gateway, source = entry["gateway"], entry["source"]
    return Route(
        **{
            **entry,
            "destination": parse_prefix(entry["destination"]),
            "gateway": parse_address(gateway) if gateway else None,
            "source": parse_address(source) if source else None,
        }
    )


def _load_rule(entry: t.Mapping[str, t.Any]) -> Rule:
    source, destination = entry["source"], entry["destination"]
    return Rule(
        **{
            **entry,
            "source": parse_prefix(source) if source else None,
            "destination": parse_prefix(destination) if destination else None,
        }
    )
