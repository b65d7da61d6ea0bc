"""What leaves the window: figures of the picture, of a facet, of a matrix or of a panel; tables; graphs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from cnnvis.errors import CnnvisError
from cnnvis.gui.controller import Controller
from cnnvis.gui.dialogs.export_figure import Parts, Subject
from cnnvis.gui.facet_switch import WORDS
from cnnvis.gui.jobs import Lane
from cnnvis.layout.diagram import Diagram
from cnnvis.model.session import FACETS, Facet, Session

if TYPE_CHECKING:
    from cnnvis.gui.window import Window


def subjects(session: Session, shown: Diagram) -> tuple[Subject, ...]:
    """What a session can print, the picture as it is first."""
    from cnnvis.layout.compose import draw

    def faceted(facet: Facet) -> Callable[[], Diagram]:
        look = replace(session.look, facet=facet, facets=frozenset())
        return lambda: draw(session, look=look, previous=shown)

    others = [Subject(f"Picture, {WORDS[f][0].lower()}", faceted(f)) for f in FACETS if f != session.look.facet]
    return (Subject("Picture as it is shown", lambda: shown), *others)


def printable(panels: Mapping[str, QWidget], shown: Diagram) -> tuple[Subject, ...]:
    """The open panels by title that have a figure of their own: the matrix, the confusion.

    What opens again when such a figure is dropped is the picture that was `shown` beside it.
    """

    def beside(make: Callable[[], Diagram]) -> Callable[[], Diagram]:
        def made() -> Diagram:
            found = make()
            return found if found.session is None else replace(found, session=shown.arranged(found.session))

        return made

    makers = ((title, getattr(panel, "diagram", None)) for title, panel in panels.items())
    whole = [Subject(f"{title}, as in its panel", beside(m)) for title, m in makers if m is not None and m()]
    own = (figure for panel in panels.values() for figure in getattr(panel, "figures", tuple)())
    return (*whole, *(Subject(title, beside(make)) for title, make in own))


class Exporting:
    """The commands that write files for others."""

    def __init__(self, window: Window, controller: Controller) -> None:
        self._window, self._controller = window, controller

    @property
    def verbs(self) -> Mapping[str, Callable[..., object]]:
        """The commands by their verbs."""
        return {
            "export": self.figure,
            "copy_figure": self.copy,
            "export_table": self.table,
            "export_graph": self.graph,
            "export_panel": self.panel,
        }

    def figure(self, first: str = "") -> None:
        """Write a figure as the user chooses; what is called `first` is offered first."""
        controller, canvas = self._controller, self._window.canvas
        if controller.diagram is None or controller.session is None:
            return
        parts = Parts(canvas.seen_part, canvas.selected_part, frozenset(canvas.selection))
        panels = self._window.shown_panels
        found = subjects(controller.session, controller.diagram) + printable(panels, controller.diagram)
        found = tuple(sorted(found, key=lambda subject: not (first and subject.title.startswith(first))))
        ask = self._window.ask
        self._write(lambda: ask.export(found, parts, self._window.settings, controller.name), "figure")

    def copy(self) -> None:
        """Put the picture on the clipboard."""
        from cnnvis.painting.figure import picture

        if self._controller.diagram is not None:
            QGuiApplication.clipboard().setImage(picture(self._controller.diagram))
            self._window.flash("The figure is on the clipboard")

    def table(self, name: str = "") -> None:
        """Write a table as csv."""
        from cnnvis.model.tables import TABLES

        session = self._controller.session
        if session is None:
            return
        if not name:
            names = list(TABLES)
            chosen = self._window.ask.one_of("Export table", "Table", dict(enumerate(map(session.noun.say, names))))
            if chosen is None:
                return
            name = names[chosen]
        suggested = Path(f"{self._controller.name} {name}.csv")
        path = self._window.ask.file_to_save("Export table", suggested, "Tables (*.csv)")
        if path is not None:
            from cnnvis.storage.tables import write_table

            self._write(lambda: write_table(session, path, name), "table")

    def graph(self, detail: str = "") -> None:
        """Write the graph for another program."""
        from cnnvis.storage.graphs import DETAILS, write_graph

        controller, window = self._controller, self._window
        session = None if controller.session is None else controller.arranged(controller.session)
        if session is None:
            return
        words = ("Clusters, as they are drawn", "Layers of the network", "Every neuron (large)")
        chosen = window.ask.one_of("Export graph", "Nodes", dict(enumerate(words)))
        if chosen is None:
            return
        kinds = "GraphML (*.graphml);;JSON (*.json);;DOT (*.dot)"
        path = window.ask.file_to_save("Export graph", Path(f"{controller.name}.graphml"), kinds)
        if path is None:
            return

        def done(written: Path) -> None:
            window.flash(f"The graph is in {written}")

        nodes = DETAILS[chosen]
        window.flash("Writing the graph")
        lane: Lane = "long" if nodes == "neurons" else "short"  # of every neuron it takes seconds, and clicks go on
        work = partial(write_graph, session, path, nodes)
        window.jobs.start("graph", lambda progress: work(), done, controller.fail, lane=lane)

    def panel(self, name: str = "") -> None:
        """Write one of the open panels as a figure."""
        from cnnvis.gui.panel_figure import write_panel

        shown = self._window.shown_panels
        if not name:
            chosen = self._window.ask.one_of("Export panel", "Panel", dict(enumerate(shown)))
            if chosen is None:
                return
            name = list(shown)[chosen]
        suggested = Path(f"{self._controller.name} {name.lower()}.svg")
        kinds = "SVG (*.svg);;PDF (*.pdf);;PNG (*.png)"
        path = self._window.ask.file_to_save("Export panel", suggested, kinds)
        diagram = self._controller.diagram
        if path is not None and name in shown:
            caption = diagram.caption if diagram is not None else ""
            self._write(lambda: write_panel(shown[name], path, caption, self._window.canvas.stage.theme), "panel")

    def _write(self, write: Callable[[], Path | None], what: str) -> None:
        """Write a file and say where it is, or in one sentence why not."""
        try:
            written = write()
        except CnnvisError as error:
            self._controller.fail(error)
            return
        if written is not None:
            self._window.flash(f"The {what} is in {written}")
