"""The cells of a sheet as one pyqtgraph image, crisp at any size."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtWidgets import QWidget

from cnnvis.gui.panels.charts import image_item, plain_view
from cnnvis.gui.panels.matrix_frame import Frame


class Surface:
    """Shows (rows, columns, 3) pixels inside a widget, each as large as a frame says; loads pyqtgraph on first use."""

    def __init__(self, parent: QWidget) -> None:
        self._parent = parent
        self._view: Any = None
        self._image: Any = None
        self._pixels: NDArray[np.uint8] = np.zeros((0, 0, 3), np.uint8)
        self._together = 0

    def show(self, pixels: NDArray[np.uint8]) -> None:
        """Take other pixels; `place` brings them to the screen."""
        if self._view is None:
            self._view, self._image = plain_view(self._parent), image_item()
            self._view.addItem(self._image)
            self._view.lower()
            self._view.show()
        self._pixels, self._together = pixels, 0

    def place(self, frame: Frame) -> None:
        """Put the cells where the frame has them."""
        if self._view is None:
            return
        area = frame.area
        self._view.setGeometry(round(frame.left), round(frame.top), max(round(area.w), 1), max(round(area.h), 1))
        rows = self._fill(max(int(np.ceil(1 / frame.high)), 1))
        self._image.setRect(QRectF(-frame.x, -frame.y, frame.n_columns * frame.wide, rows * frame.high))

    def _fill(self, together: int) -> int:
        """Give the image its rows; of rows thinner than a pixel the mean of so many. How many rows it then spans."""
        n = len(self._pixels)
        if together != self._together:
            pixels = self._pixels
            if together > 1:
                starts = np.arange(0, n, together)
                sums = np.add.reduceat(pixels.astype(np.float32), starts, axis=0)
                pixels = np.rint(sums / np.diff(np.append(starts, n))[:, None, None]).astype(np.uint8)
            self._image.setImage(pixels, autoLevels=False, levels=(0, 255))
            self._together = together
        return -(-n // together) * together
