# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""File and line of a value of the inventory. Ansible knows, but keeps it to itself: this may stop working any day."""

from __future__ import annotations

import os
import typing as t


def written_at(value: t.Any) -> str | None:
    """``host_vars/fra1.yml:4``, from the working directory if it lies below; None where it is not known."""
    try:
        from ansible._internal._datatag._tags import Origin

        origin = Origin.get_tag(value)
        return f"{near(origin.path)}:{origin.line_num}" if origin.line_num else None
    except Exception:  # pylint: disable=broad-except
        return None


def near(path: str) -> str:
    """From the working directory if it lies below, as what annotates files wants it; else as it is."""
    found = os.path.relpath(path)
    return path if found.startswith("..") else found
