"""The scorecard of an explanation: its measures taken one after the other, and what they will cost."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from cnnvis.compute.attribute import batch_of_one, must_be_method, parameters
from cnnvis.compute.method import Learning, Method
from cnnvis.compute.probe import Probe, probe
from cnnvis.compute.scorecard.case import Bill, Case, Found, Measure, evidence_on, is_class, passes
from cnnvis.compute.scorecard.completeness import Completeness
from cnnvis.compute.scorecard.deletion import Deletion
from cnnvis.compute.scorecard.forecast import Forecast, forecast
from cnnvis.compute.scorecard.infidelity import Infidelity
from cnnvis.compute.scorecard.localisation import Localisation
from cnnvis.compute.scorecard.max_sensitivity import MaxSensitivity
from cnnvis.compute.scorecard.randomisation import Randomisation
from cnnvis.compute.scorecard.sensitivity import Sensitivity
from cnnvis.compute.scorecard.stability import Stability
from cnnvis.compute.subject import subject
from cnnvis.errors import InvalidValue, UnknownName, did_you_mean
from cnnvis.model.attribution import Attribution, Map, Vector
from cnnvis.model.dataset import Dataset
from cnnvis.model.network import Network
from cnnvis.model.scorecard import Scorecard
from cnnvis.model.target import Target
from cnnvis.model.truth import Truth
from cnnvis.progress import Progress, hand_over, silent

MEASURES: tuple[Measure, ...] = (
    Completeness(),
    Localisation(),
    Deletion(),
    Sensitivity(),
    Infidelity(),
    Randomisation(),
    Stability(),
    MaxSensitivity(),
)
"""All measures, in the order in which they are taken: what costs nothing and what says most comes first."""

_TYPICAL = 500


def measure(name: str) -> Measure:
    """The measure of a name. Raises UnknownName."""
    known = {m.name: m for m in MEASURES}
    if name not in known:
        raise UnknownName(f"A measure must be one of {', '.join(known)}; got {name!r}. {did_you_mean(name, known)}")
    return known[name]


def scorecard(
    model: nn.Module,
    network: Network,
    sample: Any,
    attribution: Attribution,
    method: Method,
    *,
    measures: Sequence[Measure | str] | None = None,
    truth: Truth | None = None,
    data: Dataset | None = None,
    rows: Sequence[int] | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Scorecard:
    """How far an explanation can be trusted: scores beside those of maps that know nothing, and verdicts in words.

    `sample` and `method` are those the `attribution` was made of. `measures` by default all that fit, see `MEASURES`;
    `truth` where it is known; `data` and `rows` what a learning method learned from, and the typical row of a table.
    Each measure's result is handed over as soon as it is known. The model is left as it was. See `cost` for how long it
    takes. Raises InvalidValue where the evidence is not on the input, Cancelled where asked to stop.
    """
    with _case(model, network, sample, attribution, method, truth, data, rows, seed, progress) as case:
        chosen = [m for m in _chosen(measures) if m.fits(case)]
        bills = [m.bill(case) for m in chosen]
        each = passes(case.ready.cost(network))
        weights = [b.evaluations + (b.runs + b.networks) * each for b in bills]
        card = Scorecard(attribution.key, attribution.method, {}, value=case.value)
        total, before = max(round(sum(weights)), 1), 0.0
        for m, weight in zip(chosen, weights):
            started = time.perf_counter()
            found = m(case, partial(_part, progress, before, weight, total))
            before += weight
            card = card.joined(_card(card, found, time.perf_counter() - started))
            hand_over(progress, card)
        progress(total, total, "measuring the explanation")
    return card


def cost(
    model: nn.Module,
    network: Network,
    sample: Any,
    attribution: Attribution,
    method: Method,
    *,
    measures: Sequence[Measure | str] | None = None,
    truth: Truth | None = None,
    data: Dataset | None = None,
    rows: Sequence[int] | None = None,
    progress: Progress = silent,
) -> Forecast:
    """What `scorecard` of the same arguments will cost, from a few timed passes of the network.

    A method that learns does so once, to be timed. Raises Cancelled where asked to stop.
    """
    started = time.perf_counter()
    with _case(model, network, sample, attribution, method, truth, data, rows, 0, progress) as case:
        preparing = time.perf_counter() - started if case.ready is not method else 0.0
        bill = sum((m.bill(case) for m in _chosen(measures) if m.fits(case)), Bill())
        return forecast(case, bill, preparing, progress)


def _part(progress: Progress, before: float, weight: float, total: int, done: int, of: int, what: str = "") -> None:
    """The progress of one measure as that of the whole."""
    progress(min(round(before + weight * (done / of if of else 0.0)), total), total, what)


def _card(card: Scorecard, found: Found, seconds: float) -> Scorecard:
    parts = (found.scores, found.controls, found.curves, found.facts)
    return Scorecard(card.key, card.method, *parts, found.evaluations, seconds, card.value)


def _chosen(measures: Sequence[Measure | str] | None) -> tuple[Measure, ...]:
    if measures is None:
        return MEASURES
    return tuple(measure(m) if isinstance(m, str) else m for m in measures)


@contextmanager
def _case(
    model: nn.Module,
    network: Network,
    sample: Any,
    attribution: Attribution,
    method: Method,
    truth: Truth | None,
    data: Dataset | None,
    rows: Sequence[int] | None,
    seed: int,
    progress: Progress,
) -> Iterator[Case]:
    """The explanation with the probe open, its method prepared."""
    must_be_method(method)
    if (method.title, parameters(method)) != (attribution.method, dict(attribution.parameters)):
        raise InvalidValue(
            f"The scorecard's method must be the one of the explanation, {attribution.method} with its parameters; "
            f"got {method!r}. Make it anew with methods.by_title(attribution.method, attribution.parameters)."
        )
    evidence = attribution.evidence
    if not isinstance(evidence, (Map, Vector)):
        raise InvalidValue(
            "A scorecard must be of evidence on the input, a map of its pixels or a value for each of its features; "
            f"got {type(evidence).__name__}. Choose a method that explains one image or row."
        )
    inputs = batch_of_one(sample, len(network.inputs))
    with probe(model, network) as opened:
        about = subject(opened, inputs, picture=isinstance(evidence, Map))
        prepare = None
        if isinstance(method, Learning) and data is not None:
            chosen = range(len(data)) if rows is None else rows
            prepare = partial(_prepared, data=data, rows=chosen, target=attribution.target)
        ready = prepare(method, opened, progress=partial(_learning, progress)) if prepare is not None else method
        yield Case(
            opened,
            inputs,
            about,
            attribution.target,
            method,
            ready,
            evidence_on(about, evidence),
            _expected(evidence),
            seed,
            "probability" if is_class(network, attribution.target) else "score",
            truth,
            None if isinstance(evidence, Map) else _typical(data, rows, about.x),
            prepare if opened.ran else None,  # what it learned without a pass holds for other weights as well
        )


def _prepared(
    method: Method, opened: Probe, *, data: Dataset, rows: Sequence[int], target: Target, progress: Progress = silent
) -> Method:
    assert isinstance(method, Learning)
    return method.prepared(opened, data, rows, target, progress)


def _learning(progress: Progress, done: int, total: int, what: str = "") -> None:
    """The progress of a method that learns, of which the whole knows only that it is at work."""
    progress(0, 0, what)


def _expected(evidence: Map | Vector) -> float | None:
    found = evidence.facts.get("expected_sum")
    return float(found) if isinstance(found, (int, float)) and np.isfinite(found) else None


def _typical(data: Dataset | None, rows: Sequence[int] | None, x: torch.Tensor) -> torch.Tensor | None:
    """The mean row of a table, what a removed feature becomes; None where there is no table: zero."""
    if data is None or not len(data):
        return None
    known = np.arange(len(data)) if rows is None else np.asarray(rows)
    chosen = known[np.unique(np.linspace(0, len(known) - 1, min(_TYPICAL, len(known))).astype(int))]
    inputs = [data[int(i)][0] for i in chosen]
    values = np.stack([np.asarray(v[0] if isinstance(v, tuple) else v, np.float64) for v in inputs])
    return torch.from_numpy(values.mean(0)[None]).to(x) if values.shape[1:] == tuple(x.shape[1:]) else None
