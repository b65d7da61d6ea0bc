"""What is known of the selection: a cluster, a neuron, a layer, a class, an edge or a sample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QLabel, QScrollArea, QToolButton, QWidget

from cnnvis.gui.jobs import Jobs
from cnnvis.gui.panels.bundle_page import bundle_page
from cnnvis.gui.panels.class_page import class_page, sample_page
from cnnvis.gui.panels.cluster_page import cluster_page
from cnnvis.gui.panels.edge_page import edge_page
from cnnvis.gui.panels.instance_page import instance_page
from cnnvis.gui.panels.knock_out_section import KNOCK_OUT
from cnnvis.gui.panels.layer_page import layer_page
from cnnvis.gui.panels.neuron_page import neuron_page
from cnnvis.gui.panels.page import Page, Scene
from cnnvis.gui.panels.spread_section import spread
from cnnvis.gui.panels.subset_page import subset_page
from cnnvis.gui.parts import label
from cnnvis.gui.wording import reword
from cnnvis.layout.diagram import Diagram, Key, Link
from cnnvis.layout.ridges import ridge_diagram
from cnnvis.layout.theme import LIGHT, Theme
from cnnvis.model.measurements import Ablation
from cnnvis.model.nouns import IMAGE
from cnnvis.model.session import Session
from cnnvis.model.viewed import viewed

WARM_AFTER = 300
"""Milliseconds after the first picture."""


class Details(QScrollArea):
    """One page at a time; a click on an image opens it, “Back” returns to what was selected."""

    chosen = Signal(object)
    requested = Signal(str, object)

    def __init__(
        self, jobs: Jobs, selection: Callable[[], tuple[Key, ...]] = tuple, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._selection = selection
        self._keys: tuple[Key, ...] = ()
        self._session: Session | None = None
        self._diagram: Diagram | None = None
        self._theme = LIGHT
        self._key: Key | None = None
        self._sample: int | None = None
        self._warm = False
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._build()

    def set_theme(self, theme: Theme) -> None:
        """Paint charts in another theme."""
        self._theme = theme
        self._build()

    def show_session(self, session: Session | None, diagram: Diagram | None) -> None:
        """Show the same selection in another state of the session."""
        if session is None:
            self._key = self._sample = None
        elif not self._warm:
            self._warm = True
            QTimer.singleShot(WARM_AFTER, self, self._warm_up)
        news = session is not None and self._session is not None and _newest(session) is not _newest(self._session)
        self._session, self._diagram = session, diagram
        self._build()
        if news:
            QTimer.singleShot(0, self, self._turn_to_knock_out)  # once the page has its size

    def _turn_to_knock_out(self) -> None:
        """Bring what was just measured into view."""
        page = self.widget()
        title = page.findChild(QLabel, KNOCK_OUT) if page is not None else None
        if isinstance(title, QLabel):
            self.verticalScrollBar().setValue(max(title.y() - 8, 0))

    def _warm_up(self) -> None:
        """Load the charts' library while the user looks at the picture, so that the first click does not wait."""
        import pyqtgraph  # noqa: F401

    def show_selection(self, key: Key | None) -> None:
        """Show what is known of a card, a neuron, a layer or a class."""
        keys, same = self._selection(), key == self._key and self._sample is None
        if same and keys == self._keys:
            return
        self._key, self._sample, self._keys = key, None, keys
        self._build()
        if not same:
            self.verticalScrollBar().setValue(0)

    def refresh(self) -> None:
        """Tell what has become known of the selection meanwhile."""
        if self._key is not None:
            self._build()

    def figures(self) -> tuple[tuple[str, Callable[[], Diagram]], ...]:
        """The figure of a selected neuron, with its title: how its responses are spread over the classes."""
        session, key = self._session, self._key
        if session is None or key is None or key[0] != "unit":
            return ()
        layer, unit = str(key[1]), int(key[2])
        seen = viewed(session).activations
        found = None
        if seen is not None and layer in seen.layers:
            found = spread(seen, session.analysis.network, layer, unit)
        if found is None:
            return ()
        return ((f"Details: responses of {layer}:{unit} by class", partial(ridge_diagram, session, found, unit)),)

    def open_sample(self, sample: int) -> None:
        """Show one image whole, with its prediction."""
        self._sample = sample
        self._build()
        self.verticalScrollBar().setValue(0)

    def _back(self) -> None:
        self._sample = None
        self._build()

    def _build(self) -> None:
        place = self.verticalScrollBar().value()
        page = self._page()
        reword(page, self._session.noun if self._session is not None else IMAGE)
        self.setWidget(page)
        self.verticalScrollBar().setValue(place)

    def _page(self) -> Page:
        session, diagram, key = self._session, self._diagram, self._key
        if session is None or diagram is None:
            return _hint("Nothing is open yet.")
        tell = self.chosen.emit, self.requested.emit, self.open_sample
        whole = Scene(session, diagram, self._theme, *tell, session, self._selection())
        if self._sample is not None and session.activations is not None:
            if self._sample in session.activations.samples.rows:
                return self._with_back(sample_page(whole, self._sample))
            self._sample = None
        if key is None:
            return _hint("Click a cluster, a layer, a class or an edge to see what is known of it.")
        found = _of_images(whole, key) if key[0] in _IMAGES else _of(replace(whole, session=viewed(session)), key)
        if found is None:
            return _hint("What was selected is no longer in the picture.")
        if len(whole.selection) > 1 and key == whole.selection[0]:
            found.box.insertWidget(1, label(f"The first of {len(whole.selection)} that are selected", "small"))
        return found

    def _with_back(self, page: Page) -> Page:
        back = QToolButton()
        back.setText("‹ Back")
        back.setToolTip("Back to what is selected")
        back.clicked.connect(self._back)
        page.box.insertWidget(0, back, 0, Qt.AlignmentFlag.AlignLeft)
        return page


def _newest(session: Session) -> Ablation | None:
    """The last knock-out that was measured or asked for."""
    return next(iter(session.measurements.ablations), None)


def _hint(text: str) -> Page:
    page = Page()
    page.text(text)
    return page.end()


_IMAGES = ("sample", "instance", "subset")


def _of_images(scene: Scene, key: Key) -> Page | None:
    """The page of a sample, an image or a subset, whatever subset is shown; None where it is gone."""
    if key[0] == "instance":
        return instance_page(scene, str(key[1]))
    if key[0] == "subset":
        return subset_page(scene, str(key[1]))
    known = scene.activations is not None and key[1] in scene.activations.samples.rows
    return sample_page(scene, int(key[1])) if known else None


def _of(scene: Scene, key: Key) -> Page | None:
    """The page of a key; None where what it names is gone."""
    analysis = scene.session.analysis
    kind = key[0]
    if kind == "cluster":
        clusters = analysis.clusters.get(str(key[1]))
        known = clusters is not None and any(c.id == key[2] for c in clusters)
        return cluster_page(scene, key) if known else None
    if kind == "unit":
        layer = str(key[1])
        known = layer in analysis.network and int(key[2]) < analysis.network[layer].n_units
        return neuron_page(scene, key) if known else None
    if kind == "class":
        return class_page(scene, key)
    if kind == "column":
        return layer_page(scene, str(key[1])) if str(key[1]) in analysis.network else None
    if kind == "classes":
        return layer_page(scene, analysis.network.output)
    bundle = scene.diagram.bundle(key)
    if bundle is not None:
        return bundle_page(scene, bundle)
    link = scene.diagram.find(key)
    return edge_page(scene, link) if isinstance(link, Link) else None
