"""Why does the network answer so to all of these? A class, a subset or a cell of the confusion explained as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from cnnvis.errors import InvalidValue, UnknownName, did_you_mean
from cnnvis.model.activations import Samples
from cnnvis.model.attribution import Map
from cnnvis.model.session import Session
from cnnvis.model.subsets import Subset, has_labels
from cnnvis.model.target import Target
from cnnvis.model.together import Aim, GroupExplanation, Scaling
from cnnvis.model.truth import Box
from cnnvis.progress import Progress, hand_over, silent
from cnnvis.workflow.explain import target_of
from cnnvis.workflow.sources import Sources
from cnnvis.workflow.subsets import must_hold

if TYPE_CHECKING:
    from cnnvis.compute.method import Method
    from cnnvis.compute.together import Answers

Which = str | tuple[str | int, str | int] | Subset
"""A class or a subset by its name, a cell of the confusion as (label, prediction), or a subset's definition."""


@runtime_checkable
class Drawn(Protocol):
    """A data set that knows the box of the thing in each of its pictures, such as the demo's scenes."""

    def scene(self, index: int) -> Any: ...


@dataclass(frozen=True, eq=False)
class Asked:
    """A group of images: its name, the rows of the table of samples, and what it is."""

    name: str
    rows: NDArray[np.int64]
    label: int = -1
    subset: str = ""
    target: Aim = "predicted"


def explain_group(
    session: Session,
    sources: Sources,
    which: Which,
    target: Target | Literal["own", "predicted"] | str | None = None,
    method: Method | None = None,
    *,
    limit: int = 100,
    others: int | None = None,
    aligned: bool = False,
    scaled: Scaling = "sum",
    seed: int = 0,
    rows: Sequence[int] | None = None,
    progress: Progress = silent,
) -> GroupExplanation:
    """One explanation over the images of a class, a subset or a cell (label, prediction) of the confusion matrix.

    `target`: None asks why a class is what it is, and why the images of a cell or a subset are taken for what they
    are; "own" and "predicted" are each image's class and prediction; else any target, also in words as for
    `target_of`. `method` is Grad-CAM where none is given. Of more than `limit` images so many are drawn by chance. For
    maps the kinds among them are found (SpRAy), and `others` images (as many as the group's; 0: none) are explained
    for their own classes, to compare with. `aligned` cuts the thing out of each map where its box is known.

    Costs one run of the method for each image. Partial results are handed over on the way. Add the result to the
    session by `with_group`; `findings` then says whether the class's evidence lies at a fixed place. Raises UnknownName
    or InvalidValue for what does not fit, and where no image is in the group or none can be read.
    """
    from cnnvis.compute.methods import GradCam
    from cnnvis.compute.together import Answers

    asked, chosen = asked_of(session, which), method if method is not None else GradCam()
    samples = _samples(session)
    aim = _aim(session, asked, target)
    rng = np.random.default_rng(seed)
    drawn = _drawn(asked.rows, limit, rng)
    beside = _beside(session, asked, drawn, aim, limit if others is None else others, rng)
    make = _Maker(session, sources, asked, aim, chosen, aligned, scaled, seed)
    ask = _Ask(session, sources, chosen, rows, len(drawn) + len(beside))
    mine = ask(samples.indices[drawn], aim, _Part(progress, 0, len(drawn), ask.total, make))
    if not mine.attributions:
        raise InvalidValue(f"At least one image of {asked.name} must be readable; the first fails: "
                           f"{mine.skipped[0].reason}")  # fmt: skip
    theirs = Answers(())
    if len(beside) and isinstance(mine.attributions[0].evidence, Map):
        own: Aim = "own" if has_labels(samples) else "predicted"
        theirs = ask(samples.indices[beside], own, _Part(progress, len(drawn), len(beside), ask.total))
    progress(ask.total, ask.total, "finding the kinds of maps")
    return make(mine, theirs, whole=True)


def with_group(session: Session, found: GroupExplanation) -> Session:
    """The session with one more explanation of many images; one of the same question is replaced."""
    return session.with_measurements(session.measurements.with_group(found))


def asked_of(session: Session, which: Which) -> Asked:
    """The images that are asked for, and the target that is meant where none is said.

    A class wins over a subset of the same name. Raises UnknownName or InvalidValue where there are none.
    """
    classes, output = session.classes, session.analysis.network.output
    if isinstance(which, Subset):
        rows, alone = must_hold(session, which), which == Subset(which.name, classes=which.classes)
        if alone and len(which.classes) == 1:
            label = which.classes[0]
            return Asked(which.name, rows, label, which.name, _class(session, output, label))
        return Asked(which.name, rows, subset=which.name)
    if isinstance(which, str):
        if which in classes:
            label = classes.index(which)
            rows = must_hold(session, Subset(which, classes=(label,)))
            return Asked(which, rows, label, target=_class(session, output, label))
        subset = next((s for s in session.analysis.subsets if s.name == which), None)
        if subset is None:
            known = [*classes, *(s.name for s in session.analysis.subsets)]
            raise UnknownName(f"Images to explain together must be a class, a subset or a cell (label, prediction); "
                              f"got {which!r}. {did_you_mean(which, known)}")  # fmt: skip
        return asked_of(session, subset)
    label, said = (_index(classes, c) for c in which)
    name = f"{classes[label]} taken for {classes[said]}" if label != said else f"{classes[label]}, right"
    rows = must_hold(session, Subset(name, cell=(label, said)))
    return Asked(name, rows, target=_class(session, output, said))


def _index(classes: Sequence[str], wanted: str | int) -> int:
    if isinstance(wanted, str) and wanted in classes:
        return list(classes).index(wanted)
    if isinstance(wanted, int) and 0 <= wanted < len(classes):
        return wanted
    raise UnknownName(f"A cell must name two classes; got {wanted!r}. {did_you_mean(str(wanted), classes)}")


def _class(session: Session, output: str, label: int) -> Aim:
    """The class's output, where it has one of its own; of two that one output tells apart each image's own."""
    return Target(output, (label,)) if session.analysis.network[output].n_units > 1 else "own"


def _samples(session: Session) -> Samples:
    if session.activations is None:
        raise InvalidValue("The images must be read before some of them are explained. Let the analysis end.")
    return session.activations.samples


def _aim(session: Session, asked: Asked, target: Target | str | None) -> Aim:
    if target is None:
        return asked.target
    if target == "own" or target == "predicted":
        return "own" if target == "own" else "predicted"
    return target_of(session, target) if isinstance(target, str) else target


def _drawn(rows: NDArray[np.int64], limit: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """At most so many of some rows, ascending."""
    if limit < 1:
        raise InvalidValue(f"explain_group.limit must be at least 1; got {limit}.")
    return rows if len(rows) <= limit else np.sort(rng.choice(rows, limit, replace=False))


def _beside(
    session: Session, asked: Asked, drawn: NDArray[np.int64], aim: Aim, most: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Rows of images to compare with: of other classes than the group's, as many of each class as there are.

    None where the target is no class.
    """
    samples = _samples(session)
    network = session.analysis.network
    if isinstance(aim, Target) and aim.layer != network.output:
        return np.zeros(0, np.int64)
    groups = samples.labels if has_labels(samples) else samples.predictions
    free = np.setdiff1d(np.flatnonzero(samples.read), asked.rows)
    if asked.label >= 0:
        free = free[groups[free] != asked.label]
    free = rng.permutation(free)
    turn = np.zeros(len(free), np.int64)  # the how many-th of its class each one is: the first of each class go first
    seen: dict[int, int] = {}
    for place, row in enumerate(free.tolist()):
        turn[place] = seen.get(int(groups[row]), 0)
        seen[int(groups[row])] = int(turn[place]) + 1
    first = free[np.argsort(turn, kind="stable")]
    return np.sort(first[: min(most, len(drawn)) if most > 0 else 0])


@dataclass(frozen=True, eq=False)
class _Ask:
    """The network, asked about images."""

    session: Session
    sources: Sources
    method: Method
    rows: Sequence[int] | None
    total: int

    def __call__(self, indices: NDArray[np.int64], aim: Aim, progress: Progress) -> Answers:
        from cnnvis.compute.devices import chosen, placed
        from cnnvis.compute.together import attribute_all

        device = self.session.job.analysis.device if self.session.job is not None else "auto"
        return attribute_all(
            placed(self.sources.model, chosen(device)),
            self.session.analysis.network,
            self.sources.data,
            [int(i) for i in indices],
            aim,
            self.method,
            rows=self.rows,
            progress=progress,
        )


@dataclass(frozen=True, eq=False)
class _Part:
    """The progress of a part of the images as that of all; what is known so far goes on as an explanation of them."""

    progress: Progress
    before: int
    n: int
    total: int
    make: _Maker | None = None

    def __call__(self, done: int, total: int, what: str = "") -> None:
        self.progress(self.before + (done * self.n // total if total else 0), self.total, what)

    def partial(self, found: Answers) -> None:
        if self.make is not None and len(found) > 1:
            hand_over(self.progress, self.make(found))


@dataclass(frozen=True, eq=False)
class _Maker:
    """From the explanations of single images to the one of all."""

    session: Session
    sources: Sources
    asked: Asked
    aim: Aim
    method: Method
    aligned: bool
    scaled: Scaling
    seed: int

    def __call__(self, mine: Answers, theirs: Answers | None = None, whole: bool = False) -> GroupExplanation:
        """The mean and the spread; with `whole` also the kinds of maps, and those to compare with."""
        from cnnvis.compute.spray import pooled, spray
        from cnnvis.compute.together import mean_picture, together

        found = mine.attributions
        indices = [one.sample for one in found]
        boxes = self._boxes(indices)
        both = together(found, boxes, self.scaled)
        flat = isinstance(both.mean, Map)
        maps = [one.evidence.values for one in theirs.attributions if isinstance(one.evidence, Map)] if theirs else []
        return GroupExplanation(
            name=self.asked.name,
            samples=np.array(indices, np.int64),
            labels=self._labels(indices),
            target=self.aim,
            method=found[0].method,
            parameters=found[0].parameters,
            versions=found[0].versions,
            together=both,
            clusters=spray(found, seed=self.seed) if flat and whole else None,
            picture=mean_picture(self.sources.data, indices, boxes, both.mean.values.shape) if flat else None,
            others=np.stack([pooled(values) for values in maps]) if maps else None,
            skipped=mine.skipped,
            asked=len(self.asked.rows),
            label=self.asked.label,
            subset=self.asked.subset,
            seed=self.seed,
        )

    def _labels(self, indices: Sequence[int]) -> NDArray[np.int64]:
        samples = _samples(self.session)
        if not has_labels(samples):
            return np.full(len(indices), -1, np.int64)
        return np.asarray(samples.labels[[samples.rows[i] for i in indices]], np.int64)

    def _boxes(self, indices: Sequence[int]) -> list[Box] | None:
        if not self.aligned:
            return None
        data = self.sources.data
        if not isinstance(data, Drawn):
            raise InvalidValue("Maps can be aligned where the data set knows the box of the thing; this one does not. "
                               "Leave `aligned` off, or bring them together by cnnvis.together(…, boxes).")  # fmt: skip
        return [data.scene(i).box for i in indices]
