"""Every command of the window once: its words, its shortcut, its place in the menus."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal

from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu

Needs = Literal["nothing", "session", "cluster", "layer", "unit", "clusters", "undo", "redo", "work"]


@dataclass(frozen=True, slots=True)
class Command:
    """One thing a user can do. `verb` is its name in code; `needs` says when it can be done."""

    verb: str
    text: str
    shortcut: str = ""
    needs: Needs = "nothing"
    tip: str = ""
    checkable: bool = False
    choice: str = ""


_LINE = None

MENUS: tuple[tuple[str, tuple[Command | None, ...]], ...] = (
    (
        "&File",
        (
            Command("new", "&New analysis…", "Ctrl+N", tip="Describe a network and its images"),
            Command("open", "&Open…", "Ctrl+O", tip="Open a session (.cnnvis) or a job (.toml)"),
            Command("recent", "Open &recent"),
            Command("demo", "&Demos"),
            _LINE,
            Command("save", "&Save", "Ctrl+S", "session"),
            Command("save_as", "Save &as…", "Ctrl+Shift+S", "session"),
            Command("export", "&Export figure…", "Ctrl+E", "session", "Write the picture as svg, pdf or png"),
            Command("copy_figure", "&Copy figure", "Ctrl+Shift+C", "session", "Put the picture on the clipboard"),
            _LINE,
            Command("connect", "Connect net&work…", "", "session", "Run the network of this session again"),
            Command("close", "C&lose session", "Ctrl+W", "session"),
            Command("preferences", "&Preferences…", "Ctrl+,"),
            Command("quit", "&Quit", "Ctrl+Q"),
        ),
    ),
    (
        "&Edit",
        (
            Command("undo", "&Undo", "Ctrl+Z", "undo"),
            Command("redo", "&Redo", "Ctrl+Shift+Z", "redo"),
            Command("history", "&History", "Ctrl+H", checkable=True),
            _LINE,
            Command("rename", "Re&name…", "F2", "cluster", "Give the selected cluster a name"),
            Command("note", "N&ote…", "Ctrl+Shift+N", "layer", "Write a note on what is selected"),
            Command("merge", "&Merge…", "Ctrl+M", "cluster", "Make several clusters of a layer one"),
            Command("split", "&Split…", "Ctrl+T", "cluster", "Divide the selected cluster"),
            Command("move", "Mo&ve to…", "Ctrl+Shift+M", "unit", "Move the selected neuron to another cluster"),
            Command("recluster", "Re&cluster…", "Ctrl+R", "layer", "Choose another clusterer for this layer"),
            Command("lock", "&Lock cluster", "Ctrl+L", "cluster", "Keep its members when clustering again"),
            _LINE,
            Command("find", "&Find…", "Ctrl+F", "session", "Search layers, neurons and classes"),
        ),
    ),
    (
        "&View",
        (
            Command("zoom_in", "Zoom &in", "Ctrl++", "session"),
            Command("zoom_out", "Zoom &out", "Ctrl+-", "session"),
            Command("fit", "&Fit", "Ctrl+0", "session", "Show the whole picture"),
            Command("actual_size", "&Actual size", "Ctrl+1", "session"),
            Command("expand", "E&xpand or collapse", "Ctrl+Return", "layer", "Show every layer or neuron inside"),
            Command("collapse_all", "&Collapse all", "Ctrl+Shift+0", "session"),
            _LINE,
            Command("panels", "&Panels"),
            Command("theme_light", "&Light", checkable=True, choice="theme"),
            Command("theme_dark", "&Dark", checkable=True, choice="theme"),
            Command("theme_system", "As the &system", checkable=True, choice="theme"),
            _LINE,
            Command("animation", "A&nimation", checkable=True, tip="Let things glide to their new places"),
        ),
    ),
    (
        "&Help",
        (
            Command("shortcuts", "&Shortcuts", "F1"),
            Command("log", "&Log file"),
            Command("about", "&About cnnvis"),
        ),
    ),
)

COMMANDS: dict[str, Command] = {
    command.verb: command for _, commands in MENUS for command in commands if command is not None
}


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
                elif command.verb in ("recent", "demo", "panels"):
                    self.menus[command.verb] = menu.addMenu(command.text)
                else:
                    menu.addAction(self._make(command, act))

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

    def allow(self, met: Collection[str]) -> None:
        """Enable what can be done now: `met` names the needs that are."""
        for verb, action in self._actions.items():
            need = COMMANDS[verb].needs
            action.setEnabled(need == "nothing" or need in met)


def _sequences(command: Command) -> list[QKeySequence]:
    found = [QKeySequence(command.shortcut)]
    also = {"redo": "Ctrl+Y", "zoom_in": "Ctrl+="}
    if command.verb in also:
        found.append(QKeySequence(also[command.verb]))
    return found
