"""The QActions of the window's commands."""

from __future__ import annotations

from collections.abc import Callable, Collection

from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu

from cnnvis.gui.menus import COMMANDS, MENUS, Command
from cnnvis.model.nouns import Noun

SUBMENUS = ("recent", "demo", "panels", "colour", "facet_card", "patches")


class Actions:
    """The QActions of all commands; `act(verb)` is called when one is triggered."""

    def __init__(self, window: QMainWindow, act: Callable[[str], None]) -> None:
        self._window = window
        self.menus: dict[str, QMenu] = {}
        self._actions: dict[str, QAction] = {}
        self._groups: dict[str, QActionGroup] = {}
        for title, commands in MENUS:
            menu = window.menuBar().addMenu(title)
            menu.setToolTipsVisible(True)
            for command in commands:
                if command is None:
                    menu.addSeparator()
                elif command.verb in SUBMENUS:
                    self.menus[command.verb] = menu.addMenu(command.text)
                    self.menus[command.verb].setToolTipsVisible(True)
                else:
                    self.menus.get(command.inside, menu).addAction(self._make(command, act))

    def __getitem__(self, verb: str) -> QAction:
        return self._actions[verb]

    def _make(self, command: Command, act: Callable[[str], None]) -> QAction:
        action = QAction(command.text, self._window)
        if command.shortcut:
            action.setShortcuts(_sequences(command))
        if command.tip:
            action.setToolTip(command.tip)
        action.setCheckable(command.checkable)
        if command.choice:
            group = self._groups.setdefault(command.choice, QActionGroup(self._window))
            group.addAction(action)
        if command.verb == "quit":
            action.setMenuRole(QAction.MenuRole.QuitRole)
        action.triggered.connect(lambda checked=False, verb=command.verb: act(verb))
        self._actions[command.verb] = action
        return action

    def reword(self, noun: Noun) -> None:
        """Let texts and tooltips say what the open session's network was shown."""
        told = {verb: command for verb, command in COMMANDS.items() if _speaks_of_images(command)}
        for verb, command in told.items():
            if verb in self._actions:
                self._actions[verb].setText(noun.say(command.text))
                self._actions[verb].setToolTip(noun.say(command.tip))

    def allow(self, met: Collection[str]) -> None:
        """Enable what can be done now: `met` names the needs that are."""
        actions = self._actions | {verb: menu.menuAction() for verb, menu in self.menus.items()}
        for verb, action in actions.items():
            need = COMMANDS[verb].needs
            action.setEnabled(need == "nothing" or need in met)


def _speaks_of_images(command: Command) -> bool:
    """Whether a command is about what the network was shown, whatever that is; files are opened of images only."""
    return command.verb != "open_image" and "image" in f"{command.text}{command.tip}".replace("&", "").lower()


def _sequences(command: Command) -> list[QKeySequence]:
    found = [QKeySequence(command.shortcut)]
    also = {"redo": "Ctrl+Y", "zoom_in": "Ctrl+="}
    if command.verb in also:
        found.append(QKeySequence(also[command.verb]))
    return found
