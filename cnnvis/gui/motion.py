"""From one diagram to the next: what moves glides to its new place, what is new appears, what is gone fades."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from PySide6.QtCore import QEasingCurve, QObject, QVariantAnimation

from cnnvis.layout.diagram import Card, Diagram, Key, Link
from cnnvis.layout.routes import Point, parted

MILLISECONDS = 200
Path = tuple[Point, ...]


@dataclass(frozen=True)
class Scene:
    """Where everything is at one moment of a transition: places, opacities, what is drawn of the links."""

    places: Mapping[Key, Point]
    opacities: Mapping[Key, float]
    links: tuple[Link, ...]


def cards_of(diagram: Diagram | None) -> dict[Key, Card]:
    """All cards, headers, names of groups and boxes of bundles by key."""
    if diagram is None:
        return {}
    return dict(diagram.placed)


class Transition:
    """Everything between two diagrams, for any moment 0–1.

    Where a bundle forms, its edges glide together, and where one expands they glide apart.
    """

    def __init__(self, old: Diagram | None, new: Diagram) -> None:
        self._before, self._after = cards_of(old), cards_of(new)
        self._new = new
        before, after = _bundled(old), _bundled(new)
        forming = after - before
        shown = (
            link
            for link in (*new.links, *(curve for bundle in new.bundles for curve in bundle.curves))
            if (link.via in forming if link.via is not None else not {link.source, link.sink} & forming)
        )
        paths = {x.key: x.points for x in (*old.links, *old.strokes)} if old is not None else {}
        self._links = [(link, *_matched(paths.get(link.key, link.points), link.points)) for link in shown]
        self.moves = (
            before != after
            or bool(self._before.keys() - self._after.keys())
            or any(
                key not in self._before or _corner(self._before[key]) != _corner(card)
                for key, card in self._after.items()
            )
        )

    def at(self, t: float) -> Scene:
        """Places of all cards, old and new; opacities of those that come or go; the strokes between them."""
        places: dict[Key, Point] = {}
        opacities: dict[Key, float] = {}
        for key, card in self._after.items():
            if key in self._before:
                places[key] = _between(_corner(self._before[key]), _corner(card), t)
            else:
                places[key], opacities[key] = _corner(card), t
        for key in self._before.keys() - self._after.keys():
            opacities[key] = 1.0 - t
        links = self._new.strokes if t >= 1.0 else tuple(_moved(*link, t) for link in self._links)
        return Scene(places, opacities, links)


def _matched(start: Path, end: Path) -> tuple[Path, Path]:
    """Two chains of Béziers in equally many pieces."""
    n = max(len(start), len(end))
    return (start, end) if start == end else (parted(start, n), parted(end, n))


def _moved(link: Link, start: Path, end: Path, t: float) -> Link:
    return link if start == end else replace(link, points=tuple(_between(a, b, t) for a, b in zip(start, end)))


def _bundled(diagram: Diagram | None) -> set[Key]:
    """The bundles that stand in the place of their edges."""
    return {bundle.key for bundle in diagram.bundles if not bundle.expanded} if diagram is not None else set()


def _corner(card: Card) -> Point:
    return card.box.x, card.box.y


def _between(start: Point, end: Point, t: float) -> Point:
    return start[0] + t * (end[0] - start[0]), start[1] + t * (end[1] - start[1])


class Clock(QVariantAnimation):
    """Calls `step` with 0–1, eased, and `finished` at the end. Starting again ends the run before."""

    def __init__(self, step: Callable[[float], None], parent: QObject) -> None:
        super().__init__(parent)
        self.setStartValue(0.0)
        self.setEndValue(1.0)
        self.setDuration(MILLISECONDS)
        self.setEasingCurve(QEasingCurve.Type.OutCubic)
        self.valueChanged.connect(lambda value: step(float(value)))
