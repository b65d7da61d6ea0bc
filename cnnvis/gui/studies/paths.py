"""Paths laid over the picture: of one image, from its explanation, or the mean of those of a class."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from cnnvis.errors import CnnvisError
from cnnvis.gui.studies.study import Study
from cnnvis.model.attribution import Attribution
from cnnvis.model.session import Session
from cnnvis.progress import Progress
from cnnvis.workflow.explain import with_attribution
from cnnvis.workflow.paths import class_path, known_path

if TYPE_CHECKING:
    from cnnvis.workflow.sources import Sources

TOPIC = "path"


class Paths(Study):
    """Lays paths over the picture and takes them away."""

    @property
    def verbs(self) -> Mapping[str, Callable[..., object]]:
        return {"lay_path": self.lay, "take_path": self.take, "class_path": self.of_class}

    def lay(self, key: str) -> None:
        """Lay the path of an explanation with gates over the picture, by its key."""
        session = self.desk.session
        if session is not None and session.look.path != key:
            self.desk.hold()
            self.desk.look(replace(session.look, path=key))

    def take(self) -> None:
        """Show the picture without any path over it."""
        self.lay("")

    def of_class(self, index: int) -> None:
        """Lay the path of a class over the picture; what the session does not know is found in the background."""
        session = self.desk.session
        if session is None:
            return
        try:
            known = known_path(session, index)
        except CnnvisError as error:
            self.desk.fail(error)
            return
        if known is not None:
            self.lay(known.key)
            return

        def work(session: Session, sources: Sources, progress: Progress) -> Attribution:
            return class_path(session, sources, index, progress=progress)

        self.measure(TOPIC, "Closing gates", work, with_attribution, lambda found: self.lay(found.key))
