"""Finding neurons, layers, clusters, classes and images by a query (see `cnnvis.model.query`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from cnnvis.errors import InvalidValue
from cnnvis.model.activations import Activations
from cnnvis.model.measurements import Contributions
from cnnvis.model.query import Query, Rank, parse
from cnnvis.model.session import Session
from cnnvis.model.subsets import has_labels
from cnnvis.model.viewed import shown_subset, viewed

Key = tuple[str | int, ...]
ALIKE = 0.99
"""The correlation from which two neurons of a layer count as one."""
_ROWS = 512
"""So many samples, evenly drawn, tell which neurons are alike."""


@dataclass(frozen=True, slots=True)
class Hit:
    """Something found: where it leads, its name, what it is, and why it was found.

    `key` is ("unit", layer, index), ("column", layer), ("class", index), ("cluster", layer, id) or ("sample", index).
    """

    key: Key
    text: str
    kind: str
    reason: str = ""


Values = dict[tuple[str, int], float]


def search(session: Session, query: Query | str) -> tuple[Hit, ...]:
    """What meets a query, best first; `query` may be a text such as "top 20 contribution:cat layer3".

    Neurons are those of the recorded layers but the classes'; with a subset shown, their responses to it. Rankings come
    after everything else has been met. Costs milliseconds; "duplicate" a second where layers are wide, once.

    Raises UnknownName for a class, InvalidValue where something is asked for that was not recorded or measured.
    """
    asked = parse(query, session.classes) if isinstance(query, str) else query
    if asked.empty:
        return ()
    if asked.of_images:
        return tuple(_images(session, asked))
    if asked.of_neurons:
        return tuple(_neurons(session, asked))
    if asked.note:
        return tuple(_noted(session, asked))
    return tuple(find_names(session, " ".join(asked.words)))


# Names


def find_names(session: Session, text: str) -> list[Hit]:
    """What carries every word of a text in its name: names that begin with it first, then shorter ones."""
    query = text.strip().lower()
    if not query:
        return []
    layer, colon, unit = query.rpartition(":")
    hits = _by_number(session, layer, unit) if colon and (unit.isdigit() or not unit) else []
    words = query.split()
    found = [hit for hit in _named(session) if all(word in hit.text.lower() for word in words)]
    found.sort(key=lambda hit: (not hit.text.lower().startswith(query), len(hit.text), hit.text))
    return [*hits, *found]


def _named(session: Session) -> list[Hit]:
    network = session.analysis.network
    hits = [Hit(("column", layer.name), layer.name, "layer") for layer in network.drawn if layer.role != "input"]
    hits += [Hit(("class", i), name, "class") for i, name in enumerate(network.classes)]
    for layer, partition in session.analysis.clusters.items():
        if layer == network.output and network.classes:
            continue
        hits += [Hit(("cluster", layer, c.id), c.name, f"cluster of {layer}") for c in partition if c.name]
    return hits


def _by_number(session: Session, layer: str, unit: str) -> list[Hit]:
    hits = []
    for node in session.analysis.network.drawn:
        if node.n_units and layer in node.name.lower():
            index = int(unit) if unit else 0
            if index < node.n_units:
                hits.append(Hit(("unit", node.name, index), node.unit(index), "neuron"))
    return sorted(hits, key=lambda hit: (not hit.text.lower().startswith(layer), len(hit.text)))[:8]


# Neurons


def _recorded(session: Session) -> Activations:
    found = viewed(session).activations
    if found is None:
        raise InvalidValue("Nothing is recorded yet. Let the analysis end.")
    return found


def _layers(session: Session, found: Activations) -> list[str]:
    """The recorded layers whose units are neurons, not classes."""
    network = session.analysis.network
    classes = {network.output, *network.class_layers} if network.classes else set()
    return [name for name in found.layers if name not in classes]


def _neurons(session: Session, query: Query) -> Iterator[Hit]:
    found = _recorded(session)
    network = session.analysis.network
    reasons: dict[tuple[str, int], list[str]] = {}
    kept: list[tuple[str, int]] = []
    for layer in _layers(session, found):
        if not all(word in layer.lower() or ":" in word for word in query.words):
            continue
        for unit in np.flatnonzero(_mask(session, found, layer, query)).tolist():
            if all(":" not in word or word in network[layer].unit(unit).lower() for word in query.words):
                kept.append((layer, unit))
    for name in sorted(query.filters):
        for neuron, why in _why(session, found, name, kept).items():
            reasons.setdefault(neuron, []).append(why)
    for rank in query.ranks:
        kept, values = _ranked(session, found, rank, kept)
        for neuron in kept:
            reasons.setdefault(neuron, []).append(_told(session, rank, values[neuron]))
    for layer, unit in kept:
        why = " · ".join(reasons.get((layer, unit), ()))
        yield Hit(("unit", layer, unit), network[layer].unit(unit), "neuron", why)


def _mask(session: Session, found: Activations, layer: str, query: Query) -> NDArray[np.bool_]:
    """Which units of a layer meet the filters and the note."""
    analysis = session.analysis
    mask = np.ones(found[layer].n_units, bool)
    clusters = analysis.clusters.get(layer)
    if "dead" in query.filters:
        mask &= (found[layer].fired == 0) & analysis.network[layer].rectified
    if "locked" in query.filters:
        locked = [u for c in clusters or () if c.locked for u in c.members]
        mask &= np.isin(np.arange(len(mask)), locked)
    if "duplicate" in query.filters:
        mask &= np.isin(np.arange(len(mask)), list(_alike(found, layer)))
    if query.note:
        low = query.note.lower()
        if low not in analysis.notes.get(layer, "").lower():
            noted = [u for c in clusters or () if low in c.note.lower() for u in c.members]
            own = [u for u in range(len(mask)) if low in analysis.notes.get(f"{layer}:{u}", "").lower()]
            mask &= np.isin(np.arange(len(mask)), noted + own)
    return mask


def _why(
    session: Session, found: Activations, name: str, kept: list[tuple[str, int]]
) -> dict[tuple[str, int], str]:
    if name == "dead":
        return dict.fromkeys(kept, f"never fires on {found.n_samples:,}")
    if name == "duplicate":
        twins = {layer: _alike(found, layer) for layer in {layer for layer, _ in kept}}
        return {(layer, u): "like :{} ({:.3f})".format(*twins[layer][u]) for layer, u in kept}
    clusters = session.analysis.clusters
    return {(layer, u): f"in “{clusters[layer].cluster_of(u).title}”" for layer, u in kept}


def _ranked(
    session: Session, found: Activations, rank: Rank, kept: list[tuple[str, int]]
) -> tuple[list[tuple[str, int]], Values]:
    columns = {layer: _column(session, found, layer, rank) for layer in dict.fromkeys(layer for layer, _ in kept)}
    known = {layer: column for layer, column in columns.items() if column is not None}
    if kept and not known:
        _refuse(session, rank)
    values = {(layer, u): float(known[layer][0][u]) for layer, u in kept if layer in known}
    order = {(layer, u): float(known[layer][1][u]) for layer, u in values}
    best = sorted((n for n in order if np.isfinite(order[n])), key=lambda n: -order[n])
    if values and not best:
        _refuse(session, rank)
    return best[: rank.most], values


def _column(
    session: Session, found: Activations, layer: str, rank: Rank
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """What is told of each unit, and by what it is ranked, both (n_units,); None where it is not known."""
    if rank.by == "contribution":
        value = _contribution(viewed(session).measurements.contributions, layer, rank.target)
        return None if value is None else (value, value)
    if rank.target >= len(found.groups) or found.kind == "quantile" or not found.present[rank.target]:
        return None
    means = found.means(layer)
    if rank.by == "response":
        spread = float(np.nanstd(means)) if np.isfinite(means).any() else 0.0
        return means[:, rank.target], means[:, rank.target] / (spread or 1.0)
    centred = means - np.nanmean(means, axis=1, keepdims=True) if found.present.any() else means
    length = np.sqrt(np.nansum(centred**2, axis=1))
    value = np.divide(centred[:, rank.target], length, out=np.zeros(len(length)), where=length > 1e-12)
    return value, value


def _contribution(
    measured: Mapping[int | None, Contributions], layer: str, target: int
) -> NDArray[np.float64] | None:
    """What each unit adds to a class: over its own samples, else over all that are shown, where that was measured."""
    found = [measured[aim] for aim in (None, target) if aim in measured and layer in measured[aim]]
    for one in found:
        means = one.means(layer)
        if np.isfinite(means[:, target]).any():
            return means[:, target]
    aimed = measured.get(target)
    return aimed.mean(layer) if aimed is not None and layer in aimed and aimed.n_samples else None


def _refuse(session: Session, rank: Rank) -> None:
    name = _name(session.classes, rank.target)
    if rank.by == "contribution":
        if not viewed(session).measurements.contributions:
            over = f" over “{shown_subset(session)}”" if shown_subset(session) else ""
            raise InvalidValue(f"Contributions are not measured{over} yet. Choose Analyse ▸ Contribution first.")
        raise InvalidValue(f"Contributions to “{name}” are not measured: no image of that class was among them.")
    raise InvalidValue(f"No image of class “{name}” was read, so that nothing is known of responses to it.")


def _told(session: Session, rank: Rank, value: float) -> str:
    name = _name(session.classes, rank.target)
    told = f"{value:.3g}".replace("-", "−")
    if rank.by == "selective":
        return f"selectivity {value:.2f}".replace("-", "−")
    return f"mean {told}" if rank.by == "response" else f"adds {told} to {name}"


_ALIKE: WeakKeyDictionary[Activations, dict[str, dict[int, tuple[int, float]]]] = WeakKeyDictionary()


def _alike(found: Activations, layer: str) -> dict[int, tuple[int, float]]:
    """For each unit that has a twin in its layer the one most alike and their correlation; remembered."""
    known = _ALIKE.setdefault(found, {})
    if layer not in known:
        known[layer] = _twins(found, layer)
    return known[layer]


def _twins(found: Activations, layer: str) -> dict[int, tuple[int, float]]:
    pooled = found[layer].pooled
    rows = np.flatnonzero(found.samples.read)
    if pooled is None or len(rows) < 3:
        return {}
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), _ROWS)).astype(np.int64))]
    values = np.asarray(pooled[rows], np.float32)
    values = values - values.mean(0)
    length = np.linalg.norm(values, axis=0)
    alive = np.flatnonzero(length > 1e-6 * max(float(length.max(initial=0.0)), 1e-12))
    unit = values[:, alive] / length[alive]
    twins: dict[int, tuple[int, float]] = {}
    for first in range(0, len(alive), 1024):  # wide layers: a block of the matrix at a time
        block = unit[:, first : first + 1024].T @ unit
        block[np.arange(len(block)), np.arange(first, first + len(block))] = -1.0
        best = block.argmax(1)
        for i in np.flatnonzero(block[np.arange(len(block)), best] > ALIKE).tolist():
            twins[int(alive[first + i])] = (int(alive[best[i]]), float(block[i, best[i]]))
    return twins


# Notes and images


def _noted(session: Session, query: Query) -> Iterator[Hit]:
    analysis, low = session.analysis, query.note.lower()

    def fits(name: str, note: str) -> bool:
        return low in note.lower() and all(word in name.lower() for word in query.words)

    for layer, partition in analysis.clusters.items():
        for c in partition:
            if c.note and fits(f"{c.title} {layer}", c.note):
                yield Hit(("cluster", layer, c.id), c.title, f"cluster of {layer}", _short(c.note))
    for name, note in analysis.notes.items():
        if not fits(name, note):
            continue
        layer, colon, unit = name.rpartition(":")
        if colon and unit.isdigit() and layer in analysis.network:
            yield Hit(("unit", layer, int(unit)), name, "neuron", _short(note))
        elif name in analysis.network:
            yield Hit(("column", name), name, "layer", _short(note))


def _short(note: str) -> str:
    line = " ".join(note.split())
    return line if len(line) <= 40 else line[:39].rstrip() + "…"


def _images(session: Session, query: Query) -> Iterator[Hit]:
    found, classes = _recorded(session), session.classes
    table = found.samples
    if not has_labels(table):
        raise InvalidValue("The images have no labels: which are wrong, and of which class they are, is not known.")
    keep = table.read & (table.labels >= 0)
    if query.target is not None:
        keep = keep & (table.labels == query.target)
        if not query.wrong and not query.words:
            yield Hit(("class", query.target), classes[query.target], "class")
    if query.wrong:
        keep = keep & (table.predictions != table.labels)
    rows = np.flatnonzero(keep)
    if query.wrong:
        rows = rows[np.argsort(-table.confidences[rows], kind="stable")]
    for row in rows.tolist():
        name = table.names[row]
        if all(word in name.lower() for word in query.words):
            label, said = (_name(classes, int(k)) for k in (table.labels[row], table.predictions[row]))
            sure = f"{100 * float(table.confidences[row]):.0f} %"
            reason = f"{label}, said {said} {sure}" if label != said else f"{label} {sure}"
            yield Hit(("sample", int(table.indices[row])), name.rsplit("/", 1)[-1], session.noun.one, reason)


def _name(classes: tuple[str, ...], index: int) -> str:
    return classes[index] if 0 <= index < len(classes) else str(index)
