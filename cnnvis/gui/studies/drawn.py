"""Drawn images in the place of patches: the picture shows at once which are there, the rest follows."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from cnnvis.errors import Cancelled, NotConnected
from cnnvis.gui.desk import card_of
from cnnvis.gui.editing import Editing
from cnnvis.gui.jobs import Jobs, Reporter
from cnnvis.gui.services import Services
from cnnvis.gui.studies.drawing_queue import Outlook, Shelf, Wish, next_wish, outlook, work_of
from cnnvis.gui.studies.study import Study
from cnnvis.gui.view import Notice, Offer, View, Work
from cnnvis.layout.marks import Card, Patch
from cnnvis.model.session import DRAWN, Session, Source
from cnnvis.model.synthesis import WAYS, Icons
from cnnvis.workflow.icons import STEPS, undrawable

TOPIC = "drawn"
_SURE = 3.0
"""Seconds of work after which the time that is left is told."""


class DrawnImages(Study):
    """Shows what the neurons were driven by, or images drawn to drive them further; these are kept in the session.

    One job draws a few neurons. What comes next is decided anew each time, by what is selected and seen.
    """

    def __init__(self, desk: Editing, view: View, jobs: Jobs, services: Services) -> None:
        super().__init__(desk, view, jobs, services)
        self._halted = False
        self._asked: tuple[str, int] | None = None
        self._spent = self._worked = 0.0

    @property
    def verbs(self) -> Mapping[str, Callable[..., object]]:
        sources: dict[str, Callable[..., object]] = {f"source_{source}": partial(self.show, source) for source in DRAWN}
        return sources | {"draw_unit": self.draw_unit}

    def leave(self) -> None:
        self._halted, self._asked = False, None
        self._spent = self._worked = 0.0

    def show(self, source: Source) -> None:
        """Let the cards show real images or drawn ones; what is not drawn yet is drawn in the background."""
        document = self.desk.document
        if document is None:
            return
        self._drop()
        if source != "images" and not self._may(DRAWN[source]):
            self.desk.draw()  # the menu has ticked what is not to be had
            return
        if self._halted:
            self.view.show_notice(None)  # it says that drawing was stopped
        self._halted = False
        self.desk.hold()
        self.desk.look(replace(document.session.look, source=source))
        if source != "images" and self.services.sources is None:
            if next_wish(document.analysis.network, self._shelves(), document.session.synthesis, DRAWN[source]):
                words = "Pale patches are real images: no others are drawn yet. File ▸ Connect network draws them."
                self.view.show_notice(Notice(words))
        else:
            self._go_on()

    def draw_unit(self, layer: str, unit: int) -> None:
        """Draw one neuron in every way before all others, and keep what cards show."""
        if self.desk.document is not None and self._may(()):
            self._drop()
            self._asked = layer, unit
            self._go_on()

    def follow(self) -> None:
        """The picture has changed: draw what it shows now, unless that is under way or was stopped."""
        document = self.desk.document
        if document is None or self._halted or self.services.sources is None or self.jobs.running(TOPIC) is not None:
            return
        if DRAWN[document.session.look.source] and not undrawable(document.session):
            self._go_on()

    def _may(self, ways: Sequence[str]) -> bool:
        """Whether images can be drawn, or some are there already; else it is said what is missing."""
        document = self.desk.document
        assert document is not None
        if why := undrawable(document.session):
            self.view.show_notice(Notice(why))
            return False
        if self.services.sources is None and not any(way in ways for _, way in document.session.synthesis.icons):
            self.desk.fail(NotConnected("The network must be connected to draw images. Choose File ▸ Connect network."))
            return False
        return True

    def _drop(self) -> None:
        if self.jobs.running(TOPIC) is not None:
            self.jobs.drop(TOPIC)
            self.view.show_work(None)

    # What comes next

    def _shelves(self) -> list[Shelf]:
        """The neurons on each card, and how near they are."""
        diagram, session = self.desk.diagram, self.desk.session
        cards = [c for c in diagram.cards if isinstance(c, Card) and c.key[0] == "cluster"] if diagram else []
        if session is None:
            return []
        chosen = {card_of(key, session) for key in self.desk.selection}
        seen = self.view.in_view([card.key for card in cards])
        found = []
        for card in cards:
            units = dict.fromkeys(m.unit for m in card.face.marks if isinstance(m, Patch) and m.unit >= 0)
            rank = 0 if card.key in chosen else 1 if card.key in seen else 2
            found.append(Shelf(str(card.key[1]), tuple(units), rank))
        return found

    def _next(self, session: Session, shelves: Sequence[Shelf]) -> Wish | None:
        if self._asked is not None:
            layer, unit = self._asked
            for way in WAYS:
                icons = session.synthesis.of(layer, way)
                if icons is None or icons.drawn(unit) < STEPS:
                    return Wish(layer, way, (unit,))
            self._asked = None
        if self._halted:
            return None
        return next_wish(session.analysis.network, shelves, session.synthesis, DRAWN[session.look.source])

    def _go_on(self) -> bool:
        """Draw what comes next; whether there is anything."""
        document = self.desk.document
        if document is None or self.services.sources is None:
            return False
        session, shelves = document.session, self._shelves()
        wish = self._next(session, shelves)
        if wish is None:
            return False
        asked = [shelf for shelf in shelves if shelf.near or not wish.near]
        if self._asked is not None:
            asked = [Shelf(wish.layer, wish.units)]
        ways = WAYS if self._asked is not None else DRAWN[session.look.source]
        self._start(wish, outlook(session.analysis.network, asked, session.synthesis, ways, wish.coarse))
        return True

    def _start(self, wish: Wish, ahead: Outlook) -> None:
        document, live = self.desk.document, self.services.sources
        assert document is not None
        assert live is not None
        session = document.session
        size = work_of(session.analysis.network, wish)

        def work(progress: Reporter) -> Icons:
            from cnnvis.workflow.icons import drawn_icons

            return drawn_icons(
                session, live, wish.layer, wish.units, way=wish.way, coarse=wish.coarse, progress=progress
            )

        def heard(found: Icons) -> None:
            if self.desk.document is document:
                self._keep(found)

        def done(found: Icons) -> None:
            self._spent += time.monotonic() - task.started
            self._worked += size
            heard(found)
            if not self._go_on():
                self.view.show_work(None)

        def failed(error: BaseException) -> None:
            self._halted, self._asked = True, None
            self.view.show_work(None)
            if isinstance(error, Cancelled):
                self._say_stopped()
            else:
                self.desk.fail(error)

        def report(step: int, steps: int, what: str) -> None:
            share = step / steps if steps and what.startswith("drawing") else 0.0
            self.view.show_work(self._told(wish, ahead, share * size, time.monotonic() - task.started))

        self.view.show_work(self._told(wish, ahead, 0.0, 0.0))
        self.topics.add(TOPIC)
        task = self.jobs.start(TOPIC, work, done, failed, lane="long", reported=report, heard=heard)

    def _keep(self, found: Icons) -> None:
        """Put images into the session, where they are clearer than those that are there."""
        document = self.desk.document
        assert document is not None
        known = document.session.synthesis.of(found.layer, found.way)
        fresh = int(np.min(found.steps))
        if known is not None and any(known.drawn(unit) >= fresh for unit in found.units):
            return
        self.desk.hold()
        document.update(document.session.with_icons(found if known is None else known.joined(found)))

    def _told(self, wish: Wish, ahead: Outlook, worked: float, seconds: float) -> Work:
        """What the status bar says: how many neurons are drawn of those that are shown, and how long it will take."""
        spent, all_ = self._spent + seconds, self._worked + worked
        left = spent / all_ * max(ahead.left - worked, 0.0) if spent > _SURE and all_ > 0 else None
        task = self.jobs.running(TOPIC)
        where = "in view" if wish.near and self._asked is None else f"of {wish.layer}"
        what = f"{'Sketching' if wish.coarse else 'Drawing'} neurons {where}"
        return Work(what, ahead.done, ahead.total, left, None, task is not None and task.paused)

    def _say_stopped(self) -> None:
        def go_on() -> None:
            self.view.show_notice(None)
            self._halted = False
            self._go_on()

        text = "Stopped. What is drawn until now stays; pale patches are real images."
        self.view.show_notice(Notice(text, offers=(Offer("Go on", go_on),)))
