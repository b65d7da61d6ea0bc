"""All that one session file remembers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cnnvis.errors import InvalidValue
from cnnvis.model.activations import Activations
from cnnvis.model.analysis import Analysis
from cnnvis.model.attribution import Attribution
from cnnvis.model.connections import Connections, Mode
from cnnvis.model.job import Job
from cnnvis.model.measurements import Measurements
from cnnvis.model.nouns import Noun, noun_of
from cnnvis.model.synthesis import Icons, Synthesis, Way

Pictures = Callable[[int], NDArray[np.uint8] | None]
"""From the index of a sample to its picture as the network saw it, (h, w, 3) uint8 RGB, or None where there is none."""


Facet = Literal["features", "activations", "contribution", "health"]
FACETS: tuple[Facet, ...] = ("features", "activations", "contribution", "health")
Signs = Literal["both", "positive", "negative"]
Packing = Literal["hierarchical", "flat", "rows"]
ClassOrder = Literal["network", "local"]
Bundling = Literal["auto", "on", "off"]
Source = Literal["images", "synthesis", "extremes", "diverse"]
"""What stands for a neuron on its card: a piece of a real image, or one that was drawn to drive it up ("synthesis"),
two that drive it up and down ("extremes"), or several unlike each other ("diverse")."""
DRAWN: dict[Source, tuple[Way, ...]] = {
    "images": (),
    "synthesis": ("max",),
    "extremes": ("max", "min"),
    "diverse": ("diverse",),
}
"""Which drawn images each of them shows."""
BundleKey = tuple[str, str, int]
"""Source layer, sink layer and number of a bundle in their lane."""


@dataclass(frozen=True)
class Look:
    """How the picture is shown: saved with the session, not undone.

    `expanded` names the groups that show their layers; `opened` the clusters (layer, id) that show every
    neuron. `share` of the strongest edges is kept, 0–1. `chosen` is a class index. `bounds` are the width and
    height of the window's view in the picture's units with its centre, or None for "fit".

    `facet` is what all cards show, `facets` (layer, id, facet) those that show another. `packing` of the patches;
    `order` of the classes in matrices: one for the network, or each its own; `unfolded` groups of confusable classes
    (by their first class) that show each class. `mode` of the edges, for class `chosen` where it is "class";
    `signs` of the edges shown. `bundles`: "auto" from 16 clusters a column; `unbundled` those expanded, `moved`
    (key, dx, dy) those dragged from where layout put them. `subset` names the subset shown ("": all samples);
    `instance` and `against` name the images laid over the picture ("": none). `path` is the key of the explanation
    whose gates are laid over it instead ("": none).

    `cards` are the clusters of a layer by id as their cards stand, from top to bottom, of each layer whose order was
    found; cards that are not named look for the best place. `source` of the pictures on cards: real images, or drawn
    ones in layers that have some.
    """

    expanded: frozenset[str] = frozenset()
    opened: frozenset[tuple[str, int]] = frozenset()
    share: float = 0.35
    chosen: int | None = None
    theme: Literal["system", "light", "dark"] = "system"
    bounds: tuple[float, float, float, float] | None = None
    facet: Facet = "features"
    facets: frozenset[tuple[str, int, Facet]] = frozenset()
    packing: Packing = "hierarchical"
    order: ClassOrder = "network"
    unfolded: frozenset[int] = frozenset()
    mode: Mode = "weights × activation"
    signs: Signs = "both"
    bundles: Bundling = "auto"
    unbundled: frozenset[BundleKey] = frozenset()
    moved: tuple[tuple[BundleKey, float, float], ...] = ()
    subset: str = ""
    instance: str = ""
    against: str = ""
    path: str = ""
    cards: tuple[tuple[str, tuple[int, ...]], ...] = ()
    source: Source = "images"

    def __post_init__(self) -> None:
        if not 0.0 <= self.share <= 1.0:
            raise InvalidValue(f"Look.share must be from 0 to 1; got {self.share}.")

    def facet_of(self, layer: str, id: int) -> Facet:
        """What the card of one cluster shows."""
        own = (facet for name, number, facet in self.facets if (name, number) == (layer, id))
        return min(own, key=FACETS.index, default=self.facet)  # a set has no order of its own


@dataclass(frozen=True, eq=False)
class Session:
    """A network seen through its responses: everything the window shows and a file keeps.

    `activations` and `connections` are None while they are being computed. `pictures` finds stored copies of
    exemplars where the data set is not connected. `synthesis` holds images drawn for neurons. `provenance` says with
    what it was made (versions, device, seconds).
    """

    analysis: Analysis
    activations: Activations | None = None
    connections: Connections | None = None
    attributions: tuple[Attribution, ...] = ()
    measurements: Measurements = field(default_factory=Measurements)
    look: Look = field(default_factory=Look)
    job: Job | None = None
    pictures: Pictures | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    synthesis: Synthesis = field(default_factory=Synthesis)

    def __post_init__(self) -> None:
        if not isinstance(self.provenance, MappingProxyType):
            object.__setattr__(self, "provenance", MappingProxyType(dict(self.provenance)))

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes that labels and predictions stand for: two where one output tells two apart."""
        found, own = self.activations, self.analysis.network.classes
        if found is None or found.kind == "quantile" or len(found.groups) == len(own):
            return own
        return found.groups

    @property
    def noun(self) -> Noun:
        """What a user calls an input of the network: an image, or a row of a table."""
        if self.activations is not None:
            return self.activations.noun
        return noun_of(self.job.data.kind if self.job is not None else "images")

    def picture(self, sample: int) -> NDArray[np.uint8] | None:
        """The picture of a sample: the stored copy, else from the connected data set, else None.

        A number below −1 is that of a drawn image.
        """
        if sample < -1:
            return self.synthesis.picture(sample)
        if self.pictures is not None:
            found = self.pictures(sample)
            if found is not None:
                return found
        data = self.activations.data if self.activations is not None else None
        return data.picture(sample) if data is not None and data.kind == "images" else None

    def with_analysis(self, analysis: Analysis) -> Session:
        """The same session, seen differently."""
        return replace(self, analysis=analysis)

    def with_measurements(self, measurements: Measurements) -> Session:
        """The same session, with more measured."""
        return replace(self, measurements=measurements)

    def with_icons(self, icons: Icons) -> Session:
        """The same session, with images drawn for the neurons of a layer."""
        return replace(self, synthesis=self.synthesis.with_icons(icons))

    def with_look(self, look: Look) -> Session:
        """The same session, shown differently."""
        return replace(self, look=look)
