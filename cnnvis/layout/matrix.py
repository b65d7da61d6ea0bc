"""The large matrix: neurons of a layer or of some of its clusters × classes, both so ordered that like touch."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cnnvis.errors import InvalidValue, UnknownName, did_you_mean
from cnnvis.layout.class_groups import ClassColumn, by_column, class_columns
from cnnvis.layout.diagram import Diagram
from cnnvis.layout.faces import COLOURED_CLASSES
from cnnvis.layout.marks import MUTED, Ink
from cnnvis.layout.ordering import order
from cnnvis.layout.sheet import Block, Head, Scale, Sheet, sheet_diagram, short
from cnnvis.model.activations import Activations
from cnnvis.model.features import profiles
from cnnvis.model.network import Layer
from cnnvis.model.nouns import IMAGE, Noun
from cnnvis.model.partition import Cluster
from cnnvis.model.session import Session
from cnnvis.model.subset_responses import mean_over
from cnnvis.model.viewed import shown_subset, viewed

Kind = Literal["responses", "selectivity", "contribution"]
KINDS: tuple[Kind, ...] = ("responses", "selectivity", "contribution")
WHAT: dict[Kind, str] = {
    "responses": "mean response",
    "selectivity": "standard deviations above the neuron's mean",
    "contribution": "mean effect on the class's logit",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: a class, a group of confusable classes, or a subset that the user defined; `n` samples stand behind.

    `classes` index the groups of samples, none for a subset; `group` as in `ClassColumn`.
    """

    title: str
    n: int
    classes: tuple[int, ...] = ()
    group: int = -1


@dataclass(frozen=True, eq=False)
class Matrix:
    """Neurons × classes: `values[i, j]` of unit `units[i]` over the samples of `columns[j]`, NaN where there are none.

    `clusters` are (cluster, first row, last row + 1) from top to bottom; a layer that is not clustered is one cluster
    of id −1. `classes` names the groups of samples; `target` the one whose logit is affected (None: their own).
    """

    kind: Kind
    layer: Layer
    units: NDArray[np.int64]
    clusters: tuple[tuple[Cluster, int, int], ...]
    columns: tuple[Column, ...]
    values: NDArray[np.float64]
    classes: tuple[str, ...]
    target: int | None = None
    noun: Noun = IMAGE

    @property
    def what(self) -> str:
        """What a value is, in a few words."""
        return WHAT[self.kind] if self.target is None else f"mean effect on the logit of {self.classes[self.target]}"

    def reading(self, row: int, column: int) -> str:
        """One cell in words: "layer3.2:17 × frog  0.83, n = 500"."""
        at, value = self.columns[column], float(self.values[row, column])
        none = "not measured" if at.n else f"no {self.noun.many}"
        told = none if np.isnan(value) else short(value)
        return f"{self.layer.unit(int(self.units[row]))} × {at.title}  {told}, n = {at.n:,}"

    def table(self) -> tuple[tuple[str, ...], list[list[str | int | float]]]:
        """The names of the columns, and one row for each neuron: layer, unit, cluster, then the values as shown."""
        names = ("layer", "unit", "cluster", *(column.title for column in self.columns))
        rows: list[list[str | int | float]] = []
        for cluster, first, last in self.clusters:
            for i in range(first, last):
                rows.append([self.layer.name, int(self.units[i]), cluster.title, *self.values[i].tolist()])
        return names, rows

    def sheet(self) -> Sheet:
        """What it takes to draw it."""
        signed = self.kind != "responses" or bool(np.nanmin(self.values, initial=0.0) < 0)
        coloured = 0 < len(self.classes) <= COLOURED_CLASSES
        return Sheet(
            self.values,
            tuple(Head(f":{u}", self.layer.unit(u)) for u in self.units.tolist()),
            tuple(_head(column, coloured, self.noun) for column in self.columns),
            Scale.of(self.values, self.what, signed),
            tuple(
                Block(c.id, c.title, first, last, Ink(c.colour) if c.colour else MUTED)
                for c, first, last in self.clusters
            ),
        )


def _head(column: Column, coloured: bool, noun: Noun) -> Head:
    one = len(column.classes) == 1
    tip = f"{column.title}\n{noun.count(column.n)}"
    if not column.classes:
        tip += "\na subset that you defined"
    elif not one:
        tip += f" of {len(column.classes)} classes that are easily confused\nclick to unfold"
    ink = Ink("class", column.classes[0]) if coloured and one else Ink("accent") if not column.classes else None
    return Head(column.title, tip, ink, column.classes, column.group)


def matrix(
    session: Session,
    layer: str,
    clusters: Sequence[int] = (),
    kind: Kind = "responses",
    target: int | None = None,
) -> Matrix:
    """The matrix of a layer, or of some of its clusters by id, as the session's look shows it.

    Rows stay together by cluster and touch where they are alike; columns follow the order of the network, or with
    `look.order` "local" their own. "responses" are mean pooled responses; "selectivity" says how many standard
    deviations over the classes a neuron answers more than its own mean; "contribution" is the mean first-order effect
    on the logit of the samples' own class, or of `target`. The user's subsets are further columns of the first two.
    Costs about 0.1 s for 512 neurons of one cluster.

    Raises UnknownName for a layer, cluster or kind that is not known, InvalidValue where contributions were not
    measured.
    """
    if kind not in KINDS:
        raise UnknownName(f"A matrix must show {', '.join(KINDS)}; got {kind!r}. {did_you_mean(kind, KINDS)}")
    shown = viewed(session)
    activations = shown.activations
    network = session.analysis.network
    if activations is None or session.activations is None or layer not in activations.layers:
        known = activations.layers if activations is not None else ()
        if session.activations is not None and layer in session.activations.layers:
            raise InvalidValue(f"{layer} must keep its pooled responses to be seen for a subset. Connect the network.")
        raise UnknownName(f"A matrix must be of a recorded layer; got {layer!r}. {did_you_mean(layer, known)}")
    chosen = _chosen(session, layer, clusters)
    units = np.array([u for cluster in chosen for u in cluster.members], np.int64)
    by_class, counts = _by_class(shown, activations, layer, kind, target)
    by_class = by_class[units]
    found = class_columns(activations, network, session.look, by_class)
    values = by_column(by_class, found, counts)
    columns = [Column(c.title, _n(c, counts), c.classes, c.group) for c in found]
    extra, more = _subsets(session, layer, units, kind)
    rows, blocks, first = [], [], 0
    for cluster in chosen:
        last = first + len(cluster)
        rows.append(first + _ordered(values[first:last]))
        blocks.append((cluster, first, last))
        first = last
    turn = np.concatenate(rows)
    whole = np.hstack([values, *more])[turn]
    classes = activations.groups if activations.kind != "quantile" else ()
    noun = activations.noun
    return Matrix(kind, network[layer], units[turn], tuple(blocks), (*columns, *extra), whole, classes, target, noun)


_ORDERS: OrderedDict[bytes, NDArray[np.int64]] = OrderedDict()
_REMEMBERED = 512


def _ordered(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """The order of some rows, found once: an edit leaves most clusters as they were."""
    key = sha256(np.ascontiguousarray(values).tobytes()).digest()
    found = _ORDERS.get(key)
    if found is None or len(found) != len(values):
        found = _ORDERS[key] = order(values)
        while len(_ORDERS) > _REMEMBERED:
            _ORDERS.popitem(last=False)
    return found


def _chosen(session: Session, layer: str, ids: Sequence[int]) -> tuple[Cluster, ...]:
    partition = session.analysis.clusters.get(layer)
    if partition is None:
        if ids:
            raise UnknownName(f"A cluster must be one of {layer}, which is not clustered yet; got {ids[0]}.")
        return (Cluster(-1, tuple(range(session.analysis.network[layer].n_units)), layer),)
    for id in ids:
        _ = partition[id]  # raises for an unknown one
    return tuple(c for c in partition if not ids or c.id in ids)


def _n(column: ClassColumn, counts: NDArray[np.float64]) -> int:
    return int(counts[list(column.classes)].sum())


def _by_class(
    session: Session, activations: Activations, layer: str, kind: Kind, target: int | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The values of every unit by class (n_units, n_groups), and how many samples stand behind each class."""
    if kind == "responses":
        return activations.means(layer), activations.counts
    if kind == "selectivity":
        # Profiles are centred rows of unit length; rows of unit variance are longer by the root of their number.
        rows = profiles(activations, layer)
        out = np.full((len(rows), len(activations.groups)), np.nan)
        out[:, activations.present] = rows[:, : int(activations.present.sum())] * np.sqrt(activations.present.sum())
        return out, activations.counts
    found = session.measurements.contributions.get(target)
    if found is None or layer not in found or found.total(layer).shape[1] != len(activations.groups):
        over = f" over “{shown_subset(session)}”" if shown_subset(session) else ""
        raise InvalidValue(f"The contributions of {layer} must be measured{over} first; they are not. Measure them.")
    return found.means(layer), found.counts


def _subsets(
    session: Session, layer: str, units: NDArray[np.int64], kind: Kind
) -> tuple[list[Column], list[NDArray[np.float64]]]:
    """A column for each subset that the user defined, over all samples of it."""
    activations = session.activations
    assert activations is not None
    if kind == "contribution" or activations[layer].pooled is None or not activations.present.any():
        return [], []
    means = activations.means(layer)[units][:, activations.present]
    centre, spread = means.mean(1), means.std(1)
    columns, values = [], []
    for subset in session.analysis.subsets:
        try:
            rows = subset.rows(activations.samples)
        except InvalidValue:  # it needs labels, and these samples have none
            continue
        value = mean_over(activations, layer, rows)[units]
        if kind == "selectivity":
            value = np.divide(value - centre, spread, out=np.zeros_like(value), where=spread > 0)
        columns.append(Column(subset.name, len(rows)))
        values.append(value[:, None])
    return columns, values


def matrix_diagram(
    session: Session,
    layer: str,
    clusters: Sequence[int] = (),
    kind: Kind = "responses",
    target: int | None = None,
) -> Diagram:
    """The matrix as a picture, to be exported as svg, pdf or png; arguments as of `matrix`."""
    found = matrix(session, layer, clusters, kind, target)
    network, analysis = session.analysis.network, session.analysis
    assert session.activations is not None
    n = len(found.units)
    what = f"{n:,} neuron{'s' if n != 1 else ''} of {layer}"
    if clusters:
        what += " in " + ", ".join(c.title for c, _, _ in found.clusters)
    caption = (
        f"{network.name} on {session.noun.count(session.activations.n_samples)}. {_capital(found.what)} of {what} "
        f"(rows) to {_columns_in_words(found)} (columns), rows and columns so ordered that similar ones touch."
    )
    if len(found.clusters) > 1:
        recipe = analysis.recipe(layer)
        caption += f" Rows by cluster: {recipe}, seed {recipe.seed}"
        caption += ", edited by hand." if layer in analysis.edited else "."
    return sheet_diagram(found.sheet(), f"{layer} · {found.what}", caption, session)


def _columns_in_words(found: Matrix) -> str:
    classes = sum(len(column.classes) for column in found.columns)
    groups = sum(len(column.classes) > 1 for column in found.columns)
    subsets = sum(not column.classes for column in found.columns)
    words = f"{classes:,} classes" + (", of which confusable ones are put together" if groups else "")
    return words + (f" and {subsets} subset{'s' if subsets != 1 else ''}" if subsets else "")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
