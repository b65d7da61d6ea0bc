"""Whether the images reach the network as it expects them, judged from its answers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.stats import binomtest

from cnnvis.model.activations import Activations
from cnnvis.model.network import Network

FEWEST = 30
"""Fewer labelled images say nothing."""

_CAUSES = (
    "Usual causes: mean and std that are not those of the training, channels in the order BGR, values of 0–255 "
    "where 0–1 is expected, another size or crop, or classes in another order."
)


def findings(activations: Activations, network: Network) -> tuple[str, ...]:
    """Sentences about what is wrong with the input, most telling first; none where all is well or images are few.

    Said are an accuracy at chance (one-sided binomial test against the even share) and a confusion matrix that
    another order of the classes would mend.
    """
    samples = activations.samples
    labels = samples.labels
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        return ()
    known = samples.read & (labels >= 0) & (samples.predictions >= 0)
    n, m = int(known.sum()), max(network[network.output].n_units, 2)
    accuracy = samples.accuracy
    if n < FEWEST or accuracy is None or len(np.unique(labels[known])) < 2:
        return ()
    confusion = np.zeros((m, m), np.int64)
    inside = known & (labels < m)
    np.add.at(confusion, (labels[inside], samples.predictions[inside]), 1)
    mended, order = _best_order(confusion)
    if _permuted(confusion, mended, accuracy):
        return (_order_sentence(network, order, accuracy, mended / n),)
    right = round(accuracy * n)
    if binomtest(right, n, 1 / m, alternative="greater").pvalue > 0.01:
        text = f"Accuracy is at chance: {accuracy:.1%} of {n:,} labelled images, and guessing gives {1 / m:.1%}."
        return (f"{text} {_CAUSES}",)
    return ()


def _best_order(confusion: NDArray[np.int64]) -> tuple[int, NDArray[np.int64]]:
    """How many images would be right if every class were called by the output that fits it best; and those outputs."""
    rows, columns = linear_sum_assignment(confusion, maximize=True)
    return int(confusion[rows, columns].sum()), np.asarray(columns)


def _permuted(confusion: NDArray[np.int64], mended: int, accuracy: float) -> bool:
    """Whether another order of classes explains the answers far better than the given one.

    The best of all orders is above chance even for random answers: it must reach half of all images, twice as
    many as the given order, and be more than what the same answers reach when dealt out at random.
    """
    n = int(confusion.sum())
    present = confusion.sum(1) > 0
    if n < 5 * int(present.sum()) or mended < 0.5 * n or mended < 2 * accuracy * n:
        return False
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(len(confusion)), confusion.sum(1))
    answers = np.concatenate([np.repeat(np.arange(len(confusion)), row) for row in confusion])
    dealt = np.zeros_like(confusion)
    np.add.at(dealt, (labels, random.permutation(answers)), 1)
    return mended > 1.25 * _best_order(dealt)[0]


def _order_sentence(network: Network, order: NDArray[np.int64], accuracy: float, mended: float) -> str:
    names = network.classes
    moved = [i for i in range(min(len(names), len(order))) if order[i] != i]
    pair = [(names[i], names[order[i]]) for i in moved if order[i] < len(names)]
    example = f", such as {pair[0][0]!r} for {pair[0][1]!r}" if pair else ""
    return (
        f"The classes seem to be in another order than the network's: {accuracy:.1%} of the images are right, and "
        f"{mended:.1%} would be if the names were exchanged{example}. Check the list of classes."
    )
