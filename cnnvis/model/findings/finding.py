"""One thing that deserves a look, and how grave it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "note", "bad values", "dead", "saturated", "gradients", "shortcut", "silent class", "confusion", "signs",
    "duplicates", "unchanged",
]  # fmt: skip
Level = Literal["alarm", "warning", "hint"]

ALARM, WARNING = 0.7, 0.4
"""From here on a severity is an alarm, or a warning."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence with its number, how that is known, where it leads, and what usually causes it.

    `severity` is 0–1, see `level`. `layer` names a layer, `units` those of its units that are meant (none: the layer
    as a whole, else the one to look at first), `target` a class of the output, −1 for none; a finding may have neither.
    """

    text: str
    detail: str = ""
    layer: str = ""
    target: int = -1
    units: tuple[int, ...] = ()
    cause: str = ""
    severity: float = 0.5
    kind: Kind = "note"

    @property
    def level(self) -> Level:
        """How loud it is said: an alarm means that the network should not be used before it is looked at."""
        return "alarm" if self.severity >= ALARM else "warning" if self.severity >= WARNING else "hint"


def some(names: list[str], n: int = 3) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - n} more" if len(names) > n else ""
    return ", ".join(names[:n]) + more


def percent(share: float) -> str:
    """A share for a sentence: never "100 %" where it is not all, never "0 %" where it is not nothing."""
    rounded = round(100 * share)
    if rounded >= 100 and share < 1:
        return "over 99 %"
    return "under 1 %" if rounded == 0 and share > 0 else f"{rounded} %"
