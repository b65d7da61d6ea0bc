"""Which images the picture follows: all, or a subset that the user defined; and how to define one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QMenu, QToolButton

from cnnvis.errors import CnnvisError
from cnnvis.gui.dialogs.new_subset import NewSubset
from cnnvis.layout.diagram import Key
from cnnvis.model.nouns import IMAGE
from cnnvis.model.session import Session
from cnnvis.model.subsets import Subset, has_labels
from cnnvis.model.viewed import subset_rows

LONGEST = 22
"""So many letters of a subset's name stand on the button."""
UNSURE = (0.5, 0.9)


class SubsetMenu(QToolButton):
    """A button that names the subset; its menu lists them. `requested` tells a verb and its arguments."""

    requested = Signal(str, object)

    def __init__(self, selection: Callable[[], tuple[Key, ...]]) -> None:
        super().__init__()
        self._selection = selection
        self.setProperty("framed", True)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setToolTip("The images that patches, matrices, ranks, edges and health follow")
        self._session: Session | None = None
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        menu.aboutToShow.connect(self._fill)
        self.setMenu(menu)
        self.show_session(None)

    def show_session(self, session: Session | None) -> None:
        """Name the subset that is shown."""
        self._session = session
        rows = subset_rows(session) if session is not None else None
        name = session.look.subset if session is not None and rows is not None else ""
        count = f" · {len(rows):,}" if rows is not None else ""
        short = name if len(name) <= LONGEST else f"{name[: LONGEST - 1].rstrip()}…"
        self.setText(f"{short}{count}  ▾" if name else f"{self._all()}  ▾")
        self.setProperty("chosen", bool(name))
        self.style().unpolish(self)
        self.style().polish(self)
        self.setAccessibleName(f"Images: {name or self._all()}")

    def ask_new(self, samples: tuple[int, ...] = ()) -> None:
        """Let the user define a subset; `samples` are chosen to begin with."""
        if self._session is None or self._session.activations is None:
            return
        dialog = NewSubset(self._session, samples, self.window())
        dialog.wanted.connect(lambda subset: self.requested.emit("subset_define", (subset,)))
        dialog.open()

    @property
    def _classes(self) -> list[int]:
        """The selected classes."""
        n = len(self._session.classes) if self._session is not None else 0
        indices = [key[1] for key in self._selection() if key[0] == "class"]
        return [i for i in indices if isinstance(i, int) and i < n]

    def _all(self) -> str:
        """What all samples are called."""
        return f"All {(self._session.noun if self._session is not None else IMAGE).many}"

    def _fill(self) -> None:
        menu, session = self.menu(), self._session
        menu.clear()
        if session is None or session.activations is None:
            noun = session.noun if session is not None else IMAGE
            menu.addAction(f"The {noun.many} are being read").setEnabled(False)
            return
        shown = session.look.subset if subset_rows(session) is not None else ""
        self._entry(self._all(), session.activations.n_samples, "", shown)
        for subset in session.analysis.subsets:
            self._entry(subset.name, _count(session, subset), subset.name, shown, subset)
        menu.addSeparator()
        if has_labels(session.activations.samples):
            menu.addAction("The wrong ones", partial(self.requested.emit, "subset_wrong", ()))
            for index in self._classes:
                only = partial(self.requested.emit, "subset_class", (index,))
                menu.addAction(f"Only {session.classes[index]}", only)
        for share in UNSURE:
            text = f"Confidence below {100 * share:.0f} %"
            menu.addAction(text, partial(self.requested.emit, "subset_below", (share,)))
        menu.addAction("New subset…", self.ask_new)
        if shown:
            menu.addSeparator()
            menu.addAction("About this subset", partial(self.requested.emit, "about_subset", (shown,)))
            menu.addAction("Explain together", partial(self.requested.emit, "explain_together", (shown,)))
            menu.addAction(f"Remove “{shown}”", partial(self.requested.emit, "subset_remove", (shown,)))

    def _entry(self, text: str, count: int, name: str, shown: str, subset: Subset | None = None) -> None:
        action = self.menu().addAction(f"{text}\t{count:,}", partial(self.requested.emit, "show_subset", (name,)))
        action.setCheckable(True)
        action.setChecked(name == shown)
        if subset is not None and self._session is not None:
            action.setToolTip(subset.words(self._session.classes))


def _count(session: Session, subset: Subset) -> int:
    if session.activations is None:
        return 0
    try:
        return len(subset.rows(session.activations.samples))
    except CnnvisError:  # its labels are gone
        return 0
