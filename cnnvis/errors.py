"""Every error that cnnvis raises on purpose, each also the builtin a caller would expect.

One sentence pattern: *whose what must be X; got Y. What to do.*
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class CnnvisError(Exception):
    """Anything that cnnvis refuses or cannot do, said in one sentence."""


class InvalidValue(CnnvisError, ValueError):
    """A value from a caller, a form or a file is not what it must be."""


class UnknownName(CnnvisError, KeyError):
    """A layer, class, cluster or file entry of that name does not exist."""

    def __str__(self) -> str:  # KeyError would show the sentence in quotes
        return str(self.args[0]) if self.args else ""


class UnreadableFile(CnnvisError, OSError):
    """A file is torn, foreign, hostile or of an unknown version."""


class UnreadableSample(CnnvisError, ValueError):
    """One sample of a data set cannot be read; a pass skips and counts it."""


class UntrustedCode(CnnvisError, PermissionError):
    """Opening this would run code that the user did not name.

    `path` is the file, `digest` its sha256: trusting that sum is the way to open it.
    """

    def __init__(self, sentence: str, path: str = "", digest: str = "") -> None:
        super().__init__(sentence)
        self.path = path
        self.digest = digest


class ModelFailure(CnnvisError, RuntimeError):
    """The user's network raised while it ran; the original error is the cause."""


class NotConnected(CnnvisError, RuntimeError):
    """The step needs the network or the images, and the session has neither connected."""


class Cancelled(CnnvisError):
    """The user asked to stop; raised from a progress call."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence that names the nearest known names, or the first few where none is near; may be empty."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=3)
    if near:
        return "Did you mean " + " or ".join(repr(n) for n in near) + "?"
    if not names:
        return ""
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return "There are " + ", ".join(repr(n) for n in names[:5]) + more + "."
