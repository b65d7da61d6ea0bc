"""The main window: the picture in the middle, what it is on the left, what was clicked on the right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QByteArray, QPoint, QSize, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QGuiApplication, QKeyEvent
from PySide6.QtWidgets import (
    QApplication,
    QMainWindow,
    QProgressBar,
    QStackedWidget,
    QToolBar,
    QVBoxLayout,
    QWidget,
)

from cnnvis.gui import context_menu, palette
from cnnvis.gui.actions import Actions
from cnnvis.gui.ask import Ask
from cnnvis.gui.autosave import MINUTES, Autosaves
from cnnvis.gui.canvas import Canvas
from cnnvis.gui.commands import Commands, pressed
from cnnvis.gui.desk import card_of
from cnnvis.gui.docks import ASIDE, Docks
from cnnvis.gui.foresee import Foresee
from cnnvis.gui.instance_bar import InstanceBar
from cnnvis.gui.jobs import Jobs
from cnnvis.gui.notice import NoticeBar
from cnnvis.gui.panels.every import every_panel
from cnnvis.gui.panels.findings import Findings
from cnnvis.gui.panels.history import History
from cnnvis.gui.places import Places, Settings
from cnnvis.gui.reopening import FIGURES, PICTURES, Reopening
from cnnvis.gui.services import Services
from cnnvis.gui.start import DEMOS, Loading, Start
from cnnvis.gui.topbar import TopBar
from cnnvis.gui.view import Answer, Notice, Panel, Work
from cnnvis.gui.wording import idle, reword, summary
from cnnvis.gui.workbar import WorkBar
from cnnvis.layout.diagram import Diagram, Key
from cnnvis.layout.edge_words import sign_line
from cnnvis.layout.theme import Theme
from cnnvis.model.document import Document
from cnnvis.model.session import Session
from cnnvis.model.viewed import viewed

SIZE = QSize(1600, 1000)
_LAYOUT = 3
"""Raised when docks are added or renamed: an older remembered layout is then ignored."""


class Window(QMainWindow):
    """One window, one document. It is the controller's View; the work is done elsewhere."""

    def __init__(self, jobs: Jobs, services: Services, places: Places) -> None:
        super().__init__()
        self.jobs, self.places = jobs, places
        self.settings = Settings(places)
        self.ask = Ask(self)
        self.canvas = Canvas(jobs)
        self.start, self.loading, self.notice = Start(), Loading(), NoticeBar()
        self.instance = InstanceBar()
        self.topbar = TopBar(jobs, lambda: self.controller.session, lambda: self.controller.selection)
        self._bar = QProgressBar()
        self.workbar = WorkBar(self._bar)
        self.panels: dict[str, QWidget] = {}
        self._news: tuple[Session, Diagram] | None = None
        self._autosaves = Autosaves(places.autosaves)
        self.controller = Reopening(self, jobs, services, self.settings, self._autosaves, self)
        self.commands = Commands(self, self.controller)
        self.actions_ = Actions(self, self.commands.run)
        self._docks = Docks(self, self.actions_.menus["panels"])
        self._build()
        self._connect()
        self.choose_theme(self._choice)
        self._restore()
        self.show_start()
        self.controller.tell()
        self._keeper = QTimer(self)
        self._keeper.setInterval(MINUTES * 60_000)
        self._keeper.timeout.connect(self.controller.autosave)
        self._keeper.start()

    # How it is built

    def _build(self) -> None:
        self.setWindowTitle("cnnvis")
        self.setAcceptDrops(True)
        self.setDockNestingEnabled(True)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self._strip = strip = QToolBar("Bar")
        strip.setObjectName("bar")
        strip.setMovable(False)
        strip.setFloatable(False)
        strip.addWidget(self.topbar)
        strip.setStyleSheet("QToolBar { border: none; padding: 0; spacing: 0; }")
        self.addToolBar(Qt.ToolBarArea.TopToolBarArea, strip)
        self.pages = QStackedWidget()
        for page in (self.start, self.loading, self.canvas):
            self.pages.addWidget(page)
        middle = QWidget()
        middle.setObjectName("canvasGround")
        box = QVBoxLayout(middle)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        for widget in (self._bar, self.notice, self.instance, self.pages):
            box.addWidget(widget)
        self.setCentralWidget(middle)
        self.setStatusBar(self.workbar)
        for name, title, panel, area in every_panel(self.jobs, lambda: self.controller.selection):
            self._docks.add(name, title, panel, area)
            self.panels[name] = panel
        self._docks.resize({"network": 400, "findings": 440}, Qt.Orientation.Vertical)
        self._docks.resize({"network": 224, "details": 328}, Qt.Orientation.Horizontal)
        for name in ASIDE:
            self._docks[name].hide()
        for name, title, _ in DEMOS:
            self.actions_.menus["demo"].addAction(title, partial(self.commands.run, "demo", (name,)))
        context_menu.fill(self.actions_.menus, self.commands.run)
        self.actions_.menus["recent"].aboutToShow.connect(self._fill_recent)

    def _connect(self) -> None:
        canvas, controller = self.canvas, self.controller
        canvas.selected.connect(controller.select)
        canvas.opened.connect(controller.open_key)
        canvas.units_moved.connect(controller.move)
        canvas.units_gathered.connect(controller.gather)
        canvas.clusters_merged.connect(controller.merge)
        canvas.boundary_moved.connect(controller.begin_group)
        canvas.foresight = Foresee(controller, canvas.refresh)
        canvas.bundle_moved.connect(controller.move_bundle)
        canvas.menu_asked.connect(self._show_menu)
        self.start.requested.connect(self.commands.run)
        canvas.selected.connect(controller.edges.follow)
        self.topbar.edges.requested.connect(self.commands.run)
        self.topbar.facets.changed.connect(controller.show_facet)
        self.topbar.search.chosen.connect(controller.choose)
        self.topbar.search.all_chosen.connect(controller.select)
        self.topbar.search.images_chosen.connect(lambda found: self.commands.run("subset_images", (found,)))
        for bar in (self.topbar.subsets, self.instance):
            bar.requested.connect(self.commands.run)
        self.workbar.cancelled.connect(controller.cancel)
        self.workbar.paused.connect(controller.pause)
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._scheme_changed)
        for panel in self._all_panels():
            panel.chosen.connect(controller.choose)
            panel.requested.connect(self.commands.run)
            if isinstance(panel, Findings):
                panel.all_chosen.connect(controller.select)
        for name in ASIDE:
            self._docks[name].toggleViewAction().toggled.connect(self.actions_[name].setChecked)

    def _all_panels(self) -> list[Panel]:
        return list(self.panels.values())  # type: ignore[arg-type]

    def _restore(self) -> None:
        self.resize(SIZE)
        self.restoreGeometry(QByteArray(self.settings.blob("window/geometry")))
        self.restoreState(QByteArray(self.settings.blob("window/state")), _LAYOUT)
        self.canvas.animated = self.settings.flag("animation", True)
        self.actions_["animation"].setChecked(self.canvas.animated)

    @property
    def _choice(self) -> palette.Choice:
        chosen = self.settings.text("theme", "system")
        return next((choice for choice in palette.CHOICES if choice == chosen), "system")

    def choose_theme(self, choice: palette.Choice) -> None:
        """Dress the window in light, dark, or what the system has."""
        self.settings.put("theme", choice)
        self.actions_[f"theme_{choice}"].setChecked(True)
        theme: Theme = palette.chosen_theme(choice)
        application = QApplication.instance()
        if isinstance(application, QApplication):
            palette.apply(application, theme)
        self.canvas.set_theme(theme)
        self.loading.set_theme(theme)
        self.instance.set_theme(theme)
        for panel in self.panels.values():
            if hasattr(panel, "set_theme"):
                panel.set_theme(theme)

    def _scheme_changed(self) -> None:
        if self._choice == "system":
            self.choose_theme("system")

    def toggle_animation(self) -> None:
        self.canvas.animated = self.actions_["animation"].isChecked()
        self.settings.put("animation", self.canvas.animated)

    def toggle_panel(self, name: str) -> None:
        """Open a panel that is closed at first, or close it."""
        if self.actions_[name].isChecked():
            self._docks.open(name)
        else:
            self._docks[name].hide()
        self._docks.resize({"matrix": 600, "confusion": 448}, Qt.Orientation.Horizontal)

    def focus_search(self) -> None:
        self.topbar.search.setFocus()
        self.topbar.search.selectAll()

    def flash(self, text: str) -> None:
        """Say something in passing."""
        self.workbar.flash(text)

    # The view of the controller

    def show_start(self) -> None:
        self._news = None
        self.start.show_recent(self.settings.recent())
        self._page(self.start)
        for panel in self._all_panels():
            panel.show_session(None, None)
        self.canvas.show_diagram(None)

    def show_loading(self, what: str) -> None:
        self.canvas.show_diagram(None)
        self.loading.show_what(what)
        self._page(self.loading)

    def _page(self, page: QWidget) -> None:
        if self.pages.currentWidget() is not page:
            self.pages.setCurrentWidget(page)
            page.setFocus()
        is_picture = page is self.canvas
        self.topbar.set_open(is_picture)
        self.instance.setVisible(is_picture and self.instance.filled)
        self._strip.setVisible(page is not self.start)
        self.workbar.show_signs(is_picture)
        self._docks.show(page is not self.start)

    def show_session(self, session: Session, diagram: Diagram, anchor: Key | None) -> None:
        self._page(self.canvas)
        self.canvas.show_diagram(diagram, anchor)
        self.topbar.edges.show_look(session)
        self.topbar.subsets.show_session(session)
        self.actions_.reword(session.noun)
        self.instance.show_session(session)
        self.workbar.say_signs(sign_line(viewed(session)))
        self.topbar.facets.choose(session.look.facet)
        for verb in pressed(session.look):
            self.actions_[verb].setChecked(True)
        self.topbar.show_words(session.analysis.network.name, summary(viewed(session)))
        self._news = (session, diagram)
        QTimer.singleShot(0, self, self._inform)  # once the picture is repainted

    def _inform(self) -> None:
        """Bring the panels up to date."""
        if self._news is None:
            return
        (session, diagram), self._news = self._news, None
        keys = self.controller.selection
        for panel in self._all_panels():
            panel.show_session(session, diagram)
            panel.show_selection(keys[0] if keys else None)
        for part in (self.topbar, *self.panels.values()):
            reword(part, session.noun)

    def show_selection(self, keys: tuple[Key, ...]) -> None:
        session = self.controller.session
        cards = tuple(dict.fromkeys(card_of(key, session) for key in keys)) if session is not None else ()
        self.canvas.select(cards, tuple(key for key in keys if key[0] == "unit"))
        if self._news is None:
            for panel in self._all_panels():
                panel.show_selection(keys[0] if keys else None)

    def show_document(self, document: Document | None) -> None:
        history = self.panels["history"]
        assert isinstance(history, History)
        history.show_document(document)
        undo = document.undoable if document is not None else None
        redo = document.redoable if document is not None else None
        self.actions_["undo"].setText(f"&Undo: {undo}" if undo else "&Undo")
        self.actions_["redo"].setText(f"&Redo: {redo}" if redo else "&Redo")
        self.workbar.set_idle(idle(document))

    def show_title(self, name: str, unsaved: bool) -> None:
        self.setWindowTitle(f"{name}[*] – cnnvis" if name else "cnnvis")
        self.setWindowModified(bool(name) and unsaved)

    def show_work(self, work: Work | None) -> None:
        self.workbar.show_work(work)
        if work is not None and self.pages.currentWidget() is self.loading:
            self.loading.show_what(work.what)

    def show_paused(self, paused: bool) -> None:
        self.workbar.show_paused(paused)

    def show_notice(self, notice: Notice | None) -> None:
        session = self.controller.session
        if notice is not None and session is not None:
            notice = replace(notice, text=session.noun.say(notice.text))
        self.notice.show_notice(notice)

    def allow(self, met: frozenset[str]) -> None:
        self.actions_.allow(met)

    def reveal(self, key: Key) -> None:
        self.canvas.reveal(key)

    def in_view(self, keys: Sequence[Key]) -> frozenset[Key]:
        return self.canvas.in_view(keys)

    def ask_unsaved(self, name: str) -> Answer:
        return self.ask.unsaved(name)

    def ask_where(self, suggested: Path) -> Path | None:
        return self.ask.file_to_save("Save session", suggested, "Sessions (*.cnnvis)")

    def ask_session(self, network: str) -> Path | None:
        self.flash(f"The figure was made from a session of {network}")
        return self.ask.file_to_open("Sessions (*.cnnvis)", f"Where is the session of {network}?")

    @property
    def shown_panels(self) -> dict[str, QWidget]:
        """The open panels by their titles."""
        open_ = {name: panel for name, panel in self.panels.items() if panel.isVisible()}
        return {self._docks[name].windowTitle(): panel for name, panel in open_.items()}

    def ask_trust(self, sentence: str, path: str, digest: str) -> bool:
        return self.ask.trust(sentence, path, digest)

    # What happens to it

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.commands.run("take_away")
        else:
            super().keyPressEvent(event)

    def _fill_recent(self) -> None:
        menu = self.actions_.menus["recent"]
        menu.clear()
        for path in self.settings.recent():
            menu.addAction(str(path), partial(self.commands.run, "open", (path,)))
        if menu.isEmpty():
            menu.addAction("Nothing yet").setEnabled(False)

    def _show_menu(self, key: Key | None, unit: Key | None, where: QPoint) -> None:
        if unit is not None and unit not in self.controller.selection:
            self.controller.select((unit,))
        context_menu.pop_up(self, self.actions_, unit or key, where)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _dropped(event) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        path = _dropped(event)
        if path is not None:
            event.acceptProposedAction()
            # After the drop has ended: a question now would hang the program that it came from.
            QTimer.singleShot(0, self, lambda: self.controller.open(path))

    def closeEvent(self, event: QCloseEvent) -> None:
        if not self.controller.may_leave():
            event.ignore()
            return
        self._keeper.stop()
        self.hide()
        self._docks.show(True)  # as the user wants them with a picture
        self.settings.put_blob("window/state", bytes(self.saveState(_LAYOUT).data()))
        self.settings.put_blob("window/geometry", bytes(self.saveGeometry().data()))
        self.settings.sync()
        self.controller.leave()
        self.jobs.close()
        event.accept()


def _dropped(event: QDropEvent) -> Path | None:
    """The first session, job, figure or picture among dropped files."""
    paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
    return next((path for path in paths if path.suffix.lower() in (".cnnvis", ".toml", *FIGURES, *PICTURES)), None)
