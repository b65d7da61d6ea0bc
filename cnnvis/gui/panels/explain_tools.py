"""What can be done with the chosen explanation: its path laid over the picture, its figure, its Python, its end."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QWidget

from cnnvis.model.attribution import Attribution, Gates
from cnnvis.model.session import Session

LAY, TAKE = "Show path", "Hide path"


class ExplainTools(QWidget):
    """A button for a path, where there is one, and a menu. `requested` a verb of the window; `copied`: its Python."""

    requested = Signal(str, object)
    copied = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._found: Attribution | None = None
        self._lies = False
        self.path, self.more = QToolButton(), QToolButton()
        self.path.setProperty("choice", "true")
        self.path.setToolTip("On the cards, how far their gates are open; closed ones step back (Esc hides it)")
        self.path.clicked.connect(self._lay)
        self.more.setText("More  ▾")
        self.more.setProperty("choice", "true")
        self.more.setToolTip("Export, copy as Python, remove")
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.more)
        menu.addAction("Export figure…", lambda: self.requested.emit("export", ("Explain",)))
        menu.addAction("Copy as Python", self.copied.emit)
        menu.addSeparator()
        menu.addAction("Remove this explanation", self._remove)
        self.more.setMenu(menu)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.path)
        row.addWidget(self.more)
        self.path.hide()

    def show_explanation(self, session: Session | None, found: Attribution | None) -> None:
        """Offer what can be done with an explanation."""
        self._found = found
        self._lies = session is not None and found is not None and session.look.path == found.key
        self.path.setVisible(found is not None and isinstance(found.evidence, Gates))
        self.path.setText(TAKE if self._lies else LAY)

    def _lay(self) -> None:
        if self._lies:
            self.requested.emit("take_path", ())
        elif self._found is not None:
            self.requested.emit("lay_path", (self._found.key,))

    def _remove(self) -> None:
        if self._found is not None:
            self.requested.emit("explain_forget", (self._found.key,))
