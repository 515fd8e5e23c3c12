# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All in which the backends may differ, with the reason. A test measures each on both; every other test is the same.

A new entry needs a reason that lies in the kernel or in the userspace engine. What our drivers can even out is none.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Difference:
    """kernel, userspace: what the measurement in test_differences.py comes to."""

    kernel: str
    userspace: str
    reason: str


DIFFERENCES = {
    "kind of the link": Difference(
        kernel="wireguard",
        userspace="tun",
        reason="An engine in userspace reads its packets from a tun device.",
    ),
    "a packet without an owner": Difference(
        kernel="ENOKEY",
        userspace="nothing",
        reason="The kernel refuses to send it (wg_xmit); an engine drops it after it was sent into the tun.",
    ),
    "a packet from a source that its sender does not own": Difference(
        kernel="counted",
        userspace="not counted",
        reason="The kernel counts a frame error of the interface (wg_packet_consume_data_done); an engine does not.",
    ),
    "the birthplace of a moved device ends": Difference(
        kernel="gone",
        userspace="there",
        reason="The kernel's socket ends with its namespace (wg_netns_pre_exit); an engine is a process that keeps it.",
    ),
    "a device that changes while it is read": Difference(
        kernel="read again",
        userspace="one answer",
        reason="The kernel dumps in pieces and marks a change in between (NLM_F_DUMP_INTR); an engine holds a lock.",
    ),
}
