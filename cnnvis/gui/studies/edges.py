"""Which edges the picture shows: their mode, the class they lead to, their signs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from cnnvis.errors import InvalidValue
from cnnvis.gui.studies.study import Study
from cnnvis.layout.columns import has_classes
from cnnvis.layout.diagram import Key
from cnnvis.model.connections import Connections, Mode
from cnnvis.model.measurements import Edging
from cnnvis.model.session import Session, Signs
from cnnvis.progress import Progress
from cnnvis.workflow.edges import edges, followed, known_edges, missing_pairs, with_edges

if TYPE_CHECKING:
    from cnnvis.workflow.sources import Sources

TOPIC = "edges"


class Edges(Study):
    """A mode that was not measured yet is measured in the background; until then the picture stays as it is."""

    @property
    def verbs(self) -> Mapping[str, Callable[..., object]]:
        return {
            "edges_activation": partial(self.show, "weights × activation"),
            "edges_weights": partial(self.show, "weights"),
            "edges_class": self.show_for_class,
            "edge_signs": self.show_signs,
        }

    def show(self, mode: Mode, target: int | None = None) -> None:
        """Show the edges of a mode; of mode "class" those that lead to the class `target`."""
        session = self.desk.session
        if session is None:
            return
        wanted = _looked(session, mode, target)
        asked = followed(wanted)
        if known_edges(wanted, asked) is not None and not missing_pairs(wanted, asked):
            if self.jobs.running(TOPIC) is not None:
                self.jobs.drop(TOPIC)
                self.view.show_work(None)
            self._update(lambda present: _looked(present, mode, target))
            return
        self.desk.draw()  # The menus have shown at once what the user chose; the picture is not there yet.
        if session.connections is None:
            self.desk.fail(InvalidValue("The edges must be measured once before another mode. Let the analysis end."))
            return

        def work(session: Session, sources: Sources, progress: Progress) -> tuple[Edging, Connections | None]:
            wanted = _looked(session, mode, target)
            asked = followed(wanted)
            return asked, edges(wanted, sources, asked, progress=progress)

        def keep(session: Session, found: tuple[Edging, Connections | None]) -> Session:
            asked, connections = found
            kept = session if connections is None else with_edges(session, asked, connections)
            return _looked(kept, mode, target)

        self.measure(TOPIC, "Connecting neurons", work, keep)

    def show_for_class(self, target: int | None = None) -> None:
        """Show the edges that lead to a class: the given one, the selected one, or the last one."""
        session = self.desk.session
        if session is None:
            return
        if target is None:
            target = next((int(k[1]) for k in self.desk.selection if _is_class(k)), session.look.chosen)
        if target is None and self.desk.diagram is not None:
            target = next((int(card.key[1]) for card in self.desk.diagram.cards if _is_class(card.key)), None)
        if target is not None and has_classes(session.analysis.network):
            self.show("class", target)

    def follow(self, keys: Sequence[Key]) -> None:
        """Where edges lead to a class, let them lead to the one that was clicked."""
        session = self.desk.session
        if session is None or session.look.mode != "class" or len(keys) != 1 or not _is_class(keys[0]):
            return
        if session.look.chosen != int(keys[0][1]):
            self.show_for_class(int(keys[0][1]))

    def show_signs(self, signs: Signs) -> None:
        """Show edges of both signs, or of one."""
        self._update(lambda session: session.with_look(replace(session.look, signs=signs)))

    def _update(self, change: Callable[[Session], Session]) -> None:
        document = self.desk.document
        if document is not None and (found := change(document.session)).look != document.session.look:
            self.desk.hold()
            document.update(found)


def _looked(session: Session, mode: Mode, target: int | None) -> Session:
    chosen = session.look.chosen if target is None else target
    return session.with_look(replace(session.look, mode=mode, chosen=chosen))


def _is_class(key: Key) -> bool:
    return key[0] == "class" and len(key) == 2 and isinstance(key[1], int)
