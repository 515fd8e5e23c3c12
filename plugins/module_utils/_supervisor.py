# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a userspace engine is run and who watches over it: a unit of systemd, or nobody. Pure.

The unit is a transient one (systemd-run(1)): it lives in /run, is gone with its engine, and nothing has to be written
below /etc or loaded again. Coming back after a reboot is not its business: an engine alone is an empty interface, so
whatever brings the interface back starts the engine, too.
"""

from __future__ import annotations

import dataclasses
import hashlib
import typing as t

MARK = "CRYPTOKEY_WIREGUARD"
"""The environment variable that says for which device an engine was started."""
DIRECTORY = "/run/wireguard"
"""Where engines put their sockets. They say /var/run, which is a link to /run."""
UNIT_PREFIX = "cryptokey-wireguard-"
"""So that a drop-in in /etc/systemd/system/cryptokey-wireguard-.service.d is for all of them (systemd.unit(5))."""
OLDEST_SYSTEMD = 242
"""The first one with NetworkNamespacePath= and all of HARDENING."""
STOP_SECONDS = 3
_SUFFIX = ".service"
_LONGEST_UNIT = 255
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.")

HARDENING = (
    # No core dumps: they would hold the keys.
    "LimitCORE=0",
    "CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_BIND_SERVICE",
    "NoNewPrivileges=yes",
    "DevicePolicy=closed",
    "DeviceAllow=/dev/net/tun",
    "ProtectSystem=strict",
    "ProtectHome=read-only",
    "ProtectKernelTunables=yes",
    "ProtectKernelModules=yes",
    "ProtectControlGroups=yes",
    "ProtectHostname=yes",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "LockPersonality=yes",
    "MemoryDenyWriteExecute=yes",
    "SystemCallArchitectures=native",
    "SystemCallFilter=@system-service",
    "UMask=0077",
)
"""All that an engine can do without: it needs a tun, sockets, and the right to mark packets and take low ports.

An engine may lie in a home, so that it can be read there. Where a container has no CAP_SYS_ADMIN systemd leaves out
by itself what takes a mount namespace.
"""


@dataclasses.dataclass(frozen=True)
class Launch:
    """One engine to be started.

    program: its path.  birth_name: what it calls its tun at first, and so the name of its socket.
    device, namespace: the interface that it is for and the network namespace where that is to be; "" is the initial
    one.  birthplace: the namespace that it runs in.  inodes: which namespaces these names stand for.
    private: with a socket directory of its own.
    """

    program: str
    birth_name: str
    device: str
    namespace: str
    birthplace: str
    inodes: t.Mapping[str, int]
    private: bool

    @property
    def command(self) -> list[str]:
        return [self.program, "--foreground", self.birth_name]

    @property
    def mark(self) -> str:
        return f"{self.inodes[self.namespace]}/{self.device}"

    @property
    def environment(self) -> dict[str, str]:
        """For every engine alike, whoever reads it: log errors only, print no banner, keep root's rights."""
        return {
            "LOG_LEVEL": "error",
            "WG_LOG_LEVEL": "error",
            "WG_PROCESS_FOREGROUND": "1",
            "WG_SUDO": "1",
            MARK: self.mark,
        }

    @property
    def is_born_in_place(self) -> bool:
        """Its device is not moved or renamed once it is there."""
        return self.namespace == self.birthplace and self.birth_name == self.device


@dataclasses.dataclass(frozen=True)
class Manager:
    """What there is to supervise an engine.

    booted: systemd is PID 1 and sees the same files as we do.  version: its number.
    inodes: the network namespaces that it finds under the names that were asked for, its own one under "".
    """

    booted: bool
    version: int = 0
    inodes: t.Mapping[str, int] = dataclasses.field(default_factory=dict)


def why_detached(manager: Manager, inodes: t.Mapping[str, int]) -> str:
    """Why systemd cannot have the engine, to stand behind "because"; empty where it can.

    inodes: Launch.inodes. A unit is called after its device's namespace and enters its birthplace by name.
    """
    if not manager.booted:
        return "systemd does not run here"
    if manager.version < OLDEST_SYSTEMD:
        return f"systemd {manager.version} is older than {OLDEST_SYSTEMD}"
    if any(manager.inodes.get(name) != inode for name, inode in inodes.items()):
        return "systemd does not see the same network namespaces"
    return ""


def unit_name(namespace: str, device: str) -> str:
    """``cryptokey-wireguard-wg0.service``, or ``cryptokey-wireguard-blue:wg0.service`` in a namespace.

    No device name holds a colon, so the name tells both apart. Other bytes are written as systemd-escape(1) does.
    """
    place = f"{_escaped(namespace)}:" if namespace else ""
    name = f"{UNIT_PREFIX}{place}{_escaped(device)}{_SUFFIX}"
    if len(name) <= _LONGEST_UNIT:
        return name
    digest = hashlib.sha256(namespace.encode(errors="surrogatepass")).hexdigest()[:16]
    return f"{UNIT_PREFIX}{digest}:{_escaped(device)}{_SUFFIX}"


def unit_of(cgroups: str) -> str | None:
    """The unit of ours that a process is in, by its /proc/PID/cgroup (cgroups(7)); None where it is in none."""
    for line in cgroups.splitlines():
        name = line.rpartition("/")[2]
        if name.startswith(UNIT_PREFIX) and name.endswith(_SUFFIX):
            return name
    return None


def properties(launch: Launch) -> list[str]:
    """What makes the unit, as systemd.exec(5) and systemd.service(5) write it.

    A device that is moved after its birth is not restarted: the new one would be in the wrong place.
    """
    directory = (
        f"TemporaryFileSystem={DIRECTORY}:mode=0700,size=1m" if launch.private else f"ReadWritePaths={DIRECTORY}"
    )
    place = [f"NetworkNamespacePath=/run/netns/{launch.birthplace}"] if launch.birthplace else []
    return [
        f"Restart={'on-failure' if launch.is_born_in_place else 'no'}",
        "RestartSec=1",
        "StartLimitIntervalSec=60",
        "StartLimitBurst=5",
        f"TimeoutStopSec={STOP_SECONDS}",
        directory,
        *place,
        *HARDENING,
    ]


def systemd_run(launch: Launch) -> list[str]:
    """The arguments of systemd-run(1). Nothing secret: keys only ever go through the engine's socket."""
    place = f" in namespace {launch.namespace}" if launch.namespace else ""
    return [
        f"--unit={unit_name(launch.namespace, launch.device)}",
        f"--description=WireGuard interface {launch.device}{place}, userspace engine",
        "--service-type=exec",
        "--collect",
        "--quiet",
        *(f"--property={text}" for text in properties(launch)),
        *(f"--setenv={name}={value}" for name, value in sorted(launch.environment.items())),
        "--",
        *launch.command,
    ]


def is_ours(text: str) -> bool:
    """The text of a transient unit is that of an engine that this collection has started."""
    return f'"{MARK}=' in text


def _escaped(text: str) -> str:
    encoded = text.encode(errors="surrogatepass")
    escaped = "".join(chr(byte) if chr(byte) in _PLAIN else f"\\x{byte:02x}" for byte in encoded)
    return f"\\x2e{escaped[1:]}" if escaped.startswith(".") else escaped
