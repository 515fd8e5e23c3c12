# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user declares for one interface: the module's arguments, checked in full before anything is looked at."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _namespace_name
from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared_peers import (
    DeclaredPeer,
    DeclaredPeers,
    declare_peers,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    InvalidInput,
    placed,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
    PrivateKey,
    PublicKey,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._number import (
    parse_fwmark,
    parse_metric,
    parse_port,
    parse_table,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    InterfaceAddress,
    parse_interface_address,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._record import (
    key_path,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    Route,
    Rule,
    parse_name,
)

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared_rows import DeclaredRows

STATE_DIRECTORY = "/etc/wireguard/cryptokey"
MTU_LOWEST, MTU_HIGHEST = 576, 65535
MTU_IPV6 = 1280
"""Below this the kernel switches IPv6 off on a device (RFC 8200, 5)."""


@dataclasses.dataclass(frozen=True)
class Declared:
    """One interface as it should be. None: not declared, leave alone.

    listen_port 0: any port will do, so a bound one stays.  peers None: their list is not declared, so none is pruned.
    public_key: the key that its peers know it by.
    forwarding: only the families that are to be claimed.
    mtu None: it follows from the ways to the endpoints.  rp_filter: the kernel's numbers by device.
    masquerade: (family, outward device).  open_port: who lets the listen port in.
    only_peers: of an interface that is there already; whatever else it has is left as it is.
    """

    name: str
    namespace: str = ""
    socket_namespace: str | None = None
    present: bool = True
    backend: str = "auto"
    engine: str | None = None
    private_key: PrivateKey | None = None
    public_key: PublicKey | None = None
    private_key_file: str = ""
    keep_private_key: bool = True
    listen_port: int | None = None
    fwmark: int | None = None
    mtu: int | None = None
    addresses: tuple[InterfaceAddress, ...] | None = None
    peers: t.Sequence[DeclaredPeer] | None = None
    exact: bool = False
    enforce_endpoints: bool = False
    routing: str | None = None
    table: int | None = None
    metric: int | None = None
    routes: tuple[Route, ...] | None = None
    rules: tuple[Rule, ...] | None = None
    forwarding: t.Mapping[int, bool] | None = None
    full_tunnel: bool | None = None
    rp_filter: t.Mapping[str, str] | None = None
    masquerade: frozenset[tuple[int, str]] | None = None
    clamp_mss: bool | None = None
    open_port: str | None = None
    only_peers: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def rows(self) -> DeclaredRows | None:
        """The peers side by side, where all are plain and present."""
        return self.peers.rows if isinstance(self.peers, DeclaredPeers) else None

    @property
    def present_peers(self) -> tuple[DeclaredPeer, ...]:
        return tuple(peer for peer in self.peers or () if peer.present)

    @property
    def absent_keys(self) -> frozenset[PublicKey]:
        if self.rows is not None:
            return frozenset()
        return frozenset(peer.public_key for peer in self.peers or () if not peer.present)


def declare(arguments: t.Mapping[str, t.Any]) -> Declared:
    """The module's arguments as a value. Raises InvalidInput with the path of the first thing that is wrong."""
    with placed("name"):
        name = parse_name(arguments.get("name"))
    namespace = declare_namespace(arguments, "namespace")
    state_directory = arguments.get("state_directory") or STATE_DIRECTORY
    declared = Declared(
        name=name,
        namespace=namespace,
        socket_namespace=_socket_namespace(arguments),
        present=arguments.get("state", "present") == "present",
        backend=arguments.get("backend") or "auto",
        engine=_engine(arguments),
        private_key_file=_private_key_file(arguments) or key_path(state_directory, namespace, name),
        keep_private_key=arguments.get("keep_private_key") is not False,
    )
    return _with_configuration(declared, arguments) if declared.present else declared


def _engine(arguments: t.Mapping[str, t.Any]) -> str | None:
    """A path that is not absolute would mean another program with every folder that a module happens to run in."""
    text = arguments.get("userspace_engine")
    if text is None:
        return None
    if not text or ("/" in text and not text.startswith("/")):
        raise InvalidInput(
            "is neither the name of a program nor an absolute path",
            path="userspace_engine",
            value=text,
            remedy="write one such as wireguard-go or /usr/local/bin/boringtun-cli, or leave it out",
        )
    return str(text)


def _with_configuration(declared: Declared, arguments: t.Mapping[str, t.Any]) -> Declared:
    warnings: list[str] = []
    peers = declare_peers(arguments.get("peers"), warnings)
    filled = dataclasses.replace(
        declared,
        private_key=_private_key(arguments),
        public_key=_public_key(arguments),
        listen_port=_optional(arguments, "listen_port", lambda value: parse_port(value, lowest=0)),
        fwmark=_optional(arguments, "fwmark", parse_fwmark),
        mtu=_optional(arguments, "mtu", _mtu),
        addresses=_addresses(arguments.get("addresses")),
        peers=peers,
        exact=arguments.get("peers_policy") == "exact",
        enforce_endpoints=arguments.get("endpoint_policy") == "enforce",
        routing=arguments.get("routing"),
        table=_optional(arguments, "table", parse_table),
        metric=_optional(arguments, "metric", parse_metric),
        forwarding=_forwarding(arguments.get("forwarding")),
        full_tunnel=arguments.get("full_tunnel"),
        clamp_mss=arguments.get("clamp_mss"),
    )
    if any(arguments.get(option) is not None for option in ("routes", "rules")):
        filled = _with_routing(filled, arguments, warnings)
    if any(arguments.get(option) is not None for option in ("rp_filter", "masquerade", "open_port")):
        filled = _with_gateway(filled, arguments)
    _check_mtu(filled)
    if filled.full_tunnel:
        from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared_gateway import check_full_tunnel

        check_full_tunnel(routing=filled.routing, table=filled.table, fwmark=filled.fwmark)
    if filled.routing == "off" and filled.routes:
        raise InvalidInput("is given although routing is off", path="routes", remedy="use routing: explicit")
    return dataclasses.replace(filled, warnings=tuple(warnings))


def _with_routing(declared: Declared, arguments: t.Mapping[str, t.Any], warnings: list[str]) -> Declared:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared_routing import (
        declare_routes,
        declare_rules,
    )

    return dataclasses.replace(
        declared,
        routes=declare_routes(arguments.get("routes"), device=declared.name, warnings=warnings),
        rules=declare_rules(arguments.get("rules"), warnings),
    )


def _with_gateway(declared: Declared, arguments: t.Mapping[str, t.Any]) -> Declared:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared_gateway import (
        declare_masquerade,
        declare_open_port,
        declare_rp_filter,
    )

    return dataclasses.replace(
        declared,
        rp_filter=declare_rp_filter(arguments.get("rp_filter")),
        masquerade=declare_masquerade(arguments.get("masquerade"), device=declared.name),
        open_port=declare_open_port(arguments.get("open_port")),
    )


def declare_namespace(arguments: t.Mapping[str, t.Any], option: str) -> str:
    """A network namespace's name as ip-netns(8) takes it: a file name under /run/netns. Empty: the initial one."""
    name = str(arguments.get(option) or "")
    reason = _namespace_name.why_invalid(name) if name else ""
    if reason:
        raise InvalidInput(reason, path=option, value=name, remedy=_namespace_name.REMEDY)
    return name


def _private_key_file(arguments: t.Mapping[str, t.Any]) -> str | None:
    path = arguments.get("private_key_file") or None
    if path is not None and (not path.startswith("/") or path.endswith("/") or not path.isprintable()):
        # A relative one would lie in whatever folder the module happens to run in.
        raise InvalidInput(
            "is not the absolute path of a file",
            path="private_key_file",
            value=str(path),
            remedy="write one such as /etc/wireguard/wg0.key, or leave it out",
        )
    return path


def _socket_namespace(arguments: t.Mapping[str, t.Any]) -> str | None:
    return None if arguments.get("socket_namespace") is None else declare_namespace(arguments, "socket_namespace")


def _optional(arguments: t.Mapping[str, t.Any], option: str, parse: t.Callable[[t.Any], int]) -> int | None:
    value = arguments.get(option)
    if value is None:
        return None
    with placed(option):
        return parse(value)


def _private_key(arguments: t.Mapping[str, t.Any]) -> PrivateKey | None:
    text = arguments.get("private_key")
    if text is None:
        return None
    with placed("private_key"):
        key: PrivateKey = PrivateKey.parse(text)
        return key


def _public_key(arguments: t.Mapping[str, t.Any]) -> PublicKey | None:
    if arguments.get("public_key") is None:
        return None
    with placed("public_key"):
        return PublicKey.parse(arguments["public_key"])


def _mtu(value: t.Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not MTU_LOWEST <= value <= MTU_HIGHEST:
        raise InvalidInput("is not an MTU", value=value, remedy=f"use a number from {MTU_LOWEST} to {MTU_HIGHEST}")
    return value


def _addresses(entries: t.Sequence[t.Any] | None) -> tuple[InterfaceAddress, ...] | None:
    if entries is None:
        return None
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._assignable import why_unassignable

    seen: dict[tuple[int, int], int] = {}
    addresses = []
    for index, text in enumerate(entries):
        with placed(f"addresses[{index}]"):
            address = parse_interface_address(text)
            reason = why_unassignable(address.address.prefix)
            if reason:
                raise InvalidInput(reason, value=str(text), remedy="write an address that a host can have")
            first = seen.setdefault((address.family, address.number), index)
            if first != index:
                raise InvalidInput(
                    f"is the same address as addresses[{first}]", value=str(text), remedy="keep one of them"
                )
        addresses.append(address)
    return tuple(addresses)


def _forwarding(entry: t.Mapping[str, t.Any] | None) -> dict[int, bool] | None:
    if entry is None:
        return None
    families = {4: entry.get("ipv4"), 6: entry.get("ipv6")}
    return {family: on for family, on in families.items() if on is not None}


def _check_mtu(declared: Declared) -> None:
    if declared.mtu is None or declared.mtu >= MTU_IPV6:
        return
    for index, address in enumerate(declared.addresses or ()):
        if address.family == 6:
            raise InvalidInput(
                f"is too small for the IPv6 address addresses[{index}]",
                path="mtu",
                value=declared.mtu,
                remedy=f"use at least {MTU_IPV6}",
            )
