# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""collection.py TREE NAME ...: puts collections of others into TREE/ansible_collections, unless they are there already.

They come out of the wheel of the package ``ansible``, so that a Python package index is all it takes.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zipfile

LIST = pathlib.Path(__file__).resolve().parents[1] / "requirements" / "collections.txt"


def main(tree: pathlib.Path, names: list[str]) -> None:
    missing = [name for name in names if not folder_of(tree, name).is_dir()]
    if not missing:
        return
    tree.mkdir(parents=True, exist_ok=True)
    print(f"pip     {', '.join(missing)} of {LIST.name} into {tree}", flush=True)
    with tempfile.TemporaryDirectory(dir=tree) as work:
        base = pathlib.Path(work)
        pip = [sys.executable, "-m", "pip", "download", "-qq", "--disable-pip-version-check", "--no-input", "--no-deps"]
        subprocess.run([*pip, "--dest", work, "-r", str(LIST)], check=True, stdin=subprocess.DEVNULL)
        with zipfile.ZipFile(next(base.glob("*.whl"))) as wheel:
            for name in missing:
                unpack(wheel, name, base)
                place(folder_of(base, name), folder_of(tree, name))


def folder_of(tree: pathlib.Path, name: str) -> pathlib.Path:
    return tree.joinpath("ansible_collections", *name.split("."))


def unpack(wheel: zipfile.ZipFile, name: str, base: pathlib.Path) -> None:
    prefix = f"ansible_collections/{name.replace('.', '/')}/"
    members = [member for member in wheel.namelist() if member.startswith(prefix)]
    if not members:
        sys.exit(f"{wheel.filename} holds no collection {name}")
    wheel.extractall(base, members)


def place(found: pathlib.Path, wanted: pathlib.Path) -> None:
    """Whole or not at all, also when two do it at the same time."""
    wanted.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.rename(found, wanted)
    except OSError:
        if not wanted.is_dir():
            raise
        shutil.rmtree(found)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2:])
