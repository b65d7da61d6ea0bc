"""From one diagram to the next: what moves glides to its new place, what is new appears, what is gone fades."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from PySide6.QtCore import QEasingCurve, QObject, QVariantAnimation

from cnnvis.layout.diagram import Card, Diagram, Key, Link

MILLISECONDS = 200


@dataclass(frozen=True)
class Scene:
    """Where everything is at one moment of a transition: places, opacities, links."""

    places: Mapping[Key, tuple[float, float]]
    opacities: Mapping[Key, float]
    links: tuple[Link, ...]


def cards_of(diagram: Diagram | None) -> dict[Key, Card]:
    """All cards and column headers by key."""
    if diagram is None:
        return {}
    return {card.key: card for card in (*(column.header for column in diagram.columns), *diagram.cards)}


class Transition:
    """Everything between two diagrams, for any moment 0–1."""

    def __init__(self, old: Diagram | None, new: Diagram) -> None:
        self._before, self._after = cards_of(old), cards_of(new)
        self._new = new
        self._old_links = {link.key: link for link in old.links} if old is not None else {}
        self.moves = any(
            key not in self._before or (self._before[key].box.x, self._before[key].box.y) != (card.box.x, card.box.y)
            for key, card in self._after.items()
        ) or bool(self._before.keys() - self._after.keys())

    def at(self, t: float) -> Scene:
        """Places of all cards, old and new; opacities of those that come or go; the links between them."""
        places: dict[Key, tuple[float, float]] = {}
        opacities: dict[Key, float] = {}
        for key, card in self._after.items():
            end = (card.box.x, card.box.y)
            if key in self._before:
                start = self._before[key].box
                places[key] = _between((start.x, start.y), end, t)
            else:
                places[key], opacities[key] = end, t
        for key in self._before.keys() - self._after.keys():
            opacities[key] = 1.0 - t
        links = self._new.links if t >= 1.0 else tuple(self._link(link, t) for link in self._new.links)
        return Scene(places, opacities, links)

    def _link(self, link: Link, t: float) -> Link:
        old = self._old_links.get(link.key)
        if old is None or len(old.points) != len(link.points) or old.points == link.points:
            return link
        return replace(link, points=tuple(_between(a, b, t) for a, b in zip(old.points, link.points)))


def _between(start: tuple[float, float], end: tuple[float, float], t: float) -> tuple[float, float]:
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
