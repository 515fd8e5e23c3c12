# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only the host can answer before the wanted state is known: its backend, its key, the addresses of names."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    HostError,
    InvalidInput,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
    PrivateKey,
    PublicKey,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Endpoint
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_at_once import peers_at_once
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_mtu import (
    follows,
    outer_addresses,
    outer_mark,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_peers import endpoints_to_set
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_state import (
    Choices,
    Identity,
)

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._completed import Surroundings
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared import Declared
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._derived_mtu import Path
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import Host
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._observed import Observed
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Address


def choose(
    declared: Declared, around: Surroundings, observed: Observed, *, host: Host, check: bool, warnings: list[str]
) -> Choices:
    """Raises WireguardError; in check mode what the host cannot tell yet is a warning."""
    born = around.socket_namespace
    identity = choose_identity(declared, observed, host=host, check=check, warnings=warnings)
    backend = choose_backend(declared, observed, host=host, check=check, warnings=warnings)
    peers = peers_at_once(declared, observed)
    endpoints: dict[PublicKey, Endpoint] = {}
    if peers is None:
        endpoints = resolve_endpoints(
            declared, observed, host=host, socket_namespace=born, check=check, warnings=warnings
        )
    outer = outer_addresses(declared, observed, endpoints) if peers is None else peers.addresses()
    paths = _look_up(outer, around, declared, observed, host=host, check=check)
    return Choices(identity=identity, backend=backend, endpoints=endpoints, outer=outer, paths=paths, peers=peers)


def _look_up(
    outer: t.Mapping[bytes, Address],
    around: Surroundings,
    declared: Declared,
    observed: Observed,
    *,
    host: Host,
    check: bool,
) -> t.Mapping[Address, Path]:
    if not outer or not follows(declared, observed):
        return {}
    try:
        network = host.network(around.socket_namespace)
        return network.paths(frozenset(outer.values()), mark=outer_mark(around, declared, observed))
    except HostError:
        if not check:
            raise
        return {}


def choose_identity(
    declared: Declared, observed: Observed, *, host: Host, check: bool, warnings: list[str]
) -> Identity | None:
    """The given key, else the one in the file, else the running interface's, else a new one.

    None where only peers are declared and the device has no key, which is then not ours to make.
    A new one in check mode is thrown away: nobody is shown its public key.
    """
    running = observed.device.private_key if observed.device else None
    if declared.only_peers:
        return Identity(running, observed.the_device.public_key, "adopted") if running else None
    candidates = (("given", declared.private_key), ("file", observed.key_file), ("adopted", running))
    for origin, key in candidates:
        if key is not None:
            public_key = _public_key(key, observed, host=host, check=check, warnings=warnings)
            _check_known(declared.public_key, public_key)
            return Identity(key, public_key, origin)
    if observed.device is not None and observed.device.hides_key:
        raise HostError(
            f"the userspace engine of {declared.name} does not show its private key, and {declared.private_key_file} "
            "does not have it",
            remedy="put the file back, or declare a private_key",
        )
    if declared.public_key is not None:
        raise _unknown(declared.public_key, "belongs to no private key on this host, and a new one would have another")
    made = PrivateKey.generate()
    if check:
        return Identity(made, None, "made")
    return Identity(made, _public_key(made, observed, host=host, check=check, warnings=warnings), "made")


def _check_known(declared: PublicKey | None, own: PublicKey | None) -> None:
    """A host with a key that its peers do not know would be cut off, and nobody would say why."""
    if declared is not None and own is not None and own != declared:
        raise _unknown(declared, f"is not the key of this host, which has {own}")


def _unknown(declared: PublicKey, reason: str) -> InvalidInput:
    remedy = "put the private key back, or publish the host's own public key (playbook cryptokey.wireguard.keys)"
    # A value is never shown where it looks like a key; this one has been read as a public key, and is to be seen.
    return InvalidInput(f"{str(declared)!r} {reason}", path="public_key", remedy=remedy)


def _public_key(
    key: PrivateKey, observed: Observed, *, host: Host, check: bool, warnings: list[str]
) -> PublicKey | None:
    device = observed.device
    if device is not None and device.private_key == key and device.public_key is not None:
        return device.public_key
    try:
        return host.public_key(key)
    except HostError as error:
        if not check:
            raise
        warnings.append(str(error))
        return None


def choose_backend(declared: Declared, observed: Observed, *, host: Host, check: bool, warnings: list[str]) -> str:
    """The declared one; under ``auto`` a running interface keeps its own, a new one gets the host's first choice."""
    if observed.backend in ("kernel", "userspace") and declared.backend in ("auto", observed.backend):
        return observed.backend
    available = host.backends(declared.engine)
    if declared.backend == "auto" and available:
        return available[0]
    if declared.backend in available:
        return declared.backend
    error = _no_backend(declared)
    if not check:
        raise error
    warnings.append(str(error))
    return "userspace" if declared.backend == "auto" else declared.backend


def _no_backend(declared: Declared) -> HostError:
    remedy = "the role cryptokey.wireguard.prepare installs what is missing"
    if declared.backend == "kernel":
        return HostError(
            "this host's kernel has no WireGuard", remedy=f"load the module wireguard, or use backend: auto; {remedy}"
        )
    engine = declared.engine or "userspace engine (such as wireguard-go)"
    if declared.backend == "userspace":
        return HostError(f"this host has no {engine}", remedy=f"install the package wireguard-go; {remedy}")
    return HostError(f"this host has neither WireGuard in its kernel nor a {engine}", remedy=remedy)


def resolve_endpoints(
    declared: Declared,
    observed: Observed,
    *,
    host: Host,
    socket_namespace: str,
    check: bool,
    warnings: list[str],
) -> dict[PublicKey, Endpoint]:
    """The endpoints to set, as addresses. A name that does not resolve is refused before anything is changed."""
    resolved = {}
    for key, peer in sorted(endpoints_to_set(declared, observed).items()):
        endpoint = peer.endpoint
        if endpoint is None:
            continue
        if endpoint.address is not None:
            resolved[key] = endpoint
            continue
        try:
            address = host.resolve(endpoint.host, socket_namespace=socket_namespace)
            resolved[key] = Endpoint(str(address), endpoint.port)
        except HostError as error:
            problem = InvalidInput(
                f"cannot be resolved: {error}",
                path=f"{peer.path}.endpoint",
                value=str(endpoint),
                remedy="correct the name, or write the address",
            )
            if not check:
                raise problem from None
            warnings.append(str(problem))
            resolved[key] = endpoint
    return resolved
