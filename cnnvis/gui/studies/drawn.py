"""Drawn images in the place of patches of real ones: the picture shows at once which are there, the rest follows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial

from cnnvis.errors import NotConnected
from cnnvis.gui.jobs import Reporter
from cnnvis.gui.studies.study import Study
from cnnvis.gui.view import Notice, Work
from cnnvis.layout.marks import Card, Patch
from cnnvis.model.session import Session, Source
from cnnvis.model.synthesis import Icons

TOPIC = "drawn"

Wanted = dict[str, tuple[int, ...]]
"""The units of each layer whose images are not drawn yet."""


class DrawnImages(Study):
    """Shows what the neurons were driven by, or images drawn to drive them further; these are kept in the session."""

    @property
    def verbs(self) -> Mapping[str, Callable[..., object]]:
        return {
            "source_images": partial(self.show, "images"),
            "source_synthesis": partial(self.show, "synthesis"),
        }

    def show(self, source: Source) -> None:
        """Let the cards show real images or drawn ones; what is not drawn yet is drawn in the background."""
        document = self.desk.document
        if document is None:
            return
        if source == "images" and self.jobs.running(TOPIC) is not None:
            self.jobs.drop(TOPIC)
            self.view.show_work(None)
        wanted = self._wanted(document.session) if source == "synthesis" else {}
        if wanted and self.services.sources is None and not document.session.synthesis.icons:
            self.desk.draw()  # the menu has ticked what is not to be had
            self.desk.fail(NotConnected("The network must be connected to draw images. Choose File ▸ Connect network."))
            return
        self.desk.hold()
        self.desk.look(replace(document.session.look, source=source))
        if wanted and self.services.sources is None:
            words = "Some neurons keep their real images: no others are drawn yet. File ▸ Connect network draws them."
            self.view.show_notice(Notice(words))
        elif wanted:
            self._draw(wanted)

    def _wanted(self, session: Session) -> Wanted:
        """What the picture shows and nobody has drawn, the last layers first: there it says most."""
        found: dict[str, list[int]] = {}
        for layer, unit in self._shown():
            known = session.synthesis.icons.get(layer)
            if known is None or unit not in known.rows:
                found.setdefault(layer, []).append(unit)
        network = session.analysis.network
        return {name: tuple(sorted(set(found[name]))) for name in sorted(found, key=network.index, reverse=True)}

    def _shown(self) -> Iterator[tuple[str, int]]:
        diagram = self.desk.diagram
        for card in diagram.cards if diagram is not None else ():
            if isinstance(card, Card) and card.key[0] == "cluster":
                units = (m.unit for m in card.face.marks if isinstance(m, Patch))
                yield from ((str(card.key[1]), unit) for unit in units if unit >= 0)

    def _draw(self, wanted: Wanted) -> None:
        document, live = self.desk.document, self.services.sources
        assert document is not None
        assert live is not None
        session, total = document.session, sum(map(len, wanted.values()))

        def work(progress: Reporter) -> None:
            from cnnvis.workflow.icons import drawn_icons

            for layer, units in wanted.items():
                progress.partial(drawn_icons(session, live, layer, units, progress=progress))

        def heard(found: Icons) -> None:
            if self.desk.document is document:
                self.desk.hold()
                known = document.session.synthesis.icons.get(found.layer)
                document.update(document.session.with_icons(found if known is None else known.joined(found)))

        def done(_: None) -> None:
            self.view.show_work(None)

        def failed(error: BaseException) -> None:
            self.view.show_work(None)
            self.desk.fail(error)

        def report(step: int, steps: int, what: str) -> None:
            self.view.show_work(Work(what[:1].upper() + what[1:], step, steps))

        self.view.show_work(Work(f"Drawing images for {total:,} neurons"))
        self.topics.add(TOPIC)
        self.jobs.start(TOPIC, work, done, failed, lane="long", reported=report, heard=heard)
