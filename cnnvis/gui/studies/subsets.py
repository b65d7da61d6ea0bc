"""Subsets of the images: defined in the analysis (with undo), shown by the look, recorded exactly in the background."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cnnvis.errors import CnnvisError
from cnnvis.gui.studies.study import Study, not_kept
from cnnvis.model.activations import Activations
from cnnvis.model.session import Session
from cnnvis.model.subset_responses import dropped, is_exact, keep_exact
from cnnvis.model.subsets import Subset, free_name
from cnnvis.model.viewed import subset_rows
from cnnvis.progress import Progress
from cnnvis.workflow.subsets import must_hold, record_subset

if TYPE_CHECKING:
    from cnnvis.workflow.sources import Sources

TOPIC = "subset"


class Subsets(Study):
    """Defines, shows and forgets subsets."""

    @property
    def verbs(self) -> Mapping[str, Callable[..., object]]:
        return {
            "show_subset": self.show,
            "subset_all": self.show,
            "subset_define": self.define,
            "subset_wrong": lambda: self.define(Subset("wrong", wrong=True)),
            "subset_below": self.below,
            "subset_cell": self.cell,
            "subset_class": self.one_class,
            "subset_images": self.images,
            "subset_remove": self.remove,
        }

    def define(self, wanted: Subset) -> None:
        """Define a subset and show it; one that asks for the same is shown as it is. Says where no image meets it."""
        document = self.desk.document
        if document is None:
            return
        session = document.session
        try:
            must_hold(session, wanted)
        except CnnvisError as error:
            self.desk.fail(error)
            return
        known = session.analysis.subsets
        same = next((s for s in known if s.named("x") == wanted.named("x")), None)
        if same is not None:
            self.show(same.name)
            return
        made = wanted.named(free_name(wanted.name.strip(), [s.name for s in known]))
        self.desk.hold()
        document.update(session.with_measurements(session.measurements.without_subset(made.name)))
        document.commit(session.analysis.with_subset(made), f"subset “{made.name}”", _python(made))
        self.show(made.name)

    def below(self, confidence: float = 0.5) -> None:
        """The images of which the network is less sure."""
        self.define(Subset(f"confidence below {100 * confidence:.3g} %", below=confidence))

    def cell(self, label: int, prediction: int) -> None:
        """A cell of the confusion matrix: images of one class that are taken for another, or rightly for itself."""
        one, other = self._class(label), self._class(prediction)
        name = f"{one}, right" if label == prediction else f"{one} taken for {other}"
        self.define(Subset(name, cell=(label, prediction)))

    def one_class(self, index: int) -> None:
        """The images of one class."""
        self.define(Subset(self._class(index), classes=(index,)))

    def images(self, samples: Sequence[int]) -> None:
        """Some images, by their indices in the data set."""
        session = self.desk.session
        if session is not None:
            self.define(Subset(session.noun.count(len(samples)), samples=tuple(sorted(samples))))

    def show(self, name: str = "") -> None:
        """Let the picture follow a subset; all images where no name is given."""
        session = self.desk.session
        if session is None:
            return
        self.desk.hold()
        self.desk.look(replace(session.look, subset=name))
        self.jobs.drop(TOPIC)
        self._refine()
        self.desk.join()

    def remove(self, name: str) -> None:
        """Forget a subset; undo brings it back."""
        document = self.desk.document
        if document is None or name not in [s.name for s in document.analysis.subsets]:
            return
        self.desk.hold()
        python = f"analysis = analysis.without_subset({name!r})"
        document.commit(document.analysis.without_subset(name), f"removed the subset “{name}”", python)
        if document.session.look.subset == name:
            self.show()

    def _refine(self) -> None:
        """Record the subset that is shown; without the network say what is missing."""
        session = self.desk.session
        found = session.activations if session is not None else None
        rows = subset_rows(session) if session is not None else None
        if found is None or rows is None or is_exact(found, rows):
            return
        if self.services.sources is not None:
            self._record(found, rows)
            return
        missing = dropped(found)
        if missing:
            self.view.show_notice(not_kept(missing, ", so they stay empty for a subset"))

    def _record(self, whole: Activations, rows: NDArray[np.int64]) -> None:
        def work(session: Session, sources: Sources, progress: Progress) -> Activations:
            return record_subset(session, sources, rows, progress=progress)

        def keep(session: Session, found: Activations) -> Session:
            keep_exact(whole, rows, found)
            return session

        self.measure(TOPIC, "Looking at the subset", work, keep)

    def _class(self, index: int) -> str:
        session = self.desk.session
        names = session.classes if session is not None else ()
        return names[index] if 0 <= index < len(names) else f"class {index}"


def _python(subset: Subset) -> str:
    """The line that defines a subset."""
    given = [repr(subset.name)]
    for name in ("classes", "samples", "wrong", "below", "cell"):
        value = getattr(subset, name)
        if value is not None and value != ():
            given.append(f"{name}={value!r}")
    return f"analysis = analysis.with_subset(cv.Subset({', '.join(given)}))"
