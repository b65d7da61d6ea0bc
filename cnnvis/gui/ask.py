"""Every question that the window asks; tests answer in its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QDialog, QFileDialog, QInputDialog, QMessageBox, QWidget

import cnnvis
from cnnvis.errors import CnnvisError
from cnnvis.gui.places import Settings
from cnnvis.gui.view import Answer
from cnnvis.model.session import Session

if TYPE_CHECKING:
    from cnnvis.gui.dialogs.export_figure import Parts, Subject
    from cnnvis.gui.dialogs.recluster import Try
    from cnnvis.gui.regrouping import Reclustering


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
        """One of several things, by their ids; numbered where two have the same name."""
        if not choices:
            return None
        names = list(choices.values())
        if len(set(names)) < len(names):
            names = [f"{index + 1}.  {text}" for index, text in enumerate(names)]
        found, yes = QInputDialog.getItem(self._window, title, question, names, 0, False)
        return list(choices)[names.index(found)] if yes else None

    def reclustering(self, layer: str, session: Session, try_out: Try) -> Reclustering | None:
        """How to cluster a layer, or all."""
        from cnnvis.gui.dialogs.recluster import Recluster

        dialog = Recluster(layer, session.analysis, try_out, self._window)
        return dialog.wish() if self._accepted(dialog) else None

    def _accepted(self, dialog: QDialog) -> bool:
        found = dialog.exec() == QDialog.DialogCode.Accepted
        dialog.deleteLater()
        return found

    def file_to_open(self, kinds: str, title: str = "Open") -> Path | None:
        name, _ = QFileDialog.getOpenFileName(self._window, title, "", kinds)
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

    def may_connect(self, session: Session, settings: Settings, fail: Callable[[BaseException], None]) -> bool:
        """Show what connecting the network would run, and ask; only once of the same files with the same hashes."""
        from cnnvis.workflow.sources import connection_request

        try:
            request = connection_request(session)
        except CnnvisError as error:
            fail(error)
            return False
        allowed = set(settings.text("connected").split("\n"))
        if request.seals and request.seals <= allowed:
            return True
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
        if box.clickedButton() is not run:
            return False
        settings.put("connected", "\n".join(sorted(filter(None, allowed | request.seals))))
        return True

    def export(
        self, subjects: tuple[Subject, ...], parts: Parts, settings: Settings, name: str
    ) -> Path | None:
        """What to print and where; the file that was written. Raises as `cnnvis.painting` does."""
        from cnnvis.gui.dialogs.export_figure import ExportFigure

        dialog = ExportFigure(subjects, parts, settings.text("style", "double-column"), self._window)
        if not self._accepted(dialog):
            return None
        settings.put("style", dialog.chosen_style)
        path = self.file_to_save("Export figure", Path(f"{name}.svg"), "SVG (*.svg);;PDF (*.pdf);;PNG (*.png)")
        return dialog.write(path) if path is not None else None

    def preferences(self, settings: Settings) -> None:
        """Device, threads and budgets."""
        from cnnvis.gui.dialogs.preferences import Preferences

        dialog = Preferences(settings, self._window)
        if self._accepted(dialog):
            dialog.keep()

    def shortcuts(self) -> None:
        """All shortcuts."""
        from cnnvis.gui.dialogs.shortcuts import Shortcuts

        self._accepted(Shortcuts(self._window))

    def about(self) -> None:
        """What this is."""
        text = f"cnnvis {cnnvis.__version__}\n\nLook inside a trained neural network.\nBSD 3-Clause."
        QMessageBox.about(self._window, "About cnnvis", text)
