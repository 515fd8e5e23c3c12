# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The public key of a private key, by whatever the host has; the private key never stands on a command line."""

from __future__ import annotations

import shutil
import subprocess

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _deps
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    HostError,
    InvalidInput,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
    PrivateKey,
    PublicKey,
)

SECONDS = 10


def of(private_key: PrivateKey) -> PublicKey:
    """By the library cryptography, else by ``wg pubkey`` over standard input."""
    try:
        return _by_cryptography(private_key)
    except _deps.MissingLibrary as missing:
        program = shutil.which("wg")
        if program is None:
            raise HostError(
                "public keys cannot be derived on this host: there is neither the library cryptography nor wg",
                remedy="install the package python3-cryptography or wireguard-tools",
            ) from missing
    return _by_wg(program, private_key)


def _by_cryptography(private_key: PrivateKey) -> PublicKey:
    x25519 = _deps.require("cryptography.hazmat.primitives.asymmetric.x25519")
    public = x25519.X25519PrivateKey.from_private_bytes(private_key.raw).public_key()
    if hasattr(public, "public_bytes_raw"):
        return PublicKey(public.public_bytes_raw())
    # cryptography before 40
    serialization = _deps.require("cryptography.hazmat.primitives.serialization")
    return PublicKey(public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw))


def _by_wg(program: str, private_key: PrivateKey) -> PublicKey:
    try:
        answer = subprocess.run(  # pylint: disable=ansible-bad-function
            [program, "pubkey"], input=private_key.reveal() + "\n", capture_output=True, text=True, timeout=SECONDS,
            check=False,
        )  # fmt: skip
        return PublicKey.parse(answer.stdout.strip())
    except (OSError, subprocess.TimeoutExpired, InvalidInput):
        raise HostError("`wg pubkey` gave no public key", remedy="install the package python3-cryptography") from None
