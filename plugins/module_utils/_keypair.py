# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Key files of a host: made, kept, replaced or removed. Deciding (plan) is apart from writing (apply)."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _lock, _secret_file
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    HostError,
    InvalidInput,
    placed,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
    PresharedKey,
    PrivateKey,
    PublicKey,
)

MADE_ON_APPLY = "(made on apply)"
PUBLIC_MODE = 0o644

Key = t.Union[PrivateKey, PresharedKey]
Derive = t.Callable[[PrivateKey], PublicKey]


@dataclasses.dataclass(frozen=True)
class Request:
    """What is declared. kind: private or preshared; given: the key itself, None: any.

    regenerate: never, partial (what is no key) or always.
    """

    path: str
    present: bool = True
    kind: str = "private"
    given: Key | None = None
    regenerate: str = "never"
    public_key_path: str | None = None


@dataclasses.dataclass(frozen=True)
class Files:
    """What is there. key: None where there is no file, or none that holds a key of that kind."""

    key: Key | None
    exists: bool
    mode: int | None
    public_text: str | None


@dataclasses.dataclass(frozen=True)
class Plan:
    """The texts to write (None: leave alone), the files to remove, and one line about each."""

    key: Key | None
    secret_text: str | None = None
    public_text: str | None = None
    remove: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()


def parse_request(arguments: t.Mapping[str, t.Any]) -> Request:
    """From the module's arguments. Raises InvalidInput, never with a key in it."""
    kind, public_key_path = arguments["type"], arguments.get("public_key_path")
    for option, path in (("path", arguments["path"]), ("public_key_path", public_key_path)):
        if path is not None and (not path.startswith("/") or path.endswith("/")):
            remedy = "write one such as /etc/wireguard/wg0.key"
            raise InvalidInput("is not the absolute path of a file", path=option, value=path, remedy=remedy)
    if public_key_path is not None and kind == "preshared":
        raise InvalidInput("a preshared key has no public key", path="public_key_path", remedy="leave it out")
    if public_key_path == arguments["path"]:
        remedy = "name another file for it"
        raise InvalidInput(
            "is the path of the private key", path="public_key_path", value=public_key_path, remedy=remedy
        )
    return Request(
        path=arguments["path"],
        present=arguments["state"] == "present",
        kind=kind,
        given=_given(arguments, kind),
        regenerate=arguments["regenerate"],
        public_key_path=public_key_path,
    )


def observe(request: Request) -> Files:
    text = _secret_file.read(request.path)
    public = _secret_file.read(request.public_key_path) if request.public_key_path else None
    key: Key | None = None
    if text is not None:
        try:
            key = _class(request.kind).parse(text)
        except InvalidInput:
            key = None
    return Files(key=key, exists=text is not None, mode=_secret_file.mode_of(request.path), public_text=public)


def plan(request: Request, files: Files, *, derive: Derive) -> Plan:
    """What to write and remove. derive: gives the public key. Makes a new key where one is needed."""
    if not request.present:
        paths = ((request.path, files.exists), (request.public_key_path, files.public_text is not None))
        remove = tuple(path for path, there in paths if there and path)
        return Plan(key=None, remove=remove, actions=tuple(f"remove {path}" for path in remove))
    key, actions = _decide(request, files)
    secret_text = key.reveal() if actions else None
    public_text = None
    if request.public_key_path and isinstance(key, PrivateKey):
        wanted = str(derive(key))
        if wanted != files.public_text:
            public_text = wanted
            actions.append(f"write the public key to {request.public_key_path}")
    return Plan(key=key, secret_text=secret_text, public_text=public_text, actions=tuple(actions))


def apply(request: Request, decided: Plan) -> None:
    if decided.secret_text is not None:
        _secret_file.write(request.path, decided.secret_text)
    if decided.public_text is not None and request.public_key_path:
        _secret_file.write(request.public_key_path, decided.public_text, PUBLIC_MODE)
    for path in decided.remove:
        _secret_file.remove(path)


def converge(request: Request, *, derive: Derive, check: bool) -> dict[str, t.Any]:
    """The module's result, after the change unless check. A key that only a real run would make has no identity."""
    with contextlib.nullcontext() if check else _alone(request):
        files = observe(request)
        decided = plan(request, files, derive=derive)
        if not check:
            apply(request, decided)
    is_made = decided.key is not None and decided.key not in (files.key, request.given)
    shown = None if check and is_made else identity(decided.key, derive=derive)
    return {
        "changed": bool(decided.actions),
        "actions": list(decided.actions),
        "public_key": shown if request.kind == "private" else None,
        "fingerprint": shown if request.kind == "preshared" else None,
        "diff": {
            "before": _text(request, identity(files.key, derive=derive), exists=files.exists, mode=files.mode),
            "after": _text(request, shown or MADE_ON_APPLY, exists=request.present, mode=_secret_file.MODE),
        },
    }


def _alone(request: Request) -> t.ContextManager[None]:
    """Two runs at once that make the same key would report different ones. What is gone needs no lock."""
    folder = os.path.dirname(request.path)
    if request.present:
        _secret_file.make_directory(folder)
    elif not os.path.isdir(folder):
        return contextlib.nullcontext()
    return _lock.locked(folder)


def identity(key: Key | None, *, derive: Derive) -> str | None:
    """What may be shown of a key: its public key, or its fingerprint."""
    if key is None:
        return None
    return key.fingerprint if isinstance(key, PresharedKey) else str(derive(key))


def _text(request: Request, shown: str | None, *, exists: bool, mode: int | None) -> str:
    """One side of the diff."""
    if not exists:
        return ""
    name = "public key" if request.kind == "private" else "fingerprint"
    return f"{request.path}\n{name}: {shown or '(no such key)'}\nmode: {mode or 0:04o}\n"


def _decide(request: Request, files: Files) -> tuple[Key, list[str]]:
    """The key that is to be in the file, and why the file has to be written."""
    if request.given is not None:
        if files.key == request.given:
            return request.given, _mode_actions(request, files)
        verb = "replace" if files.exists else "write"
        return request.given, [f"{verb} the {request.kind} key in {request.path}"]
    if request.regenerate == "always":
        verb = "replace" if files.exists else "make"
        return _class(request.kind).generate(), [f"{verb} the {request.kind} key in {request.path}"]
    if files.key is not None:
        return files.key, _mode_actions(request, files)
    if files.exists and request.regenerate == "partial":
        return _class(request.kind).generate(), [f"replace what is no {request.kind} key in {request.path}"]
    if files.exists:
        remedy = "move it away, or write `regenerate: partial` to replace it"
        raise HostError(f"{request.path} holds no {request.kind} key", remedy=remedy)
    return _class(request.kind).generate(), [f"make the {request.kind} key in {request.path}"]


def _mode_actions(request: Request, files: Files) -> list[str]:
    if files.mode == _secret_file.MODE:
        return []
    return [f"restrict {request.path} to its owner (it was {files.mode:04o})"]


def _given(arguments: t.Mapping[str, t.Any], kind: str) -> Key | None:
    options = {"private": "private_key", "preshared": "preshared_key"}
    for other, option in options.items():
        if other != kind and arguments.get(option) is not None:
            raise InvalidInput(f"does not go with `type: {kind}`", path=option, remedy=f"write `type: {other}`")
    text = arguments.get(options[kind])
    if text is None:
        return None
    with placed(options[kind]):
        return t.cast("Key", _class(kind).parse(text))


def _class(kind: str) -> t.Any:
    return PrivateKey if kind == "private" else PresharedKey
