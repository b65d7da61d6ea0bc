"""The commands of the Edit menu: from words to edits. One that lacks its arguments asks the user for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from PySide6.QtGui import QGuiApplication

from cnnvis.errors import InvalidValue
from cnnvis.gui.chosen import Chosen
from cnnvis.gui.context_menu import pop_up
from cnnvis.gui.controller import Controller
from cnnvis.layout.columns import shown_layers
from cnnvis.model.analysis import Analysis
from cnnvis.model.groups import Group

if TYPE_CHECKING:
    from cnnvis.gui.window import Window


class EditCommands:
    """What can be edited of what is selected, by verb."""

    def __init__(self, window: Window, controller: Controller) -> None:
        self._window, self._controller = window, controller
        self._chosen = Chosen(controller)

    @property
    def verbs(self) -> Mapping[str, Callable[..., object]]:
        c = self._controller
        return {
            "undo": c.undo,
            "redo": c.redo,
            "go_to": c.go_to,
            "copy_python": self._copy_python,
            "rename": self._rename,
            "note": self._note,
            "colour": self._colour,
            "merge": self._merge,
            "split": self._split,
            "gather": self._gather,
            "move": self._move,
            "recluster": self._recluster,
            "lock": self._lock,
            "pin": self._pin,
            "rate": c.rate,
            "represent": self._represent,
            "join_groups": self._join_groups,
            "split_group": self._split_group,
            "menu": lambda key, where: pop_up(self._window, self._window.actions_, key, where),
        }

    @property
    def _analysis(self) -> Analysis | None:
        session = self._controller.session
        return session.analysis if session is not None else None

    # Clusters

    def _rename(self, *arguments: Any) -> None:
        if arguments:
            self._controller.rename(*arguments)
        elif (found := self._chosen.cluster) is not None:
            layer, cluster = found
            name = self._window.ask.text("Rename", f"Name of “{cluster.title}”", cluster.name)
            if name is not None:
                self._controller.rename(layer, cluster.id, name)

    def _note(self, *arguments: Any) -> None:
        key, analysis = self._chosen.key, self._analysis
        if arguments:
            self._controller.annotate(*arguments)
        elif key is not None and analysis is not None:
            found = self._chosen.cluster if key[0] == "cluster" else None
            name = f"{key[1]}:{key[2]}" if key[0] == "unit" else str(key[1])
            old = found[1].note if found is not None else analysis.notes.get(name, "")
            note = self._window.ask.long_text("Note", f"Note on {found[1].title if found else name}", old)
            if note is not None:
                self._controller.annotate(key, note)

    def _colour(self, colour: str, *arguments: Any) -> None:
        if arguments:
            layer, ids = arguments
            self._controller.colour(layer, ids, colour)
        elif (found := self._chosen.cluster) is not None:
            ids = self._chosen.clusters or (found[1].id,)
            self._controller.colour(found[0], ids, colour)

    def _merge(self, *arguments: Any) -> None:
        if arguments:
            self._controller.merge(*arguments)
            return
        found, ids = self._chosen.cluster, self._chosen.clusters
        if found is None or not self._one_layer("merged"):
            return
        layer, cluster = found
        if len(ids) < 2:
            others = self._chosen.others(layer, cluster.id)
            other = self._window.ask.one_of("Merge", f"Merge “{cluster.title}” with", others)
            if other is None:
                return
            ids = (cluster.id, other)
        self._controller.merge(layer, ids)

    def _split(self, *arguments: Any) -> None:
        if arguments:
            self._controller.split(*arguments)
        elif (found := self._chosen.cluster) is not None:
            self._controller.split_in_two(found[0], found[1].id)

    def _gather(self, *arguments: Any) -> None:
        layer, units = self._chosen.layer, self._chosen.units
        if arguments:
            self._controller.gather(*arguments)
        elif layer is not None and units and self._one_layer("put into one cluster"):
            self._controller.gather(layer, units)

    def _move(self, *arguments: Any) -> None:
        units, found = self._chosen.units, self._chosen.cluster
        if arguments:
            self._controller.move(*arguments)
        elif units and found is not None and self._one_layer("moved"):
            layer, cluster = found
            what = f"{layer}:{units[0]}" if len(units) == 1 else f"{len(units)} neurons of {layer}"
            # With several neurons their first one's cluster is a place to go as well.
            ids = (cluster.id,) if set(units) <= set(cluster.members) else ()
            to = self._window.ask.one_of("Move", f"Move {what} to", self._chosen.others(layer, *ids))
            if to is not None:
                self._controller.move(layer, units, to)

    def _one_layer(self, what: str) -> bool:
        layers = sorted(self._chosen.layers)
        if len(layers) > 1:
            words = f"What is {what} must be of one layer; got {', '.join(layers)}. Select within one column."
            self._controller.fail(InvalidValue(words))
        return len(layers) == 1

    def _recluster(self, *arguments: Any) -> None:
        layer, session = self._chosen.layer, self._controller.session
        if arguments:
            self._controller.recluster(*arguments)
        elif layer is not None and session is not None:
            wish = self._window.ask.reclustering(layer, session, self._controller.try_out)
            self._controller.forget_trial()
            if wish is not None:
                self._controller.recluster(wish)

    def _lock(self, *arguments: Any) -> None:
        if arguments:
            self._controller.lock(*arguments)
        elif (found := self._chosen.cluster) is not None:
            self._controller.lock(found[0], found[1].id)

    def _pin(self, *arguments: Any) -> None:
        layer, units = self._chosen.layer, self._chosen.units
        if arguments:
            self._controller.pin(*arguments)
        elif layer is not None and units:
            self._controller.pin(layer, units[0])

    # Layer groups

    def _represent(self, *arguments: Any) -> None:
        group, session = self._chosen.group, self._controller.session
        if arguments:
            self._controller.represent(*arguments)
        elif group is not None and session is not None:
            found = shown_layers(session.analysis, group, session.activations, True)
            names = {place: layer.name for place, layer in enumerate(found) if layer.name != group.representative}
            if not names:
                self._only(group)
                return
            place = self._window.ask.one_of("Represent", f"Instead of {group.representative}, show", names)
            if place is not None:
                self._controller.represent(names[place])

    def _only(self, group: Group) -> None:
        self._controller.fail(InvalidValue(f"{group.name} must hold two layers with neurons for a choice; it has one."))

    def _join_groups(self, *arguments: Any) -> None:
        group = self._chosen.group
        if arguments:
            self._controller.join_groups(*arguments)
        elif group is not None:
            self._controller.join_groups(group.id)

    def _split_group(self, *arguments: Any) -> None:
        group, layer, session = self._chosen.group, self._chosen.layer, self._controller.session
        if arguments:
            self._controller.split_group(*arguments)
        elif group is None or layer is None or session is None:
            return
        elif group.name in session.look.expanded and layer != group.layers[0]:
            self._controller.split_group(layer)
        elif len(group.layers) < 2:
            self._only(group)
        else:
            names = dict(enumerate(group.layers[1:]))
            place = self._window.ask.one_of("Split group", f"Begin the second part of {group.name} with", names)
            if place is not None:
                self._controller.split_group(names[place])

    def _copy_python(self, step: int | None = None) -> None:
        """The whole script, or the line of one step."""
        document = self._controller.document
        if document is None:
            return
        text = self._controller.python() if step is None else document.history[step].python
        QGuiApplication.clipboard().setText(text)
        self._window.flash("The Python is on the clipboard")
