"""What each command does: from the words of a menu, a button or a panel to the controller."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices

from cnnvis.gui.chosen import Chosen
from cnnvis.gui.controller import Controller
from cnnvis.gui.docks import ASIDE
from cnnvis.gui.edge_menu import COMMAND_OF
from cnnvis.gui.edit_commands import EditCommands
from cnnvis.gui.explain_commands import ExplainCommands
from cnnvis.gui.exporting import Exporting
from cnnvis.gui.menus import COMMANDS
from cnnvis.gui.reopening import PICTURES
from cnnvis.gui.together_commands import TogetherCommands
from cnnvis.model.session import FACETS, Bundling, ClassOrder, Facet, Look, Packing

if TYPE_CHECKING:
    from cnnvis.gui.window import Window

OPENABLE = "Sessions, jobs and figures (*.cnnvis *.toml *.svg *.pdf *.png)"

CHECKPOINTS = "Weights (*.safetensors *.pt *.pth *.ckpt *.bin)"


def pressed(look: Look) -> tuple[str, ...]:
    """The commands that are ticked in the menus, as they say how the picture is looked at."""
    ways = ("facet", "packing", "order", "bundles", "source")
    return (COMMAND_OF[look.mode], *(f"{what}_{getattr(look, what)}" for what in ways))


class Commands:
    """The verbs of the window. `run(verb, arguments)`; a verb that lacks its arguments asks the user for them."""

    def __init__(self, window: Window, controller: Controller) -> None:
        self._window, self._controller = window, controller
        c, w = controller, window
        self._verbs: dict[str, Callable[..., object]] = {
            "new": self._new,
            "open": self._open,
            "open_image": self._open_image,
            "demo": self._demo,
            "analyze": c.analyze,
            "save": c.save,
            "save_as": self._save_as,
            "connect": self._connect,
            "close": c.close_session,
            "preferences": lambda: w.ask.preferences(w.settings),
            "quit": w.close,
            "compare_health": self._compare,
            "select": c.select,
            "class_order": c.show_order,
            "unfold": c.unfold,
            "find": w.focus_search,
            "subset_new": w.topbar.subsets.ask_new,
            "about_subset": lambda name: c.select((("subset", name),)),
            "about_instance": lambda name: c.select((("instance", name),)),
            "zoom_in": w.canvas.zoom_in,
            "zoom_out": w.canvas.zoom_out,
            "fit": w.canvas.fit,
            "actual_size": w.canvas.actual_size,
            "expand": self._expand,
            "collapse_all": c.collapse_all,
            "untangle": c.untangle,
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
        self._verbs.update({name: partial(w.toggle_panel, name) for name in ASIDE})
        self._verbs.update(self._ways())
        own = (EditCommands(w, c), Exporting(w, c), ExplainCommands(w, c), TogetherCommands(w, c))
        mine = tuple(commands.verbs for commands in own)
        for verbs in (*mine, *(study.verbs for study in c.studies)):
            self._verbs.update(verbs)
        assert COMMANDS.keys() - self._verbs.keys() == {"recent", "panels", "patches"}

    def _ways(self) -> dict[str, Callable[..., object]]:
        """How the picture is looked at: one command for each choice."""
        c = self._controller
        found: dict[str, Callable[..., object]] = {"facet_of": c.show_facet_of, "facet_card": self._facet_card}
        found |= {f"facet_{facet}": partial(c.show_facet, facet) for facet in FACETS}
        found |= {f"packing_{packing}": partial(c.show_packing, packing) for packing in get_args(Packing)}
        found |= {f"order_{order}": partial(c.show_order, order) for order in get_args(ClassOrder)}
        return found | {f"bundles_{bundles}": partial(c.show_bundles, bundles) for bundles in get_args(Bundling)}

    def run(self, verb: str, arguments: tuple[Any, ...] = ()) -> None:
        """Do what a verb says."""
        self._verbs[verb](*arguments)

    def _facet_card(self, facet: Facet) -> None:
        found = Chosen(self._controller).cluster
        if found is not None:
            self._controller.show_facet_of(found[0], found[1].id, facet)

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

    def _open_image(self) -> None:
        path = self._window.ask.file_to_open(f"Pictures (*{' *'.join(PICTURES)})")
        if path is not None:
            self._controller.instances.open_picture(path)

    def _demo(self, name: str) -> None:
        from cnnvis.gui.services import demo

        self._controller.analyze(demo(name))

    def _save_as(self) -> None:
        path = self._window.ask_where(Path(f"{self._controller.name}.cnnvis"))
        if path is not None:
            self._controller.save(path)

    def _connect(self) -> None:
        session, window = self._controller.session, self._window
        if session is not None and window.ask.may_connect(session, window.settings, self._controller.fail):
            self._controller.connect_network()

    def _compare(self, before: Path | None = None) -> None:
        before = before or self._window.ask.file_to_open(CHECKPOINTS)
        if before is not None:
            self.run("measure_health", (before,))

    def _log(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._window.places.log_file)))

    def _expand(self, *arguments: Any) -> None:
        chosen = Chosen(self._controller)
        key = arguments[0] if arguments else chosen.key
        if key is not None and key[0] == "unit" and (found := chosen.cluster) is not None:
            key = ("cluster", found[0], found[1].id)
        if key is not None:
            self._controller.open_key(key)
