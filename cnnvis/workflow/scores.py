"""How far can the explanations of a session be trusted? Its network asked again, and the scores kept in the session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnvis.model.attribution import Attribution
from cnnvis.model.dataset import Dataset
from cnnvis.model.scorecard import Scorecard
from cnnvis.model.session import Session
from cnnvis.model.truth import Truth
from cnnvis.progress import Progress, silent
from cnnvis.workflow.explain import input_of
from cnnvis.workflow.sources import Sources

if TYPE_CHECKING:
    from cnnvis.compute.scorecard.forecast import Forecast


def judged(
    session: Session,
    sources: Sources,
    found: Attribution,
    *,
    measures: Sequence[str] | None = None,
    seed: int = 0,
    rows: Sequence[int] | None = None,
    progress: Progress = silent,
) -> Scorecard:
    """The scorecard of one explanation of a session; each measure's result is handed over as it comes.

    `measures` names some of `cnnvis.compute.scorecard.card.MEASURES`, None all that fit. Raises InvalidValue where the
    evidence is not on the image, Cancelled where asked to stop.
    """
    from cnnvis.compute.scorecard.card import scorecard

    asked = _asked(session, sources, found, rows)
    return scorecard(**asked, measures=measures, seed=seed, progress=progress)


def judging_cost(
    session: Session,
    sources: Sources,
    found: Attribution,
    *,
    measures: Sequence[str] | None = None,
    progress: Progress = silent,
) -> Forecast:
    """What `judged` will cost: evaluations, runs and seconds; takes a few passes of the network itself."""
    from cnnvis.compute.scorecard.card import cost

    return cost(**_asked(session, sources, found, None), measures=measures, progress=progress)


def _asked(session: Session, sources: Sources, found: Attribution, rows: Sequence[int] | None) -> dict[str, Any]:
    from cnnvis.compute.devices import chosen, placed
    from cnnvis.compute.methods import by_title

    sample, index, _ = input_of(session, sources, found.sample if found.sample >= 0 else found.image)
    device = session.job.analysis.device if session.job is not None else "auto"
    return {
        "model": placed(sources.model, chosen(device)),
        "network": session.analysis.network,
        "sample": sample,
        "attribution": found,
        "method": by_title(found.method, found.parameters),
        "truth": truth_of(sources.data, index),
        "data": sources.data,
        "rows": rows,
    }


def truth_of(data: Dataset, index: int) -> Truth | None:
    """What is known of a sample beforehand: of the demo's scenes where the thing is, and whether a tag decides."""
    from cnnvis.sources.scenes import CLASSES, Scenes

    if not isinstance(data, Scenes) or not 0 <= index < len(data):
        return None
    scene = data.scene(index)
    if data.tag is None or scene.tag is None or CLASSES[scene.label] != data.tag.on:
        return Truth(scene.box, scene.mask)
    top, left, bottom, right = scene.tag
    part = np.zeros(scene.mask.shape, np.bool_)
    part[top:bottom, left:right] = True
    return Truth(scene.tag, part, "the tag")


def with_scorecard(session: Session, card: Scorecard) -> Session:
    """The session with the scores of one of its explanations."""
    return replace(session, measurements=session.measurements.with_scorecard(card))
