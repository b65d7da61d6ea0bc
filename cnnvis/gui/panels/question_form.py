"""What is asked: of which image, for which target, by which method with which parameters, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from cnnvis.errors import CnnvisError
from cnnvis.gui.panels.image_picker import ImagePicker
from cnnvis.gui.panels.method_form import MethodForm
from cnnvis.gui.parts import ElidedBox, button, duration, label
from cnnvis.gui.picker import Picker
from cnnvis.layout.diagram import Key
from cnnvis.model.question import Question
from cnnvis.model.session import Session
from cnnvis.model.target import Target
from cnnvis.model.target_names import target_name
from cnnvis.workflow.methods import Offered, passes, seconds

Aim = tuple[str, int]
"""("said", −1), ("label", −1), ("selected", −1) or ("class", index): what is asked for, whatever the image."""
MANY = (8, 24)
"""How many further images a method can be asked about at once."""


class QuestionForm(QWidget):
    """The left side of the Explain panel. `asked` when the user wants an answer, `changed` with the question."""

    asked = Signal(object)
    changed = Signal()
    requested = Signal(str, object)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("page")
        self._session: Session | None = None
        self._offered: tuple[Offered, ...] = ()
        self._selected: tuple[Target, str] | None = None
        self._aim: Aim = ("said", -1)
        self._values: dict[str, dict[str, Any]] = {}
        self._also: set[str] = set()
        self.pace: float | None = None
        """Seconds of one pass among many, as measured; None before."""
        self.images = ImagePicker()
        self.target, self.method = Picker(), ElidedBox()
        self.form = MethodForm()
        self._says, self._cost = label("", "small"), label("", "small")
        self._go: QPushButton = button("Explain", self._ask, "main")
        self._more, self._several, self.fold = QToolButton(), QToolButton(), QToolButton()
        self._build()

    def _build(self) -> None:
        for box, name in ((self.target, "What is explained"), (self.method, "By which method")):
            box.setAccessibleName(name)
            box.setMaxVisibleItems(18)
            box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)  # as high as its row
        self.method.setModel(QStandardItemModel(self))
        for line in (self._says, self._cost):
            line.setWordWrap(True)
        self._buttons()
        self.target.activated.connect(self._aimed)
        self.method.activated.connect(lambda place: self._turn())
        self.form.changed.connect(self._remember)
        self.images.changed.connect(self._fill_targets)
        self.images.changed.connect(self.changed)
        self.images.requested.connect(self.requested)
        aim, by, buttons = QHBoxLayout(), QHBoxLayout(), QHBoxLayout()
        for row, word, box in ((aim, "For", self.target), (by, "By", self.method)):
            row.setSpacing(4)
            word_ = label(word, "muted")
            word_.setFixedWidth(24)
            row.addWidget(word_)
            row.addWidget(box, 1)
        by.addWidget(self._several)
        buttons.setSpacing(4)
        buttons.addWidget(self.fold)
        buttons.addWidget(self._go, 1)
        buttons.addWidget(self._more)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 0, 8, 12)
        column.setSpacing(6)
        column.addWidget(self.images)
        for row in (aim, by):
            column.addLayout(row)
        column.addWidget(self._says)
        column.addLayout(buttons)
        column.addWidget(self._cost)
        column.addWidget(self.form)
        column.addStretch(1)

    def _buttons(self) -> None:
        for button_, text, tip in (
            (self._more, "▾", "Ask the same of several images"),
            (self._several, "+", "Further methods, to look at side by side; each with its usual parameters"),
            (self.fold, "Parameters", "Show or hide the parameters of the method"),
        ):
            button_.setText(text)
            button_.setToolTip(tip)
            button_.setAccessibleName(tip)
            button_.setProperty("framed", True)
            button_.setStyleSheet("padding: 5px 8px;")
        self.fold.setCheckable(True)
        self.fold.toggled.connect(self._unfold)
        for button_, fill in ((self._more, self._fill_more), (self._several, self._fill_several)):
            button_.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
            button_.setMenu(QMenu(button_))
            button_.menu().aboutToShow.connect(fill)
        self._go.setStyleSheet("padding-left: 4px; padding-right: 4px;")
        self._go.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.form.hide()

    def _unfold(self, open_: bool) -> None:
        self.form.setVisible(open_)
        self.fold.setProperty("chosen", open_)
        self.fold.style().polish(self.fold)

    # What is shown

    def show_session(self, session: Session | None, table: bool) -> None:
        """Ask about another state of the session."""
        self._session = session
        self.images.show_session(session, table)
        self._fill_targets()
        self._tell_cost()

    def show_image(self, image: int | str) -> None:
        """Ask about another image."""
        self.images.show_image(image)
        self._fill_targets()

    def show_offered(self, methods: Sequence[Offered]) -> None:
        """Offer methods, by family."""
        before = self.chosen.title if self.chosen is not None else ""
        self._offered = tuple(methods)
        model = self.method.model()
        assert isinstance(model, QStandardItemModel)
        model.clear()
        for family in dict.fromkeys(m.family for m in methods):
            head = QStandardItem(family.upper())
            head.setFlags(Qt.ItemFlag.NoItemFlags)
            model.appendRow(head)
            for method in (m for m in methods if m.family == family):
                item = QStandardItem(method.title)
                item.setData(method.title, Qt.ItemDataRole.UserRole)
                item.setToolTip(f"{method.says}\n{method.paper}")
                model.appendRow(item)
        usual = [m.title for m in methods if m.family != "weights"] or [m.title for m in methods]
        first = before if self.method.findData(before) >= 0 else next(iter(usual), "")
        self.choose_method(first)

    def choose_method(self, title: str, values: Mapping[str, Any] | None = None) -> None:
        """Show a method as chosen, with its parameters."""
        place = self.method.findData(title)
        if place >= 0:
            self.method.setCurrentIndex(place)
            if values is not None:
                self._values[title] = dict(values)
            self._turn()

    def show_selection(self, key: Key | None) -> None:
        """Offer what is selected in the picture as a target."""
        found = target_of_key(self._session, key) if self._session is not None and key is not None else None
        if found is not None:
            assert self._session is not None
            self._selected = (found, target_name(self._session, found))
            self._fill_targets()

    def aim_at(self, key: Key) -> None:
        """Ask for a cluster, a neuron or a class of the picture."""
        if key[0] == "class" and len(key) == 2:
            self._aim = ("class", int(key[1]))
        else:
            self.show_selection(key)
            self._aim = ("selected", -1)
        self._fill_targets()
        self.changed.emit()

    @property
    def session(self) -> Session | None:
        """What is asked about."""
        return self._session

    @property
    def chosen(self) -> Offered | None:
        """The method that is chosen."""
        return next((m for m in self._offered if m.title == self.method.currentData()), None)

    def _fill_targets(self) -> None:
        session = self._session
        if session is None:
            return
        names = outputs(session)
        said, true = self.images.said, self.images.label
        rows: list[tuple[str, Aim]] = []
        if 0 <= said < len(names):
            rows.append((f"Predicted: {names[said]}", ("said", -1)))
        if 0 <= true < len(names):
            rows.append((f"Label: {names[true]}", ("label", -1)))
        if self._selected is not None:
            rows.append((f"Selected: {self._selected[1]}", ("selected", -1)))
        box = self.target
        box.clear()
        for words, aim in rows:
            box.addItem(words, aim)
        if rows and names:
            box.insertSeparator(box.count())
        for k, name in enumerate(names):
            box.addItem(name, ("class", k))
        places = [k for k in range(box.count()) if box.itemData(k) is not None]
        mine = next((k for k in places if tuple(box.itemData(k)) == self._aim), places[0] if places else -1)
        box.setCurrentIndex(mine)
        box.fit()

    def _turn(self) -> None:
        """Show the words and the form of the chosen method."""
        method, session = self.chosen, self._session
        if method is None or session is None:
            return
        self._says.setText(_brief(method.says))
        self._says.setToolTip(f"{method.says}\n{method.paper}")
        network = session.analysis.network
        layers = [x.name for x in network.drawn if x.role != "input" and len(x.spatial) == 2 and x.spatial != (1, 1)]
        self.fold.setEnabled(bool(method.parameters))
        self.form.show_method(method, layers, self._values.get(method.title, method.defaults))
        self._tell_cost()
        self.changed.emit()

    def _remember(self) -> None:
        method = self.chosen
        if method is not None and not self.form.problem:
            self._values[method.title] = self.form.values
        self._tell_cost()
        self.changed.emit()

    def _tell_cost(self) -> None:
        """What an answer costs, or what is wrong with the form."""
        session, method = self._session, self.chosen
        self._go.setEnabled(method is not None and session is not None and self.images.image is not None)
        if session is None or method is None:
            self._cost.setText("")
            return
        try:
            cost = sum(passes(session.analysis.network, title, values) for title, values in self._methods())
        except CnnvisError as error:
            self._cost.setText(str(error))
            self._go.setEnabled(False)
            return
        self._cost.setText(cost_words(session, cost, self.pace))

    def show_waiting(self, n: int) -> None:
        """Say how many answers are awaited; what is asked meanwhile waits with them."""
        self._go.setText("Explain" if not n else "Asking …" if n == 1 else f"Asking {n} …")
        self._go.setToolTip("What you ask now is answered after these" if n else "")

    # What the user does

    def _aimed(self, place: int) -> None:
        aim = self.target.itemData(place)
        if aim is not None:
            self._aim = tuple(aim)
            self.changed.emit()

    def _methods(self) -> list[tuple[str, Mapping[str, Any]]]:
        """The methods that are asked, with their parameters. Raises InvalidValue for a text that cannot be read."""
        method = self.chosen
        if method is None:
            return []
        others = [m for m in self._offered if m.title in self._also and m is not method]
        return [(method.title, self.form.values), *((m.title, self._values.get(m.title, m.defaults)) for m in others)]

    def target_for(self, image: int | str) -> Target | None:
        """What is explained of an image: its own prediction or label, or the same for all."""
        session = self._session
        if session is None or self.target.currentData() is None:
            return None
        kind, index = self.target.currentData()
        if kind == "selected":
            return self._selected[0] if self._selected is not None else None
        if kind != "class":
            mine = self.images.image
            self.images.image = image
            index = self.images.said if kind == "said" else self.images.label
            self.images.image = mine
        return class_target(session, index) if index >= 0 else None

    def questions(self, images: Sequence[int | str] = ()) -> tuple[Question, ...]:
        """What is asked, for the image that is shown or several. Raises InvalidValue for a text that cannot be read."""
        mine = images or ((self.images.image,) if self.images.image is not None else ())
        pairs = [(image, target) for image in mine if (target := self.target_for(image)) is not None]
        return tuple(Question(i, t, title, dict(values)) for i, t in pairs for title, values in self._methods())

    def _ask(self, images: Sequence[int | str] = ()) -> None:
        self.asked.emit(self.questions(images))

    def _fill_more(self) -> None:
        menu = self._more.menu()
        menu.clear()
        for n in MANY:
            images = self.images.following(n + 1)
            if len(images) > 1:
                words = f"This and the next {len(images) - 1} of the list"
                menu.addAction(words, partial(self._ask, images))

    def _fill_several(self) -> None:
        menu = self._several.menu()
        menu.clear()
        for family in dict.fromkeys(m.family for m in self._offered):
            menu.addSection(family.capitalize())
            for method in (m for m in self._offered if m.family == family):
                action = menu.addAction(method.title)
                action.setToolTip(method.says)
                action.setCheckable(True)
                action.setChecked(method.title in self._also or method is self.chosen)
                action.setEnabled(method is not self.chosen)
                action.toggled.connect(lambda on, title=method.title: self._with(title, on))

    def _with(self, title: str, on: bool) -> None:
        self._also = self._also | {title} if on else self._also - {title}
        n = len(self._also - {self.method.currentData()})
        self._several.setText(f"+{n}" if n else "+")
        self._tell_cost()


def outputs(session: Session) -> tuple[str, ...]:
    """The names of the units of the output; a lone one that tells two classes apart has one name."""
    network = session.analysis.network
    n = network[network.output].n_units
    if len(network.classes) == n:
        return network.classes
    if n == 1 and len(session.classes) == 2:
        return (session.classes[1],)
    return tuple(f"output {k}" for k in range(n))


def class_target(session: Session, index: int) -> Target:
    """The output unit of a class."""
    network = session.analysis.network
    return Target(network.output, (min(index, network[network.output].n_units - 1),))


def target_of_key(session: Session, key: Key) -> Target | None:
    """A cluster, a neuron or a class of the picture as a target; None for anything else."""
    network = session.analysis.network
    if key[0] == "unit" and str(key[1]) in network:
        return Target(str(key[1]), (int(key[2]),))
    if key[0] == "class" and len(key) == 2:
        return class_target(session, int(key[1]))
    clusters = session.analysis.clusters.get(str(key[1])) if key[0] == "cluster" else None
    if clusters is None or all(c.id != key[2] for c in clusters):
        return None
    return Target(str(key[1]), clusters[int(key[2])].members)


def cost_words(session: Session, cost: float, pace: float | None = None) -> str:
    """ "about 3 s: 1,024 passes"."""
    word = f"{cost:,.0f} {'pass' if cost == 1 else 'passes'}"
    long = seconds(session, cost) if pace is None else pace * cost
    if long is None:
        return word
    return f"{f'about {duration(long)}' if long >= 1 else 'less than a second'}: {word}"


def _brief(text: str) -> str:
    """A sentence without the marks of code."""
    return text.replace("`", "")
