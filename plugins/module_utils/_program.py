# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other people's programs, run without a shell and in plain English, so that their answers can be read."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import HostError

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PATIENCE = 60.0


@dataclasses.dataclass(frozen=True)
class Answer:
    code: int
    output: str
    error: str

    @property
    def reason(self) -> str:
        """What it said last, in one line."""
        lines = (self.error or self.output).strip().splitlines()
        return lines[0].strip() if lines else f"it ended with {self.code}"


def find(name: str) -> str | None:
    """Where it is; a module's PATH may lack the sbin folders."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:{_PATH}")


def run(path: str, *arguments: str, text: str | None = None) -> Answer:
    """text: its standard input. Raises HostError where it cannot be run or does not end."""
    environment = {**os.environ, "LC_ALL": "C", "PATH": f"{os.environ.get('PATH', '')}:{_PATH}"}
    try:
        done = subprocess.run(  # pylint: disable=ansible-bad-function
            [path, *arguments],
            input=text or "",
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise HostError(f"{path} {' '.join(arguments)} did not end within {_PATIENCE:g} seconds") from None
    except OSError as error:
        raise HostError(f"cannot run {path}: {error.strerror}", errno=error.errno) from None
    return Answer(done.returncode, done.stdout, done.stderr)


def demand(name: str, *arguments: str, missing: HostError) -> Answer:
    """As run(), of a program by its name. Raises missing where there is none, HostError where it ends with an error."""
    path = find(name)
    if path is None:
        raise missing
    answer = run(path, *arguments)
    if answer.code:
        raise HostError(f"{name} {' '.join(arguments)}: {answer.reason}")
    return answer
