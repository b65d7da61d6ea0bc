"""The one mutable object: the session being worked on, and its history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cnnvis.model.analysis import Analysis
from cnnvis.model.session import Session

Subscriber = Callable[[Session, Session], None]


@dataclass(frozen=True, eq=False, slots=True)
class Step:
    """One state in the history: the analysis, what led to it, and the Python line that does the same."""

    analysis: Analysis
    label: str
    python: str = ""


class Document:
    """A session with undo: a list of analyses and an index into it.

    `commit` adds a state and drops what was undone. `update` replaces the session's other parts (responses,
    look, explanations), which are never undone; only measurements over a subset go when its name comes to mean other
    samples. Subscribers get (old session, new session) after each change,
    in the thread that made it. Memory: the states share every part that an edit did not touch.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._steps = [Step(session.analysis, "Opened")]
        self._index = 0
        self._saved: tuple[Analysis, Session] | None = (session.analysis, session)
        self._subscribers: list[Subscriber] = []
        self._subsets = {subset.name: subset for subset in session.analysis.subsets}

    @property
    def session(self) -> Session:
        return self._session

    @property
    def analysis(self) -> Analysis:
        return self._session.analysis

    @property
    def history(self) -> tuple[Step, ...]:
        """All states, oldest first, undone ones included."""
        return tuple(self._steps)

    @property
    def index(self) -> int:
        """The place of the present state in `history`."""
        return self._index

    @property
    def saved_index(self) -> int | None:
        """The place in `history` of the state that the file holds; None where there is no file or it is gone."""
        if self._saved is None:
            return None
        return next((i for i, step in enumerate(self._steps) if step.analysis is self._saved[0]), None)

    @property
    def undoable(self) -> str | None:
        """The label of the step that `undo` would take back, or None."""
        return self._steps[self._index].label if self._index > 0 else None

    @property
    def redoable(self) -> str | None:
        """The label of the step that `redo` would bring back, or None."""
        return self._steps[self._index + 1].label if self._index + 1 < len(self._steps) else None

    @property
    def unsaved(self) -> bool:
        """Whether something that a file keeps has changed since `mark_saved` (the look alone does not count)."""
        if self._saved is None:
            return True
        analysis, session = self._saved
        present = self._session
        return not (
            analysis is present.analysis
            and session.activations is present.activations
            and session.connections is present.connections
            and session.attributions is present.attributions
            and session.measurements is present.measurements
            and session.synthesis is present.synthesis
        )

    def mark_saved(self, saved: bool = True) -> None:
        """Remember the present state as the one in the file, or that there is no file yet."""
        self._saved = (self._session.analysis, self._session) if saved else None

    def commit(self, analysis: Analysis, label: str, python: str = "") -> None:
        """Make `analysis` the present state; what was undone is dropped. The same object again is no step."""
        if analysis is self._session.analysis:
            return
        del self._steps[self._index + 1 :]
        self._steps.append(Step(analysis, label, python))
        self._go(self._index + 1)

    def update(self, session: Session) -> None:
        """Replace everything but the history; `session.analysis` takes the place of the present state's."""
        old, self._session = self._session, session
        present = self._steps[self._index]
        if session.analysis is not present.analysis:
            self._steps[self._index] = Step(session.analysis, present.label, present.python)
        self._tell(old)

    def undo(self) -> bool:
        """Take the last step back. False where there is none."""
        if self._index == 0:
            return False
        self._go(self._index - 1)
        return True

    def redo(self) -> bool:
        """Bring back the step last undone. False where there is none."""
        if self._index + 1 >= len(self._steps):
            return False
        self._go(self._index + 1)
        return True

    def go_to(self, index: int) -> None:
        """Show any state of the history."""
        if not 0 <= index < len(self._steps):
            raise IndexError(f"A state must be 0 … {len(self._steps) - 1}; got {index}.")
        self._go(index)

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call `subscriber` after every change. Returns a function that ends it."""
        self._subscribers.append(subscriber)

        def end() -> None:
            if subscriber in self._subscribers:
                self._subscribers.remove(subscriber)

        return end

    def _go(self, index: int) -> None:
        old = self._session
        self._index = index
        self._session = self._true(old.with_analysis(self._steps[index].analysis))
        self._tell(old)

    def _true(self, session: Session) -> Session:
        """The session without what was measured over other samples under the name of a subset that has come back."""
        measured = session.measurements
        for subset in session.analysis.subsets:
            if self._subsets.get(subset.name, subset) != subset:
                measured = measured.without_subset(subset.name)
            self._subsets[subset.name] = subset
        return session if measured is session.measurements else session.with_measurements(measured)

    def _tell(self, old: Session) -> None:
        for subscriber in tuple(self._subscribers):
            subscriber(old, self._session)
