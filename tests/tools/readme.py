# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The outputs that README.md shows, as the commands give them now; run as a program it writes them into it.

``tests/unit/test_readme.py`` holds the README to them, so an improved report is followed by ``make readme``.
"""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
README = TOP / "README.md"
EXAMPLE = TOP / "examples" / "minimal"


def blocks(language: str) -> list[str]:
    """The fenced blocks of one language."""
    text = README.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def planned() -> str:
    """The report of the plan of the README's inventory."""
    report = _report(blocks("yaml")[0])
    return report[report.index("WireGuard plan:") :]


def refused() -> str:
    """The first finding when both servers advertise the same prefix."""
    endpoint = re.compile(r"endpoint: (203\.0\.113\.\d+)}")
    inventory, changed = endpoint.subn(r"endpoint: \1, advertise: [192.168.10.0/24]}", blocks("yaml")[0])
    if changed != 2:
        raise ValueError("the README's inventory has no longer two servers with an endpoint at the end")
    report = _report(inventory)
    return re.split(r"\n\n(?=  WG)", report[report.index("ERRORS (") :])[1].rstrip() + "\n"


def _report(inventory: str) -> str:
    """What the playbook ``plan`` prints about an inventory beside the keys of the example."""
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder) / "inventory"
        shutil.copytree(EXAMPLE, place)
        (place / "inventory.yml").write_text(inventory, encoding="utf-8")
        program = pathlib.Path(sys.executable).parent / "ansible-playbook"
        done = subprocess.run(
            [program, "-i", "inventory.yml", "cryptokey.wireguard.plan"],
            # As a reader would, so that places are shown as they are from there.
            cwd=place,
            env={
                **os.environ,
                "ANSIBLE_COLLECTIONS_PATH": str(TOP / ".venv" / "tree"),
                "ANSIBLE_HOME": str(pathlib.Path(folder) / "home"),
                "ANSIBLE_NOCOLOR": "1",
                "ANSIBLE_FORCE_COLOR": "0",
                "COLUMNS": "80",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    shown = re.search(
        r"^WireGuard plan:.*?\n(?=(?:ok|changed|fatal): |\[ERROR\])", done.stdout, re.MULTILINE | re.DOTALL
    )
    if not shown:
        raise ValueError(f"the plan printed no report:\n{done.stdout}{done.stderr}")
    return shown.group(0).rstrip() + "\n"


def main() -> None:
    text = README.read_text(encoding="utf-8")
    for old, new in zip(blocks("text"), (planned(), refused()), strict=True):
        text = text.replace(f"```text\n{old}```", f"```text\n{new}```")
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
