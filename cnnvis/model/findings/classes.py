"""Findings about classes: taken for each other, never said, or answered by no neuron."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnnvis.model.activations import Activations
from cnnvis.model.findings.chance import SURE, at_least, critical
from cnnvis.model.findings.finding import Finding, percent, some
from cnnvis.model.network import Network

FEWEST = 5
"""Fewer images of a class say nothing about it."""
MOST_PAIRS = 3
CONFUSED = 0.1
"""Two classes are confused where this share of their samples is taken for the other."""

_CONFUSED = (
    "Usual causes: the classes look alike at this resolution, some labels are wrong, or one has far fewer images. "
    "Neurons that answer both show what the network cannot tell apart."
)
_SILENT = (
    "Usual causes: too few images of the class in training, a class that was added later, or layers before that have "
    "died and pass nothing on."
)


@dataclass(frozen=True, eq=False)
class Confusion:
    """How often samples of each class (rows) were taken for each class (columns)."""

    counts: NDArray[np.int64]
    names: tuple[str, ...]

    @classmethod
    def of(cls, activations: Activations, network: Network) -> Confusion | None:
        """The table of a classification with labels; None for any other task."""
        samples, names = activations.samples, class_names(activations, network)
        m = len(names)
        labels = samples.labels
        if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer) or not m or activations.kind != "class":
            return None
        known = samples.read & (labels >= 0) & (labels < m) & (samples.predictions >= 0) & (samples.predictions < m)
        counts = np.zeros((m, m), np.int64)
        np.add.at(counts, (labels[known], samples.predictions[known]), 1)
        return cls(counts, names)


def class_names(activations: Activations, network: Network) -> tuple[str, ...]:
    """The names of the classes of a recording: the network's, or two where one output tells two apart."""
    return network.classes if len(network.classes) == len(activations.groups) else activations.groups


def confused(table: Confusion, network: Network) -> list[Finding]:
    """Pairs of classes that are taken for each other most: often, and more than wrong answers are given anyway.

    Often: a tenth of their samples. More than anyway: a binomial test against how often each of the two is given as a
    wrong answer to all classes, corrected for the number of pairs; so a network that always says one class confuses
    none, nor does one that is no better than guessing.
    """
    counts, classes = table.counts, table.names
    if at_least(int(np.trace(counts)), int(counts.sum()), 1 / max(len(counts), 2)) > SURE:
        return []
    m, of_class = len(counts), counts.sum(1)
    wrong = counts - np.diag(np.diag(counts))
    both = np.triu(wrong + wrong.T, 1)
    asked = of_class[:, None] + of_class[None, :]
    few = (of_class[:, None] < FEWEST) | (of_class[None, :] < FEWEST)
    both[(both < FEWEST) | (both < CONFUSED * asked) | few] = 0
    found: list[Finding] = []
    for place in np.argsort(-both / np.maximum(asked, 1), axis=None, kind="stable")[: 4 * MOST_PAIRS]:
        a, b = divmod(int(place), m)
        if not both[a, b] or len(found) == MOST_PAIRS:
            break
        if _by_chance(wrong, a, b) * m * (m - 1) / 2 > SURE:
            continue
        share = float(both[a, b] / asked[a, b])
        text, detail = f"{classes[a]} and {classes[b]} are confused", f"{both[a, b]:,} of {asked[a, b]:,} images"
        grave = min(0.35 + 0.5 * share, 0.65)
        found.append(Finding(text, detail, network.output, a, cause=_CONFUSED, severity=grave, kind="confusion"))
    return found


def _by_chance(wrong: NDArray[np.int64], a: int, b: int) -> float:
    """How likely so many mix-ups of two classes are, if wrong answers were given alike to all classes."""

    def usual(answer: int, asked: int) -> float:
        """How often the answer is given to samples of third classes that are answered wrongly."""
        others = np.delete(wrong, [answer, asked], axis=0)
        return (float(others[:, answer].sum()) + 1) / (float(others.sum()) + len(wrong))

    n_a, n_b = int(wrong[a].sum()), int(wrong[b].sum())
    expected = n_a * usual(b, a) + n_b * usual(a, b)
    return at_least(int(wrong[a, b] + wrong[b, a]), n_a + n_b, min(expected / max(n_a + n_b, 1), 1.0))


def never_said(table: Confusion, network: Network) -> list[Finding]:
    """One finding about the classes that have samples and that the network never answers with."""
    of_class, said = table.counts.sum(1), table.counts.sum(0)
    asked = np.flatnonzero(of_class >= FEWEST)
    silent = np.flatnonzero((of_class >= FEWEST) & (said == 0))
    if not len(silent):
        return []
    names = [table.names[c] for c in silent]
    n = int(of_class[silent].sum())
    one = len(names) == 1
    text = f"{names[0]} is never predicted" if one else f"{len(names)} of {len(asked)} classes are never predicted"
    detail = f"though {n:,} images are of {'it' if one else some(names)}"
    grave = 0.45 + 0.24 * len(silent) / len(asked)
    return [Finding(text, detail, network.output, int(silent[0]), cause=_SILENT, severity=grave, kind="silent class")]


def unanswered(activations: Activations, network: Network, layer: str) -> list[Finding]:
    """One finding about the classes that no neuron of a layer answers more than the other classes.

    Welch's z of each neuron's response to the class against all others; silent is a class whose largest z is no more
    than the best of so many neurons reaches by chance, and whose effect is below one standard deviation.
    """
    responses, counts = activations[layer], activations.counts
    if activations.kind != "class" or responses.squares.shape != responses.total.shape:
        return []
    asked = np.flatnonzero(counts >= FEWEST)
    limit = critical(responses.n_units)
    silent = [int(c) for c in asked if _no_answer(responses.total, responses.squares, counts, int(c), limit)]
    if not silent or len(asked) < 2:
        return []
    names = [class_names(activations, network)[c] for c in silent]
    if len(names) == len(asked):
        text, detail = f"No neuron of {layer} tells any class from the others", f"{len(asked)} classes"
    elif len(names) == 1:
        right = activations.samples.accuracy_of(silent[0]) or 0.0
        text = f"No neuron of {layer} responds to {names[0]} more than to the others"
        detail = f"{percent(right)} of its images are right"
    else:
        text = f"No neuron of {layer} responds to {len(names)} of {len(asked)} classes more than to the others"
        detail = some(names)
    share = len(silent) / len(asked)
    grave = 0.5 + 0.15 * share
    return [Finding(text, detail, network.output, silent[0], cause=_SILENT, severity=grave, kind="silent class")]


def _no_answer(
    total: NDArray[np.float64], squares: NDArray[np.float64], counts: NDArray[np.float64], c: int, limit: float
) -> bool:
    """Whether no unit answers class c more than the others."""
    n, rest = counts[c], counts.sum() - counts[c]
    if rest < 2:
        return False
    mean, other = total[:, c] / n, (total.sum(1) - total[:, c]) / rest
    variance = np.maximum(squares[:, c] / n - mean**2, 0) * n / max(n - 1, 1)
    around = np.maximum((squares.sum(1) - squares[:, c]) / rest - other**2, 0) * rest / (rest - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.nan_to_num((mean - other) / np.sqrt(variance / n + around / rest), nan=0.0)
        d = np.nan_to_num((mean - other) / np.sqrt((variance + around) / 2), nan=0.0)
    return bool(z.max(initial=0) < limit and d.max(initial=0) < 1.0)
