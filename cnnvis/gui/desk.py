"""The document on the desk: what is open, selected and drawn. Knows no widget."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject

from cnnvis.errors import Cancelled, CnnvisError
from cnnvis.gui.jobs import Jobs
from cnnvis.gui.services import Services
from cnnvis.gui.view import Notice, View
from cnnvis.layout.diagram import Diagram, Key
from cnnvis.model.document import Document
from cnnvis.model.session import Session


def sentence(error: BaseException) -> str:
    """What went wrong in one sentence."""
    if isinstance(error, CnnvisError):
        return str(error)
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return "The memory was not enough. Use fewer images or a smaller batch, and close other programs."
    what = str(error).strip().split("\n")[0]
    name = type(error).__name__
    return f"Something unexpected happened ({f'{name}: {what}' if what else name}). Your work is unharmed."


def details(error: BaseException) -> str:
    """Everything about an error, for a report."""
    return "".join(traceback.format_exception(error))


class Desk(QObject):
    """A document, its diagram and what is selected, kept in step with a view. Main thread only."""

    def __init__(self, view: View, jobs: Jobs, services: Services, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._view, self._jobs, self._services = view, jobs, services
        self.document: Document | None = None
        self.path: Path | None = None
        self.diagram: Diagram | None = None
        self._before: Diagram | None = None
        self.selection: tuple[Key, ...] = ()
        self._anchor: Key | None = None
        self._awaited: Key | None = None

    @property
    def session(self) -> Session | None:
        return self.document.session if self.document is not None else None

    @property
    def name(self) -> str:
        """What the session is called."""
        if self.path is not None:
            return self.path.stem
        return self.document.analysis.network.name if self.document is not None else ""

    def fail(self, error: BaseException) -> None:
        """Say in one sentence what went wrong; the session goes on."""
        if not isinstance(error, Cancelled):
            self._view.show_notice(Notice(sentence(error), details(error), "error"))

    def place(self, document: Document, path: Path | None) -> None:
        """Put a document on the desk."""
        self.document, self.path = document, path
        document.subscribe(self._changed)
        self.tell()
        self.draw()

    def clear(self) -> None:
        """Take everything off the desk."""
        self._jobs.drop("draw")
        self._jobs.drop("join")
        self.document = self.diagram = self._before = self.path = None
        self.selection = ()
        self.tell()

    def tell(self) -> None:
        """Show name, history and what can be done now."""
        self._view.show_document(self.document)
        self._view.show_title(self.name, self.document is not None and self.document.unsaved)
        self._allow()

    def complete(self, session: Session) -> None:
        """Put the session into the document, with more than its file has but nothing that the user has done.

        What was saved before counts as saved still.
        """
        document = self.document
        if document is None:
            return
        saved = not document.unsaved
        document.update(session)
        if saved:
            document.mark_saved()
            self.tell()

    def _changed(self, old: Session, new: Session) -> None:
        moved = (key if _exists(key, new) else _heir(key, old, new) for key in self.selection)
        self.selection = tuple(dict.fromkeys(key for key in moved if key is not None))
        self.tell()
        self.draw()

    def draw(self) -> None:
        """Draw the session in the background and show it; an older drawing under way is forgotten."""
        if self.document is None:
            return
        session, previous = self.document.session, self._before

        def done(diagram: Diagram) -> None:
            anchor, self._anchor = self._anchor, None
            self.diagram = self._before = diagram
            self._view.show_session(session, diagram, anchor)
            self.select(tuple(key for key in self.selection if _exists(key, session)))
            if self._awaited is not None and self._awaited in diagram:
                self._view.reveal(self._awaited)
                self._awaited = None
            self._shown()

        self._jobs.start("draw", lambda progress: self._services.draw(session, previous), done, self.fail)

    def _shown(self) -> None:
        """The picture stands there anew."""

    def arrange_anew(self) -> None:
        """Let the next drawing keep the order of cards that the look names, not that of the last one."""
        self._before = None

    def arranged(self, session: Session) -> Session:
        """A session with its cards in the order that is shown, for a file."""
        return session if self._before is None else self._before.arranged(session)

    def hold(self) -> None:
        """Let the next drawing leave the view: what is selected keeps its place, else the first column."""
        if self.diagram is None or self.session is None:
            return
        cards = [card_of(key, self.session) for key in self.selection]
        heads = [column.key for column in self.diagram.columns]
        self._anchor = next((key for key in (*cards, *heads) if key in self.diagram), None)

    def select(self, keys: Sequence[Key]) -> None:
        """Show what is known of cards, a neuron, a layer or a class; the first key is the one in question."""
        self.selection = tuple(keys)
        self._view.show_selection(self.selection)
        self._allow()

    def choose(self, key: Key) -> None:
        """Select and bring into view, expanding what hides it."""
        self.select((key,))
        if self.session is None or self.diagram is None:
            return
        card = card_of(key, self.session)
        if card in self.diagram:
            self._view.reveal(card)
        elif card[0] in ("column", "cluster") and self._uncover(str(card[1])):
            self._awaited = card

    def _uncover(self, layer: str) -> bool:
        """Expand the group that hides a layer; False where there is none."""
        raise NotImplementedError

    def _allow(self) -> None:
        """Say which commands can be given now."""
        met = {"nothing"}
        if self._jobs.running("analysis") is not None:
            met.add("work")
        if self.document is not None:
            met.add("session")
            met |= {"undo"} if self.document.undoable is not None else set()
            met |= {"redo"} if self.document.redoable is not None else set()
            kinds = {
                "cluster": {"cluster", "layer", "opens", "target"},
                "unit": {"unit", "cluster", "layer", "opens", "target"},
                **{kind: {"target"} for kind in ("class", "sample", "instance")},
                "column": {"layer", "opens"},
                "bundle": {"opens"},
            }
            if self.selection:
                met |= kinds.get(str(self.selection[0][0]), set())
        self._view.allow(frozenset(met))


def card_of(key: Key, session: Session) -> Key:
    """The card on which something stands: of a neuron, that of its cluster."""
    if key[0] != "unit":
        return key
    layer, unit = str(key[1]), int(key[2])
    if layer == session.analysis.network.output and session.analysis.network.classes:
        return ("class", unit)
    clusters = session.analysis.clusters.get(layer)
    return ("cluster", layer, clusters.cluster_of(unit).id) if clusters is not None else ("column", layer)


def _heir(key: Key, old: Session, new: Session) -> Key | None:
    """The cluster that holds the neurons of one that an edit has removed."""
    layer = str(key[1])
    before, after = old.analysis.clusters.get(layer), new.analysis.clusters.get(layer)
    if before is None or after is None or not _exists(key, old):
        return None
    return ("cluster", layer, after.cluster_of(before[int(key[2])].members[0]).id)


def _exists(key: Key, session: Session) -> bool:
    """Whether what a key names is still there after an edit."""
    if key[0] != "cluster":
        return True
    clusters = session.analysis.clusters.get(str(key[1]))
    return clusters is not None and any(c.id == key[2] for c in clusters)
