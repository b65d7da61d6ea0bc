"""What stands on the card of a cluster: its title and one of the four facets."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from cnnvis.layout.afar import BARE
from cnnvis.layout.card import COLOURED_CLASSES, PAD, Body, far_marks, grid_up, title_marks, tooltip
from cnnvis.layout.contribution_face import contribution_body, contribution_key
from cnnvis.layout.features_face import features_body, features_key
from cnnvis.layout.health_face import health_body, health_key
from cnnvis.layout.marks import FAINT, Box, Face, Mark, Rect
from cnnvis.layout.material import Material
from cnnvis.layout.matrix_face import matrix_body, matrix_key
from cnnvis.model.partition import Cluster
from cnnvis.model.session import Facet

__all__ = ["COLOURED_CLASSES", "cluster_face"]

BODIES: dict[Facet, Callable[[Material, Cluster, bool], Body]] = {
    "features": features_body,
    "activations": matrix_body,
    "contribution": contribution_body,
    "health": health_body,
}
KEYS: dict[Facet, Callable[[Material], Hashable]] = {
    "features": features_key,
    "activations": matrix_key,
    "contribution": contribution_key,
    "health": health_key,
}
"""What a facet depends on beside the cluster, the style and the responses."""


def cluster_face(material: Material, cluster: Cluster) -> Face:
    """The face of a cluster with the facet that the look asks for; the same object as long as nothing on it changed."""
    layer, reading = material.reading.layer.name, material.reading
    facet = material.look.facet_of(layer, cluster.id)
    opened = (layer, cluster.id) in material.look.opened
    key = (cluster, material.style, opened, facet, KEYS[facet](material))
    if key not in reading.faces:
        reading.faces[key] = _compose(material, cluster, facet, opened)
    return reading.faces[key]


def _compose(material: Material, cluster: Cluster, facet: Facet, opened: bool) -> Face:
    reading = material.reading
    body = (
        Body(material.style, bottom=24.0)
        if cluster.dead and facet != "health"
        else BODIES[facet](material, cluster, opened)
    )
    style = body.style
    best = [material.groups[i] for i in reading.top_groups(cluster, 3)]
    n_dead = reading.n_dead(cluster)
    height = grid_up(body.bottom + PAD)
    if not body.band and not body.pictured:
        body.band = [Rect(Box(PAD, PAD, style.inner, height - 2 * PAD), FAINT, radius=2, zoom=BARE)]
    marks: list[Mark] = [*title_marks(cluster, style), *body.marks]
    marks += far_marks(cluster, height, body, n_dead, best)
    told = tooltip(cluster, n_dead, best, reading, body.told)
    return Face(style.width, height, tuple(marks), cluster.title, told)
