"""What is selected, as commands need it."""

from __future__ import annotations

from cnnvis.gui.desk import Desk
from cnnvis.layout.diagram import Key
from cnnvis.model.groups import Group
from cnnvis.model.partition import Cluster


class Chosen:
    """Reads the selection of a desk; the first key is the one in question."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @property
    def key(self) -> Key | None:
        return self._desk.selection[0] if self._desk.selection else None

    @property
    def cluster(self) -> tuple[str, Cluster] | None:
        """The layer and cluster in question: of a neuron, the one that holds it."""
        key, session = self.key, self._desk.session
        if session is None or key is None or key[0] not in ("cluster", "unit"):
            return None
        clusters = session.analysis.clusters.get(str(key[1]))
        if clusters is None:
            return None
        return str(key[1]), clusters[int(key[2])] if key[0] == "cluster" else clusters.cluster_of(int(key[2]))

    @property
    def layer(self) -> str | None:
        """The layer in question."""
        key = self.key
        return str(key[1]) if key is not None and key[0] in ("cluster", "unit", "column") else None

    @property
    def group(self) -> Group | None:
        """The group of the layer in question."""
        session, layer = self._desk.session, self.layer
        if session is None or layer is None:
            return None
        return next((g for g in session.analysis.groups if layer in g.layers), None)

    @property
    def units(self) -> tuple[int, ...]:
        """The selected neurons of the layer in question."""
        return tuple(int(key[2]) for key in self._desk.selection if key[:2] == ("unit", self.layer))

    @property
    def clusters(self) -> tuple[int, ...]:
        """The ids of the selected clusters of the layer in question."""
        return tuple(int(key[2]) for key in self._desk.selection if key[:2] == ("cluster", self.layer))

    @property
    def layers(self) -> frozenset[str]:
        """All layers in which something is selected."""
        return frozenset(str(key[1]) for key in self._desk.selection if key[0] in ("cluster", "unit", "column"))

    def others(self, layer: str, *ids: int) -> dict[int, str]:
        """The clusters of a layer but these, by id."""
        session = self._desk.session
        if session is None or layer not in session.analysis.clusters:
            return {}
        others = [c for c in session.analysis.clusters[layer] if c.id not in ids]
        return {c.id: f"{c.title} · {len(c)}" if c.name else c.title for c in others}
