# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare our parsers with wg(8) itself: what it refuses we refuse, and what we take it takes for the same value.

    python -m ansible_collections.cryptokey.wireguard.tests.oracle.wg --texts 6000

Thousands of texts are handed to ``wg set``, which parses them and sends what it has read to the interface's UAPI
socket. That socket is ours, on a /run of our own (which takes root), so no interface is needed and the value that wg
has read is seen before any implementation could change it.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import ctypes
import dataclasses
import ipaddress
import os
import pathlib
import random
import re
import socket
import subprocess
import sys
import threading
import time
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._endpoint import parse_endpoint
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PublicKey
from ansible_collections.cryptokey.wireguard.plugins.module_utils._number import parse_fwmark, parse_number, parse_port
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import parse_prefix_lenient

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000  # linux/sched.h
DEVICE = "wgoracle"
FOLDER = pathlib.Path("/run/wireguard")
KEY = "iq037DGKLK6Z37wuTbkXUheR1eekMKvEkDxkttiuGQ0="
# Without network every name fails; without this wg would try for a while first.
ENVIRONMENT = {**os.environ, "WG_ENDPOINT_RESOLUTION_RETRIES": "0", "LC_ALL": "C"}


def own_run_folder() -> None:
    """Mount and network namespaces of our own, with a /run that is not the machine's."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS | CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare was refused")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)


class Engine:
    """The other end of wg's UAPI socket (https://www.wireguard.com/xplatform/): takes everything, remembers it."""

    def __init__(self) -> None:
        FOLDER.mkdir(parents=True, exist_ok=True)
        self._path = FOLDER / f"{DEVICE}.sock"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(self._path))
        self._socket.listen(8)
        self.said: list[tuple[str, str]] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            connection, _address = self._socket.accept()
            # To see whether somebody is there, wg connects and hangs up.
            with connection, contextlib.suppress(ConnectionError):
                received = b""
                while not received.endswith(b"\n\n"):
                    more = connection.recv(65536)
                    if not more:
                        break
                    received += more
                if received.startswith(b"set=1"):
                    pairs = (line.partition("=") for line in received.decode().splitlines())
                    self.said = [(name, value) for name, _equals, value in pairs]
                connection.sendall(b"errno=0\n\n")

    def close(self) -> None:
        self._socket.close()
        self._path.unlink()

    def read_by_wg(self, arguments: list[str], name: str) -> str | None:
        """What wg makes of a text, None where it refuses it. name: of the UAPI line that tells."""
        self.said = []
        command = ["wg", "set", DEVICE, *arguments]
        run = subprocess.run(command, capture_output=True, env=ENVIRONMENT, check=False, timeout=30)
        if run.returncode:
            return None
        return "; ".join(
            sorted(_masked(value) if name == "allowed_ip" else value for key, value in self.said if key == name)
        )


def _masked(text: str) -> str:
    """Without the host bits, which the kernel masks and wireguard-go too; in the words of inet_ntop(3)."""
    network = ipaddress.ip_network(text, strict=False)
    packed = network.network_address.packed
    return f"{socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)}/{network.prefixlen}"


@dataclasses.dataclass(frozen=True)
class Field:
    """arguments: of ``wg set``, with the text in place of ``%``. line: of the UAPI. ours: our reading in its words."""

    arguments: tuple[str, ...]
    line: str
    ours: t.Callable[[str], str]
    seeds: tuple[str, ...]


def _prefix(text: str) -> str:
    return str(parse_prefix_lenient(text)[0])


def _key(text: str) -> str:
    return PublicKey.parse(text).raw.hex()


def _keepalive(text: str) -> str:
    return str(parse_number(text, what="keepalive", highest=65535))


FIELDS = {
    "prefix": Field(
        ("peer", KEY, "allowed-ips", "%"),
        "allowed_ip",
        _prefix,
        (
            "10.0.0.0/8", "10.1.2.3/24", "0.0.0.0/0", "255.255.255.255", "192.168.1.1/32", "fd00::/8", "::/0", "::1",
            "2001:db8:1:2:3:4:5:6/64", "fe80::1/128", "1:2:3:4:5:6:1.2.3.4/96", "::ffff:10.0.0.0/120", "ff02::1/16",
        ),
    ),
    "endpoint": Field(
        ("peer", KEY, "endpoint", "%"),
        "endpoint",
        lambda text: str(parse_endpoint(text)),
        ("203.0.113.1:51820", "[2001:db8::1]:51820", "10.0.0.1:1", "[::1]:65535", "[fe80::1]:9", "0.0.0.0:80"),
    ),
    "key": Field(
        ("peer", "%", "persistent-keepalive", "1"),
        "public_key",
        _key,
        (KEY, "A" * 43 + "=", "A" * 42 + "E=", "//////////////////////////////////////////8=", "+" * 42 + "8="),
    ),
    "keepalive": Field(
        ("peer", KEY, "persistent-keepalive", "%"),
        "persistent_keepalive_interval",
        _keepalive,
        ("0", "25", "65535", "65536", "off", "1"),
    ),
    "fwmark": Field(
        ("fwmark", "%"),
        "fwmark",
        lambda text: str(parse_fwmark(text)),
        ("0", "51820", "0xca6c", "0XCA6C", "4294967295", "4294967296", "off", "0xffffffff", "010", "0x0"),
    ),
    "port": Field(
        ("listen-port", "%"),
        "listen_port",
        lambda text: str(parse_port(text, lowest=0)),
        ("0", "51820", "65535", "65536", "1", "domain"),
    ),
}  # fmt: skip
ODDITIES = (
    "", "-", "+", "_", "0", "00", "1", "9", "/", "//", ":", "::", ".", "%eth0", "%", "[", "]", "x", "0x", "e", "٣",
    "１", "²", "é", " ", "\t", "\n", "=", "==", "A", "/33", "/129", "/-1", "/+8", "/08", "/1_6", "/0x8", "/255.0.0.0",
    "off", "\u200b", "\u00a0", "99999999999999999999", "1e3", "0b1", "0o7",
)  # fmt: skip

# Where we refuse what wg takes, each with its reason. The order is that of the question.
STRICTER: tuple[tuple[str, str, str], ...] = (
    ("any", r"\s", "wg drops blanks wherever they are; two numbers that run into one are a mistake"),
    ("prefix", r"^$|^/", "an empty text: wg takes an empty list from it, we write lists as lists"),
    (
        "prefix",
        r"(?i)^::ffff:.*$|^[0:]*:ffff:.*$",
        "IPv4-mapped: the kernel files it where no IPv4 packet looks (WG211)",
    ),
    ("prefix", r"^\+|^-", "wg set takes a sign for adding to and taking from the list, which is no part of a prefix"),
    ("prefix", r"/$", "nothing behind the slash: wg takes it for a host prefix or /0, depending on its version"),
    ("prefix", r"/0\d{3,}$|/\d{4,}$", "leading zeros of a length: more than three digits are a mistyped length"),
    ("endpoint", r"%", "a zone names a device of one machine; an endpoint is for all that read the inventory"),
    ("endpoint", r"(?i)::ffff:|:ffff:", "IPv4-mapped: write the IPv4 address"),
    (
        "endpoint",
        r"^[^:\[\]]*[^0-9.:\[\]][^:]*:|^\[[^\]]*[^0-9a-fA-F:.\]]",
        "a name that only the resolver understands",
    ),
    (
        "endpoint",
        r"^0[0-9x]|\.0[0-9x]|^([0-9a-fx]+\.){0,2}[0-9a-fx]*:",
        "inet_aton forms (010.1, 0x0a.1, 10.1): octal surprises",
    ),
    ("endpoint", r":(0*|[^0-9:\]][^:\]]*|0\d+|\d{6,}|[6-9]\d{4})$", "port 0, a service name, or leading zeros"),
    ("key", r"^.{43}=$", "not canonical, or all zero: it is never what another program shows for that key (WG101)"),
    ("keepalive", r"^off$", "in an inventory 0 is how a keepalive is switched off"),
    ("keepalive", r"^0\d", "leading zeros"),
    ("fwmark", r"^0\d", "leading zeros: wg reads them as octal"),
    ("fwmark", r"^0[xX]0{1,}[0-9a-fA-F]{8,}$|^0[xX]$", "more digits than a mark has, or none"),
    ("fwmark", r"^\d{11,}$", "more digits than a mark has; wg counts beyond 2^32 where long has 64 bits"),
    ("port", r"^[^0-9]", "a service name, or an empty text, depends on the machine's /etc/services"),
    ("port", r"^0\d", "leading zeros"),
    ("port", r"^[6-9]\d{4,}$|^\d{6,}$", "beyond 65535: wg takes what is left of it modulo 65536"),
)


def stricter(field: str, text: str) -> str:
    """Why we refuse what wg takes; empty where nothing says so."""
    found = (why for where, pattern, why in STRICTER if where in ("any", field) and re.search(pattern, text))
    return next(found, "")


class Texts:
    """Good values and what is almost one."""

    def __init__(self, seed: str) -> None:
        self.chance = random.Random(seed)

    def draw(self, field: Field) -> str:
        text = self.chance.choice(field.seeds)
        for _change in range(self.chance.choice((0, 1, 1, 1, 2, 3))):
            place = self.chance.randint(0, len(text))
            end = place if self.chance.random() < 0.5 else min(len(text), place + self.chance.randint(1, 3))
            text = text[:place] + self.chance.choice(ODDITIES) + text[end:]
        # A comma separates two values in wg's eyes, and an argument of a command cannot hold a NUL.
        return text.replace(",", "").replace("\0", "")


class Comparison:
    def __init__(self) -> None:
        self.seen: collections.Counter = collections.Counter()
        self.stricter: collections.Counter = collections.Counter()
        self.differences: list[str] = []

    def run(self, texts: int, seed: str) -> None:
        engine, drawn = Engine(), Texts(seed)
        if engine.read_by_wg(["fwmark", "51820"], "fwmark") != "51820":
            raise SystemExit("wg does not answer as it should")
        for number in range(texts):
            name = list(FIELDS)[number % len(FIELDS)]
            field = FIELDS[name]
            turn = number // len(FIELDS)
            self.compare(engine, name, field.seeds[turn] if turn < len(field.seeds) else drawn.draw(field))
        engine.close()

    def compare(self, engine: Engine, name: str, text: str) -> None:
        field = FIELDS[name]
        theirs = engine.read_by_wg([text if word == "%" else word for word in field.arguments], field.line)
        try:
            ours: str | None = field.ours(text)
        except InvalidInput as error:
            ours = None
            message = str(error)
            if not error.reason or not message.isprintable() or len(message) > 400:
                self.differences.append(f"{name} {text!r}: an error that says little: {message!r}")
        if name == "endpoint" and ours is not None and theirs is None and not re.search(r"^[\d.]+:|^\[", ours):
            self.seen[name, "a name, which nobody resolves here"] += 1
            return
        self.seen[name, f"wg {'takes' if theirs else 'refuses'}, we {'take' if ours else 'refuse'}"] += 1
        if ours is not None and ours != theirs:
            self.differences.append(f"{name} {text!r}: we take it for {ours}, wg {theirs or 'refuses it'}")
        if ours is None and theirs:
            why = stricter(name, text)
            self.stricter[name, why] += 1
            if not why:
                self.differences.append(f"{name} {text!r}: wg takes it for {theirs}, we refuse it")

    def report(self) -> str:
        lines = [f"{sum(self.seen.values()):,} texts, {len(self.differences)} differences"]
        lines += [f"{name:<10}{what:<40}{count:>7,}" for (name, what), count in sorted(self.seen.items())]
        lines += [f"stricter, {name}: {count:,}: {why}" for (name, why), count in sorted(self.stricter.items())]
        return "\n".join(lines + self.differences[:40])


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Compare our parsers with wg's.")
    parser.add_argument("--texts", type=int, default=600)
    parser.add_argument("--seed", default="wg")
    options = parser.parse_args(arguments)
    own_run_folder()
    begun = time.monotonic()
    comparison = Comparison()
    comparison.run(options.texts, options.seed)
    print(comparison.report())
    print(f"{time.monotonic() - begun:.1f} s")
    return 1 if comparison.differences else 0


if __name__ == "__main__":
    sys.exit(main())
