"""How far an explanation can be trusted, in numbers and in plain words.

Names of scores, as in `Scorecard.scores`; `SCORES` says of each what it is and which end is the good one:

    deletion/FILL, insertion/FILL   area under the curve of the target's value while the map's strongest places are
                                    removed or shown; FILL is what stands in the place of the removed: blur or mean
    sensitivity-n, mufidelity       Pearson's and Spearman's correlation of evidence in random parts with what the
                                    target loses without them
    infidelity, infidelity/scaled   squared difference of both for square patches; scaled: of the best multiple of the
                                    map, as a share of doing nothing (0 exact, 1 useless)
    max-sensitivity                 the largest relative change of the map under invisible noise
    randomised, randomised/each     |Spearman| of map sizes before and after all weights, or those of one stage alone
                                    (the mean over stages), were drawn anew
    jaccard, rank correlation       agreement of runs with other seeds; 1 for a method without randomness
    completeness                    relative gap between the sum of the evidence and what the method promises
    pointing, box overlap, on part  with a known truth: maximum in the box (0 or 1), overlap of boxes, share of the
                                    positive evidence on what decides

Thresholds of the verdicts. They are chosen so that Grad-CAM on the demo's healthy network raises none and an edge
detector, a constant blob and a shuffled map do:

    SAME_MAP        0.70   randomised from here on: the map does not depend on the weights. Two unrelated maps as smooth
                           as Grad-CAM's correlate by ±0.25, and the score is a mean of three draws
    MARGIN          0.02   of the target's fall from the whole to the removed image; insertion − deletion, averaged over
                           the fills, of a control must be behind the map's by more than that
    UNRELATED       0.15   mufidelity within ±: 200 parts cannot tell it from 0
    NERVOUS         0.80   max-sensitivity: noise moves the map by almost its own size
    UNSTABLE        0.50   jaccard below: of the strongest places less than half come again
    INCOMPLETE      0.10   completeness above
    MISSED          1.00   on part, as a multiple of the part's share of the area: no more evidence there than anywhere
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

SAME_MAP, MARGIN, UNRELATED, NERVOUS, UNSTABLE, INCOMPLETE, MISSED = 0.7, 0.02, 0.15, 0.8, 0.5, 0.1, 1.0

Better = Literal["higher", "lower"]


@dataclass(frozen=True, slots=True)
class Score:
    """One number of a scorecard: its name in words, which end is the good one, and what it says."""

    title: str
    better: Better
    says: str


SCORES: Mapping[str, Score] = MappingProxyType(
    {
        "deletion/blur": Score("Deletion, blur", "lower", "the target's value while the strongest places are blurred"),
        "deletion/mean": Score("Deletion, mean", "lower", "the target's value while the strongest places turn grey"),
        "insertion/blur": Score("Insertion, blur", "higher", "the target's value while a blurred image is sharpened"),
        "insertion/mean": Score("Insertion, mean", "higher", "the target's value while a grey image is filled"),
        "sensitivity-n": Score("Sensitivity-n", "higher", "correlation of evidence with loss, over random parts"),
        "mufidelity": Score("MuFidelity", "higher", "rank correlation of evidence with loss, over random parts"),
        "infidelity": Score("Infidelity", "lower", "squared error of the evidence of patches as their loss"),
        "infidelity/scaled": Score("Infidelity, scaled", "lower", "the same at the best scale: 0 exact, 1 useless"),
        "max-sensitivity": Score("Max-sensitivity", "lower", "change of the map under noise that cannot be seen"),
        "randomised": Score("Random weights", "lower", "likeness to the map of a network with random weights"),
        "randomised/each": Score("One stage random", "lower", "the same with one stage at a time, the mean"),
        "jaccard": Score("Repeatability", "higher", "share of the strongest places that come again"),
        "rank correlation": Score("Rank correlation", "higher", "between runs with other seeds"),
        "completeness": Score("Completeness gap", "lower", "evidence that is missing from the promised sum"),
        "pointing": Score("Pointing game", "higher", "whether the maximum lies in the thing's box"),
        "box overlap": Score("Box overlap", "higher", "of the map's box with the thing's"),
        "on part": Score("Evidence on part", "higher", "share of the positive evidence on what decides"),
    }
)  # fmt: skip

CONTROLS: Mapping[str, str] = MappingProxyType(
    {"random": "random map", "centre": "centre blob", "edges": "edge detector"}
)
"""Maps that know nothing of the network, and what they are called."""


@dataclass(frozen=True, eq=False)
class Scorecard:
    """What was measured of one explanation, `key` being its `Attribution.key`.

    `scores` by name; a measure that does not fit or was not asked for is absent, NaN where it could not be told.
    `controls` by name (see CONTROLS) the scores that maps without knowledge reach. `curves` by name, such as
    "deletion/blur" or "randomised": (2, n) float64, shares of the image or stages, and values. `facts`: JSON-able
    numbers and texts, such as the range of the target's value or the share of the area that a part takes.
    `evaluations` and `seconds` are what it cost. `value`: whether values are probabilities or the target's own scores.
    """

    key: str
    method: str
    scores: Mapping[str, float]
    controls: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    curves: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    evaluations: int = 0
    seconds: float = 0.0
    value: Literal["probability", "score"] = "score"

    def __post_init__(self) -> None:
        for name in ("scores", "curves", "facts"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))
        controls = {name: MappingProxyType(dict(found)) for name, found in self.controls.items()}
        object.__setattr__(self, "controls", MappingProxyType(controls))

    def joined(self, other: Scorecard) -> Scorecard:
        """These scores and those of another card of the same explanation; its own win."""
        names = self.controls.keys() | other.controls.keys()
        controls = {n: {**self.controls.get(n, {}), **other.controls.get(n, {})} for n in sorted(names)}
        return replace(
            other,
            scores={**self.scores, **other.scores},
            controls=controls,
            curves={**self.curves, **other.curves},
            facts={**self.facts, **other.facts},
            evaluations=self.evaluations + other.evaluations,
            seconds=self.seconds + other.seconds,
        )

    def advantage(self, control: str = "") -> float:
        """Insertion − deletion, the mean over the fills, of the map or of a control; as a share of the target's fall.

        NaN where not measured. Higher is better.
        """
        found = self.controls.get(control, {}) if control else self.scores
        gains = [
            (found[f"insertion/{fill}"] - found[f"deletion/{fill}"]) / max(abs(self.facts[f"fall/{fill}"]), 1e-12)
            for fill in ("blur", "mean")
            if f"insertion/{fill}" in found and f"deletion/{fill}" in found and f"fall/{fill}" in self.facts
        ]
        return float(np.mean(gains)) if gains else float("nan")

    @property
    def verdicts(self) -> tuple[str, ...]:
        """What a reader of the map must know, one sentence each, the gravest first; none where nothing is wrong."""
        return tuple(_verdicts(self))


def _verdicts(card: Scorecard) -> list[str]:
    said = []
    if card.facts.get("flat"):
        said.append("This map is the same everywhere: it says nothing.")
    if card.scores.get("randomised", 0.0) >= SAME_MAP:
        said.append("This map hardly changes when the weights are random: it shows the image, not the network.")
    said += _beaten(card)
    loss = card.scores.get("mufidelity", 1.0)
    if loss <= -UNRELATED:
        said.append("Where this map speaks for the target, the target gains when the image is covered there.")
    elif loss < UNRELATED:
        said.append("Covering what this map points at costs the target no more than covering anything else.")
    size = card.scores.get("max-sensitivity", 0.0)
    if size >= NERVOUS:
        said.append(f"Noise that cannot be seen changes this map by {100 * size:.0f} % of its size.")
    again = card.scores.get("jaccard", 1.0)
    if again < UNSTABLE:
        said.append(f"Run again with another seed, only {100 * again:.0f} % of the strongest places agree.")
    gap = card.scores.get("completeness", 0.0)
    if gap > INCOMPLETE:
        total, wanted = card.facts.get("sum", 0.0), card.facts.get("expected sum", 0.0)
        said.append(f"The evidence must add up to {wanted:.3g}; it adds up to {total:.3g}.")
    on, area = card.scores.get("on part"), card.facts.get("area of part", 0.0)
    if on is not None and area and on <= MISSED * area:
        part = card.facts.get("part", "what decides")
        said.append(f"{100 * on:.0f} % of the evidence lie on {part}, which takes {100 * area:.0f} % of the image.")
    return said


def _beaten(card: Scorecard) -> list[str]:
    """Controls that are as good as the map at removing and showing places in its order."""
    own = card.advantage()
    said = []
    for name, words in (
        ("centre", "A blob in the centre of the image"),
        ("edges", "An edge detector"),
        ("random", "A map drawn at random"),
    ):
        theirs = card.advantage(name)
        if theirs > own + MARGIN:
            said.append(f"{words} does better at {_where(card, name)}.")
        elif theirs >= own - MARGIN:
            said.append(f"{words} does as well at deletion and insertion.")
    return said


def _where(card: Scorecard, control: str) -> str:
    """At which of the two a control is better."""
    better = []
    for kind, sign in (("deletion", -1), ("insertion", 1)):
        gains = [
            sign * (card.controls[control][name] - card.scores[name])
            for name in (f"{kind}/blur", f"{kind}/mean")
            if name in card.controls[control] and name in card.scores
        ]
        if gains and sum(gains) > 0:
            better.append(kind)
    return " and ".join(better)
