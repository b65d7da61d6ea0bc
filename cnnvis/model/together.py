"""One explanation over many images: what their explanations share, how they differ, and the kinds there are of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cnnvis.model.activations import Skipped, frozen
from cnnvis.model.attribution import Map, Vector
from cnnvis.model.target import Target

Scaling = Literal["sum", "max"]
Aim = Target | Literal["own", "predicted"]
"""One target for all images, or for each the class that it is of, or that the network says."""


@dataclass(frozen=True, eq=False)
class Together:
    """The mean of several pieces of evidence and their standard deviation, `spread`, of the same shape.

    Each was divided by its own Σ|evidence| or by its own largest |evidence| first, as `scaled` says: no image counts
    more because its scores are larger. `aligned`: they were cut out by the box of the thing and brought to one size.
    `n` images; `beside` is the mean share of the positive evidence outside the boxes (NaN where none are known).
    """

    mean: Map | Vector
    spread: NDArray[np.float32]
    n: int
    scaled: Scaling = "sum"
    aligned: bool = False
    beside: float = float("nan")


@dataclass(frozen=True, eq=False)
class MapCluster:
    """Images whose maps are alike: `members` are places in the list of images, the most typical first.

    `mean` (h, w) float32 is the mean of the positive parts of their maps, each with a sum of 1; `examples` (k, h, w)
    float16 are those of the first k members, each with a maximum of 1.
    """

    members: tuple[int, ...]
    mean: NDArray[np.float32]
    examples: NDArray[np.float16]

    def __len__(self) -> int:
        return len(self.members)


@dataclass(frozen=True, eq=False)
class MapClusters:
    """The kinds of maps there are among those of some images, the largest first.

    `coarse` (n, s, s) float32: what speaks for the target in each image, summed over a grid of s × s, each with a sum
    of 1 (0 where nothing does). `eigenvalues` of the graph of alike maps, ascending: the number of clusters lies before
    their largest gap. `places` (n, 2) float32: the maps in a plane, alike ones near each other.
    """

    clusters: tuple[MapCluster, ...]
    coarse: NDArray[np.float32]
    eigenvalues: NDArray[np.float64]
    places: NDArray[np.float32]

    def share(self, cluster: int) -> float:
        """The share of the images that are in a cluster."""
        return len(self.clusters[cluster]) / max(len(self.coarse), 1)

    @property
    def labels(self) -> NDArray[np.int64]:
        """The number of the cluster of each image, (n,)."""
        found = np.full(len(self.coarse), -1, np.int64)
        for number, cluster in enumerate(self.clusters):
            found[list(cluster.members)] = number
        return found


@dataclass(frozen=True, eq=False)
class GroupExplanation:
    """One explanation over a class, a subset or a cell of the confusion matrix, called `name`.

    `samples` (n,) are indices in the data set, `labels` (n,) their classes (−1: none); `asked` of them there were in
    the group, of which these were drawn. `clusters` are None where the evidence is no map. `picture` is the mean of the
    images, as the mean map is aligned. `others` (m, s, s) are coarse maps of images that are not in the group, each for
    its own class, to compare with. `label` is the class where the group is one (−1), `subset` the name of a subset
    ("").
    """

    name: str
    samples: NDArray[np.int64]
    labels: NDArray[np.int64]
    target: Aim
    method: str
    parameters: Mapping[str, Any]
    versions: Mapping[str, str]
    together: Together
    clusters: MapClusters | None = None
    picture: NDArray[np.uint8] | None = None
    others: NDArray[np.float32] | None = None
    skipped: tuple[Skipped, ...] = ()
    asked: int = 0
    label: int = -1
    subset: str = ""
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("parameters", "versions"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))
        object.__setattr__(self, "samples", frozen(np.asarray(self.samples, np.int64)))
        object.__setattr__(self, "labels", frozen(np.asarray(self.labels, np.int64)))

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def key(self) -> str:
        """The same for whatever asks the same of the same group, also after saving and loading."""
        target = self.target if isinstance(self.target, str) else asdict(self.target)
        asked = [self.name, target, self.method, dict(self.parameters), self.together.aligned, self.together.scaled]
        return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()[:16]

    def make_up(self, cluster: int) -> tuple[tuple[int, int], ...]:
        """The classes of the images of a cluster and how many are of each, the most frequent first."""
        assert self.clusters is not None
        labels = self.labels[list(self.clusters.clusters[cluster].members)]
        classes, counts = np.unique(labels, return_counts=True)
        order = np.lexsort((classes, -counts))
        return tuple((int(classes[i]), int(counts[i])) for i in order)
