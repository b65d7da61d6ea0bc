"""One image laid over the picture: a sample or a file that was opened, alone or against another one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cnnvis.errors import CnnvisError, NotConnected
from cnnvis.gui.studies.study import Study, not_kept
from cnnvis.model.gates import laid_path
from cnnvis.model.instances import must_find_instance, sample_instance
from cnnvis.model.measurements import Instance
from cnnvis.model.session import Session
from cnnvis.model.subset_responses import dropped
from cnnvis.progress import Progress
from cnnvis.workflow.instances import measured_sample, open_picture

if TYPE_CHECKING:
    from cnnvis.workflow.sources import Sources

TOPIC = "instance"


class Instances(Study):
    """Lays images over the picture and takes them away."""

    @property
    def verbs(self) -> Mapping[str, Callable[..., object]]:
        return {
            "lay_over": self.lay_over,
            "compare": self.compare,
            "open_picture": self.open_picture,
            "take_away": self.take_away,
        }

    def lay_over(self, image: int | str) -> None:
        """Lay a sample over the picture by its index, or any image by its name."""
        self._with(image, lambda name: self._show(name, ""))

    def compare(self, image: int | str = "") -> None:
        """Set the image that is laid over against another one, or a class mean; "" for none."""
        session = self.desk.session
        if session is None or not session.look.instance:
            return
        mine = session.look.instance
        if image == "":
            self._show(mine, "")
        else:
            self._with(image, lambda name: self._show(mine, name if name != mine else ""))

    def open_picture(self, path: Path) -> None:
        """Run the network on a picture file and lay it over the picture. Says where the network is not connected."""

        def work(session: Session, sources: Sources, progress: Progress) -> Instance:
            return open_picture(session, sources, path, progress=progress)

        if self.services.sources is None:
            said = f"The network must be connected to look at {path.name}. Choose File ▸ Connect network first."
            self.desk.fail(NotConnected(said))
            return
        self.measure(TOPIC, f"Looking at {path.name}", work, _kept, lambda found: self._show(found.name, ""))

    def take_away(self) -> None:
        """Show the picture without what lies over it: a path first, then the image that it hides."""
        session = self.desk.session
        if session is not None and laid_path(session) is not None:
            self.desk.hold()
            self.desk.look(replace(session.look, path=""))
        elif session is not None and session.look.instance:
            self.jobs.drop(TOPIC)
            self._show("", "")

    def _with(self, image: int | str, then: Callable[[str], None]) -> None:
        """Find an image, and let the network answer to it where the session does not keep its responses."""
        session = self.desk.session
        if session is None or session.activations is None:
            return
        n_classes = len(session.classes)
        try:
            if isinstance(image, str):
                found = must_find_instance(session, image)
            else:
                found = sample_instance(session.activations, image, n_classes)
        except CnnvisError as error:
            self.desk.fail(error)
            return
        stored = session.measurements.instances.get(found.name)
        missing = dropped(session.activations)
        if found.sample < 0 or stored is not None or not missing:
            then(found.name)
        elif self.services.sources is not None:
            sample = found.sample

            def work(session: Session, sources: Sources, progress: Progress) -> Instance:
                return measured_sample(session, sources, sample, progress=progress)

            self.measure(TOPIC, f"Looking at {found.name}", work, _kept, lambda made: then(made.name))
        else:
            self.view.show_notice(not_kept(missing))
            then(found.name)

    def _show(self, name: str, against: str) -> None:
        session = self.desk.session
        if session is None:
            return
        self.desk.hold()
        self.desk.look(replace(session.look, instance=name, against=against, path=""))
        if name:
            self.desk.select((("instance", name),))
        elif self.desk.selection and self.desk.selection[0][0] == "instance":
            self.desk.select(())
        self.desk.join()


def _kept(session: Session, found: Instance) -> Session:
    return session.with_measurements(session.measurements.with_instance(found))
