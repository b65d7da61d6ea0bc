"""Which methods there are: read in the background once a panel is open, for that loads PyTorch."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Literal

from cnnvis.gui.jobs import Jobs
from cnnvis.model.nouns import ROW
from cnnvis.model.session import Session
from cnnvis.workflow.methods import Offered, offered

FAILED = "The methods could not be read."


class MethodList:
    """Reads them once for pictures and once for rows, and hands them over to a panel."""

    def __init__(
        self, jobs: Jobs, found: Callable[[Sequence[Offered]], None], failed: Callable[[BaseException], object]
    ) -> None:
        self._jobs, self._found, self._failed = jobs, found, failed
        self._takes: Literal["picture", "row", ""] = ""

    @property
    def begun(self) -> bool:
        """Whether they were read, or are being read."""
        return bool(self._takes)

    def load(self, session: Session | None) -> None:
        """Read those for the inputs of a session, where they are not known yet."""
        takes: Literal["picture", "row"] = "row" if is_table(session) else "picture"
        if session is None or takes == self._takes:
            return
        self._takes = takes

        def failed(error: BaseException) -> None:
            self._takes = ""
            self._failed(error)

        lane: Literal["short", "long"] = "short" if "torch" in sys.modules else "long"
        self._jobs.start(("methods", id(self)), lambda p: offered(takes), self._found, failed, lane=lane)


def is_table(session: Session | None) -> bool:
    """Whether the inputs are rows of a table."""
    return session is not None and session.noun == ROW
