"""A page of sections that are written one by one."""

from __future__ import annotations

import re
from collections.abc import Sequence

HEAD = """# How far explanations are true

What the methods find where the truth is known, or was published. Written by `python scripts/faithfulness`, one
section a part; nothing here is written by hand.
"""


def written(page: str, name: str, section: str, order: Sequence[str]) -> str:
    """The page with this section in its place among the others, which stay as they are."""
    found = dict(re.findall(r"<!-- (\w+) -->\n(.*?)\n<!-- end -->", page, re.DOTALL))
    found[name] = section.strip()
    known = [*order, *(other for other in found if other not in order)]
    parts = [f"<!-- {part} -->\n{found[part]}\n<!-- end -->\n" for part in known if part in found]
    return "\n".join([HEAD, *parts])
