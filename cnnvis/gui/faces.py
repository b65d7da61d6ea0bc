"""Pixmaps of cards, painted in the background and kept at a few zoom levels."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QImage, QPainter, QPixmap

from cnnvis.gui.jobs import Jobs
from cnnvis.layout.diagram import Box, Face, Patch, Pictures
from cnnvis.layout.theme import Theme
from cnnvis.painting.paint import DirectTiles, Manner, Tiles, paint_face, prepare, without_pictures
from cnnvis.progress import Progress

_LEVELS = 3
_KEPT_BYTES = 320_000_000
_MOST_PIXELS = 6_000_000
"""Of one card; a card larger than this on the screen is shown slightly soft."""


@dataclass(frozen=True)
class Level:
    """How large a face was painted: `density` device pixels per diagram pixel, seen at `zoom`."""

    zoom: float
    density: float


def paint_image(face: Face, manner: Manner, tiles: Tiles) -> QImage:
    """A face on a transparent image; may be called in any thread."""
    width, height = max(round(face.w * manner.density), 1), max(round(face.h * manner.density), 1)
    image = QImage(width, height, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    try:
        prepare(painter)
        painter.scale(width / face.w, height / face.h)
        paint_face(painter, face, manner, tiles)
    finally:
        painter.end()
    return image


class Counting:
    """Tiles that remember whether a picture was lacking."""

    def __init__(self, tiles: Tiles) -> None:
        self._tiles = tiles
        self.lacks = False

    def __call__(self, patch: Patch, density: float) -> tuple[QImage, Box] | None:
        found = self._tiles(patch, density)
        self.lacks |= found is None
        return found


class FaceStore(QObject):
    """The pixmaps of a canvas's cards. `painted` says which face has a new one."""

    painted = Signal(object)

    def __init__(self, jobs: Jobs, theme: Theme, family: str = "", parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._manner = Manner(theme, family)
        self._tiles = DirectTiles(None)
        self._pictures: Pictures | None = None
        self._kept: OrderedDict[Face, dict[Level, QPixmap]] = OrderedDict()
        self._bytes = 0
        self._wanted: dict[Face, Level] = {}
        self._drafts: dict[Face, QPixmap] = {}
        self._lacking: set[Face] = set()

    @property
    def manner(self) -> Manner:
        return self._manner

    def set_theme(self, theme: Theme) -> None:
        """Paint everything anew in other colours."""
        self._manner = replace(self._manner, theme=theme)
        self.clear()

    def set_pictures(self, pictures: Pictures | None) -> None:
        """Take patches from here."""
        if pictures is None and self._pictures is None:
            return
        self._pictures = pictures
        self._tiles = DirectTiles(pictures, keep=512)
        # The picture of a sample does not change, so what was painted stays; but what lacked one may have it now.
        for face in self._lacking & self._kept.keys():
            self._bytes -= sum(map(_size, self._kept.pop(face).values()))
        self._lacking.clear()

    def clear(self) -> None:
        self.request((), 1.0, 1.0)
        self._kept.clear()
        self._drafts.clear()
        self._lacking.clear()
        self._bytes = 0

    def best(self, face: Face, density: float) -> QPixmap | None:
        """The kept pixmap of a density, else the next larger one, else the largest."""
        levels = self._kept.get(face)
        if not levels:
            return None
        self._kept.move_to_end(face)
        return levels[min(levels, key=lambda level: (level.density < density - 1e-9, abs(level.density - density)))]

    def draft(self, face: Face, zoom: float, density: float) -> QPixmap:
        """A face without its patches, painted at once, to be shown until `best` has one."""
        found = self._drafts.get(face)
        if found is None:
            manner = replace(self._manner, zoom=zoom, density=density)
            found = self._drafts[face] = QPixmap.fromImage(paint_image(face, manner, without_pictures))
        return found

    def request(self, faces: Iterable[Face], zoom: float, density: float) -> None:
        """Have exactly these faces painted for a zoom, where they are not yet; forget older wishes."""
        wanted: dict[Face, Level] = {}
        for face in faces:
            most = (_MOST_PIXELS / max(face.w * face.h, 1.0)) ** 0.5
            level = Level(zoom, min(density, most))
            if level not in self._kept.get(face, {}):
                wanted[face] = level
        before, self._wanted = self._wanted, wanted
        for face, level in before.items():
            if wanted.get(face) != level:
                self._jobs.drop(("face", face))
        for face, level in wanted.items():
            if before.get(face) != level:
                self._start(face, level)

    def _start(self, face: Face, level: Level) -> None:
        manner = replace(self._manner, zoom=level.zoom, density=level.density)
        tiles = self._tiles

        def work(progress: Progress) -> tuple[QImage, bool]:
            found = Counting(tiles)
            return paint_image(face, manner, found), found.lacks

        def done(painted: tuple[QImage, bool]) -> None:
            image, lacks = painted
            self._wanted.pop(face, None)
            self._keep(face, level, QPixmap.fromImage(image))
            if lacks:
                self._lacking.add(face)
            self.painted.emit(face)

        def failed(error: BaseException) -> None:
            self._wanted.pop(face, None)  # cancelled, or a picture that cannot be read: the card stays as it is

        self._jobs.start(("face", face), work, done, failed, lane="paint")

    def _keep(self, face: Face, level: Level, pixmap: QPixmap) -> None:
        self._drafts.pop(face, None)
        levels = self._kept.setdefault(face, {})
        levels[level] = pixmap
        self._bytes += _size(pixmap)
        while len(levels) > _LEVELS:
            self._bytes -= _size(levels.pop(next(iter(levels))))
        self._kept.move_to_end(face)
        while self._bytes > _KEPT_BYTES and len(self._kept) > 1:
            _, gone = self._kept.popitem(last=False)
            self._bytes -= sum(map(_size, gone.values()))


def _size(pixmap: QPixmap) -> int:
    return pixmap.width() * pixmap.height() * 4
