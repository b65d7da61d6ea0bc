"""The commands of the Explain panel that need the window: opening it for what is selected, its Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from PySide6.QtGui import QGuiApplication

from cnnvis.gui.controller import Controller
from cnnvis.gui.panels.explain import ExplainPanel
from cnnvis.layout.diagram import Key
from cnnvis.model.attribution import Attribution
from cnnvis.model.question import explanation_script

if TYPE_CHECKING:
    from cnnvis.gui.window import Window


class ExplainCommands:
    """Joins the panel to the study that answers it."""

    def __init__(self, window: Window, controller: Controller) -> None:
        self._window, self._controller = window, controller
        controller.explain.told = lambda asking: self._panel.show_asking(asking)
        controller.trust.told = lambda judging: self._panel.score.show_judging(judging)
        controller.explain.saw = lambda region: self._panel.show_region(region)

    @property
    def verbs(self) -> Mapping[str, Callable[..., object]]:
        """The commands by their verbs."""
        return {"explain_this": self.this, "explain_python": self.python}

    @property
    def _panel(self) -> ExplainPanel:
        found = self._window.panels["explain"]
        assert isinstance(found, ExplainPanel)
        return found

    def this(self, key: Key | None = None) -> None:
        """Open the panel and ask for what is selected."""
        selection = self._controller.selection
        key = key if key is not None else selection[0] if selection else None
        action = self._window.actions_["explain"]
        if not action.isChecked():
            action.setChecked(True)
            self._window.toggle_panel("explain")
        if key is not None:
            self._panel.ask_about(key)

    def python(self, found: Sequence[Attribution]) -> None:
        """Put the script that explains the same on the clipboard."""
        from cnnvis.compute.methods import by_title

        session = self._controller.session
        if session is None:
            return
        source = str(self._controller.path or f"{self._controller.name}.cnnvis")
        text = explanation_script(session, found, source, lambda title: type(by_title(title)).__name__)
        QGuiApplication.clipboard().setText(text)
        self._window.flash("The Python is on the clipboard")
