"""What was measured with the running network after the first pass: kept in the session, never undone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cnnvis.errors import UnknownName, did_you_mean
from cnnvis.model.activations import frozen
from cnnvis.model.connections import Connections, Mode
from cnnvis.model.network import Network
from cnnvis.model.scorecard import Scorecard
from cnnvis.model.together import GroupExplanation

Fill = Literal["zero", "mean"]
Silenced = tuple[tuple[str, tuple[int, ...]], ...]
"""Layers with those of their units that are silenced, in the order of the network; units ascending."""


def in_order(network: Network, units: Mapping[str, Iterable[int]]) -> Silenced:
    """Units by layer, as they are kept: layers without units left out. Raises UnknownName for a layer."""
    kept = {name: tuple(sorted({int(unit) for unit in chosen})) for name, chosen in units.items()}
    return tuple((name, kept[name]) for name in sorted(filter(kept.get, kept), key=network.index))


@dataclass(frozen=True, eq=False)
class Contributions:
    """The first-order effect of every unit on a logit, summed over the samples of each class.

    `layers[name]` (n_units, n_classes) float64: Σ over the samples of class c of Σ over places of A · dz/dA, signed;
    z is the logit of the sample's own class (its label; the prediction where it has none), or of `target` for all
    samples. `counts` (n_classes,) float64 says how many samples stand behind each column. Sums of disjoint samples add.
    `slopes[name]`, same shape: Σ of dz/dA alone, from which follows what another constant response would do. `subset`
    names the samples ("": all).
    """

    layers: Mapping[str, NDArray[np.float64]]
    counts: NDArray[np.float64]
    target: int | None = None
    slopes: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    subset: str = ""

    def __post_init__(self) -> None:
        for name in ("layers", "slopes"):
            sums = {k: frozen(v) for k, v in getattr(self, name).items()}
            object.__setattr__(self, name, MappingProxyType(sums))

    def __contains__(self, layer: object) -> bool:
        return layer in self.layers

    @property
    def n_samples(self) -> int:
        return int(self.counts.sum())

    def total(self, layer: str) -> NDArray[np.float64]:
        """The sums of one layer, (n_units, n_classes)."""
        if layer not in self.layers:
            raise UnknownName(
                f"Contributions must be asked of a measured layer; got {layer!r}. {did_you_mean(layer, self.layers)}"
            )
        return self.layers[layer]

    def means(self, layer: str) -> NDArray[np.float64]:
        """The mean contribution of each unit over the samples of each class, (n_units, n_classes); NaN where none."""
        return np.asarray(self.total(layer) / np.where(self.counts > 0, self.counts, np.nan))

    def mean(self, layer: str) -> NDArray[np.float64]:
        """The mean contribution of each unit over all samples, (n_units,)."""
        return np.asarray(self.total(layer).sum(1) / max(float(self.counts.sum()), 1.0))

    def foretell(self, silenced: Silenced, held: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64] | None:
        """The mean change of the logit if units were silenced, to first order, (n_classes,); NaN where no sample is.

        `held[layer]` (n_units,): the constant that stands in for each unit's response; a layer that is not named is
        set to zero. The change is Σ over units of Σ over places of (constant − A) · dz/dA. None where a layer was not
        measured. Holds for layers of which none feeds another: what passes two of them would count twice.
        """
        total = np.zeros(len(self.counts))
        for layer, units in silenced:
            chosen = list(units)
            if layer not in self.layers or (layer in held and layer not in self.slopes):
                return None
            total -= self.layers[layer][chosen].sum(0)
            if layer in held:
                total += held[layer][chosen] @ self.slopes[layer][chosen]
        return np.asarray(total / np.where(self.counts > 0, self.counts, np.nan))


@dataclass(frozen=True, eq=False)
class Ablation:
    """What became of the output when some units were silenced: measured, not estimated.

    `fill`: set to zero, or to each unit's mean response. All arrays are by class: `counts` samples of it;
    `change` mean change of the own logit; `accuracy` (n_classes, 2) before and after; `foretold` what the
    contributions said `change` would be, or None where they were not measured. `flips` (n_flips, 3) int64: index of
    the sample, prediction before and after. NaN where a class has no sample. `subset` names the samples ("": all).
    """

    silenced: Silenced
    fill: Fill
    counts: NDArray[np.float64]
    change: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    flips: NDArray[np.int64]
    foretold: NDArray[np.float64] | None = None
    subset: str = ""

    @property
    def n_samples(self) -> int:
        return int(self.counts.sum())

    @property
    def n_units(self) -> int:
        return sum(len(units) for _, units in self.silenced)

    @property
    def correlation(self) -> float:
        """How well the first-order estimate foretold the change: Pearson's r over the classes that both know.

        NaN where they are fewer than three, or all alike.
        """
        both = self._both()
        if both.shape[1] < 3 or not (np.ptp(both, axis=1) > 0).all():
            return float("nan")
        return float(np.asarray(np.corrcoef(both))[0, 1])

    @property
    def error(self) -> float:
        """The mean distance of the first-order estimate from the change, over the classes that both know."""
        both = self._both()
        return float(np.abs(both[0] - both[1]).mean()) if both.shape[1] else float("nan")

    def _both(self) -> NDArray[np.float64]:
        """Estimate and change of the classes where both are known, (2, n)."""
        foretold = np.full(len(self.change), np.nan) if self.foretold is None else self.foretold
        both = np.stack([foretold, self.change])
        return np.asarray(both[:, np.isfinite(both).all(0)])


@dataclass(frozen=True, eq=False)
class LayerHealth:
    """Debugging information of one drawn layer. NaN where a value means nothing for it.

    Responses: `dead` share of units that never fire, `mean` and `spread` over samples and units, `saturated` share of
    units that are at the bound of their activation for nearly every sample. Weights: `negative` share and
    `negative_mass` share of Σ|w| that is negative, `norm` ‖w‖. `gradient` ‖g‖ of the mean loss over the samples with
    respect to the weights, and `ratio` ‖g‖/‖w‖; `unit_gradients` (n_units,) the norm of the loss's gradient with
    respect to each unit's response, root mean square over the samples; empty where it was not measured over them.
    `n_nan` and `n_inf` count bad values of weights and responses.
    `change` is ‖ΔW‖/‖W‖ relative to the second checkpoint, NaN where there is none.
    """

    layer: str
    dead: float
    mean: float
    spread: float
    saturated: float
    negative: float
    negative_mass: float
    norm: float
    gradient: float
    ratio: float
    unit_gradients: NDArray[np.float64]
    n_nan: int = 0
    n_inf: int = 0
    change: float = float("nan")


@dataclass(frozen=True, eq=False)
class Health:
    """The health of every drawn layer; `compared` names the second checkpoint ("": none).

    Gradients, saturation and bad values are over `n_samples` samples; 0 where they were not measured. `subset` names
    those among which the samples are ("": all).
    """

    layers: Mapping[str, LayerHealth]
    n_samples: int
    compared: str = ""
    subset: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.layers, MappingProxyType):  # which may be one that makes its layers when asked
            object.__setattr__(self, "layers", MappingProxyType(dict(self.layers)))


@dataclass(frozen=True, slots=True)
class Edging:
    """Which edges: their mode, the class of mode "class", the subset ("": all) and the instance ("": none)."""

    mode: Mode = "weights × activation"
    target: int | None = None
    subset: str = ""
    instance: str = ""


@dataclass(frozen=True, eq=False)
class Instance:
    """One image laid over the picture, or the mean of a class.

    `name` is unique in a session. `picture` (h, w, 3) uint8 as the network saw it, or None. `scores` (n_classes,) the
    confidences. `responses[layer]` (n_units,) pooled responses; `contributions[layer]` (n_units,) first-order effects
    on the predicted class, where they were measured. `sample` is its index in the data set, −1 for another image.
    """

    name: str
    scores: NDArray[np.float32]
    responses: Mapping[str, NDArray[np.float32]]
    contributions: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    picture: NDArray[np.uint8] | None = None
    sample: int = -1


def _freeze(value: object, *names: str) -> None:
    """Make mappings of a frozen value read-only."""
    for name in names:
        found = getattr(value, name)
        if not isinstance(found, MappingProxyType):
            object.__setattr__(value, name, MappingProxyType(dict(found)))


@dataclass(frozen=True, eq=False)
class SubsetMeasurements:
    """What was measured over the samples of a subset alone: contributions by target class (None: the own), health."""

    contributions: Mapping[int | None, Contributions] = field(default_factory=dict)
    health: Health | None = None

    def __post_init__(self) -> None:
        _freeze(self, "contributions")


@dataclass(frozen=True, eq=False)
class Measurements:
    """All measurements of a session. `contributions` by target class (None: the own one); ablations newest first.

    `contributions` and `health` are over all samples; `subsets` holds those over the samples of a subset, by its name.
    `scorecards` by the key of the explanation that they judge; `groups` explanations of many images together, by key.
    """

    contributions: Mapping[int | None, Contributions] = field(default_factory=dict)
    ablations: tuple[Ablation, ...] = ()
    health: Health | None = None
    connections: Mapping[Edging, Connections] = field(default_factory=dict)
    instances: Mapping[str, Instance] = field(default_factory=dict)
    subsets: Mapping[str, SubsetMeasurements] = field(default_factory=dict)
    scorecards: Mapping[str, Scorecard] = field(default_factory=dict)
    groups: Mapping[str, GroupExplanation] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _freeze(self, "contributions", "connections", "instances", "subsets", "scorecards", "groups")

    @property
    def own(self) -> Contributions | None:
        """The contributions to each sample's own class; None where not measured."""
        return self.contributions.get(None)

    @property
    def targets(self) -> frozenset[int | None]:
        """Every target to which contributions were measured, over all samples or a subset."""
        parts = (self.contributions, *(part.contributions for part in self.subsets.values()))
        return frozenset(target for part in parts for target in part)

    def over(self, subset: str) -> SubsetMeasurements:
        """What was measured over the samples of a subset; over all of them for ""."""
        if not subset:
            return SubsetMeasurements(self.contributions, self.health)
        return self.subsets.get(subset, SubsetMeasurements())

    def with_contributions(self, found: Contributions) -> Measurements:
        """These, with contributions to one more target, over the samples that it names."""
        known = {**self.over(found.subset).contributions, found.target: found}
        if not found.subset:
            return replace(self, contributions=known)
        part = replace(self.over(found.subset), contributions=known)
        return replace(self, subsets={**self.subsets, found.subset: part})

    def with_health(self, found: Health) -> Measurements:
        """These, with the health over the samples that it names."""
        if not found.subset:
            return replace(self, health=found)
        return replace(self, subsets={**self.subsets, found.subset: replace(self.over(found.subset), health=found)})

    def without_subset(self, name: str) -> Measurements:
        """These, without anything over the samples of a subset; the same object where there is nothing."""
        connections = {asked: found for asked, found in self.connections.items() if asked.subset != name}
        ablations = tuple(found for found in self.ablations if found.subset != name)
        subsets = {other: found for other, found in self.subsets.items() if other != name}
        groups = {key: found for key, found in self.groups.items() if found.subset != name}
        if (len(connections), len(ablations), len(subsets), len(groups)) == tuple(
            map(len, (self.connections, self.ablations, self.subsets, self.groups))
        ):
            return self
        return replace(self, connections=connections, ablations=ablations, subsets=subsets, groups=groups)

    def with_ablation(self, found: Ablation) -> Measurements:
        """These, with one more knock-out in front; the same units again take the place of the older one."""
        same = (found.silenced, found.fill, found.subset)
        others = tuple(a for a in self.ablations if (a.silenced, a.fill, a.subset) != same)
        return replace(self, ablations=(found, *others))

    def ablation(self, silenced: Silenced, fill: Fill, subset: str = "") -> Ablation | None:
        """The knock-out of just these units, where it was measured."""
        same = (silenced, fill, subset)
        return next((a for a in self.ablations if (a.silenced, a.fill, a.subset) == same), None)

    def with_connections(self, edging: Edging, found: Connections) -> Measurements:
        """These, with the edges of one more way to look at them."""
        return replace(self, connections={**self.connections, edging: found})

    def with_instance(self, found: Instance) -> Measurements:
        """These, with one more image laid over the picture."""
        return replace(self, instances={**self.instances, found.name: found})

    def with_scorecard(self, found: Scorecard) -> Measurements:
        """These, with the scores of one more explanation; what was measured of it before is kept beside them."""
        before = self.scorecards.get(found.key)
        joined = found if before is None else before.joined(found)
        return replace(self, scorecards={**self.scorecards, found.key: joined})

    def with_group(self, found: GroupExplanation) -> Measurements:
        """These, with one more explanation of many images together; one of the same question is replaced."""
        return replace(self, groups={**self.groups, found.key: found})

    def without_group(self, key: str) -> Measurements:
        """These, without the explanation of many images of a key."""
        return replace(self, groups={other: found for other, found in self.groups.items() if other != key})
