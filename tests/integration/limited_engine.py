# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A userspace engine with the limits of boringtun 0.7, for tests: wireguard-go behind a socket that enforces them.

It is no boringtun. It stands in for one where none can be installed, and does what boringtun's source says of its
protocol (src/device/api.rs, src/device/mod.rs):

- get: own_public_key instead of private_key, the age of the last handshake instead of its time;
- set: EINVAL for update_only and for removing a prefix; the first section of a peer ends that of the device;
- fields of a peer stay for the next peers of the same request;
- it ends (as after a panic, status 101) when a peer is set before the private key or is there already.

``limited_engine.py --foreground wg0``; the real engine gets its tun and its socket as descriptors.
"""

from __future__ import annotations

import base64
import ctypes
import errno
import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import typing as t

PANIC = 101
DIRECTORY = "/var/run/wireguard"
_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_PR_SET_PDEATHSIG = 1
_FIRST_WITHOUT_HEADER = "v0.0.2023"
"""Before it wireguard-go expects the four bytes of a packet information in front of each packet of a tun that it is
given (tun/tun_linux.go)."""
_DEVICE_LINES = {"private_key", "listen_port", "fwmark", "replace_peers"}
_FIELDS = {"remove", "preshared_key", "endpoint", "persistent_keepalive_interval", "replace_allowed_ips"}
_IGNORED = {"protocol_version"}


class Refused(Exception):
    """A request that gets an error number."""

    def __init__(self, number: int) -> None:
        super().__init__(os.strerror(number))
        self.number = number


class Engine:
    """The real engine, reached over a socket without a name in the file system."""

    def __init__(self, program: str, tun: int, name: str) -> None:
        listener = socket.socket(socket.AF_UNIX)
        self._address = f"\0limited-engine-{os.getpid()}"
        listener.bind(self._address)
        listener.listen()
        environment = {
            "PATH": os.environ["PATH"],
            "LOG_LEVEL": "error",
            "WG_PROCESS_FOREGROUND": "1",
            "WG_TUN_FD": str(tun),
            "WG_UAPI_FD": str(listener.fileno()),
        }
        self._process = subprocess.Popen(
            [program, "--foreground", name],
            env=environment,
            pass_fds=[tun, listener.fileno()],
            preexec_fn=_end_with_parent,
        )
        listener.close()
        threading.Thread(target=self._end_with_it, daemon=True).start()

    def ask(self, request: str) -> str:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self._address)
            connection.sendall(request.encode())
            answer = b""
            while not answer.endswith(b"\n\n"):
                part = connection.recv(1 << 16)
                if not part:
                    break
                answer += part
        return answer.decode()

    def set(self, lines: t.Iterable[str]) -> None:
        number = int(self.ask("\n".join(["set=1", *lines]) + "\n\n").rpartition("errno=")[2])
        if number:
            raise Refused(abs(number))

    def end(self, status: int) -> t.NoReturn:
        self._process.kill()
        self._process.wait()
        os._exit(status)

    def _end_with_it(self) -> None:
        os._exit(self._process.wait() or 0)


def _end_with_parent() -> None:
    """An engine is one process: what is left of this one would hold the tun, however the other one has ended."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def get(engine: Engine) -> str:
    lines = []
    for line in engine.ask("get=1\n\n").splitlines():
        name, _equals, value = line.partition("=")
        if name == "private_key":
            lines.append(f"own_public_key={public_key(value)}")
        elif name == "last_handshake_time_sec" and value != "0":
            lines.append(f"{name}={max(0, int(time.time()) - int(value))}")
        elif name not in ("errno", "protocol_version", "last_handshake_time_sec", "") and line:
            lines.append(line)
    return "".join(f"{line}\n" for line in lines)


def change(engine: Engine, lines: t.Sequence[str]) -> None:
    """Applies what comes before the first line that is refused."""
    key = ""
    fields: dict[str, str] = {}
    prefixes: list[str] = []
    for line in lines:
        name, equals, value = line.partition("=")
        if not equals:
            raise Refused(errno.EPROTO)
        if name == "public_key":
            if key:
                update(engine, key, fields, prefixes)
            key, prefixes = value, []  # the fields stay: that is the limit
        elif not key and name in _DEVICE_LINES:
            engine.set([line])
        elif key and name == "allowed_ip" and not value.startswith("-"):
            prefixes.append(value)
        elif key and name in _FIELDS:
            fields[name] = value
        elif not (key and name in _IGNORED):
            raise Refused(errno.EINVAL)
    if key:
        update(engine, key, fields, prefixes)


def update(engine: Engine, key: str, fields: t.Mapping[str, str], prefixes: t.Sequence[str]) -> None:
    state = engine.ask("get=1\n\n").splitlines()
    is_there = f"public_key={key}" in state
    if fields.get("remove") == "true":
        engine.set([f"public_key={key}", "remove=true"])
        return
    if is_there or not any(line.startswith("private_key=") for line in state):
        print("panicked", file=sys.stderr, flush=True)
        engine.end(PANIC)
    rest = [f"{name}={value}" for name, value in fields.items() if name not in ("remove", "replace_allowed_ips")]
    engine.set([f"public_key={key}", *rest, *(f"allowed_ip={prefix}" for prefix in prefixes)])


def public_key(private: str) -> str:
    """Both in hexadecimal."""
    given = base64.b64encode(bytes.fromhex(private))
    made = subprocess.run(["wg", "pubkey"], input=given, capture_output=True, check=True).stdout
    return base64.b64decode(made).hex()


def serve(connection: socket.socket, engine: Engine) -> None:
    with connection, connection.makefile("rw", encoding="ascii", newline="\n") as stream:
        number, body = 0, ""
        command = stream.readline().rstrip("\n")
        try:
            if command == "get=1":
                body = get(engine)
            elif command == "set=1":
                change(engine, list(iter(lambda: stream.readline().rstrip("\n"), "")))
            elif command:
                raise Refused(errno.EIO)
        except Refused as refused:
            number = refused.number
        try:
            stream.write(f"{body}errno={number}\n\n")
            stream.flush()
        except OSError:
            pass


def _tun_flags(program: str) -> int:
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    return _IFF_TUN | (_IFF_NO_PI if version >= _FIRST_WITHOUT_HEADER else 0)


def main() -> None:
    name = sys.argv[-1]
    os.makedirs(DIRECTORY, exist_ok=True)
    path = f"{DIRECTORY}/{name}.sock"
    program = shutil.which("wireguard-go")
    assert program, "wireguard-go is not installed"
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _tun_flags(program)))
    with socket.socket(socket.AF_UNIX) as front:
        if os.path.lexists(path):
            os.unlink(path)
        os.umask(0o077)
        front.bind(path)
        front.listen()
        engine = Engine(program, tun, name)
        while True:
            serve(front.accept()[0], engine)


if __name__ == "__main__":
    main()
