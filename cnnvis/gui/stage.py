"""The scene behind the canvas: it holds an item per card and lets one diagram become the next."""

from __future__ import annotations

from PySide6.QtCore import QObject, QRectF, Qt, Signal
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QGraphicsScene

from cnnvis.gui.faces import FaceStore
from cnnvis.gui.jobs import Jobs
from cnnvis.gui.motion import Clock, Transition, cards_of
from cnnvis.gui.scene import AskedLinks, CardItem, QuietLinks, as_box
from cnnvis.layout.diagram import Diagram, Face, Ink, Key, Link, difference
from cnnvis.layout.theme import LIGHT, Theme
from cnnvis.painting.paint import colour


class Stage(QObject):
    """Shows diagrams in a QGraphicsScene. `stepped` tells how far a transition is (0–1), `arrived` its end."""

    stepped = Signal(float)
    arrived = Signal()

    def __init__(self, jobs: Jobs, parent: QObject) -> None:
        super().__init__(parent)
        self.scene = QGraphicsScene(self)
        # An index would be rebuilt at every frame of a transition; culling a few hundred items is cheaper.
        self.scene.setItemIndexMethod(QGraphicsScene.ItemIndexMethod.NoIndex)
        self._store = FaceStore(jobs, LIGHT, parent=self)
        self._store.painted.connect(self._face_painted)
        self._quiet, self._asked = QuietLinks(self._store, jobs), AskedLinks(self._store)
        self.scene.addItem(self._quiet)
        self.scene.addItem(self._asked)
        self._items: dict[Key, CardItem] = {}
        self._transition: Transition | None = None
        self._seen: tuple[QRectF, float, float] | None = None
        self._clock = Clock(self._step, self)
        self._clock.finished.connect(self._end)
        self.diagram: Diagram | None = None

    @property
    def theme(self) -> Theme:
        return self._store.manner.theme

    @property
    def moving(self) -> bool:
        """Whether a transition is under way."""
        return self._transition is not None

    @property
    def asked_links(self) -> tuple[Link, ...]:
        """The links that stand out."""
        return self._asked.links

    def item(self, key: Key) -> CardItem | None:
        """The item of a card or column header."""
        return self._items.get(key)

    def ready(self, key: Key) -> bool:
        """Whether a card has been painted, patches and all."""
        item = self._items.get(key)
        return item is not None and self._store.best(item.card.face, 1.0) is not None

    def picture(self, key: Key, width: float) -> QPixmap | None:
        """A card as it was painted last, so wide on the screen; None while it was never painted."""
        item = self._items.get(key)
        found = self._store.best(item.card.face, 1.0) if item is not None else None
        if found is None:
            return None
        smooth = Qt.TransformationMode.SmoothTransformation
        found = found.scaledToWidth(min(round(2 * width), found.width()), smooth)
        found.setDevicePixelRatio(found.width() / width)
        return found

    def set_theme(self, theme: Theme) -> None:
        """Other colours; pictures stay as they are."""
        self._store.set_theme(theme)
        self._quiet.forget()
        self.scene.setBackgroundBrush(colour(theme, Ink("canvas")))
        self.scene.update()

    def show(self, diagram: Diagram | None, animated: bool) -> None:
        """Let the present diagram become another one."""
        self.finish()
        old, self.diagram = self.diagram, diagram
        if diagram is None:
            self._clear()
            return
        self._store.set_pictures(diagram.pictures)
        self._transition = Transition(old, diagram)
        self._exchange(old, diagram)
        self._paint_faces()  # before the movement, so that new faces are there while it lasts
        if old is not None and animated and self._transition.moves:
            self._step(0.0)
            self._clock.start()
        else:
            self._step(1.0)
            self._end()

    def finish(self) -> None:
        """End a transition at once."""
        if self._transition is not None:
            self._clock.stop()
            self._step(1.0)
            self._end()

    def mark(
        self,
        selected: tuple[Key, ...],
        hovered: Key | None,
        target: Key | None = None,
        paths: bool = False,
        units: tuple[Key, ...] = (),
    ) -> None:
        """Outline selected cards and neurons and where a drag would end; light the links of what is asked for.

        `paths` lights every link on a path through what is hovered, not the direct ones only.
        """
        cards = set(selected)
        chosen = frozenset(int(key[2]) for key in units)  # of one layer
        for key, item in self._items.items():
            item.mark(key in cards, key == target, chosen if key in cards else frozenset())
        if self.diagram is None or self.moving:
            return
        loud: dict[Key, Link] = {link.key: link for link in self.diagram.path}
        for asked in selected:
            loud |= {link.key: link for link in self.diagram.lit(asked)}
        if hovered is not None:
            through = self.diagram.paths(hovered) if paths else self.diagram.lit(hovered)
            loud |= {link.key: link for link in through}
        if tuple(loud.values()) != self._asked.links:
            self._asked.set_links(loud.values())
        self._quiet.dim(hovered is not None and bool(loud))

    def carry(self, diagram: Diagram, key: Key) -> None:
        """Show a bundle at another place of the same diagram: only its box and its curves move."""
        bundle, item = diagram.bundle(key), self._items.get(key)
        if bundle is None or item is None or self.diagram is None:
            return
        mine = {curve.key for curve in bundle.curves}
        rest = [link for link in self.diagram.strokes if link.key not in mine]
        self.diagram = diagram
        item.show_card(bundle.card)
        item.setPos(bundle.card.box.x, bundle.card.box.y)
        self._asked.set_links(bundle.curves)
        if len(rest) != len(self._quiet.links):
            self._quiet.exchange(rest)
            if self._seen is not None:
                self._quiet.render(*self._seen)

    def drop(self) -> None:
        """Leave a carried bundle where it is."""
        if self.diagram is not None:
            self._quiet.exchange(self.diagram.strokes)
            if self._seen is not None:
                self._quiet.render(*self._seen)

    def settle(self, area: QRectF, zoom: float, ratio: float) -> None:
        """Have what lies in an area painted finely, in the background."""
        self._seen = (area, zoom, ratio)
        if self.diagram is not None and not self.moving:
            self._paint_faces()
            self._quiet.render(area, zoom, ratio)

    def _paint_faces(self) -> None:
        """Have the cards that are, or will be, in view painted where they are not yet."""
        if self._seen is None or self.diagram is None:
            return
        area, zoom, ratio = self._seen
        seen = as_box(area)
        near = [card.face for card in cards_of(self.diagram).values() if card.box.overlaps(seen)]
        self._store.request(near, zoom, zoom * ratio)

    def _clear(self) -> None:
        for item in self._items.values():
            self.scene.removeItem(item)
        self._items.clear()
        self._quiet.set_links(())
        self._asked.set_links(())
        self._store.clear()
        self._store.set_pictures(None)

    def _exchange(self, old: Diagram | None, new: Diagram) -> None:
        """Items for what is new, other faces for what changed; places are up to the transition."""
        changes = difference(old, new)
        cards = cards_of(new)
        for key in changes.added:
            self._items[key] = CardItem(cards[key], self._store)
            self.scene.addItem(self._items[key])
        for key in changes.changed | changes.moved:
            self._items[key].show_card(cards[key])
        for key in cards:
            self._items[key].dim(key in new.dimmed)
        self._asked.set_links(())

    def _step(self, t: float) -> None:
        if self._transition is None:
            return
        moment = self._transition.at(t)
        for key, (x, y) in moment.places.items():
            self._items[key].setPos(x, y)
        for key, opacity in moment.opacities.items():
            self._items[key].setOpacity(opacity)
        if moment.links != self._quiet.links:
            put = self._quiet.set_links if self._transition.moves else self._quiet.exchange
            put(moment.links)
        self.stepped.emit(t)

    def _end(self) -> None:
        if self._transition is None or self.diagram is None:
            return
        self._transition = None
        present = cards_of(self.diagram)
        for key in [key for key in self._items if key not in present]:
            self.scene.removeItem(self._items.pop(key))
        self.arrived.emit()

    def _face_painted(self, face: Face) -> None:
        for item in self._items.values():
            if item.card.face is face:
                item.update()
