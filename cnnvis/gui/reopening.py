"""Opening a figure: the view that made it comes back, on the session that it was made from."""

from __future__ import annotations

from pathlib import Path

from cnnvis.errors import CnnvisError, InvalidValue, NotConnected
from cnnvis.gui.controller import Controller
from cnnvis.gui.view import Notice
from cnnvis.model.document import Document
from cnnvis.model.session import Session
from cnnvis.model.views import View, identity, restored
from cnnvis.progress import Progress
from cnnvis.sources.suffixes import SUFFIXES

FIGURES = (".svg", ".pdf", ".png")
PICTURES = tuple(sorted(SUFFIXES))
Found = tuple[View | None, Path | None]


class Reopening(Controller):
    """The controller of a window that opens figures too."""

    def open(self, path: Path) -> None:
        """Open a session, run a job, or bring back the view that made a figure."""
        if path.suffix.lower() in FIGURES:
            self.open_figure(path)
        elif path.suffix.lower() in PICTURES:
            self.open_picture(path)
        else:
            super().open(path)

    def open_figure(self, path: Path) -> None:
        """Show the view that made a figure; asks where its session is, if it is not at hand."""
        known = identity(self.session) if self.session is not None else ""
        places = [path.parent, *self._settings.recent()]

        def work(progress: Progress) -> Found:
            from cnnvis.storage.figures import find_session, read_view

            view = read_view(path)
            if view is None or view.session == known:
                return view, None
            return view, find_session(view.session, places)

        def done(found: Found) -> None:
            view, home = found
            if view is None:
                self.open_picture(path)
            elif self.session is not None and view.session == identity(self.session):
                self._apply(view, path.name)
            else:
                self._open_for(view, path.name, home)

        self._jobs.start("figure", work, done, self.fail)

    def open_picture(self, path: Path) -> None:
        """Lay a picture that is no figure of cnnvis over the network."""
        if self.session is not None and path.suffix.lower() in PICTURES:
            self.instances.open_picture(path)
        elif path.suffix.lower() in FIGURES:
            self.fail(
                InvalidValue(
                    f"A figure to open must have been exported by cnnvis with its view; {path.name} has none. "
                    "Open the session it was made from."
                )
            )
        else:
            self.fail(InvalidValue(f"A session must be open before {path.name} is laid over it. Open one first."))

    def _open_for(self, view: View, name: str, home: Path | None) -> None:
        """Open the session of a figure, which lies at `home` or where the user says."""
        home = home or self._view.ask_session(view.network)
        if home is None:
            self.fail(
                NotConnected(
                    f"The session of {view.network} that {name} was made from must be at hand; it lies neither beside "
                    "the figure nor among the recent ones. Put it beside the figure, or open it first."
                )
            )
            return
        if not self.may_leave():
            return
        place = home

        def done(session: Session) -> None:
            try:
                restored(view, session)
            except CnnvisError as error:
                self.fail(error)
                return
            self.leave()
            self._settings.remember(place)
            self.place(Document(session), place)
            self._apply(view, name)

        self._jobs.start("open", lambda progress: self._services.load(place), done, self.fail)

    def _apply(self, view: View, name: str) -> None:
        """Show the present session as a view has it: one step of the history."""
        if self.document is None or self.session is None:
            return
        try:
            analysis, look = restored(view, self.session)
        except CnnvisError as error:
            self.fail(error)
            return
        self.arrange_anew()
        self.document.commit(analysis, f"view of {name}")
        self.look(look)
        self._view.show_notice(Notice(f"This is the view that made {name}. Undo brings back the clusters before."))
