"""What a session knows as plain tables: for a csv, a spreadsheet or a data frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from cnnvis.errors import InvalidValue, UnknownName, did_you_mean
from cnnvis.model.activations import Activations
from cnnvis.model.confusion import confusion
from cnnvis.model.features import importance
from cnnvis.model.partition import Partition
from cnnvis.model.session import Session
from cnnvis.model.viewed import viewed

Cell = str | int | float | None


@dataclass(frozen=True)
class Table:
    """Named columns, and rows as long as these; None and NaN are cells without a value."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def __len__(self) -> int:
        return len(self.rows)


def table(session: Session, name: str) -> Table:
    """A table of a session as its look shows it: one of `TABLES`.

    Means and contributions are by class; the subset that the look has chosen is what they are over. Raises
    UnknownName, and InvalidValue where what it tells was not recorded or measured.
    """
    name = _FORMERLY.get(name, name)
    if name not in TABLES:
        raise UnknownName(f"A table must be one of {', '.join(TABLES)}; got {name!r}. {did_you_mean(name, TABLES)}")
    return TABLES[name](viewed(session))


def _recorded(session: Session) -> Activations:
    if session.activations is None:
        raise InvalidValue("A table needs recorded responses; this session has none yet. Let the analysis end.")
    return session.activations


def _layers(session: Session) -> Iterator[tuple[str, Partition]]:
    """The clustered and recorded layers, in the order of the network."""
    found, clusters = _recorded(session), session.analysis.clusters
    for layer in session.analysis.network.drawn:
        if layer.name in clusters and layer.name in found.layers:
            yield layer.name, clusters[layer.name]


def _neurons(session: Session) -> Table:
    found, own = _recorded(session), session.measurements.own
    groups = [str(g) for g in found.groups]
    columns = ["layer", "neuron", "cluster", "cluster name", "importance", "mean", "spread", "never fires on"]
    columns += [f"mean: {g}" for g in groups]
    classes = session.classes
    columns += [f"contribution: {c}" for c in classes] if own is not None else []
    rows: list[tuple[Cell, ...]] = []
    for name, partition in _layers(session):
        weights, mean, spread = importance(found, name), found.mean(name), found.spread(name)
        dead, means = found.dead_fraction(name), found.means(name)
        effects = own.means(name) if own is not None and name in own else None
        for unit in range(len(mean)):
            home = partition.cluster_of(unit)
            row: list[Cell] = [name, unit, home.id, home.name]
            row += [float(v[unit]) for v in (weights, mean, spread, dead)] + [float(v) for v in means[unit]]
            if own is not None:
                row += [None] * len(classes) if effects is None else [float(v) for v in effects[unit]]
            rows.append(tuple(row))
    return Table("neurons", tuple(columns), tuple(rows))


def _clusters(session: Session) -> Table:
    found = _recorded(session)
    columns = ["layer", "cluster", "name", "neurons", "locked", "never fire", "note", "members"]
    columns += [f"mean: {g}" for g in found.groups]
    rows: list[tuple[Cell, ...]] = []
    for name, partition in _layers(session):
        means = found.means(name)
        for cluster in partition:
            told = (str(cluster.locked).lower(), str(cluster.dead).lower(), cluster.note)
            members = " ".join(map(str, cluster.members))
            mean = (float(v) for v in means[list(cluster.members)].mean(0))
            rows.append((name, cluster.id, cluster.name, len(cluster), *told, members, *mean))
    return Table("clusters", tuple(columns), tuple(rows))


def _edges(session: Session) -> Table:
    connections, clusters = session.connections, session.analysis.clusters
    if connections is None:
        raise InvalidValue("A table of edges needs measured edges; this session has none yet. Let the analysis end.")
    columns = ("source layer", "source cluster", "sink layer", "sink cluster", "excites", "inhibits", "mode")
    rows: list[tuple[Cell, ...]] = []
    for source, sink in connections.pairs:
        if source not in clusters or sink not in clusters:
            continue
        left, right = clusters[source], clusters[sink]
        positive, negative = connections.blocks(source, sink, left, right)
        for i, one in enumerate(left):
            for j, other in enumerate(right):
                strengths = (float(positive[i, j]), float(negative[i, j]))
                rows.append((source, one.id, sink, other.id, *strengths, connections.mode))
    return Table("edges", columns, tuple(rows))


def _images(session: Session) -> Table:
    samples, classes = _recorded(session).samples, session.classes
    labels = samples.labels
    by_class = labels.ndim == 1 and np.issubdtype(labels.dtype, np.integer)

    def named(index: int) -> Cell:
        return None if index < 0 else classes[index] if index < len(classes) else index

    rows: list[tuple[Cell, ...]] = []
    for row, name in enumerate(samples.names):
        label: Cell = named(int(labels[row])) if by_class else " ".join(f"{v:g}" for v in np.ravel(labels[row]))
        read = bool(samples.read[row])
        guess = named(int(samples.predictions[row])) if read else None
        rows.append((int(samples.indices[row]), name, label, guess, float(samples.confidences[row])))
    return Table("images", (session.noun.one, "name", "label", "prediction", "confidence"), tuple(rows))


def _confusion(session: Session) -> Table:
    found = confusion(_recorded(session).samples, session.classes)
    if found is None:
        raise InvalidValue("A confusion matrix needs images with class labels; these have none.")
    rows: list[tuple[Cell, ...]] = []
    for name, line in zip(found.classes, found.counts):
        rows.append((name, *(int(v) for v in line)))
    return Table("confusion", ("label \\ prediction", *found.classes), tuple(rows))


def _health(session: Session) -> Table:
    health = session.measurements.health
    if health is None:
        raise InvalidValue("A table of health needs it measured; it was not. Choose Analyse ▸ Measure health first.")
    columns = (
        "layer", "dead", "mean", "spread", "saturated", "negative weights", "negative mass", "norm of weights",
        "norm of gradient", "gradient / weights", "nan", "inf", "change",
    )  # fmt: skip
    rows = tuple(
        (h.layer, h.dead, h.mean, h.spread, h.saturated, h.negative, h.negative_mass, h.norm, h.gradient, h.ratio,
         h.n_nan, h.n_inf, h.change)
        for h in health.layers.values()
    )  # fmt: skip
    return Table("health", columns, rows)


def _ablations(session: Session) -> Table:
    if not session.measurements.ablations:
        raise InvalidValue("A table of knock-outs needs one; none was measured yet. Choose Analyse ▸ Knock out first.")
    classes = session.classes
    columns = ("silenced", "fill", "subset", "class", "images", "logit change", "foretold", "accuracy before", "after")
    rows: list[tuple[Cell, ...]] = []
    for found in session.measurements.ablations:
        silenced = "; ".join(f"{layer}:{' '.join(map(str, units))}" for layer, units in found.silenced)
        for c, count in enumerate(found.counts):
            foretold = None if found.foretold is None else float(found.foretold[c])
            before, after = (float(v) for v in found.accuracy[c])
            name: Cell = classes[c] if c < len(classes) else c
            seen = found.subset or "all"
            rows.append((silenced, found.fill, seen, name, int(count), float(found.change[c]), foretold, before, after))
    return Table("knock-outs", columns, tuple(rows))


TABLES: dict[str, Callable[[Session], Table]] = {
    "neurons": _neurons,
    "clusters": _clusters,
    "edges": _edges,
    "images": _images,
    "confusion": _confusion,
    "health": _health,
    "knock-outs": _ablations,
}
"""From the name of a table to what makes it of a session as it is looked at."""
_FORMERLY = {"samples": "images"}
"""Names that scripts may still ask for."""
