"""What a scorecard will cost, from a few timed passes of the network at hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cnnvis.compute.evaluations import Evaluations
from cnnvis.compute.input_slopes import input_slopes
from cnnvis.compute.probe import probe
from cnnvis.compute.scorecard.case import Bill, Case, passes
from cnnvis.compute.scorecard.randomisation import drawn
from cnnvis.progress import Progress

_TIMED = 2.0
"""Seconds of a method's run up to which it is run to be timed; above, its passes are a good forecast."""
_SLOPES = 8
_MANY = 1000


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a scorecard will cost: evaluations of the network, runs of the method, and seconds on this machine."""

    evaluations: int
    runs: int
    seconds: float


def forecast(case: Case, bill: Bill, preparing: float, progress: Progress) -> Forecast:
    """The seconds of a bill; `preparing`: how long the method took to learn, 0 where it does not learn.

    What is timed is first done once, so that no first call is counted.
    """
    runs = bill.runs + bill.networks
    if not (bill.evaluations or runs):
        return Forecast(0, 0, 0.0)
    evaluation = _seconds_of_evaluation(case, progress)
    seconds = preparing + bill.evaluations * evaluation
    if runs:
        run, fresh = _seconds_of_runs(case, evaluation, bill, progress)
        again = _seconds_of_learning(case, preparing) if bill.networks else 0.0
        seconds += bill.runs * run + bill.networks * (fresh + again)
    if bill.draws:
        seconds += bill.draws * _timed(lambda: drawn(case.probe.model, 0), 2)
    return Forecast(bill.evaluations, runs, seconds)


def _seconds_of_evaluation(case: Case, progress: Progress) -> float:
    """Of one changed copy among many: full batches through the network."""
    mask = np.arange(case.values.size).reshape(case.values.shape) % 2 == 0
    fill = case.fill("mean")
    n = Evaluations(case.probe, case.about, case.target).batch
    return _timed(lambda: case.ask([mask] * n, fill, progress, "timing the network", _MANY), 3) / n


def _seconds_of_runs(case: Case, evaluation: float, bill: Bill, progress: Progress) -> tuple[float, float]:
    """Of the method once more, and of the method in a network that was never run before."""
    cost = case.ready.cost(case.network)
    known = passes(cost) * evaluation
    if cost.backward and known > 0.1 * _TIMED:  # a way back takes its own time, and keeps all that lies on it
        x = case.about.x[0]
        pair = _timed(
            lambda: list(
                input_slopes(case.probe, case.about, case.target, [x] * _SLOPES, total=_SLOPES, progress=progress)
            ),
            2,
        )
        known = max(cost.forward - cost.backward, 0) * evaluation + cost.backward * pair / _SLOPES
    if known > _TIMED:
        return known, known
    times = 4 if known < 0.1 * _TIMED else 2
    run = _timed(lambda: case.again(case.ready), times)
    return run, _timed(lambda: _elsewhere(case), times) if bill.networks else run


def _seconds_of_learning(case: Case, preparing: float) -> float:
    """Of learning anew in a network that was never run before; `preparing` is how long it took the first time."""
    if case.prepare is None or preparing > _TIMED:
        return preparing if case.prepare is not None else 0.0

    def learn() -> None:
        with probe(case.probe.model, case.network) as opened:
            case.prepare(case.method, opened)

    return _timed(learn, 3)


def _elsewhere(case: Case) -> None:
    with probe(case.probe.model, case.network) as opened:
        case.again(case.ready, probe=opened)


def _timed(work: Callable[[], object], times: int) -> float:
    """The median of some calls, the first of which is not counted."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return float(np.median(taken[1:]))
