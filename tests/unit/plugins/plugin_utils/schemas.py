# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The published JSON schemas, for tests."""

from __future__ import annotations

import json
import pathlib
import typing as t

import jsonschema
import referencing

_FOLDER = pathlib.Path(__file__).resolve().parents[4] / "docs" / "schema"
SCHEMAS = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(_FOLDER.glob("*.schema.json"))}
_REGISTRY: t.Any = referencing.Registry().with_resources(
    (name, referencing.Resource.from_contents(schema)) for name, schema in SCHEMAS.items()
)


def problems(name: str, document: t.Any) -> list[str]:
    """What a schema says about a document: the path and the reason of each mistake."""
    validator = jsonschema.Draft202012Validator(SCHEMAS[f"{name}.schema.json"], registry=_REGISTRY)
    # As it is read from a file: only what JSON can carry.
    found = validator.iter_errors(json.loads(json.dumps(document)))
    return sorted(f"{'.'.join(map(str, error.absolute_path))}: {error.message[:300]}" for error in found)
