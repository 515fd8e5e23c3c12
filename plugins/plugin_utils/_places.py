# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a mistake was written: the file and line, as far as whoever holds the variables remembers them."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._reader import Problem

# The place of a value, such as ``host_vars/fra1.yml:4``; None where it is not known.
Locate = Callable[[t.Any], t.Optional[str]]

# A key or an index on the way to a value.
Step = t.Union[str, int]

_STEP = re.compile(r"\[(\d+)\]|\['(.*?)'\]|([^.\[\]]+)")


def with_places(
    problems: Iterable[Problem], variables: Mapping[str, Mapping[str, t.Any]], locate: Locate
) -> list[Problem]:
    """variables: by host, as they came, because copies have forgotten where they are from."""
    return [replace(problem, place=_place(problem, variables, locate)) for problem in problems]


def _place(problem: Problem, variables: Mapping[str, Mapping[str, t.Any]], locate: Locate) -> str:
    hosts = [problem.host] if problem.host else list(variables)
    return place_at(hosts, steps_of(problem.path), variables, locate)


def steps_of(path: str) -> tuple[Step, ...]:
    """``wireguard.corp.addresses[0]`` as its keys and indices."""
    return tuple(int(number) if number else quoted or plain for number, quoted, plain in _STEP.findall(path))


def place_at(
    hosts: Iterable[str], steps: tuple[Step, ...], variables: Mapping[str, Mapping[str, t.Any]], locate: Locate
) -> str:
    """That of the value itself, else of the innermost thing around it. Never a reason to fail."""
    for host in hosts:
        if not steps or host not in variables or steps[0] not in variables[host]:
            continue
        found, value = None, t.cast("t.Any", variables[host])
        for step in steps:
            try:
                value = value[step]
            # Templates may fail in any way here, and this one has been reported already.
            except Exception:  # pylint: disable=broad-except
                break
            found = locate(value) or found
        return found or ""
    return ""
