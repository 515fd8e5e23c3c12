# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab as a command: ``up`` (specification on standard input), ``down``, ``measure`` (plan on standard input).

It runs on the controller as root, prints one JSON document and exits with 0, or with 1 and one sentence on stderr.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import sys
import typing as t
from pathlib import Path

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import HostError, WireguardError
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab_furnish import LabFailed
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab_holder import start_lab
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab_record import (
    DIRECTORY,
    Holder,
    LabRecord,
    read_holder,
    start_time,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab_rehearsal import fleet_document, measure_matrix

_SECONDS_TO_END = 20


def main(arguments: t.Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        if os.geteuid() != 0:
            raise HostError("a lab is made of namespaces, which only root can make", remedy="run this as root")
        answer = options.verb(options)
    except (WireguardError, LabFailed) as error:
        print(str(error), file=sys.stderr)
        return 1
    json.dump(answer, sys.stdout)
    print()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lab", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--lab", required=True, help="the lab's name")
    common.add_argument("--directory", default=DIRECTORY, help="where running labs are written down")
    up = verbs.add_parser("up", parents=[common], help="bring a lab up; its specification is read from stdin")
    up.add_argument("--owner", type=int, help="the lab ends when this process does")
    up.set_defaults(verb=_up)
    verbs.add_parser("down", parents=[common], help="end a lab").set_defaults(verb=_down)
    measure = verbs.add_parser("measure", parents=[common], help="compare a plan, read from stdin, with real packets")
    measure.add_argument("--patience", type=float, default=30.0, help="seconds to wait for first handshakes")
    measure.set_defaults(verb=_measure)
    return parser


def _up(options: argparse.Namespace) -> dict[str, t.Any]:
    """The same specification again changes nothing; anything else of that name is ended first."""
    text = sys.stdin.read()
    specification = json.loads(text)
    record = LabRecord(options.lab, options.directory)
    with _locked(record):
        if _stands(record, text):
            return {"changed": False, "lab": record.name, "hosts": sorted(specification["hosts"])}
        _refuse_if_used(record, options.owner)
        _end(record)
        record.path.mkdir(mode=0o700)
        try:
            if options.owner:
                record.owner.write_text(f"{Holder(options.owner, start_time(options.owner) or 0)}\n", encoding="ascii")
            start_lab(specification, record, owner=options.owner)
        except BaseException:
            _end(record)
            raise
        record.specification.write_text(text, encoding="utf-8")
    return {"changed": True, "lab": record.name, "hosts": sorted(specification["hosts"])}


def _refuse_if_used(record: LabRecord, owner: int | None) -> None:
    """A lab that ends with another run that still goes on is not ours to end."""
    user = read_holder(record.owner)
    if user is not None and user.runs and user.pid != owner:
        remedy = "wait for it, or give this one a name of its own: -e lab_name=another"
        raise HostError(f"the lab {record.name!r} is in use by process {user.pid}", remedy=remedy)


def _down(options: argparse.Namespace) -> dict[str, t.Any]:
    record = LabRecord(options.lab, options.directory)
    with _locked(record):
        return {"changed": _end(record), "lab": record.name}


def _measure(options: argparse.Namespace) -> dict[str, t.Any]:
    record = LabRecord(options.lab, options.directory)
    lab = record.lab()
    if lab is None or not lab.runs:
        raise HostError(f"the lab {record.name!r} is not up")
    specification = json.loads(record.specification.read_text(encoding="utf-8"))
    return measure_matrix(fleet_document(json.load(sys.stdin)), specification, record, patience=options.patience)


def _stands(record: LabRecord, text: str) -> bool:
    """Whether all of this very lab runs."""
    try:
        same = record.specification.read_text(encoding="utf-8") == text
    except OSError:
        return False
    lab = record.lab()
    if not same or lab is None or not lab.runs:
        return False
    try:
        for host in json.loads(text)["hosts"]:
            record.host(host)
    except HostError:
        return False
    return True


def _end(record: LabRecord) -> bool:
    """End the lab's processes and remove its record, whatever state they are in. True if there was anything."""
    if not record.path.exists():
        return False
    lab = record.lab()
    if lab is not None:
        _kill(lab, record.name)
    shutil.rmtree(record.path, ignore_errors=True)
    return True


def _kill(holder: Holder, name: str) -> None:
    """SIGKILL to exactly this process; a descriptor cannot come to mean another one in between (pidfd_open(2))."""
    try:
        descriptor = os.pidfd_open(holder.pid)
    except ProcessLookupError:
        return
    try:
        if not holder.runs:
            return
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        if not select.select([descriptor], [], [], _SECONDS_TO_END)[0]:
            raise HostError(f"the lab {name!r} does not end: process {holder.pid} is still there")
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _locked(record: LabRecord) -> t.Iterator[None]:
    """One change of a lab at a time. The lock lies beside the lab's directory, which comes and goes."""
    record.path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    with _acquired(record.lock):
        try:
            yield
        finally:
            # Nothing is left in /run once the last lab is gone.
            if not record.path.exists():
                record.lock.unlink(missing_ok=True)
                with contextlib.suppress(OSError):
                    record.path.parent.rmdir()


@contextlib.contextmanager
def _acquired(path: Path) -> t.Iterator[None]:
    """The lock on the file that has this path now: whoever had it before may have removed the file that we opened."""
    while True:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        with path.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                    yield
                    return
