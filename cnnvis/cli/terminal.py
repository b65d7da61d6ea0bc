"""What the commands show while they work."""

from __future__ import annotations

import sys
import time


class Terminal:
    """Progress on stderr: a bar that stays on one line at a terminal, a line per stage elsewhere."""

    def __init__(self) -> None:
        self._what = ""
        self._shown = 0.0
        self._live = sys.stderr.isatty()

    def __call__(self, done: int, total: int, what: str = "") -> None:
        now = time.monotonic()
        fresh = bool(what) and what != self._what
        finished = total > 0 and done >= total
        if self._live:
            if fresh and self._what:
                sys.stderr.write("\n")
            if fresh or finished or now - self._shown > 0.1:
                self._bar(done, total, what or self._what)
                self._shown = now
        elif self._stage(what) or (fresh and now - self._shown > 2) or now - self._shown > 30:
            share = f" {done} of {total}" if total else ""
            print(f"{what or self._what}{share}", file=sys.stderr, flush=True)
            self._shown = now
        if what:
            self._what = what

    def _stage(self, what: str) -> bool:
        """Whether a phrase begins another kind of work, and not the same with the next thing."""
        return bool(what) and what.split()[0] != self._what.partition(" ")[0]

    def _bar(self, done: int, total: int, what: str) -> None:
        width = 24
        full = round(width * done / total) if total else 0
        count = f" {done} of {total}" if total else ""
        sys.stderr.write(f"\r\x1b[K[{'█' * full}{'·' * (width - full)}] {what}{count}")
        if total and done >= total:
            sys.stderr.write("\n")
            self._what = ""
        sys.stderr.flush()
