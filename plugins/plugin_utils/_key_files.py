# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of public keys beside an inventory: ``<folder>/<network>/<host>.pub``, one key per file."""

from __future__ import annotations

import os

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import HostError, InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PublicKey

SUFFIX = ".pub"
# A public key is 44 bytes; whatever is far longer is another kind of file.
_LONGEST = 4096


def read_key_files(folder: str) -> dict[str, dict[str, str]]:
    """``{host: {network: key}}``. A folder that is not there yet holds no keys; every bad file is named."""
    found: dict[str, dict[str, str]] = {}
    bad: list[str] = []
    for network in _names(folder):
        path = os.path.join(folder, network)
        if not os.path.isdir(path):
            continue
        for name in _names(path):
            if not name.endswith(SUFFIX) or name == SUFFIX:
                continue
            try:
                found.setdefault(name.removesuffix(SUFFIX), {})[network] = _read_key(os.path.join(path, name))
            except InvalidInput as error:
                bad.append(str(error.at(os.path.join(path, name))))
    if bad:
        raise InvalidInput("; ".join(bad))
    return {host: found[host] for host in sorted(found)}


def _names(folder: str) -> list[str]:
    """Without hidden files: editors and version control leave them."""
    try:
        return sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise HostError(f"cannot read the public keys in {folder}: {error.strerror}") from None


def _read_key(path: str) -> str:
    remedy = "run the keys playbook, or put back the file from version control"
    try:
        with open(path, encoding="ascii") as file:
            text = file.read(_LONGEST)
    except UnicodeDecodeError:
        raise InvalidInput("is not a text file with a public key", remedy=remedy) from None
    except OSError as error:
        raise InvalidInput(
            f"cannot be read: {error.strerror}", remedy="a public key is no secret: make it readable"
        ) from None
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) != 1:
        raise InvalidInput(f"holds {len(lines)} lines instead of one public key", remedy=remedy)
    return str(PublicKey.parse(lines[0]))
