"""One image, or the mean of a class, set against what a network usually answers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from cnnvis.errors import InvalidValue, UnknownName, did_you_mean
from cnnvis.model.activations import Activations, frozen
from cnnvis.model.measurements import Instance
from cnnvis.model.session import Session

MEAN_OF = "mean of "
"""How the names of class means begin."""
LIVELY = 2.0
"""So many standard deviations above its own mean a neuron answers as strongly as an overlay tells apart."""

_KNOWN: WeakKeyDictionary[Activations, dict[str, Instance]] = WeakKeyDictionary()


def sample_instance(activations: Activations, sample: int, n_classes: int) -> Instance:
    """One sample of the data set with what its network answered, from the recording alone.

    `scores` holds the confidences that the table keeps (the five strongest), else 0. Layers whose single responses were
    dropped are missing. Raises UnknownName for a sample that is not in the table, InvalidValue for one that could not
    be read.
    """
    table = activations.samples
    row = table.rows.get(sample)
    if row is None:
        raise UnknownName(f"An image to lay over the picture must be one of the analysed ones; got {sample}.")
    if not table.read[row]:
        raise InvalidValue(f"An image to lay over the picture must be readable; {table.names[row]} is not.")
    found = {
        name: frozen(np.array(x.pooled[row], np.float32))
        for name, x in activations.layers.items()
        if x.pooled is not None
    }
    return Instance(table.names[row], _scores(activations, np.array([row]), n_classes), found, sample=sample)


def class_instance(activations: Activations, index: int, n_classes: int) -> Instance:
    """The mean of the samples of a class, to compare one of them with; named "mean of …".

    Raises InvalidValue where no sample has the class.
    """
    name = activations.groups[index] if 0 <= index < len(activations.groups) else str(index)
    if not 0 <= index < len(activations.counts) or activations.counts[index] <= 0:
        raise InvalidValue(f"The class to compare with must have images; “{name}” has none.")
    table = activations.samples
    labels = table.labels if activations.kind == "class" else table.predictions
    rows = np.flatnonzero(table.read & (labels == index)) if labels.ndim == 1 else np.empty(0, np.int64)
    found = {name: frozen(activations.means(name)[:, index].astype(np.float32)) for name in activations.layers}
    return Instance(MEAN_OF + name, _scores(activations, rows, n_classes), found)


def _scores(activations: Activations, rows: NDArray[np.int64], n_classes: int) -> NDArray[np.float32]:
    """The mean confidence in each class over some rows, as far as the table keeps them."""
    table = activations.samples
    out = np.zeros(n_classes)
    ranked, scores = table.ranked[rows].ravel(), table.scores[rows].ravel()
    known = (ranked >= 0) & (ranked < n_classes) & np.isfinite(scores)
    np.add.at(out, ranked[known], scores[known])
    return frozen((out / max(len(rows), 1)).astype(np.float32))


def find_instance(session: Session, name: str) -> Instance | None:
    """The image or class mean of a name: one that was opened, a sample by its name, or "mean of" a class; else None."""
    opened = session.measurements.instances.get(name)
    activations = session.activations
    if opened is not None or not name or activations is None:
        return opened
    known = _KNOWN.setdefault(activations, {})
    if name not in known:
        made = _make(session, activations, name)
        if made is None:
            return None
        if len(known) > 32:
            known.clear()
        known[name] = made
    return known[name]


def _make(session: Session, activations: Activations, name: str) -> Instance | None:
    n_classes = len(session.classes) or len(activations.groups)
    table = activations.samples
    if name in table.names:
        row = table.names.index(name)
        return sample_instance(activations, int(table.indices[row]), n_classes) if table.read[row] else None
    if activations.kind in ("class", "prediction", "label") and name.startswith(MEAN_OF):
        group = name[len(MEAN_OF) :]
        if group in activations.groups and activations.counts[activations.groups.index(group)] > 0:
            return class_instance(activations, activations.groups.index(group), n_classes)
    return None


def must_find_instance(session: Session, name: str) -> Instance:
    """`find_instance`, or UnknownName."""
    found = find_instance(session, name)
    if found is None:
        names = session.activations.samples.names if session.activations is not None else ()
        raise UnknownName(
            f"An image must be an analysed one, one that was opened, or “{MEAN_OF}” and a class; got {name!r}. "
            f"{did_you_mean(name, (*session.measurements.instances, *names))}"
        )
    return found


@dataclass(frozen=True, eq=False)
class Overlay:
    """What lies over a picture: an image, and what it is compared with."""

    activations: Activations
    instance: Instance
    against: Instance | None = None

    @property
    def signed(self) -> bool:
        """Whether it shows a difference."""
        return self.against is not None

    def covers(self, layer: str) -> bool:
        """Whether the responses of a layer are known for all that is compared."""
        sides = (self.instance,) if self.against is None else (self.instance, self.against)
        return layer in self.activations.layers and all(layer in side.responses for side in sides)

    def levels(self, layer: str) -> NDArray[np.float64]:
        """How far each unit's response to the image lies above its mean over the samples, (n_units,), in its own
        standard deviations; of a comparison the difference of the two responses in the same measure. 0 for a unit that
        never varies. Raises UnknownName for a layer that is not covered.
        """
        if not self.covers(layer):
            raise UnknownName(f"{layer} must be recorded and its single responses kept; got a layer without.")
        if layer not in self._levels:
            self._levels[layer] = self._level(layer)
        return self._levels[layer]

    @cached_property
    def _levels(self) -> dict[str, NDArray[np.float64]]:
        return {}

    def _level(self, layer: str) -> NDArray[np.float64]:
        mine = self.instance.responses[layer].astype(np.float64)
        spread = self.activations.spread(layer)
        usual = self.activations.mean(layer) if self.against is None else self.against.responses[layer].astype(float)
        return np.divide(mine - usual, spread, out=np.zeros_like(mine), where=spread > 1e-12)

    def strongest(self, layer: str, n: int) -> list[int]:
        """The n units of a layer that stand out most, strongest first; of a comparison on either side."""
        levels = self.levels(layer)
        return [int(u) for u in np.argsort(-(np.abs(levels) if self.signed else levels), kind="stable")[:n]]

    def score(self, index: int) -> float:
        """The confidence in a class, or the difference of the two."""
        mine = float(self.instance.scores[index]) if index < len(self.instance.scores) else 0.0
        if self.against is None:
            return mine
        return mine - (float(self.against.scores[index]) if index < len(self.against.scores) else 0.0)


def overlay_of(session: Session) -> Overlay | None:
    """What the look of a session lays over the picture; None where it lays nothing, or its image is gone."""
    look, activations = session.look, session.activations
    if not look.instance or activations is None:
        return None
    instance = find_instance(session, look.instance)
    if instance is None:
        return None
    return Overlay(activations, instance, find_instance(session, look.against) if look.against else None)


def said_of(session: Session, n: int = 3) -> tuple[int, ...]:
    """The classes that the look's image, and what it is compared with, are most taken for."""
    overlay = overlay_of(session)
    if overlay is None:
        return ()
    sides = [side for side in (overlay.instance, overlay.against) if side is not None]
    return tuple(dict.fromkeys(k for side in sides for k, _ in ranked_scores(side, n)))


def predicted(instance: Instance) -> int:
    """The class with the highest score; −1 where there is none."""
    return int(np.argmax(instance.scores)) if len(instance.scores) and instance.scores.max() > 0 else -1


def ranked_scores(instance: Instance, n: int = 5) -> list[tuple[int, float]]:
    """The n strongest classes with their confidences, strongest first."""
    order = np.argsort(-instance.scores, kind="stable")[:n]
    return [(int(k), float(instance.scores[k])) for k in order if instance.scores[k] > 0]
