# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wg-quick file as text, in the order in which wg-quick(8) and wg(8) tell of the words. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._wg_quick import (
    QuickFile,
    QuickPeer,
    name_in,
)

Lines = t.Iterator[str]


def render(file: QuickFile) -> str:
    """The whole file, with a newline at its end. It holds the private key: for a file of mode 0600, never a log."""
    sections = [_interface(file, stripped=False), *(_peer(peer, stripped=False) for peer in file.peers)]
    return "\n".join(_section(lines) for lines in sections)


def render_stripped(file: QuickFile) -> str:
    """What wg setconf and wg syncconf take: without the words of wg-quick and without comments."""
    sections = [_interface(file, stripped=True), *(_peer(peer, stripped=True) for peer in file.peers)]
    return "\n".join(_section(lines) for lines in sections)


def _section(lines: Lines) -> str:
    return "".join(f"{line}\n" for line in lines)


def _interface(file: QuickFile, *, stripped: bool) -> Lines:
    if not stripped:
        yield from file.comments
    yield "[Interface]"
    if file.private_key is not None:
        yield f"PrivateKey = {file.private_key.reveal()}"
    if file.listen_port is not None:
        yield f"ListenPort = {file.listen_port}"
    if file.fwmark is not None:
        yield f"FwMark = {file.fwmark:#x}" if file.fwmark else "FwMark = off"
    if not stripped:
        yield from _of_wg_quick(file)


def _of_wg_quick(file: QuickFile) -> Lines:
    yield from (f"Address = {address}" for address in file.addresses)
    if file.dns:
        yield f"DNS = {', '.join(file.dns)}"
    if file.mtu is not None:
        yield f"MTU = {file.mtu}"
    if file.table is not None:
        yield f"Table = {file.table or 'off'}"
    for word, commands in file.hooks.items():
        yield from (f"{word} = {command}" for command in commands)
    if file.save_config:
        yield "SaveConfig = true"


def _peer(peer: QuickPeer, *, stripped: bool) -> Lines:
    if not stripped:
        if peer.name and name_in(peer.comments) != peer.name:
            yield f"# Name = {peer.name}"
        yield from peer.comments
    yield "[Peer]"
    yield f"PublicKey = {peer.public_key}"
    if peer.preshared_key is not None and not peer.preshared_key.is_zero:
        yield f"PresharedKey = {peer.preshared_key.reveal()}"
    if peer.allowed_ips:
        yield f"AllowedIPs = {', '.join(map(str, peer.allowed_ips))}"
    if peer.endpoint is not None:
        yield f"Endpoint = {peer.endpoint}"
    if peer.persistent_keepalive is not None:
        yield f"PersistentKeepalive = {peer.persistent_keepalive or 'off'}"
