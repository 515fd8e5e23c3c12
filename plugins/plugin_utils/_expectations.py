# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The declared intents of a network: ``{from: ..., to: ..., reach: true|false}``."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Prefix
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._document import Node
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import End, Expectation
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._values import Values

_END = frozenset({"host", "hosts", "group", "network", "prefix", "prefixes", "beyond", "except", "peer"})
# How many hosts or prefixes of an end are spelled out.
_SHOWN = 6
_SINGLE = {"hosts": "host", "prefixes": "prefix"}


def read_expectations(network: Node, name: str, values: Values, *, hosts: t.Container[str]) -> t.Iterator[Expectation]:
    """The intents of one network, in document order. hosts: the names that may be used."""
    for index, (entry, path) in enumerate(network.items_of("expect")):
        node = Node(entry, path, known=("from", "to", "reach", "reason"))
        for key in ("from", "to"):
            if key not in node:
                raise InvalidInput(f"has no {key!r}", path=path, remedy="an intent has from, to and reach")
        source = _end(node.mapping("from", known=_END), values, hosts)
        destination = _end(node.mapping("to", known=_END), values, hosts)
        if source.peer is not None:
            remedy = "name it in to: answers are part of an intent"
            raise InvalidInput("cannot send", path=f"{path}.from.peer", value=source.peer, remedy=remedy)
        yield Expectation(
            network=name, index=index, source=source, destination=destination, reach=node.boolean("reach", True)
        )


def _end(node: Node, values: Values, hosts: t.Container[str]) -> End:
    if not node.keys():
        raise InvalidInput("is empty", path=node.path, remedy="write one of host, network or prefix")
    named = [(node.text("host"), node.at("host"))] if "host" in node else []
    named += node.texts("hosts")
    for host, path in named:
        if host not in hosts:
            raise InvalidInput("is not a host of this fleet", path=path, value=host)
    if "group" in node and "hosts" not in node:
        raise InvalidInput(
            "a fleet document knows no groups", path=node.at("group"), value=node.text("group"), remedy="list its hosts"
        )
    prefixes: list[Prefix] | None = None
    if "prefix" in node or "prefixes" in node:
        read = [values.prefix(node.text("prefix"), node.at("prefix"))] if "prefix" in node else []
        read += values.prefixes(node, "prefixes")
        prefixes = [prefix for prefix in read if prefix is not None]
    if "beyond" in node and not named and "peer" not in node:
        raise InvalidInput("names no host", path=node.path, remedy="write {host: fra1, beyond: [0.0.0.0/0]}")
    if "peer" in node and ("beyond" not in node or named):
        raise InvalidInput("needs beyond, and no host", path=node.path, remedy="write {peer: vpn, beyond: [0.0.0.0/0]}")
    return End(
        text=_text(node),
        hosts=tuple(host for host, _path in named) if "host" in node or "hosts" in node else None,
        network=node.optional_text("network"),
        prefixes=None if prefixes is None else tuple(prefixes),
        beyond=values.prefixes(node, "beyond"),
        excepted=values.prefixes(node, "except"),
        peer=node.optional_text("peer"),
    )


def sentence(source: t.Any, destination: t.Any, *, reach: bool) -> str:
    """``host a reaches host b``, ``hosts a, b do not reach host c``. The two ends as texts."""
    verbs = ("reach", "do not reach") if str(source).startswith("hosts ") else ("reaches", "does not reach")
    return f"{source} {verbs[not reach]} {destination}"


def _brief(texts: list[str]) -> str:
    """A list of a thousand hosts is no sentence."""
    more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return ", ".join(texts[:_SHOWN]) + more


def _text(node: Node) -> str:
    """``host nyc1, prefix 192.168.10.0/24``, ``0.0.0.0/0 behind host fra1``; a group stands for its hosts."""
    parts = []
    for key in ("group", "host", "hosts", "peer", "network", "prefix", "prefixes"):
        if key not in node or (key == "hosts" and "group" in node):
            continue
        if key in ("hosts", "prefixes"):
            texts = [text for text, _path in node.texts(key)]
            parts.append(f"{key if len(texts) != 1 else _SINGLE[key]} {_brief(texts)}")
        else:
            parts.append(f"{key} {node.text(key)}")
    beyond = f"{_brief([text for text, _path in node.texts('beyond')])} behind " if "beyond" in node else ""
    return beyond + ", ".join(parts)
