"""What it costs to use the window, in a real one: on the screen, on a virtual one, else drawn into memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from PySide6.QtCore import QEvent, QEventLoop, QObject, QPoint, QPointF, Qt, QTimer
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from benchmarks import sessions
from benchmarks.crowd import crowd
from benchmarks.timing import Row, calibrate, seconds, summary, timed
from cnnvis.gui.app import make_application, open_window
from cnnvis.gui.places import Places
from cnnvis.gui.services import Workflow
from cnnvis.gui.window import Window
from cnnvis.layout.compose import draw
from cnnvis.layout.diagram import Card, Diagram
from cnnvis.model.session import Session
from cnnvis.storage.archive import load

START = """
import sys, time
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QMainWindow

class FirstFrame(QObject):
    painted = False
    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Paint and isinstance(watched, QMainWindow):
            self.painted = True
        return False

def until_first_frame(*_):
    application = QApplication.instance()
    frame = FirstFrame()
    application.installEventFilter(frame)
    while not frame.painted:
        application.processEvents()
    print(time.time(), *sorted({"torch", "sklearn", "scipy"} & set(sys.modules)))
    return 0

QApplication.exec = until_first_frame
from cnnvis.cli import main
main([])
"""


class Paints(QObject):
    """Counts the repaints of a widget and of all inside it."""

    def __init__(self, application: QApplication, widget: QWidget) -> None:
        super().__init__()
        self.count = 0
        self._widget = widget
        application.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint and isinstance(watched, QWidget):
            self.count += watched is self._widget or self._widget.isAncestorOf(watched)
        return False


def _platform() -> str:
    return f"{QApplication.platformName()} window 1600×1000"


@contextmanager
def shown(session: Session) -> Iterator[Window]:
    """A window of 1600×1000 that shows a session and has come to rest."""
    application = make_application()
    with tempfile.TemporaryDirectory() as place:
        window = open_window(Workflow(), Places.inside(Path(place)))
        window.resize(1600, 1000)
        window.canvas.animated = False
        window.show()
        window.controller.show(session)
        _rest(application, window, 2.0)  # as long as a user looks before the first step
        try:
            yield window
        finally:
            window.jobs.close()
            window.hide()
            window.deleteLater()


def _rest(application: QApplication, window: Window, quiet: float = 0.4) -> None:
    """Let the window work until it has been idle for a while, in seconds."""
    since = time.perf_counter()
    while time.perf_counter() - since < quiet:
        application.processEvents()
        if not window.jobs.idle or window.canvas.diagram is None or window.canvas.settling:
            since = time.perf_counter()


def _until_painted(
    application: QApplication, window: Window, widget: QWidget, act: Callable[[], object], ready: Callable[[], bool]
) -> float:
    """Seconds from an action until `widget` has been repainted once all it needs is there."""
    paints = Paints(application, widget)
    # The loop sleeps until something happens, as the window's own does: one that turns all the time would keep
    # the interpreter from the threads that do the work.
    pulse = QTimer()
    pulse.start(20)
    start = time.perf_counter()
    act()
    seen = None
    while seen is None or paints.count == seen:
        application.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
        if seen is None and ready():
            seen = paints.count
            widget.update()
    found = time.perf_counter() - start
    application.removeEventFilter(paints)
    return found


def start_to_window() -> Row:
    """From the start of the process to the first frame of the start page."""
    times, fixed, loaded = [], [], ""
    with tempfile.TemporaryDirectory() as place:
        apart = {f"XDG_{kind}_HOME": place for kind in ("CONFIG", "DATA", "STATE")}
        for turn in range(8):
            fixed.append(calibrate())
            started = time.time()
            command = [sys.executable, "-c", START]
            run = subprocess.run(command, env=os.environ | apart, stdout=subprocess.PIPE, text=True, check=True)
            words = run.stdout.split()
            loaded = ", ".join(words[1:])
            if turn:  # the first fills the disk cache
                times.append(float(words[0]) - started)
    make_application()
    note = f"{_platform()}; loaded too early: {loaded}" if loaded else _platform()
    return summary("start of the process to first frame", times, fixed, asked="< 1.0 s", note=note)


def pan() -> list[Row]:
    """Frames while the mouse drags SqueezeNet's picture, whole and at its own size."""
    rows = []
    with shown(load(sessions.squeezenet())) as window:
        application = make_application()
        for name, place in (("whole", window.canvas.fit), ("at its own size", window.canvas.actual_size)):
            place()
            _rest(application, window)
            times = _dragged(application, window)
            fixed = [calibrate() for _ in range(10)]
            what = f"frame while panning SqueezeNet's picture, {name}"
            rows.append(summary(what, times, fixed, asked="≤ 16 ms", note=_platform()))
    return rows


def pan_crowd() -> list[Row]:
    """Frames while the mouse drags a picture of 10,000 thumbnails and 5,000 edges, whole and at its own size."""
    application = make_application()
    rows = []
    with tempfile.TemporaryDirectory() as place:
        window = open_window(Workflow(), Places.inside(Path(place)))
        window.resize(1600, 1000)
        window.canvas.animated = False
        window.pages.setCurrentWidget(window.canvas)
        window.show()
        window.canvas.show_diagram(crowd())
        for name, look_at in (("whole", window.canvas.fit), ("at its own size", window.canvas.actual_size)):
            look_at()
            _rest(application, window)
            times = _dragged(application, window)
            fixed = [calibrate() for _ in range(10)]
            what = f"frame while panning 10,000 thumbnails and 5,000 edges, {name}"
            rows.append(summary(what, times, fixed, asked="≤ 16 ms", note=_platform()))
        window.jobs.close()
        window.hide()
        window.deleteLater()
    return rows


def _dragged(application: QApplication, window: Window) -> list[float]:
    """Seconds from each move of the mouse to the end of the repaint that it causes."""
    view = window.canvas.viewport()
    here = QPointF(view.width() / 2, 6)
    paints = Paints(application, view)

    def send(kind: QEvent.Type, button: Qt.MouseButton) -> None:
        held = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else Qt.MouseButton.MiddleButton
        event = QMouseEvent(kind, here, view.mapToGlobal(here), button, held, Qt.KeyboardModifier.NoModifier)
        before = paints.count
        application.sendEvent(view, event)
        application.processEvents()
        while kind == QEvent.Type.MouseMove and paints.count == before:
            application.processEvents()

    send(QEvent.Type.MouseButtonPress, Qt.MouseButton.MiddleButton)
    here = here + QPointF(40.0, 20.0)  # past the distance at which a press becomes a drag
    send(QEvent.Type.MouseMove, Qt.MouseButton.NoButton)
    times = []
    for step in range(160):
        # Back and forth along a slanted line, 7 pixels a frame.
        away = 1 if step % 40 < 20 else -1
        here = here + QPointF(7.0 * away, 3.0 * away)
        times.append(seconds(lambda: send(QEvent.Type.MouseMove, Qt.MouseButton.NoButton)))
    send(QEvent.Type.MouseButtonRelease, Qt.MouseButton.MiddleButton)
    application.removeEventFilter(paints)
    return times[5:]


def click() -> Row:
    """From a click on a cluster to its details on the screen, complete."""
    with shown(load(sessions.squeezenet())) as window:
        application, canvas = make_application(), window.canvas
        canvas.fit()
        _rest(application, window)
        assert canvas.diagram is not None
        cards = [x for x in canvas.diagram.cards if isinstance(x, Card) and x.key[0] == "cluster"][:: 7][:12]
        times, fixed = [], []
        for card in cards:
            middle = canvas.mapFromScene(QPointF(card.box.x + card.box.w / 2, card.box.y + 8))
            fixed.append(calibrate())

            def press(at: QPoint = middle) -> None:
                QTest.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=at)

            times.append(
                _until_painted(application, window, window.panels["details"], press, lambda: window.jobs.idle)
            )
            _rest(application, window)
    return summary("click on a cluster to its details, complete", times, fixed, asked="≤ 100 ms", note=_platform())


def matrix_panel() -> Row:
    """From the choice of a layer to its matrix on the screen, every order of rows found anew."""
    from cnnvis.layout import matrix

    with shown(load(sessions.squeezenet())) as window:
        application, controller, panel = make_application(), window.controller, window.panels["matrix"]
        assert controller.session is not None
        layers = [g.representative for g in controller.session.analysis.groups][-3:-1]  # 512 neurons each
        window.actions_["matrix"].trigger()
        _rest(application, window)
        times, fixed = [], []
        for turn in range(12):
            matrix._ORDERS.clear()
            layer = layers[turn % 2]
            fixed.append(calibrate())

            def choose(name: str = layer) -> None:
                controller.select((("column", name),))

            times.append(
                _until_painted(application, window, panel, choose, lambda name=layer: panel.layer == name)
            )
            _rest(application, window)
    note = f"512 neurons × 22 columns in 16 clusters, {_platform()}"
    return summary("a layer chosen to its matrix", times, fixed, asked="≤ 100 ms for 512 × 10", note=note)


def regroup() -> list[Row]:
    """From an edit of clusters, and its undo, to the new picture on the screen, its patches painted."""
    whole = load(sessions.squeezenet())
    first = whole.analysis.groups[:8]  # about the 2,000 neurons that are asked for
    squeezenet = whole.with_analysis(whole.analysis.with_groups(first))
    layers = [g.representative for g in first][3:7]
    n = sum(whole.analysis.network[g.representative].n_units for g in first)
    return [
        _regrouped(squeezenet, layers, f"SqueezeNet, {n:,} neurons", "≤ 100 ms at 2,000 neurons"),
        _regrouped(sessions.wide(2000), ["wide"] * 4, "one layer of 2,000 neurons", "≤ 100 ms"),
        _regrouped(sessions.wide(20_000), ["wide"] * 4, "one layer of 20,000 neurons", "≤ 300 ms"),
    ]


def _regrouped(session: Session, layers: Sequence[str], what: str, asked: str) -> Row:
    """Two clusters merged, a tenth of one moved to another, ten neurons gathered, and each taken back."""
    with shown(session) as window:
        application, canvas, controller = make_application(), window.canvas, window.controller
        times, fixed = [], []
        for turn, layer in enumerate(layers):
            clusters = session.analysis.clusters[layer].clusters
            one, other = clusters[turn % len(clusters)], clusters[(turn + 1) % len(clusters)]
            some = one.members[: max(len(one) // 10, 1)]
            edits: tuple[Callable[[], object], ...] = (
                lambda name=layer, pair=(one.id, other.id): controller.merge(name, pair),
                lambda name=layer, units=some, to=other.id: controller.move(name, units, to),
                lambda name=layer, units=(*some[:5], *other.members[:5]): controller.gather(name, units),
            )
            for edit in edits:
                for act in (edit, controller.undo):
                    before = canvas.diagram
                    fixed.append(calibrate())
                    times.append(
                        _until_painted(
                            application, window, canvas.viewport(), act, lambda old=before: _renewed(window, old)
                        )
                    )
                    _rest(application, window)
    note = f"animation off, {_platform()}"
    return summary(f"regroup to repainted, {what}", times, fixed, asked=asked, note=note)


def _renewed(window: Window, old: Diagram | None) -> bool:
    """Whether another diagram is shown, and every card of it is painted with its patches."""
    found = window.canvas.diagram
    return found is not None and found is not old and all(window.canvas.stage.ready(card.key) for card in found.cards)


def opening() -> list[Row]:
    """From a session file to its picture's diagram, after imports."""
    small = sessions.squeezenet()
    what = "open SqueezeNet's session and lay out its picture"
    row = timed(what, lambda: draw(load(small)), asked="≤ 1 s", repeats=7)
    big = sessions.resnet50()
    size = f"{big.stat().st_size / 1e6:.0f} MB"
    kept = Row("session of ResNet-50's size: 5,000 photographs, 1,000 classes", size, "≤ 300 MB")
    return [row, kept, timed("open it and lay out its picture", lambda: draw(load(big)), asked="< 3 s", repeats=5)]
