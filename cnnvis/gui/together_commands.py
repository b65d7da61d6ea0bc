"""The command that explains the images of a class or a subset together: it opens the panel for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from cnnvis.gui.controller import Controller
from cnnvis.gui.panels.together import TogetherPanel
from cnnvis.model.viewed import shown_subset

if TYPE_CHECKING:
    from cnnvis.gui.window import Window


class TogetherCommands:
    """Joins the panel to the study that answers it."""

    def __init__(self, window: Window, controller: Controller) -> None:
        self._window, self._controller = window, controller
        controller.together.told = lambda gathering: self._panel.show_gathering(gathering)
        controller.together.found = lambda found: self._panel.show_found(found)

    @property
    def verbs(self) -> Mapping[str, Callable[..., object]]:
        """The commands by their verbs."""
        return {"explain_together": self.these}

    @property
    def _panel(self) -> TogetherPanel:
        found = self._window.panels["together"]
        assert isinstance(found, TogetherPanel)
        return found

    def these(self, name: str = "") -> None:
        """Open the panel and ask for a class or a subset by name: the selected class, else the subset shown."""
        session = self._controller.session
        if session is None:
            return
        key = next((key for key in self._controller.selection if key[0] in ("class", "subset")), None)
        if not name and key is not None:
            name = str(key[1]) if key[0] == "subset" else session.classes[int(key[1])]
        name = name or shown_subset(session)
        action = self._window.actions_["together"]
        if not action.isChecked():
            action.setChecked(True)
            self._window.toggle_panel("together")
        if name:
            self._panel.ask_about(name)
