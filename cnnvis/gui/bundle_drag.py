"""A bundle on its way to another place in its lane."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF

from cnnvis.gui.stage import Stage
from cnnvis.layout.bundles import moved
from cnnvis.layout.diagram import Diagram, Key


@dataclass
class BundleDrag:
    """The box of a bundle follows the cursor, and its curves follow the box."""

    key: Key
    stage: Stage
    start: Diagram
    grip: QPointF

    @classmethod
    def begin(cls, stage: Stage, key: Key | None, where: QPointF) -> BundleDrag | None:
        """A drag of the bundle under the cursor; None where there is none that has curves."""
        diagram = stage.diagram
        bundle = diagram.bundle(key) if diagram is not None and key is not None else None
        if diagram is None or bundle is None or bundle.expanded:
            return None
        box = bundle.card.box
        # A curve is no handle: by it the box would jump under the cursor.
        if not box.grown(4.0).holds(where.x(), where.y()):
            return None
        return cls(bundle.key, stage, diagram, where - QPointF(box.x, box.y))

    def move(self, where: QPointF) -> None:
        """Follow the cursor as far as the lane goes."""
        corner = where - self.grip
        self.stage.carry(moved(self.start, self.key, corner.x(), corner.y()), self.key)

    def cancel(self) -> None:
        """Put the box back."""
        self.stage.carry(self.start, self.key)
        self.stage.drop()

    def end(self) -> tuple[float, float]:
        """Leave the box where it is: how far from where layout put it."""
        self.stage.drop()
        bundle = self.stage.diagram.bundle(self.key) if self.stage.diagram is not None else None
        if bundle is None:
            return 0.0, 0.0
        return bundle.card.box.x - bundle.home.x, bundle.card.box.y - bundle.home.y
