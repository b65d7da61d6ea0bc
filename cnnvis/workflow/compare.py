"""All methods over many images: which explains this network best, and what does it cost?"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from cnnvis.errors import InvalidValue
from cnnvis.model.attribution import Map, Vector
from cnnvis.model.comparison import SECONDS, Comparison, Line, control_title
from cnnvis.model.network import Network
from cnnvis.model.scorecard import Scorecard
from cnnvis.model.target import Target
from cnnvis.progress import Progress, silent
from cnnvis.workflow.scores import truth_of
from cnnvis.workflow.sources import Sources

if TYPE_CHECKING:
    from cnnvis.compute.method import Method
    from cnnvis.compute.scorecard.case import Measure
    from cnnvis.compute.stratified import Answered

LEARNED_FROM = 200
"""So many samples at most does a method learn from."""
_TRIED = 3
"""What does not fit the first images fits none."""


@dataclass(frozen=True, eq=False)
class _Work:
    """What stays the same for all methods."""

    network: Network
    sources: Sources
    images: tuple[Answered, ...]
    measures: tuple[Measure, ...]
    rows: tuple[int, ...]
    seed: int


def compare(
    sources: Sources,
    network: Network,
    *,
    n_images: int = 20,
    methods: Sequence[Method] | None = None,
    measures: Sequence[str] | None = None,
    seed: int = 0,
    device: str = "auto",
    progress: Progress = silent,
) -> Comparison:
    """What each method scores on a stratified, seeded sample of images, each explained for the class predicted.

    `methods` by default all that fit the data; `measures` by name, all that fit. Controls are measured beside the first
    method, the random one as smooth as its map. Raises InvalidValue where no method fits, Cancelled where stopped.
    """
    from cnnvis.compute.devices import chosen, placed
    from cnnvis.compute.scorecard.card import MEASURES, measure
    from cnnvis.compute.stratified import stratified

    model = placed(sources.model, chosen(device))
    images = stratified(model, network, sources.data, n_images, seed=seed, device=device, progress=progress)
    taken = tuple(lighter(m) for m in (MEASURES if measures is None else map(measure, measures)))
    rows = np.random.default_rng(seed).permutation(len(sources.data))[:LEARNED_FROM]
    work = _Work(network, replace(sources, model=model), images, taken, tuple(sorted(rows.tolist())), seed)
    wanted = fitting(sources) if methods is None else tuple(methods)
    lines: list[Line] = []
    controls: list[Line] = []
    left_out: dict[str, str] = {}
    for place, method in enumerate(wanted):
        told = partial(_after, progress, place * len(images), len(wanted) * len(images), method.title)
        cards, seconds, reason = _judged(work, method, told, with_controls=not controls)
        if not any(cards):
            left_out[method.title] = reason
            continue
        controls = controls or [_line(control_title(n), [_control(c, n) for c in cards], True) for n in _known(cards)]
        found = _line(_title(method, wanted), [{} if c is None else c.scores for c in cards])
        lines.append(replace(found, scores={**found.scores, SECONDS: np.array(seconds)}))
    if not lines:
        why = "; ".join(f"{title}: {reason}" for title, reason in list(left_out.items())[:3])
        raise InvalidValue(f"A method to compare must explain these data; none does. {why}")
    names = tuple(sources.data.name(image.index) for image in images)
    right = np.array([image.right for image in images])
    return Comparison(network.name, names, right, (*lines, *controls), left_out, seed)


def fitting(sources: Sources) -> tuple[Method, ...]:
    """All methods, with the parameters they come with, that give evidence on the input and take this kind of data."""
    from cnnvis.compute.methods import EVERY

    form = "row" if sources.data.kind == "table" else "picture"
    return tuple(
        kind() for kind in EVERY if kind.takes in (form, "any") and kind.family not in ("synthesis", "weights", "paths")
    )


def _after(progress: Progress, before: int, total: int, title: str, done: int, of: int, what: str = "") -> None:
    progress(before + done, total, title)


def _judged(
    work: _Work, method: Method, progress: Progress, *, with_controls: bool
) -> tuple[list[Scorecard | None], list[float], str]:
    """The card of each image and the seconds of its explanation; None and NaN where it does not fit, and why."""
    from cnnvis.compute.attribute import attribute
    from cnnvis.compute.scorecard.card import scorecard

    cards: list[Scorecard | None] = []
    seconds: list[float] = []
    reason = "its evidence is not on the input"
    measures = [_without_controls(m) if not with_controls else m for m in work.measures]
    for done, image in enumerate(work.images):
        progress(done, len(work.images))
        still = partial(_still, progress, done, len(work.images))
        sample = work.sources.data[image.index]
        target = Target(work.network.output, (image.predicted,))
        asked = (work.sources.model, work.network, sample)
        started = time.perf_counter()
        try:
            found = attribute(
                *asked, target, method, index=image.index, data=work.sources.data, rows=work.rows, progress=still
            )
            took = time.perf_counter() - started
            if not isinstance(found.evidence, (Map, Vector)):
                return [None], [], reason
            truth = truth_of(work.sources.data, image.index)
            card = scorecard(
                *asked, found, method, measures=measures, truth=truth,
                data=work.sources.data, rows=work.rows, seed=work.seed, progress=still,
            )  # fmt: skip
        except InvalidValue as error:
            reason = str(error)
            cards.append(None)
            seconds.append(float("nan"))
            if done + 1 >= _TRIED and not any(cards):
                return cards, seconds, reason
        else:
            cards.append(card)
            seconds.append(took)
    progress(len(work.images), len(work.images))
    return cards, seconds, reason


def _still(progress: Progress, done: int, total: int, _done: int, _total: int, what: str = "") -> None:
    """A chance to stop in the middle of an image."""
    progress(done, total)


def lighter(one: Measure) -> Measure:
    """The same for many images: fewer runs of the method for each, the same number whatever the method.

    Likeness to random weights is that of all weights alone, for the stages before are in no table; means over fewer
    draws and runs stay what they are, and the largest change is that over four draws of noise.
    """
    from cnnvis.compute.scorecard.max_sensitivity import MaxSensitivity
    from cnnvis.compute.scorecard.randomisation import Randomisation
    from cnnvis.compute.scorecard.stability import Stability

    if isinstance(one, Randomisation):
        return replace(one, stages=1, draws=2, each=False)
    if isinstance(one, MaxSensitivity):
        return replace(one, samples=4)
    return replace(one, runs=3) if isinstance(one, Stability) else one


def _without_controls(one: Measure) -> Measure:
    """The same, where it can be had, without what controls cost."""
    from cnnvis.compute.scorecard.deletion import Deletion

    return replace(one, controls=False) if isinstance(one, Deletion) else one


def _known(cards: Sequence[Scorecard | None]) -> tuple[str, ...]:
    from cnnvis.model.scorecard import CONTROLS

    return tuple(name for name in CONTROLS if any(c is not None and name in c.controls for c in cards))


def _control(card: Scorecard | None, name: str) -> Mapping[str, float]:
    return {} if card is None else card.controls.get(name, {})


def _line(title: str, scores: Sequence[Mapping[str, float]], control: bool = False) -> Line:
    """The scores of all images by name."""
    names = dict.fromkeys(name for found in scores for name in found)
    return Line(title, {n: np.array([found.get(n, np.nan) for found in scores]) for n in names}, control)


def _title(method: Method, wanted: Sequence[Method]) -> str:
    """A method's title; with its parameters where it occurs more than once."""
    if sum(other.title == method.title for other in wanted) == 1:
        return method.title
    own = [f for f in fields(method) if not f.metadata.get("state")]  # type: ignore[arg-type]
    changed = [f"{f.name} {getattr(method, f.name)}" for f in own if getattr(method, f.name) != f.default]
    return f"{method.title}, {', '.join(changed)}" if changed else method.title
