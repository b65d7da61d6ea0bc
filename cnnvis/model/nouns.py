"""What one input of a network is called: an image, or a row of a table. Everything that a user reads asks here."""

from __future__ import annotations

import re
from dataclasses import dataclass

_WORD = re.compile(r"\b(an?\s+)?(&?)image(s?)\b(?!/)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Noun:
    """A word for inputs, of one and of many."""

    one: str
    many: str

    def of(self, n: float) -> str:
        """The word beside a number."""
        return self.one if n == 1 else self.many

    def count(self, n: float) -> str:
        """So many of them: "1 image", "5,000 rows"."""
        return f"{int(n):,} {self.of(n)}"

    def say(self, text: str) -> str:
        """A text that speaks of images, in this word instead."""
        return text if self == IMAGE else _WORD.sub(self._turned, text)

    def _turned(self, found: re.Match[str]) -> str:
        article, mark, several = found.groups()
        word = self.many if several else self.one
        capital = found.group(0).lstrip("&")[0].isupper()
        if article:
            start = "A " if capital else "a "
            return start + mark + word
        return mark + (word.capitalize() if capital else word)


IMAGE, ROW = Noun("image", "images"), Noun("row", "rows")


def noun_of(kind: str) -> Noun:
    """The word for the inputs of a data set of a kind, "images" or "table"."""
    return ROW if kind == "table" else IMAGE
