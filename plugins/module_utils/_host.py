# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Host port for a real Linux host: which devices there are, what they are made of, how they come and go."""

from __future__ import annotations

import contextlib
import errno
import os
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _deps, _kernel, _netns
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    HostError,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._network import (
    LinuxNetwork,
)

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._daemon import Daemon
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import WireguardDriver
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._firewall import LinuxFirewall
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PrivateKey, PublicKey
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Address
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Link

_ADDRESS_GENERATION_NONE = "1"


class LinuxHost:
    """This machine, or this container, as the calling process sees it."""

    def __init__(self) -> None:
        self._networks: dict[str, LinuxNetwork] = {}

    def close(self) -> None:
        """Leave every namespace that was entered."""
        for network in self._networks.values():
            network.close()
        self._networks.clear()

    def check_tools(self) -> None:
        _deps.check("pyroute2")

    def namespaces(self) -> tuple[str, ...]:
        return _netns.names()

    def era(self, namespace: str) -> str:
        return f"{_netns.boot()}/{self.network(namespace).worker.run(_netns.cookie)}"

    def network(self, namespace: str) -> LinuxNetwork:
        number = _netns.inode(namespace)
        known = self._networks.get(namespace)
        if known is not None and known.worker.inode != number:
            known.close()
            known = None
        if known is None:
            known = LinuxNetwork(
                _netns.Worker(namespace), before_up=self._forgo_link_local_address, after_up=self._wait_for_socket
            )
            self._networks[namespace] = known
        return known

    def firewall(self, namespace: str) -> LinuxFirewall:
        from ansible_collections.cryptokey.wireguard.plugins.module_utils._firewall import LinuxFirewall

        return LinuxFirewall(self.network(namespace).worker)

    def backends(self, engine: str | None = None) -> tuple[str, ...]:
        from ansible_collections.cryptokey.wireguard.plugins.module_utils import _engine_path

        found = ["kernel"] if _kernel.is_available() else []
        found += ["userspace"] if _engine_path.engine_path(engine) else []
        return tuple(found)

    def backend_of(self, namespace: str, name: str) -> str | None:
        link = self.network(namespace).link(name)
        if link is not None and link.kind == "wireguard":
            return "kernel"
        if link is not None and link.kind != "tun":
            return None
        daemon = self.daemon(namespace, name)
        if daemon is None:
            return "dead" if self._has_remains(namespace, name) else None
        return "userspace" if link is not None and daemon.has_device and daemon.answers() else "dead"

    def wireguard(self, namespace: str, name: str) -> WireguardDriver:
        network = self.network(namespace)
        link = network.link(name)
        if link is not None and link.kind == "wireguard":
            return _kernel.KernelDriver(network.worker, name)
        from ansible_collections.cryptokey.wireguard.plugins.module_utils._userspace import UserspaceDriver

        daemon = self.daemon(namespace, name)
        if link is None or daemon is None:
            place = f" in network namespace {namespace!r}" if namespace else ""
            raise HostError(f"there is no WireGuard interface {name}{place}", errno=errno.ENODEV)
        return UserspaceDriver(daemon.socket_path, derive=self._derive)

    def create(
        self, name: str, *, namespace: str, socket_namespace: str, backend: str, engine: str | None = None
    ) -> None:
        """A device for another namespace is born under a name of its own, in case the birthplace has that one."""
        network, birthplace = self.network(namespace), self.network(socket_namespace)
        if network.link(name) is not None:
            raise HostError(f"there is a device {name} already", errno=errno.EEXIST)
        birth_name = name if namespace == socket_namespace else _birth_name(namespace, name)
        daemon = None
        try:
            if backend == "kernel":
                self.remove_unmoved(namespace, name, birthplace=socket_namespace)
                birthplace.create_link(birth_name, "wireguard")
            else:
                daemon = self._start(birth_name, name, network=network, birthplace=birthplace, engine=engine)
            if birth_name != name:
                self._move(birthplace, birth_name, namespace=namespace, name=name)
            self._forgo_link_local_address(namespace, name)
        except BaseException:
            if daemon is not None:
                from ansible_collections.cryptokey.wireguard.plugins.module_utils import _daemon

                _daemon.stop(daemon)
            for place, left in ((birthplace, birth_name), (network, name)):
                with contextlib.suppress(HostError):
                    place.delete_link(left)
            raise

    def is_unmoved(self, namespace: str, name: str, *, birthplace: str) -> bool:
        """By a name that only this interface's device is born under, and that nobody has put it to use.

        What an engine has left counts as the remains of its interface (backend_of).
        """
        if namespace == birthplace:
            return False
        link = self.network(birthplace).link(_birth_name(namespace, name))
        return link is not None and link.kind == "wireguard" and not link.up and not link.addresses

    def remove_unmoved(self, namespace: str, name: str, *, birthplace: str) -> None:
        if self.is_unmoved(namespace, name, birthplace=birthplace):
            self.network(birthplace).delete_link(_birth_name(namespace, name))

    def delete(self, namespace: str, name: str) -> None:
        network = self.network(namespace)
        link = network.link(name)
        if link is not None and link.kind == "wireguard":
            network.delete_link(name)
            return
        from ansible_collections.cryptokey.wireguard.plugins.module_utils import _daemon, _systemd

        daemon = self.daemon(namespace, name)
        if daemon is not None:
            _daemon.stop(daemon)
            _daemon.wait_until_gone(lambda: network.link(name) is None)
        _systemd.end_leftover(namespace, name, inode=network.worker.inode)
        if namespace == _netns.INITIAL:
            _daemon.remove_stale(name)

    def socket_namespace(self, namespace: str, name: str, *, listen_port: int | None = None) -> str | None:
        network = self.network(namespace)
        link = network.link(name)
        if link is None or link.kind != "wireguard":
            daemon = self.daemon(namespace, name)
            number = daemon.birthplace if daemon is not None else None
            return _netns.name_of(number) if number is not None else None
        if not (link.up and link.carrier):
            return None
        from ansible_collections.cryptokey.wireguard.plugins.module_utils import _birthplace

        port = listen_port
        if port is None:
            port = _kernel.KernelDriver(network.worker, name).read()[0].listen_port
        places = {place: self.network(place).worker for place in ("", *self.namespaces())}
        return _birthplace.of_kernel_socket(port, places)

    def birthplace_is_gone(self, namespace: str, name: str, *, recorded: str) -> bool:
        """The kernel takes the carrier of such a device, and nothing brings it back (wg_netns_pre_exit in
        drivers/net/wireguard/device.c). An engine keeps its namespace alive, but without a name nobody gets there."""
        link = self.network(namespace).link(name)
        if link is not None and link.kind == "wireguard":
            return not link.carrier
        daemon = self.daemon(namespace, name)
        number = daemon.birthplace if daemon is not None else None
        return bool(recorded) and number is not None and _netns.name_of(number) is None

    def engine_unit(self, namespace: str, name: str) -> str | None:
        daemon = self.daemon(namespace, name)
        return daemon.unit if daemon is not None else None

    def resolve(self, host: str, *, socket_namespace: str) -> Address:
        from ansible_collections.cryptokey.wireguard.plugins.module_utils import _resolve

        return _resolve.address_of(host, self.network(socket_namespace).worker)

    def public_key(self, private_key: PrivateKey) -> PublicKey:
        from ansible_collections.cryptokey.wireguard.plugins.module_utils import _public_key

        return _public_key.of(private_key)

    def daemon(self, namespace: str, name: str) -> Daemon | None:
        """The userspace engine of a device, if it has one."""
        from ansible_collections.cryptokey.wireguard.plugins.module_utils import _daemon

        return _daemon.find(name, _netns.inode(namespace))

    def _start(
        self, birth_name: str, name: str, *, network: LinuxNetwork, birthplace: LinuxNetwork, engine: str | None
    ) -> Daemon:
        from ansible_collections.cryptokey.wireguard.plugins.module_utils import _daemon, _engine_path, _engine_start
        from ansible_collections.cryptokey.wireguard.plugins.module_utils._supervisor import Launch

        path = _engine_path.engine_path(engine)
        if path is None:
            wanted = engine or " or ".join(_engine_path.KNOWN)
            raise HostError(
                f"this host has no userspace engine ({wanted})",
                remedy="install the package wireguard-go, or a kernel with WireGuard",
            )
        plain = network.namespace == birthplace.namespace == _netns.INITIAL
        launch = Launch(
            program=os.path.abspath(path),
            birth_name=birth_name,
            device=name,
            namespace=network.namespace,
            birthplace=birthplace.namespace,
            inodes={place.namespace: place.worker.inode for place in (network, birthplace)},
            private=not plain or _daemon.shared_socket_is_taken(birth_name),
        )
        return birthplace.worker.run(lambda: _engine_start.start(launch))

    def _has_remains(self, namespace: str, name: str) -> bool:
        """Of an engine that has ended: its socket, or the unit that is about to start it again.

        Its tun may take a moment to follow it. One that stays is somebody else's.
        """
        from ansible_collections.cryptokey.wireguard.plugins.module_utils import _daemon, _systemd

        network = self.network(namespace)
        stale = namespace == _netns.INITIAL and _daemon.is_stale(name)
        if not stale and _systemd.leftover(namespace, name, inode=network.worker.inode) is None:
            return False
        _daemon.wait_until_gone(lambda: network.link(name) is None)
        return network.link(name) is None

    def _move(self, birthplace: LinuxNetwork, birth_name: str, *, namespace: str, name: str) -> None:
        path = f"{_netns.DIRECTORY}/{namespace}" if namespace else "/proc/thread-self/ns/net"
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            birthplace.move_link(birth_name, target=descriptor, new_name=name)
        finally:
            os.close(descriptor)

    def _derive(self, private_key: PrivateKey) -> PublicKey | None:
        try:
            return self.public_key(private_key)
        except HostError:
            return None

    def _wait_for_socket(self, namespace: str, name: str) -> None:
        """After a tun came up its engine binds the UDP socket on its own time; the change is done only then."""
        link: Link | None = self.network(namespace).link(name)
        daemon = self.daemon(namespace, name) if link is not None and link.kind == "tun" else None
        if daemon is not None:
            from ansible_collections.cryptokey.wireguard.plugins.module_utils import _birthplace
            from ansible_collections.cryptokey.wireguard.plugins.module_utils._userspace import UserspaceDriver

            driver = UserspaceDriver(daemon.socket_path, derive=lambda _key: None)
            _birthplace.wait_for_socket(daemon, driver, name=name)

    def _forgo_link_local_address(self, namespace: str, name: str) -> None:
        """A tun gives itself a random fe80:: address, which the kernel's WireGuard does not; here neither does.

        A supervisor that starts an engine again makes a new tun, so it is said each time before one is set up.
        """
        network = self.network(namespace)
        link = network.link(name)
        if link is not None and link.kind == "tun":
            from ansible_collections.cryptokey.wireguard.plugins.module_utils import _sysctl

            with contextlib.suppress(HostError):
                network.worker.run(_sysctl.write, f"ipv6/conf/{name}/addr_gen_mode", _ADDRESS_GENERATION_NONE)


def _birth_name(namespace: str, name: str) -> str:
    """Always the same one, so that whoever makes or removes the interface next finds what a killed run has left."""
    import hashlib

    return f"wgnew-{hashlib.sha256(f'{namespace}/{name}'.encode(errors='surrogatepass')).hexdigest()[:8]}"
