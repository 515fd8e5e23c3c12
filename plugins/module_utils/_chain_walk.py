# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rules of nftables do with the first packet to a UDP port, as far as their listing says. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._rule_meaning import Answer, Meant, Rule, answers

_MOST_CHAINS = 100


class Walk:
    """Through one base chain and where it jumps to, as far as that can be decided.

    rules: gives those of a chain of its table.  is_ours: of a rule that lets the port in, which ends the walk. So does
    one of somebody else's that may let it in: then nothing more can be said (is_over). found: what closes the port.
    """

    def __init__(
        self, port: int, *, rules: t.Callable[[str], t.Sequence[Rule]], is_ours: t.Callable[[Rule], bool]
    ) -> None:
        self.port = port
        self.rules = rules
        self.is_ours = is_ours
        self.found: list[Rule] = []
        self.is_over = False
        self._chains_left = _MOST_CHAINS

    def drops_all(self, chain: str, meant: Meant = Meant.ALL) -> bool:
        """Whether nothing of what is meant comes back from a chain. meant: by the jump that leads there."""
        self._chains_left -= 1
        self.is_over |= self._chains_left < 0
        for rule in () if self.is_over else self.rules(chain):
            for answer in [Answer(Meant.ALL, "accept")] if self.is_ours(rule) else answers(rule, self.port):
                now = min(answer.meant, meant)
                if now is not Meant.NONE and self._ends(rule, answer, now, is_everything=now is meant):
                    return answer.verdict in ("drop", "reject", "jump") and not self.is_over
        return False

    def _ends(self, rule: Rule, answer: Answer, now: Meant, *, is_everything: bool) -> bool:
        """Whether no packet that matters gets to the next rule. now: the packets that have come here and are meant."""
        if answer.verdict in ("drop", "reject"):
            self.found += [rule] if now >= Meant.ON_A_WAY else []
            return is_everything
        if answer.verdict == "jump":
            return (self.drops_all(answer.target, now) and is_everything) or self.is_over
        if answer.verdict == "return" and is_everything:
            return True
        if answer.verdict == "goto":
            self.drops_all(answer.target, now)
        # What may be let in here, or may go on elsewhere, is not to be judged by what follows here.
        self.is_over = True
        return True
