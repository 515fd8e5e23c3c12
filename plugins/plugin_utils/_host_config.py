# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host's share of a plan, as arguments of the interface module. The only place where peers are written out."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._full_tunnel import without_arrangement
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
    PresharedKey,
    PublicKey,
    derive_preshared_key,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import parse_interface_address, parse_prefix
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._document import require_plain
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._plain import plain

Document = Mapping[str, t.Any]

# What the module leaves as it is where it is not declared.
_FIELDS = ("listen_port", "fwmark", "mtu")
_OPTIONS = ("backend", "userspace_engine", "private_key_file")
# What it keeps from an earlier run where it is not declared: a plan is complete, so it always says it.
_ALWAYS: Mapping[str, t.Any] = {
    "table": "main", "metric": 0, "routes": [], "rules": [], "forwarding": {},
    "full_tunnel": False, "rp_filter": {}, "masquerade": {}, "clamp_mss": False, "open_port": "off",
}  # fmt: skip


def host_config(plan: Document, host: str, *, fleet_secret: str | None = None) -> list[dict[str, t.Any]]:
    """The interfaces of a host, sorted, those to be removed first; empty for a host that the plan does not know.

    fleet_secret: only needed where the network derives its preshared keys.
    """
    try:
        config = _host_config(plan, host, fleet_secret)
        require_plain(config, "interfaces")
        return config
    except InvalidInput as error:
        raise error if error.path else error.at(f"hosts.{host}") from None
    except (AttributeError, LookupError, TypeError, ValueError):
        # Reading the whole document for every host would be dear; only a document that somebody has edited gets here.
        parse_fleet(plan)
        raise InvalidInput("is not a plan", path="the plan", remedy="give it what the plan filter returned") from None


def _host_config(plan: Document, host: str, fleet_secret: str | None) -> list[dict[str, t.Any]]:
    fleet = plan.get("fleet", plan)
    if "hosts" not in fleet:
        raise InvalidInput("has no hosts", path="the plan", remedy="give it what the plan filter returned")
    removals = [
        {"name": entry["name"], "namespace": entry["namespace"], "state": "absent"}
        for entry in plan.get("removals", {}).get(host, ())
    ]
    interfaces = fleet["hosts"].get(host, {}).get("interfaces", ())
    declared = [_interface(fleet, host, interface, fleet_secret) for interface in interfaces]
    return sorted(removals, key=_place) + sorted(declared, key=_place)


def _place(interface: Document) -> tuple[str, str]:
    return interface["namespace"], interface["name"]


def expanded_peers(fleet: Document, host: str, interface: Document) -> list[dict[str, t.Any]]:
    """The peers of an interface with all their prefixes: the shared row but for the interface itself, and its own."""
    own = [_named(peer) for peer in interface.get("peers") or ()]
    overridden = {peer["name"] for peer in own} | {peer["public_key"] for peer in own if peer["public_key"]}
    group = interface.get("peer_group")
    shared = [_named(peer) for peer in fleet["peer_groups"][group]] if group else []
    known = [peer for peer in shared if not _is_self(peer, host, interface) and not overridden & _identity(peer)]
    left_out = _owned(fleet, host, interface)
    peers = [{**peer, "allowed_ips": _prefixes(fleet, peer, left_out)} for peer in [*known, *own]]
    return sorted(peers, key=lambda peer: (peer["name"], peer["public_key"] or ""))


def _named(peer: Document) -> dict[str, t.Any]:
    """Documents that this collection did not derive may leave names and keys out."""
    key = peer.get("public_key")
    return {**peer, "public_key": key, "name": peer.get("name") or key or ""}


def _identity(peer: Document) -> set[str]:
    return {peer["public_key"]} if peer["public_key"] else {peer["name"]}


def _is_self(peer: Document, host: str, interface: Document) -> bool:
    """By the key; by the name where neither key is known yet."""
    if peer["public_key"] or interface.get("public_key"):
        return bool(peer["public_key"] == interface.get("public_key"))
    return bool(peer["name"] == host)


def _owned(fleet: Document, host: str, interface: Document) -> set[str]:
    """What an observer owns, and so does not expect from a peer."""
    stack = fleet["hosts"][host].get("namespaces", {}).get(interface.get("namespace", ""), {})
    owned = {str(parse_prefix(text)) for text in stack.get("advertise") or ()}
    for other in fleet["hosts"][host]["interfaces"]:
        if other.get("namespace", "") == interface.get("namespace", ""):
            owned.update(str(parse_interface_address(text).address.prefix) for text in other.get("addresses") or ())
            owned.update(str(parse_prefix(text)) for text in other.get("advertise") or ())
    return owned


def _prefixes(fleet: Document, peer: Document, left_out: set[str]) -> list[str]:
    found = set(peer.get("allowed_ips") or ())
    if peer.get("allowed_ips_set"):
        found.update(set(fleet["prefix_sets"][peer["allowed_ips_set"]]) - left_out)
    return [str(prefix) for prefix in sorted(map(parse_prefix, found))]


def _interface(fleet: Document, host: str, interface: Document, fleet_secret: str | None) -> dict[str, t.Any]:
    options = interface.get("options") or {}
    config: dict[str, t.Any] = {
        "name": interface["name"],
        "namespace": interface.get("namespace", ""),
        "socket_namespace": interface.get("socket_namespace", ""),
        "state": "present",
        "addresses": list(interface.get("addresses") or ()),
        "peers": [_peer(host, interface, peer, fleet_secret) for peer in expanded_peers(fleet, host, interface)],
        "peers_policy": "exact",
        "routing": interface.get("routes") or "off",
    }
    config.update({name: interface[name] for name in _FIELDS if interface.get(name) is not None})
    config.update({name: options[name] for name in _OPTIONS if options.get(name) is not None})
    # Copied, so that what the module does to its arguments does not reach the plan.
    config.update({name: plain(options.get(name) or default) for name, default in _ALWAYS.items()})
    if config["routing"] == "auto":
        # The document spells out what is in effect; the module knows it by one word, and undoes it by that word.
        left = without_arrangement(config["rules"], mark=config.get("fwmark"), table=config["table"])
        config.update({"full_tunnel": True, "rules": left} if left is not None else {})
    return config


def _peer(host: str, interface: Document, peer: Document, fleet_secret: str | None) -> dict[str, t.Any]:
    _require_key(host, interface, peer)
    config: dict[str, t.Any] = {
        "name": peer["name"],
        "public_key": peer["public_key"],
        "allowed_ips": peer["allowed_ips"],
        "persistent_keepalive": peer.get("persistent_keepalive") or 0,
    }
    if peer.get("endpoint"):
        config["endpoint"] = peer["endpoint"]
    preshared_key = _preshared_key(interface, peer, fleet_secret)
    if preshared_key is not None:
        config["preshared_key"] = preshared_key.reveal()
    return config


def _require_key(host: str, interface: Document, peer: Document) -> None:
    """A peer whose key is not known is never left out quietly."""
    if not peer["public_key"]:
        path = f"hosts.{host}.interfaces.{interface['name']}.peers.{peer['name']}.public_key"
        remedy = f"run the keys playbook, which fetches it from {peer['name']}"
        if not peer.get("managed", True):
            remedy = "declare it with the external peer"
        raise InvalidInput("is not known", path=path, remedy=remedy)


def _preshared_key(interface: Document, peer: Document, fleet_secret: str | None) -> PresharedKey | None:
    """None where nothing is declared: then one that is set stays."""
    if not peer.get("preshared_key_id"):
        cleared = (interface.get("options") or {}).get("preshared_keys") == "none"
        return PresharedKey.none() if cleared else None
    if not fleet_secret:
        remedy = "set wireguard_fleet_secret to a vaulted text, such as the output of `wg genpsk`"
        reason = "is needed: this network derives its preshared keys"
        raise InvalidInput(reason, path="wireguard_fleet_secret", remedy=remedy)
    if not interface.get("public_key"):
        path = f"interfaces.{interface['name']}.public_key"
        raise InvalidInput("is not known", path=path, remedy="run the keys playbook")
    network, _slash, epoch = peer["preshared_key_id"].rpartition("/")
    one, other = (PublicKey.parse(text) for text in (interface["public_key"], peer["public_key"]))
    return derive_preshared_key(fleet_secret, network=network, epoch=int(epoch), one=one, other=other)
