"""Every question that the window asks; tests answer in its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog, QInputDialog, QMessageBox, QWidget

import cnnvis
from cnnvis.errors import CnnvisError
from cnnvis.gui.actions import MENUS
from cnnvis.gui.view import Answer
from cnnvis.layout.diagram import Diagram
from cnnvis.model.analysis import Recipe
from cnnvis.model.job import CLUSTERERS
from cnnvis.model.session import Session

if TYPE_CHECKING:
    from cnnvis.gui.canvas import Canvas
    from cnnvis.gui.controller import Controller


class Ask:
    """Asks in modal dialogs over a window. None is an answer everywhere: the user changed their mind."""

    def __init__(self, window: QWidget) -> None:
        self._window = window

    def text(self, title: str, question: str, old: str) -> str | None:
        """One line."""
        found, yes = QInputDialog.getText(self._window, title, question, text=old)
        return found if yes else None

    def long_text(self, title: str, question: str, old: str) -> str | None:
        """Several lines."""
        found, yes = QInputDialog.getMultiLineText(self._window, title, question, old)
        return found if yes else None

    def one_of(self, title: str, question: str, choices: Mapping[int, str]) -> int | None:
        """One of several things, by their ids."""
        if not choices:
            return None
        names = [f"{index + 1}.  {text}" for index, text in enumerate(choices.values())]
        found, yes = QInputDialog.getItem(self._window, title, question, names, 0, False)
        return list(choices)[names.index(found)] if yes else None

    def recipe(self, layer: str, old: Recipe) -> Recipe | None:
        """How to cluster a layer."""
        names = list(CLUSTERERS)
        at = names.index(old.clusterer) if old.clusterer in names else 0
        name, yes = QInputDialog.getItem(self._window, "Recluster", f"Clusterer for {layer}", names, at, False)
        if not yes:
            return None
        k = old.k
        if name in ("KMeans", "AgglomerativeClustering"):
            k, yes = QInputDialog.getInt(self._window, "Recluster", "Number of clusters", old.k or 8, 2, 64)
            if not yes:
                return None
        return Recipe(name, k, (), old.seed, old.magnitude)

    def file_to_open(self, kinds: str) -> Path | None:
        name, _ = QFileDialog.getOpenFileName(self._window, "Open", "", kinds)
        return Path(name) if name else None

    def file_to_save(self, title: str, suggested: Path, kinds: str) -> Path | None:
        name, _ = QFileDialog.getSaveFileName(self._window, title, str(suggested), kinds)
        return Path(name) if name else None

    def unsaved(self, name: str) -> Answer:
        """What to do with unsaved work."""
        box = QMessageBox(self._window)
        box.setWindowTitle("Unsaved changes")
        box.setText(f"Save the changes to {name}?")
        box.setInformativeText("They are lost otherwise.")
        kinds = QMessageBox.StandardButton
        box.setStandardButtons(kinds.Save | kinds.Discard | kinds.Cancel)
        box.setDefaultButton(kinds.Save)
        found = box.exec()
        answers: dict[int, Answer] = {kinds.Save.value: "save", kinds.Discard.value: "discard"}
        return answers.get(int(found), "cancel")

    def trust(self, sentence: str, path: str, digest: str) -> bool:
        """Whether a file may run code."""
        box = QMessageBox(self._window)
        box.setWindowTitle("Trust this file?")
        box.setText(sentence)
        box.setInformativeText(f"{path}\nsha256 {digest}\n\nOnly go on if you trust where it comes from.")
        run = box.addButton("Trust and open", QMessageBox.ButtonRole.AcceptRole)
        box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
        box.exec()
        return box.clickedButton() is run

    def may_connect(self, session: Session, fail: Callable[[BaseException], None]) -> bool:
        """Show what connecting the network would run, and ask."""
        from cnnvis.workflow.sources import connection_request

        try:
            request = connection_request(session)
        except CnnvisError as error:
            fail(error)
            return False
        lines = [
            f"{what}: {path}\nsha256 {now or 'missing'}{' — changed since' if then and now != then else ''}"
            for what, path, now, then in request.files
        ]
        box = QMessageBox(self._window)
        box.setWindowTitle("Connect network")
        box.setText("Connecting runs the code that this session's job names.")
        box.setInformativeText("\n\n".join(lines) or (session.job.network.factory if session.job else ""))
        run = box.addButton("Run and connect", QMessageBox.ButtonRole.AcceptRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.exec()
        return box.clickedButton() is run

    def export(self, diagram: Diagram, canvas: Canvas, controller: Controller) -> None:
        """Where to write a figure, and write it."""
        from cnnvis.export.figure import export

        kinds = "SVG (*.svg);;PDF (*.pdf);;PNG (*.png)"
        path = self.file_to_save("Export figure", Path(f"{controller.name}.svg"), kinds)
        if path is not None:
            try:
                export(diagram, path)
            except CnnvisError as error:
                controller.fail(error)

    def preferences(self) -> None:
        """Device, threads and budgets."""

    def shortcuts(self) -> None:
        """All shortcuts."""
        known = [command for _, group in MENUS for command in group if command is not None and command.shortcut]
        rows = [f"{c.shortcut}\t{c.text.replace('&', '').rstrip('…')}" for c in known]
        rows += ["Arrows\tnext card", "Enter\texpand or collapse", "+  −  0\tzoom and fit", "Esc\tselect nothing"]
        QMessageBox.information(self._window, "Shortcuts", "\n".join(rows))

    def about(self) -> None:
        """What this is."""
        text = f"cnnvis {cnnvis.__version__}\n\nLook inside a trained neural network.\nBSD 3-Clause."
        QMessageBox.about(self._window, "About cnnvis", text)
