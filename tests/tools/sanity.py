# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sanity VERSION PYTHON [ARGUMENT ...]: ``ansible-test sanity`` of this tree with ansible-core VERSION on PYTHON.

ansible-test insists on a folder .../ansible_collections/cryptokey/wireguard that is no symlink, hence a copy. All it
installs and caches goes into .venv/core-VERSION, not into the home folder: that folder is its HOME. Code for managed
hosts is compiled and imported on Python 3.9 as well, where one is found.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import typing as t

TOP = pathlib.Path(__file__).resolve().parents[2]
OLDEST_MANAGED = "3.9"

# Stands in for the bootstrap script that ansible-test would fetch from a host that is not reachable everywhere: the
# wheel of pip beside it does the same work, from wherever pip is configured to install.
BOOTSTRAP = """\
import pathlib
import sys

here = pathlib.Path(__file__).parent
wheel = next(here.glob("pip-{version}-*.whl"))
sys.path.insert(0, str(wheel))
sys.argv = [sys.argv[0], "install", "--no-index", "--find-links", str(here), "pip=={version}"]
from pip._internal.cli.main import main

sys.exit(main())
"""


def main() -> int:
    version, python, *arguments = sys.argv[1:]
    base = TOP / ".venv" / f"core-{version}"
    run([TOP / "tests" / "tools" / "venv", base, f"core-{version}", python])
    home = base / "home"
    home.mkdir(exist_ok=True)
    configure_pip(home)
    place_pip(home, version)
    found = {minor(python): python}
    oldest = find_python(OLDEST_MANAGED)
    if oldest:
        found[OLDEST_MANAGED] = oldest
    else:
        print(f"no Python {OLDEST_MANAGED} found: code for managed hosts is imported on {minor(python)} only")
    environment = {**os.environ, "HOME": str(home), "PATH": path_with(base / "pythons", found), "LC_ALL": "C.UTF-8"}
    command: list[str | pathlib.Path] = [
        base / "bin" / "python",
        base / "bin" / "ansible-test",
        "sanity",
        "--color",
        "no",
    ]
    # Outside the checkout: within it ansible-test would ask git, to which all of .venv is ignored.
    with tempfile.TemporaryDirectory(prefix="sanity-") as folder:
        tree = copy_tree(pathlib.Path(folder) / "ansible_collections" / "cryptokey" / "wireguard")
        failed = run([*command, "--python", minor(python), *arguments], cwd=tree, env=environment, check=False)
        if oldest and not arguments:
            tests = ["--test", "compile", "--test", "import"]
            failed |= run([*command, "--python", OLDEST_MANAGED, *tests], cwd=tree, env=environment, check=False)
    return failed


def run(command: list[str | pathlib.Path], *, check: bool = True, **options: t.Any) -> int:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, check=False, **options)
    if check and done.returncode:
        sys.exit(done.returncode)
    return int(done.returncode != 0)


def minor(python: str) -> str:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def find_python(version: str) -> str:
    find = str(TOP / "tests" / "tools" / "find-python")
    command = [find, "--wide", "--order", f"python{version} python3", version, version]
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout.strip()


def path_with(folder: pathlib.Path, pythons: dict[str, str]) -> str:
    """PATH with exactly these Pythons first and without pyenv's shims, which exist for versions that do not run."""
    folder.mkdir(exist_ok=True)
    for version, python in pythons.items():
        link = folder / f"python{version}"
        link.unlink(missing_ok=True)
        link.symlink_to(python)
    others = [part for part in os.environ.get("PATH", os.defpath).split(os.pathsep) if "pyenv/shims" not in part]
    return os.pathsep.join([str(folder), *others])


def configure_pip(home: pathlib.Path) -> None:
    """ansible-test hands no PIP_* variable on and HOME is another one, so write down what pip is configured to do."""
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True
    )
    wanted = ("index-url", "extra-index-url", "find-links", "cert", "proxy", "trusted-host", "timeout")
    found = {}
    for line in listing.stdout.splitlines():
        name, _equals, value = line.partition("=")
        option = name.rpartition(".")[2].replace("default-timeout", "timeout")
        if option in wanted:
            found[option] = value.strip("'").replace("\\n", " ")
    proxy = os.environ.get("https_proxy") or os.environ.get("HTTPS_PROXY")
    if proxy:
        found.setdefault("proxy", proxy)
    folder = home / ".config" / "pip"
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"{option} = {value}\n" for option, value in sorted(found.items())]
    (folder / "pip.conf").write_text("[global]\n" + "".join(lines), encoding="utf-8")


def place_pip(home: pathlib.Path, version: str) -> None:
    pip = {"2.19": "24.2", "2.21": "25.2"}[version]
    cache = home / ".ansible" / "test" / "cache"
    script = cache / f"get_pip_{pip.replace('.', '_')}.py"
    if script.exists():
        return
    cache.mkdir(parents=True, exist_ok=True)
    run([sys.executable, "-m", "pip", "download", "-qq", "--no-deps", "--dest", cache, f"pip=={pip}"])
    script.write_text(BOOTSTRAP.format(version=pip), encoding="utf-8")


def copy_tree(target: pathlib.Path) -> pathlib.Path:
    """What git knows or would add; without git, everything but what .gitignore names."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=TOP,
        check=False,
        capture_output=True,
        text=True,
    )
    if listing.returncode:
        ignored = shutil.ignore_patterns(".git", ".venv", ".nox", "output", "__pycache__", ".*_cache", "*.tar.gz")
        shutil.copytree(TOP, target, ignore=ignored, symlinks=True)
        return target
    for name in filter(None, listing.stdout.split("\0")):
        source = TOP / name
        if source.exists() and not source.is_dir():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name, follow_symlinks=False)
    return target


if __name__ == "__main__":
    sys.exit(main())
