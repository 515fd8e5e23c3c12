# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WireGuard keys: 32 bytes that never show themselves.

Public keys are ordinary values. PrivateKey and PresharedKey print as a redacted text in str(), repr() and format(),
so that no traceback, log line or JSON dump can leak one; only ``reveal()`` and ``raw`` give the secret away.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import os
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    InvalidInput,
)

LENGTH = 32


_ZERO = bytes(LENGTH)
_REMEDY = "a key is 44 characters of base64, as `wg genkey` and `wg pubkey` print it"


def _decode(text: t.Any, kind: str) -> bytes:
    """From canonical base64 (44 characters), as ``wg`` reads it. The text never appears in the error."""
    if not isinstance(text, str):
        raise InvalidInput(f"this is not a {kind}", remedy=_REMEDY)
    try:
        # The way of nearly every text: what decodes and encodes to itself again is valid and canonical.
        raw = binascii.a2b_base64(text)
        if len(raw) == LENGTH and binascii.b2a_base64(raw, newline=False).decode("ascii") == text:
            return raw
    except ValueError:
        pass
    import base64

    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError, UnicodeError):
        raise InvalidInput(f"this is not a {kind}: not valid base64", remedy=_REMEDY) from None
    _check_length(raw, kind)
    raise InvalidInput(f"this is not a {kind}: its base64 is not canonical", remedy=_REMEDY)


def _check_length(raw: bytes, kind: str) -> None:
    if len(raw) != LENGTH:
        raise InvalidInput(f"this is not a {kind}: {len(raw)} bytes instead of {LENGTH}", remedy=_REMEDY)


class PublicKey(bytes):
    """A Curve25519 public key; its text is base64.

    Not a secret: there is nothing to learn from how long a comparison takes. It is the 32 bytes themselves, which
    hash, compare and sort without a line of Python: with ten thousand peers that happens a million times.
    """

    __slots__ = ()
    kind: t.ClassVar[str] = "public key"

    def __new__(cls, raw: bytes) -> PublicKey:
        if len(raw) != LENGTH:
            _check_length(raw, cls.kind)
        return bytes.__new__(cls, raw)

    @classmethod
    def parse(cls, text: t.Any) -> PublicKey:
        """As _decode() does. Raises InvalidInput."""
        raw = _decode(text, cls.kind)
        if raw == _ZERO:
            raise InvalidInput("this is not a public key: it is all zero")
        return bytes.__new__(cls, raw)

    @property
    def raw(self) -> bytes:
        """The same as of the secrets."""
        return self

    def __str__(self) -> str:
        return binascii.b2a_base64(self, newline=False).decode("ascii")

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __repr__(self) -> str:
        return f"PublicKey({self})"

    @property
    def short(self) -> str:
        """The first eight characters, for places where the whole key only tires the eye."""
        return str(self)[:8]


class _Secret:
    """32 bytes that compare within one kind, in constant time, and print as nothing but their kind."""

    __slots__ = ("raw",)
    kind: t.ClassVar[str] = "secret"

    def __init__(self, raw: bytes) -> None:
        _check_length(raw, self.kind)
        self.raw = bytes(raw)

    @classmethod
    def parse(cls, text: t.Any) -> t.Any:
        """As _decode() does. Raises InvalidInput."""
        return cls(_decode(text, cls.kind))

    @property
    def is_zero(self) -> bool:
        return self.raw == _ZERO

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, _Secret) and type(self) is type(other) and hmac.compare_digest(self.raw, other.raw)

    def __hash__(self) -> int:
        return hash((self.kind, self.raw))

    def __str__(self) -> str:
        return f"({self.kind})"

    def __repr__(self) -> str:
        return f"{type(self).__name__}(redacted)"

    def __format__(self, spec: str) -> str:
        return str(self)

    def __reduce__(self) -> t.Any:
        raise TypeError(f"a {self.kind} is not pickled")

    def reveal(self) -> str:
        """The secret as base64. Only for the key file, the driver and the module's no_log arguments."""
        return binascii.b2a_base64(self.raw, newline=False).decode("ascii")


class PrivateKey(_Secret):
    """A Curve25519 private key, always clamped (RFC 7748, 5), as every WireGuard implementation stores it."""

    __slots__ = ()
    kind = "private key"

    def __init__(self, raw: bytes) -> None:
        super().__init__(raw)
        if self.raw == _ZERO:
            raise InvalidInput("this is not a private key: it is all zero")
        clamped = bytearray(raw)
        clamped[0] &= 248
        clamped[31] = (clamped[31] & 127) | 64
        self.raw = bytes(clamped)

    @classmethod
    def generate(cls) -> PrivateKey:
        return cls(os.urandom(LENGTH))


class PresharedKey(_Secret):
    """A preshared key; all zero means "no preshared key", as in the kernel's interface."""

    __slots__ = ()
    kind = "preshared key"

    @classmethod
    def generate(cls) -> PresharedKey:
        return cls(os.urandom(LENGTH))

    @classmethod
    def none(cls) -> PresharedKey:
        return cls(_ZERO)

    @property
    def fingerprint(self) -> str:
        """Eight hex digits that identify the key in a diff without giving it away; ``none`` for the zero key."""
        return "none" if self.is_zero else hashlib.sha256(b"cryptokey.wireguard psk" + self.raw).hexdigest()[:8]


def derive_preshared_key(
    fleet_secret: str, *, network: str, epoch: int, one: PublicKey, other: PublicKey
) -> PresharedKey:
    """The preshared key of a pair: HKDF-SHA256 (RFC 5869), the same from both ends.

    salt = network and epoch; input = the fleet secret; info = the two raw public keys in byte order.
    """
    salt = f"{network}\0{epoch}".encode()
    pseudo_random_key = hmac.new(salt, fleet_secret.encode(), hashlib.sha256).digest()
    info = b"".join(sorted((one.raw, other.raw)))
    return PresharedKey(hmac.new(pseudo_random_key, info + b"\x01", hashlib.sha256).digest())
