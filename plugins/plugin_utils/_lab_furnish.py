# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives the network namespaces of a lab what its specification says: sysctls, devices, routes, rules, NAT."""

from __future__ import annotations

import os
import subprocess
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._syscall import CLONE_NEWNET, setns

Document = t.Mapping[str, t.Any]


class LabFailed(Exception):
    """The lab could not be brought up; the text says which part and why."""


def furnish(network: str, stack: Document) -> None:
    """Give one network namespace its sysctls, devices, routes and rules; in a child, because it moves there."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        in_child(lambda: _furnish_here(network, stack, writer))
    os.close(writer)
    with os.fdopen(reader) as pipe:
        trouble = pipe.read()
    os.waitpid(child, 0)
    if trouble:
        raise LabFailed(trouble)


def _furnish_here(network: str, stack: Document, writer: int) -> None:
    try:
        with open(network, "rb") as namespace:
            setns(namespace.fileno(), CLONE_NEWNET)
        for path, value in stack["sysctls"].items():
            with open(f"/proc/sys/{path}", "w", encoding="ascii") as file:
                file.write(value)
        run_ip("", stack["commands"])
        run_ip("-6", stack["rules6"])
        if stack["nftables"]:
            _run(["nft", "-f", "-"], stack["nftables"])
    except Exception as error:  # goes to the parent as text
        os.write(writer, reason(error).encode())


def run_ip(option: str, lines: list[str]) -> None:
    if lines:
        _run(["ip", *([option] if option else []), "-batch", "-"], "\n".join(lines) + "\n")


def _run(words: list[str], text: str) -> None:
    try:
        result = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        package = {"ip": "iproute2", "nft": "nftables"}[words[0]]
        raise LabFailed(f"{words[0]} is not installed; install {package}") from None
    if result.returncode != 0:
        raise LabFailed(f"{' '.join(words)}: {_blamed(result.stderr, text)}")


def _blamed(stderr: str, text: str) -> str:
    """ip names only the number of the line that failed; show the line."""
    message = " ".join(stderr.split())
    number = message.rpartition("Command failed -:")[2]
    lines = text.splitlines()
    return f"{message} ({lines[int(number) - 1]})" if number.isdigit() and int(number) <= len(lines) else message


def in_child(function: t.Callable[[], None]) -> t.NoReturn:
    """The rest of a forked process: it must never return into its parent's code, nor flush its parent's buffers."""
    status = 1
    try:
        os.chdir("/")
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        function()
        status = 0
    finally:
        os._exit(status)


def reason(error: Exception) -> str:
    """What to tell of an error; only ours speak for themselves."""
    return str(error) if isinstance(error, LabFailed) else f"{type(error).__name__}: {error}"
