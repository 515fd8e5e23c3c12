# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of somebody else's keeps packets from a port although it was opened. Pure.

Only what closes the port to the world counts: whoever bans a few senders, or lets in a few, knows what they do.
"""

from __future__ import annotations

import dataclasses

_THEIRS = "it is not this collection's, so it stays: delete it if the port is to be open"


@dataclasses.dataclass(frozen=True, order=True)
class Obstacle:
    """namespace: where the socket is.  port: a UDP one.  what: in a sentence, with the rule as its listing has it.

    look: the command that shows it.  remedy: what to do about it.
    """

    namespace: str
    port: int
    what: str
    look: str
    remedy: str = _THEIRS

    def __str__(self) -> str:
        command = f"ip netns exec {self.namespace} {self.look}" if self.namespace else self.look
        return f"UDP port {self.port} is still closed: {self.what} (see {command}); {self.remedy}"
