"""The section on knock-outs in the pages of a layer, a cluster and a neuron: the truth beside the estimate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from cnnvis.gui.panels.contribution_section import class_bars, class_name, counted, extremes, left_out, signed
from cnnvis.gui.panels.page import Page, Scene, command, number
from cnnvis.gui.panels.patches import Patches, Row, Shot
from cnnvis.gui.panels.rows import is_table
from cnnvis.gui.studies.contributions import silenced_by
from cnnvis.model.measurements import Ablation, Measurements, Silenced
from cnnvis.model.viewed import shown_subset

KNOCK_OUT = "knockOut"
"""The name of the section's title, by which the panel finds it."""
ACROSS, DOWN = 4, 2
ENOUGH = 5
"""With fewer samples of a class the share of right ones says nothing."""
NOTHING = 0.001
"""Logits that differ by less are told as equal."""
NAME = 17
"""Letters of a class's name where two long ones share a line."""
KINDS = 4
"""So many kinds of flips are told: from which class to which."""

_FILLS = {"zero": "set to zero", "mean": "held at their mean"}
_RIGHT = {
    "class": ("Accuracy", "The share of the images whose prediction is right, before and after."),
    "prediction": ("Predictions kept", "The share of the images whose prediction stays the same."),
    "label": ("Recall", "The share of all labels whose own score is above 0, before and after."),
}
_TIP = (
    "These neurons are silenced and everything that follows them is run again. What replays start from is kept on disk "
    "while the session is open, up to 2 GB."
)


def knock_out(page: Page, scene: Scene, units: Silenced) -> None:
    """What becomes of the answers without some neurons; buttons to measure it."""
    network = scene.session.analysis.network
    if scene.activations is None or any(layer in network.class_layers for layer, _ in units):
        return
    page.section("Knock-out", _TIP).setObjectName(KNOCK_OUT)
    page.buttons(
        command(scene, "Knock out", "knock_out", "Set what is selected to zero and measure (Ctrl+K)"),
        command(scene, "Hold at mean", "knock_out_mean", "Hold at the mean response and measure (Ctrl+Shift+K)"),
    )
    subset = shown_subset(scene.session)
    chosen = silenced_by(scene.session, scene.selection) if len(scene.selection) > 1 else units
    found = shown(scene.session.measurements, chosen, subset)
    if found is not None:
        page.text(_said(found, chosen, len(scene.selection)), "small")
        _changes(page, scene, found)
        _flips(page, scene, found)
    elif subset:
        page.text(f"to be measured on the {counted(scene.activations.n_samples)} of “{subset}”", "small")


def shown(measured: Measurements, units: Silenced, subset: str) -> Ablation | None:
    """The newest knock-out of just these units, else the newest of which they are a part; over the same samples."""
    wanted = _each(units)
    over = [(a, _each(a.silenced)) for a in measured.ablations if a.subset == subset]
    exact = (a for a, silenced in over if silenced == wanted)
    return next(exact, next((a for a, silenced in over if wanted <= silenced), None))


def _each(units: Silenced) -> set[tuple[str, int]]:
    return {(layer, unit) for layer, chosen in units for unit in chosen}


def _said(found: Ablation, units: Silenced, several: int) -> str:
    parts = [_FILLS[found.fill], f"measured on {counted(found.n_samples)}"]
    if found.subset:
        parts[0] += " over all images" if found.fill == "mean" else ""
        parts[1] += f" of “{found.subset}”"
    others = found.n_units - sum(len(chosen) for _, chosen in units)
    if several > 1:
        parts.insert(0, f"all {several} that are selected")
    if others:
        parts.insert(0, f"with {others} more neuron{'' if others == 1 else 's'}")
    return " · ".join(parts)


def _changes(page: Page, scene: Scene, found: Ablation) -> None:
    """Two charts in one order: the change of accuracy, and that of the own logit with the estimate beside it."""
    order = extremes(found.change)
    points = 100 * (found.accuracy[:, 1] - found.accuracy[:, 0])
    if np.isfinite(points).any():
        known = found.counts > 0
        before, after = (100 * np.average(found.accuracy[known, k], weights=found.counts[known]) for k in range(2))
        word, tip = _RIGHT[scene.activations.kind if scene.activations is not None else "class"]
        page.facts([(word, f"{before:.1f} → {after:.1f} %", tip)])

        def right(group: int, value: float) -> str:
            one, other = 100 * found.accuracy[group]
            return f"{word.lower()} {one:.1f} → {other:.1f} %, over {counted(found.counts[group])}"

        if found.counts[order].min(initial=ENOUGH) >= ENOUGH:
            page.text(f"Change of {word.lower()}, in points", "small")
            page.add(class_bars(scene, points, right, write=_points, order=order))
    foretold = found.foretold

    def logit(group: int, value: float) -> str:
        expected = "" if foretold is None else f", first-order estimate {signed(float(foretold[group]))}"
        return f"own logit {signed(value)}{expected}, over {counted(found.counts[group])}"

    page.text("Change of the own logit" + ("" if foretold is None else "; line: the estimate"), "small")
    page.add(class_bars(scene, found.change, logit, ticks=foretold, order=order))
    rest = left_out(found.change)
    if rest:
        page.text(rest, "small")
    page.text(agreement(found), "small")


def agreement(found: Ablation) -> str:
    """One sentence: how well the contributions foretold the knock-out."""
    if found.foretold is None:
        several = len(found.silenced) > 1
        why = "what passes two of these layers would count twice" if several else "contributions are not measured"
        return f"No first-order estimate: {why}."
    if not np.isfinite(found.error):
        return "No first-order estimate for these images."
    r = f"r = {found.correlation:.2f}, ".replace("-", "−") if np.isfinite(found.correlation) else ""
    distance = number(found.error) if found.error >= NOTHING else f"less than {NOTHING}"
    return f"First-order estimate: {r}off by {distance} on average."


def _points(value: float) -> str:
    return f"{value:.1f}".replace("-", "−") if value == value else "–"


def _flips(page: Page, scene: Scene, found: Ablation) -> None:
    """How many predictions flip, between which classes, and some of the images, those that were right first."""
    activations = scene.activations
    if activations is None or activations.kind == "quantile":
        return
    if not len(found.flips):
        page.text("No prediction flips.", "small")
        return
    table, integer = activations.samples, np.issubdtype(activations.samples.labels.dtype, np.integer)
    n = len(found.flips)
    said = f"{n:,} of {found.n_samples:,} predictions flip"
    right = np.zeros(n, bool)
    if table.labels.ndim == 1 and integer:
        labels = np.array([table.labels[table.rows[int(s)]] if int(s) in table.rows else -1 for s in found.flips[:, 0]])
        right = found.flips[:, 1] == labels
        gained = int((found.flips[:, 2] == labels).sum())
        said += f": {int(right.sum()):,} right before, {gained:,} right now"
    page.text(f"{said}.", "small")
    kinds = Counter((int(a), int(b)) for _, a, b in found.flips)
    page.links([_kind(scene, before, after, n) for (before, after), n in kinds.most_common(KINDS)])
    if not is_table(scene):
        _pictures(page, scene, _varied(found.flips, right, kinds))


def _varied(flips: NDArray[np.int64], right: NDArray[np.bool_], kinds: Counter[tuple[int, int]]) -> NDArray[np.int64]:
    """The flips in an order to look at: those that were right first, one of each kind after the other."""
    met: Counter[tuple[int, int, bool]] = Counter()
    turns = []
    for (_, before, after), was_right in zip(flips.tolist(), right.tolist()):
        turns.append((not was_right, met[before, after, was_right], -kinds[before, after]))
        met[before, after, was_right] += 1
    return flips[sorted(range(len(flips)), key=turns.__getitem__)]


def _pictures(page: Page, scene: Scene, flips: NDArray[np.int64]) -> None:
    shots = [
        Shot(int(s), tip=f"{_name(scene, int(s))} · was {_class(scene, a)}, now {_class(scene, b)}")
        for s, a, b in flips[: 8 * ACROSS * DOWN]
        if scene.session.picture(int(s)) is not None
    ][: ACROSS * DOWN]
    if shots:
        grid = [Row(tuple(shots[k : k + ACROSS])) for k in range(0, len(shots), ACROSS)]
        page.add(Patches(scene.session, grid, scene.theme, scene.open_sample, 68))


def _kind(scene: Scene, before: int, after: int, n: int) -> tuple[str, str, str, Callable[[], None]]:
    key = ("class", before)
    one, other = _class(scene, before), _class(scene, after)
    long = len(one) + len(other) > 2 * NAME
    text = f"{_cut(one)} → {_cut(other)}" if long else f"{one} → {other}"
    seen = f"{scene.session.noun.count(n)} {'was' if n == 1 else 'were'}"
    return (
        text,
        f"{n:,}",
        f"{seen} said to be {one}, and now to be {other}.",
        (lambda: scene.choose(key) if key in scene.diagram else None),
    )


def _cut(name: str) -> str:
    """A name of which at least its beginning can be read beside another one."""
    return name if len(name) <= NAME else f"{name[: NAME - 1].rstrip()}…"


def _class(scene: Scene, index: int) -> str:
    return class_name(scene, int(index)) if index >= 0 else "not a number"


def _name(scene: Scene, sample: int) -> str:
    found = scene.activations
    row = found.samples.rows.get(sample) if found is not None else None
    return found.samples.names[row] if found is not None and row is not None else str(sample)
