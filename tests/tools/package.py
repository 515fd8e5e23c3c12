# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the collection, installs the tarball into an empty folder and reads every plugin's documentation from there.

What is missing in ``build_ignore``, in meta/runtime.yml or in a DOCUMENTATION block shows only here.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
NAME = "cryptokey.wireguard"
KINDS = ("module", "filter", "lookup", "connection", "role")
# Everything at the root of the tarball; what else appears has to be named here or in build_ignore.
ROOT = {
    *("CHANGELOG.md", "CONTRIBUTING.md", "COPYING", "FILES.json", "MANIFEST.json", "Makefile", "README.md"),
    *("changelogs", "docs", "examples", "extensions", "meta", "playbooks", "plugins", "pyproject.toml", "roles"),
    *("scripts", "tests"),
}


def main() -> int:
    problems: list[str] = []
    with tempfile.TemporaryDirectory(prefix="package-") as folder:
        base = pathlib.Path(folder)
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(base / "installed"),
            "ANSIBLE_HOME": str(base / "home"),
        }
        galaxy = [program("ansible-galaxy"), "collection"]
        call([*galaxy, "build", str(TOP), "--output-path", folder], environment)
        tarball = next(base.glob("cryptokey-wireguard-*.tar.gz"))
        with tarfile.open(tarball) as archive:
            roots = {name.split("/")[0] for name in archive.getnames()}
        problems += [f"the tarball holds {name}, which does not belong there" for name in sorted(roots - ROOT)]
        problems += [f"the tarball lacks {name}" for name in sorted(ROOT - roots)]
        print(f"built {tarball.name}, {tarball.stat().st_size // 1024} KiB")
        call([*galaxy, "install", str(tarball), "--offline", "-p", str(base / "installed")], environment)
        problems += [problem for kind in KINDS for problem in undocumented(kind, environment)]
        problems += missing_playbooks(base / "installed", environment)
        problems += wrong_program(base / "installed", environment)
    for problem in problems:
        print(f"ERROR: {problem}")
    return int(bool(problems))


def undocumented(kind: str, environment: dict[str, str]) -> list[str]:
    """What ansible-doc cannot show of the installed plugins of one kind."""
    names = sorted(json.loads(call([program("ansible-doc"), "-t", kind, "-l", "-j", NAME], environment)))
    expected = sources(kind)
    problems = [f"{kind} {name} is not listed by ansible-doc" for name in sorted(expected - set(names))]
    shown = json.loads(call([program("ansible-doc"), "-t", kind, "-j", *names], environment)) if names else {}
    print(f"{kind}: {', '.join(name.rpartition('.')[2] for name in names)}")
    for name in names:
        entry = shown.get(name) or {}
        if kind == "role":
            problems += [] if entry.get("entry_points", {}).get("main") else [f"role {name} has no argument_specs"]
            continue
        document = entry.get("doc") or {}
        problems += [
            f"{kind} {name} has no {key}" for key in ("short_description", "description") if not document.get(key)
        ]
        if kind in ("module", "filter", "lookup"):
            problems += [f"{kind} {name} has no {key}" for key in ("examples", "return") if not entry.get(key)]
    return problems


def sources(kind: str) -> set[str]:
    """The plugins of one kind that stand in the checkout."""
    if kind == "role":
        return {f"{NAME}.{path.parent.name}" for path in TOP.glob("roles/*/meta")}
    folder = TOP / "plugins" / ("modules" if kind == "module" else kind)
    stems = {path.stem for path in folder.glob("[!_]*") if path.suffix in (".py", ".yml")}
    return {f"{NAME}.{stem}" for stem in stems}


def missing_playbooks(installed: pathlib.Path, environment: dict[str, str]) -> list[str]:
    """The playbooks that ``ansible-playbook cryptokey.wireguard.NAME`` does not find or cannot parse."""
    problems = []
    names = sorted(path.stem for path in (TOP / "playbooks").glob("*.yml"))
    for name in names:
        command = [program("ansible-playbook"), "--syntax-check", "-i", "localhost,", f"{NAME}.{name}"]
        done = subprocess.run(
            command,
            check=False,
            cwd=installed,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            problems.append(f"playbook {NAME}.{name}: {(done.stderr or done.stdout).strip()}")
    print(f"playbooks: {', '.join(names)}")
    return problems


def wrong_program(installed: pathlib.Path, environment: dict[str, str]) -> list[str]:
    """What a user calls by its path: it has to be executable after the installation, and to find the playbook."""
    path = installed / "ansible_collections" / "cryptokey" / "wireguard" / "scripts" / "wireguard-plan"
    search = f"{pathlib.Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        [str(path), "--syntax-check", "-i", "localhost,"],
        check=False,
        env={**environment, "PATH": search},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    print(f"program: {path.name}")
    return [f"{path.name}: {(done.stderr or done.stdout).strip()}"] if done.returncode else []


def program(name: str) -> str:
    return str(pathlib.Path(sys.executable).parent / name)


def call(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(
        command, cwd="/", env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(done.stdout + done.stderr)
        sys.exit(f"{' '.join(command)} failed")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
