"""What each command does: from the words of a menu, a button or a panel to the controller."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices

from cnnvis.gui.controller import Controller
from cnnvis.gui.exporting import Exporting
from cnnvis.gui.menus import COMMANDS
from cnnvis.layout.diagram import Key
from cnnvis.model.partition import Cluster
from cnnvis.model.session import FACETS, Bundling

if TYPE_CHECKING:
    from cnnvis.gui.window import Window

OPENABLE = "Sessions, jobs and figures (*.cnnvis *.toml *.svg *.pdf *.png)"


class Commands:
    """The verbs of the window. `run(verb, arguments)`; a verb that lacks its arguments asks the user for them."""

    def __init__(self, window: Window, controller: Controller) -> None:
        self._window, self._controller = window, controller
        c, w = controller, window
        self._verbs: dict[str, Callable[..., object]] = {
            "new": self._new,
            "open": self._open,
            "demo": self._demo,
            "analyze": c.analyze,
            "save": c.save,
            "save_as": self._save_as,
            "connect": self._connect,
            "close": c.close_session,
            "preferences": lambda: w.ask.preferences(w.settings),
            "quit": w.close,
            "undo": c.undo,
            "redo": c.redo,
            "go_to": c.go_to,
            "history": w.toggle_history,
            "rename": self._rename,
            "note": self._note,
            "merge": self._merge,
            "split": self._split,
            "move": self._move,
            "recluster": self._recluster,
            "lock": self._lock,
            "find": w.focus_search,
            "zoom_in": w.canvas.zoom_in,
            "zoom_out": w.canvas.zoom_out,
            "fit": w.canvas.fit,
            "actual_size": w.canvas.actual_size,
            "expand": self._expand,
            "collapse_all": c.collapse_all,
            "edges": c.show_edges,
            "choose": c.choose,
            "move_bundle": c.move_bundle,
            "cancel": c.cancel,
            "pause": c.pause,
            "theme_light": lambda: w.choose_theme("light"),
            "theme_dark": lambda: w.choose_theme("dark"),
            "theme_system": lambda: w.choose_theme("system"),
            "animation": w.toggle_animation,
            "shortcuts": w.ask.shortcuts,
            "log": self._log,
            "about": w.ask.about,
        }
        for facet in FACETS:
            self._verbs[f"facet_{facet}"] = partial(c.show_facet, facet)
        self._verbs["facet_of"] = c.show_facet_of
        for bundles in get_args(Bundling):
            self._verbs[f"bundles_{bundles}"] = partial(c.show_bundles, bundles)
        self._verbs.update(Exporting(w, c).verbs)
        for study in c.studies:
            self._verbs.update(study.verbs)
        assert COMMANDS.keys() - self._verbs.keys() == {"recent", "panels"}

    def run(self, verb: str, arguments: tuple[Any, ...] = ()) -> None:
        """Do what a verb says."""
        self._verbs[verb](*arguments)

    # What is selected

    def _cluster(self) -> tuple[str, Cluster] | None:
        """The layer and cluster in question: of a neuron, the one that holds it."""
        session, keys = self._controller.session, self._controller.selection
        if session is None or not keys:
            return None
        key = keys[0]
        clusters = session.analysis.clusters.get(str(key[1])) if len(key) > 1 else None
        if clusters is None or key[0] not in ("cluster", "unit"):
            return None
        found = clusters[int(key[2])] if key[0] == "cluster" else clusters.cluster_of(int(key[2]))
        return str(key[1]), found

    def _layer(self) -> str | None:
        keys = self._controller.selection
        return str(keys[0][1]) if keys and keys[0][0] in ("cluster", "unit", "column") else None

    def _key(self) -> Key | None:
        return self._controller.selection[0] if self._controller.selection else None

    def _others(self, layer: str, id: int) -> dict[int, str]:
        session = self._controller.session
        if session is None or layer not in session.analysis.clusters:
            return {}
        others = [c for c in session.analysis.clusters[layer] if c.id != id]
        return {c.id: f"{c.title} · {len(c)}" if c.name else c.title for c in others}

    # File

    def _new(self) -> None:
        from cnnvis.gui.dialogs.new_analysis import NewAnalysis

        dialog = NewAnalysis(self._window.jobs, self._window)
        dialog.wanted.connect(self._controller.analyze)
        dialog.open()

    def _open(self, path: Path | None = None) -> None:
        path = path or self._window.ask.file_to_open(OPENABLE)
        if path is not None:
            self._controller.open(path)

    def _demo(self, name: str) -> None:
        from cnnvis.gui.services import demo

        self._controller.analyze(demo(name))

    def _save_as(self) -> None:
        path = self._window.ask_where(Path(f"{self._controller.name}.cnnvis"))
        if path is not None:
            self._controller.save(path)

    def _connect(self) -> None:
        session = self._controller.session
        if session is not None and self._window.ask.may_connect(session, self._controller.fail):
            self._controller.connect_network()

    def _log(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._window.places.log_file)))

    # Edit

    def _rename(self, *arguments: Any) -> None:
        if arguments:
            self._controller.rename(*arguments)
        elif (found := self._cluster()) is not None:
            layer, cluster = found
            name = self._window.ask.text("Rename", f"Name of “{cluster.title}”", cluster.name)
            if name is not None:
                self._controller.rename(layer, cluster.id, name)

    def _note(self, *arguments: Any) -> None:
        key, session = self._key(), self._controller.session
        if arguments:
            self._controller.annotate(*arguments)
        elif key is not None and session is not None:
            found = self._cluster() if key[0] == "cluster" else None
            name = f"{key[1]}:{key[2]}" if key[0] == "unit" else str(key[1])
            old = found[1].note if found is not None else session.analysis.notes.get(name, "")
            note = self._window.ask.long_text("Note", f"Note on {found[1].title if found else name}", old)
            if note is not None:
                self._controller.annotate(key, note)

    def _merge(self, *arguments: Any) -> None:
        if arguments:
            self._controller.merge(*arguments)
            return
        ids = [int(key[2]) for key in self._controller.selection if key[0] == "cluster"]
        found = self._cluster()
        if found is None:
            return
        layer, cluster = found
        if len(ids) < 2:
            other = self._window.ask.one_of("Merge", f"Merge “{cluster.title}” with", self._others(layer, cluster.id))
            if other is None:
                return
            ids = [cluster.id, other]
        self._controller.merge(layer, ids)

    def _split(self, *arguments: Any) -> None:
        if arguments:
            self._controller.split(*arguments)
        elif (found := self._cluster()) is not None:
            self._controller.split(found[0], found[1].id)

    def _move(self, *arguments: Any) -> None:
        key = self._key()
        if arguments:
            self._controller.move(*arguments)
        elif key is not None and key[0] == "unit" and (found := self._cluster()) is not None:
            layer, cluster = found
            to = self._window.ask.one_of("Move", f"Move {layer}:{key[2]} to", self._others(layer, cluster.id))
            if to is not None:
                self._controller.move(layer, (int(key[2]),), to)

    def _recluster(self, *arguments: Any) -> None:
        layer, session = self._layer(), self._controller.session
        if arguments:
            self._controller.recluster(*arguments)
        elif layer is not None and session is not None:
            recipe = self._window.ask.recipe(layer, session)
            if recipe is not None:
                self._controller.recluster(layer, recipe)

    def _lock(self, *arguments: Any) -> None:
        if arguments:
            self._controller.lock(*arguments)
        elif (found := self._cluster()) is not None:
            self._controller.lock(found[0], found[1].id)

    def _expand(self, *arguments: Any) -> None:
        key = arguments[0] if arguments else self._key()
        if key is not None and key[0] == "unit" and (found := self._cluster()) is not None:
            key = ("cluster", found[0], found[1].id)
        if key is not None:
            self._controller.open_key(key)
