# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write a page per rule from the catalogue and ``pages/``. ``--check`` only tells whether the pages are up to date.

``pages/2xx.yml`` says, for the rules of that hundred, what a page holds besides its row in the catalogue. `bad` and
`good` are fleet documents that the unit tests check; ``<key of x>`` stands for a public key. `bad_previous` and
`good_previous` are the documents before the change, for the rules that compare with it.

Run it with the collection on PYTHONPATH: ``PYTHONPATH=.venv/tree .venv/bin/python docs/rules/generate.py``
"""

from __future__ import annotations

import base64
import hashlib
import re
import sys
from pathlib import Path

import yaml

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rules import CATALOGUE
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rules._rule import Rule

HERE = Path(__file__).resolve().parent
SEVERITY = {"error": "an error", "warning": "a warning", "info": "information"}


def read_pages() -> dict[str, dict[str, str]]:
    """What the files in ``pages/`` say, by rule."""
    pages: dict[str, dict[str, str]] = {}
    for path in sorted((HERE / "pages").glob("*.yml")):
        pages.update(yaml.safe_load(path.read_text(encoding="utf-8")))
    return pages


def with_keys(example: str) -> str:
    """The example with a real public key for every ``<key of x>``."""

    def key(found: re.Match[str]) -> str:
        return base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()

    return re.sub(r"<key of ([^>]+)>", key, example)


def render(rule: Rule, page: dict[str, str]) -> str:
    """The page of one rule. bad_previous, good_previous: the fleet before the change, for rules that compare."""
    bad, good = (_example(page, kind) for kind in ("bad", "good"))
    return f"""# {rule.id} {rule.name}

{rule.summary[0].upper()}{rule.summary[1:]}. The finding is {SEVERITY[rule.severity]}.

## What happens on the wire

{page["wire"]}

## The smallest bad example

A fleet document; `<key of a>` stands for the public key of `a`.

{bad}

## The same, mended

{good}

## How it is decided

{page["decided"]}

## How to silence it

Name the rule, the host and the reason in `wireguard_ignore`:

```yaml
wireguard_ignore:
  - {{rule: {rule.id}, host: fra1, reason: why this is meant to be so}}
```
"""


def _example(page: dict[str, str], kind: str) -> str:
    """The document as it is to be, after the one that it replaces, if the rule compares them."""
    document = f"```yaml\n{page[kind].rstrip()}\n```"
    if f"{kind}_previous" not in page:
        return document
    return f"Before the change:\n\n```yaml\n{page[f'{kind}_previous'].rstrip()}\n```\n\nAfter it:\n\n{document}"


def render_index() -> str:
    """The list of all rules."""
    rows = "\n".join(
        f"| [{rule.id}]({rule.id}.md) | {rule.name} | {rule.summary} | {rule.severity} |" for rule in CATALOGUE
    )
    return f"# The rules\n\n| id | name | what it finds | severity |\n|---|---|---|---|\n{rows}\n"


def wanted() -> dict[str, str]:
    """Every file that belongs here, by name."""
    pages = read_pages()
    files = {f"{rule.id}.md": render(rule, pages[rule.id]) for rule in CATALOGUE}
    return {**files, "README.md": render_index()}


def main() -> int:
    stale = [
        name
        for name, text in wanted().items()
        if not (HERE / name).exists() or (HERE / name).read_text(encoding="utf-8") != text
    ]
    if "--check" in sys.argv:
        print(
            "\n".join(f"docs/rules/{name} is not up to date; run docs/rules/generate.py" for name in stale)
            or "up to date"
        )
        return 1 if stale else 0
    for name in stale:
        (HERE / name).write_text(wanted()[name], encoding="utf-8")
    print(f"{len(stale)} pages written")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
