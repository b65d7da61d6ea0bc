"""The strip over the picture that says which image is laid over it, and against which; or which path."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPixmap, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenu, QSizePolicy, QToolButton, QWidget

from cnnvis.gui.parts import Elided, label
from cnnvis.layout.diagram import Ink
from cnnvis.layout.theme import LIGHT, Theme
from cnnvis.model.activations import Activations
from cnnvis.model.attribution import Attribution, Gates
from cnnvis.model.gates import laid_path, opened, path_said
from cnnvis.model.instances import MEAN_OF, Overlay, find_instance, overlay_of, predicted, ranked_scores
from cnnvis.model.measurements import Instance
from cnnvis.model.session import Session
from cnnvis.painting.crops import cropped, scaled

SIDE = 32
ROOMY = 800
"""Pixels from which there is room for everything."""
NARROW = 560
"""Below so many there is room for the name of a path alone."""
LISTED = 40
"""More class means are offered by their first letters."""
RANKED = 5
"""So many class means are offered at once; the rest in a menu of their own."""


class InstanceBar(QFrame):
    """Hidden while nothing is laid over. `requested` tells a verb and its arguments."""

    requested = Signal(str, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("instanceBar")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(48)
        self._session: Session | None = None
        self._theme = LIGHT
        self._one, self._other = QLabel(), QLabel()
        self._text, self._said, self._than = Elided("", ""), Elided("", "muted"), Elided("", "")
        self._key = label("", "small")
        self._key.setTextFormat(Qt.TextFormat.RichText)
        self._compare = QToolButton()
        self._compare.setProperty("framed", True)
        self._compare.setText("Compare with  ▾")
        self._compare.setToolTip("Show the difference to another image or to the mean of a class")
        self._compare.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self._compare)
        menu.aboutToShow.connect(self._fill)
        self._compare.setMenu(menu)
        self._about = QToolButton()
        self._about.setText("Details")
        self._about.setProperty("framed", True)
        self._about.setToolTip("Its prediction and what stands out in every layer")
        self._about.clicked.connect(self._ask_about)
        self._cross = cross = QToolButton()
        cross.setText("×")
        cross.clicked.connect(lambda: self.requested.emit("take_away", ()))
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 0, 12, 0)
        row.setSpacing(8)
        left: tuple[QWidget, ...] = (self._one, self._text, self._said, self._other, self._than)
        right: tuple[QWidget, ...] = (self._key, self._compare, self._about, cross)
        for widget in left:
            row.addWidget(widget)
        row.addStretch(1)
        for widget in right:
            row.addWidget(widget)
        self.hide()

    @property
    def filled(self) -> bool:
        """Whether there is an image or a path to name."""
        session = self._session
        return session is not None and (laid_path(session) is not None or overlay_of(session) is not None)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a narrow window the names are worth more than the legend."""
        self._fit()
        super().resizeEvent(event)

    def set_theme(self, theme: Theme) -> None:
        """Name the signs in another theme's colours."""
        self._theme = theme
        self.show_session(self._session)

    def show_session(self, session: Session | None) -> None:
        """Say what is laid over; hide where nothing is."""
        self._session = session
        self.setVisible(self.filled)
        self._fit()
        if session is None:
            return
        laid, overlay = laid_path(session), overlay_of(session)
        what = "path" if laid is not None else "image"
        self._cross.setToolTip(f"Take the {what} away (Esc)")
        self._cross.setAccessibleName(f"Take the {what} away")
        if laid is not None:
            self._show_path(session, *laid)
        elif overlay is not None:
            self._show_image(session, overlay)

    def _fit(self) -> None:
        """Show what there is room for; a path is compared with nothing."""
        path = self._session is not None and laid_path(self._session) is not None
        self._key.setVisible(self.width() >= ROOMY)
        self._about.setVisible(self.width() >= ROOMY and not path)
        self._said.setVisible(self.width() >= NARROW or not path)
        self._compare.setVisible(not path)

    def _show_path(self, session: Session, found: Attribution, gates: Gates) -> None:
        said = path_said(session, found)
        self._put_picture(self._one, path_picture(session, found))
        self._put_picture(self._other, None)
        self._text.setText(session.noun.say(f"{said[:1].upper()}{said[1:]}"))
        n = sum(len(values) for values in gates.values.values())
        self._said.setText(f"{100 * opened(gates.values):.0f} % of {n:,} gates open")
        self._than.setText("")
        self._key.setText("bars: how far gates are open")

    def _show_image(self, session: Session, overlay: Overlay) -> None:
        self._put(self._one, session, overlay.instance)
        self._put(self._other, session, overlay.against)
        self._text.setText(_stem(overlay.instance))
        self._said.setText(_told(session, overlay))
        self._than.setText(_stem(overlay.against) if overlay.against is not None else "")
        self._key.setText(self._legend(overlay))

    def _legend(self, overlay: Overlay) -> str:
        if overlay.against is None:
            return "bars: how far above the usual response"
        one, other = (self._theme.hex(Ink(role)) for role in ("excite", "inhibit"))
        return f'<span style="color:{one}">■</span> more here&nbsp; <span style="color:{other}">■</span> more there'

    def _put(self, where: QLabel, session: Session, instance: Instance | None) -> None:
        self._put_picture(where, picture_of(session, instance) if instance is not None else None)

    def _put_picture(self, where: QLabel, picture: NDArray[np.uint8] | None) -> None:
        where.setVisible(picture is not None)
        if picture is not None:
            where.setPixmap(picture_pixmap(picture, SIDE, self.devicePixelRatioF()))

    def _ask_about(self) -> None:
        if self._session is not None:
            self.requested.emit("about_instance", (self._session.look.instance,))

    def _fill(self) -> None:
        """Offer nothing, the means of likely classes, of all, and other images that were opened."""
        menu, session = self._compare.menu(), self._session
        menu.clear()
        overlay = overlay_of(session) if session is not None else None
        if session is None or overlay is None or session.activations is None:
            return
        against = session.look.against
        nothing = menu.addAction("Nothing", partial(self.requested.emit, "compare", ("",)))
        nothing.setCheckable(True)
        nothing.setChecked(not against)
        menu.addSeparator()
        means = class_means(session.activations)
        classes = session.classes
        ranked = [k for k, _ in ranked_scores(overlay.instance, RANKED)]
        likely = [MEAN_OF + classes[k] for k in ranked if k < len(classes)]
        for name in [name for name in likely if name in means]:
            self._offer(menu, name, against)
        if len(means) > len(likely):
            all_means = menu.addMenu("Mean of another class")
            for letter, names in shelved(means).items():
                shelf = all_means.addMenu(letter) if letter else all_means
                for name in names:
                    self._offer(shelf, name, against)
        others = [name for name in session.measurements.instances if name != overlay.instance.name]
        if others:
            menu.addSeparator()
        for name in others:
            self._offer(menu, name, against)
        menu.addSeparator()
        menu.addAction("Another image: open it and press “Compare”").setEnabled(False)

    def _offer(self, menu: QMenu, name: str, against: str) -> None:
        text = name[0].upper() + name[1:] if name.startswith(MEAN_OF) else name
        action = menu.addAction(text, partial(self.requested.emit, "compare", (name,)))
        action.setCheckable(True)
        action.setChecked(name == against)


def class_means(activations: Activations) -> list[str]:
    """The names of the means of the classes that have images."""
    if activations.kind == "quantile":
        return []
    return [MEAN_OF + name for name, count in zip(activations.groups, activations.counts) if count > 0]


def shelved(means: list[str]) -> dict[str, list[str]]:
    """Many means by the first letter of their class; few together under ""."""
    if len(means) <= LISTED:
        return {"": means}
    shelves: dict[str, list[str]] = {}
    for name in sorted(means, key=str.lower):
        shelves.setdefault(name.removeprefix(MEAN_OF)[:1].upper(), []).append(name)
    return shelves


def _stem(instance: Instance) -> str:
    """The name without its folders and what kind of file it is: there is little room."""
    name = short(instance)
    return name if name.startswith(MEAN_OF) else name.rsplit(".", 1)[0]


def short(instance: Instance) -> str:
    """The name without its folders."""
    return instance.name if instance.name.startswith(MEAN_OF) else instance.name.rsplit("/", 1)[-1]


def picture_of(session: Session, instance: Instance) -> NDArray[np.uint8] | None:
    """The picture of an image; None for a mean and where it is not at hand."""
    if instance.picture is not None:
        return instance.picture
    return session.picture(instance.sample) if instance.sample >= 0 else None


def path_picture(session: Session, found: Attribution) -> NDArray[np.uint8] | None:
    """The picture of the image that a path is of; None for that of several, and where it is not at hand."""
    if found.sample >= 0:
        return session.picture(found.sample)
    instance = find_instance(session, found.image)
    return instance.picture if instance is not None else None


def picture_pixmap(picture: NDArray[np.uint8], side: int, ratio: float) -> QPixmap:
    """A picture whose longer side takes so many pixels of the window."""
    pixels = cropped(picture, None)
    h, w = pixels.shape[:2]
    scale = side * ratio / max(h, w)
    image = scaled(pixels, max(round(w * scale), 1), max(round(h * scale), 1))
    image.setDevicePixelRatio(ratio)
    return QPixmap.fromImage(image)


def _told(session: Session, overlay: Overlay) -> str:
    classes, k = session.classes, predicted(overlay.instance)
    said = ""
    if 0 <= k < len(classes):
        sure = f"{classes[k]}, {100 * float(overlay.instance.scores[k]):.0f} %"
        said = f"predicted {sure}" if overlay.against is None else sure
    return f"{said}  −" if overlay.against is not None else said
