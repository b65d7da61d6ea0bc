"""The facet of learned features: what drives each neuron most, similar ones side by side, important ones larger."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from cnnvis.layout.afar import NEAR
from cnnvis.layout.card import (
    BELOW_LINE,
    BODY,
    LINE_TOP,
    PAD,
    ROOM,
    STRIP,
    STRIP_TOP,
    Body,
    Style,
    band_marks,
    grid_up,
    line,
    near,
    strip_marks,
)
from cnnvis.layout.hierarchy import nested
from cnnvis.layout.marks import BORDER, CARD, FAINT, MUTED, Box, Label, Mark, Patch, Rect
from cnnvis.layout.material import Material
from cnnvis.layout.ordering import short_order
from cnnvis.layout.packing import Packing, grid, pack_squares, rest_box, rows, skyline
from cnnvis.layout.readings import Reading, Table
from cnnvis.layout.shelves import most, shelves
from cnnvis.model.partition import Cluster

LEVELS = (4, 2)
"""The largest and the smallest side of a patch on a closed card, in modules: the largest are three or four a row."""
OPENED, MODULE, ASPECT = (6, 4, 2), 10.0, 1.6
"""On an opened card: the sides in modules, the pixels of one, and how much wider than high the whole is."""
GAP = 2.0
REST = 1.4
"""The height of "+n" in modules."""
MOST = 24
"""So many patches a closed card shows at most."""


def features_key(material: Material) -> Hashable:
    """What the patches depend on beside cluster and responses."""
    return material.look.packing, material.drawn_key


def features_body(material: Material, cluster: Cluster, opened: bool) -> Body:
    """The strip of class responses, and the patches packed as the look asks."""
    reading = material.reading
    ranked = reading.ranked(cluster)
    style = material.style
    if opened and (material.look.packing == "rows" or material.table is not None):
        style = widened(style, len(cluster))
    packing: Packing | None = None
    if material.table is None:
        packing = packed(material, ranked, style, opened)
        style = Style(max(style.width, grid_up(packing.width + 2 * PAD, 8)), style.columns)
    body = Body(style)
    profile = reading.profile(cluster)
    if not np.isnan(profile).all() and float(np.nanmax(profile)) > 0:
        body.marks += strip_marks(profile, Box(PAD, STRIP_TOP, style.inner, STRIP), material.coloured)
    top = BODY
    if not material.coloured and (best := [material.groups[i] for i in reading.top_groups(cluster, 2)]):
        body.marks.append(line(" · ".join(best), style))
        top = BELOW_LINE
    if packing is not None:
        found, height = _patch_marks(material, ranked, packing, style, top)
    elif material.table is not None:
        found, height = _row_marks(reading, ranked, style, top, opened, material.table)
    body.marks += found
    body.bottom = top + height
    body.pictured = any(isinstance(mark, Patch) for mark in found)
    if not body.pictured:
        body.room = Box(PAD, LINE_TOP - 3, style.inner, body.bottom - LINE_TOP + 3)
    elif top == BELOW_LINE:
        body.room = Box(PAD, LINE_TOP - 3, style.inner, top - LINE_TOP + 1)
    body.clear = top
    where = Box(PAD, PAD, style.inner, (top if body.pictured else body.bottom + PAD / 2) - 1.5 * PAD)
    body.band = band_marks(profile, reading.strength(cluster), where, material.coloured)
    return body


def widened(style: Style, n: int) -> Style:
    """Room for every neuron of an opened cluster: about 1.6 times as wide as high."""
    columns = min(max(style.columns, math.ceil(math.sqrt(1.6 * n))), 24)
    return Style(grid_up(2 * PAD + columns * 42 - 2, 8), columns)


def _patch_marks(
    material: Material, ranked: Sequence[int], packing: Packing, style: Style, top: float
) -> tuple[list[Mark], float]:
    """The patches of the neurons, representatives first, and the height they take."""
    shown = ranked[: len(packing.boxes)]
    exemplars = []
    used: set[int] = set()
    for unit in shown:
        found = material.pieces(unit, used)
        used.update(piece.picture for piece in found)
        exemplars.append(found)
    if not any(exemplars):
        text = "nothing drives these neurons" if len(ranked) > 1 else "nothing drives this neuron"
        return [near(Label(text, Box(PAD, top - 2, style.inner, 16), 11, MUTED))], 14.0
    marks: list[Mark] = []
    for unit, place, exemplar in zip(shown, packing.boxes, exemplars):
        box = Box(place.x + PAD, place.y + top, place.w, place.h)
        if not exemplar:
            marks.append(Rect(box, FAINT, radius=2))
        else:
            # The rim keeps a white patch from vanishing on a white card, and stands while its picture is read.
            marks.append(Rect(box.grown(0.5), BORDER, radius=2.5, zoom=NEAR))
            radius = 2.0 if len(exemplar) == 1 else 1.0
            marks += [
                Patch(piece.inside(box), piece.picture, piece.crop, unit, radius, strength=piece.strength)
                for piece in exemplar
            ]
        marks += _unit_marks(unit, box)
    if packing.left_out:
        box = packing.rest or rest_box(packing)
        where = Box(PAD + box.x, top + box.bottom - 16, box.w, 16)
        marks.append(near(Label(f"+{packing.left_out}", where, 11, MUTED, align="right", elide="none")))
    return marks, packing.height


def packed(material: Material, ranked: Sequence[int], style: Style, opened: bool) -> Packing:
    """Where the patches of a cluster lie, in the order of its ranked neurons."""
    how = material.look.packing
    falling = material.reading.weights[list(ranked)].astype(float)
    falling[0] = falling.max()
    if how == "rows":
        if opened:
            return grid(len(ranked), style.inner, style.columns)
        return rows(np.minimum.accumulate(falling).tolist(), style.inner, columns=style.columns, height=ROOM)
    sizes = np.sqrt(falling / falling[0]) if falling[0] > 0 else np.ones(len(ranked))
    features = None
    if how == "hierarchical":
        features = selectivity(material.reading, ranked if opened else ranked[: most(style.columns)])
    return _opened(sizes, features, style) if opened else _closed(sizes, features, style)


def selectivity(reading: Reading, units: Sequence[int]) -> NDArray[np.float64]:
    """What tells neurons apart: their response to each group less their own mean, at unit length, (n, n_groups)."""
    found = reading.activations
    values = found[reading.layer.name].total[list(units)][:, found.present] / found.counts[found.present]
    values -= values.mean(1, keepdims=True) if values.size else 0.0
    size = np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray(np.divide(values, size, out=np.zeros_like(values), where=size > 1e-12))


def _closed(sizes: NDArray[np.float64], features: NDArray[np.float64] | None, style: Style) -> Packing:
    """Patches in the fixed room of a closed card; those that find none are "+n"."""
    if features is not None:
        return shelves((sizes**2).tolist(), short_order(features).tolist(), style.inner, columns=style.columns)
    wide = 4 * style.columns
    module = (style.inner + GAP) / wide
    high = math.floor((ROOM + GAP) / module)
    n = min(len(sizes), MOST)
    for largest in (4.0, 3.5, 3.0):
        found = _in_modules(sizes[:n], largest, wide)
        if n == len(sizes) and found.height <= high:
            return _in_pixels(found, module, style.inner)
    while True:
        found = _in_modules(sizes[:n], 3.0, wide)
        corner = _corner(found, wide, high)
        if corner is not None or n == 1:
            return _in_pixels(found, module, style.inner, len(sizes) - n, corner)
        n = min(n - 1, max(math.ceil(n * high / max(found.height, 1.0)), 1))


def _corner(found: Packing, wide: int, high: int) -> Box | None:
    """Where "+n" can stand, in modules: in a free corner at the right, or below; None where there is no room."""
    for bottom in (found.height, found.height + REST):
        corner = Box(wide - 3.0, bottom - REST, 3.0, REST)
        if bottom <= high and not any(box.overlaps(corner) for box in found.boxes):
            return corner
    return None


def _in_modules(sizes: NDArray[np.float64], largest: float, wide: int) -> Packing:
    """Squares of whole modules in a strip."""
    sides = np.clip(np.rint(largest * sizes), LEVELS[-1], LEVELS[0]).tolist()
    return skyline([(s, s) for s in sides], float(wide))


def _in_pixels(found: Packing, module: float, width: float, left_out: int = 0, corner: Box | None = None) -> Packing:
    """Modules as pixels: whole ones, squares, a gap apart."""
    boxes = []
    for box in found.boxes:
        left, top = round(box.x * module), round(box.y * module)
        boxes.append(Box(left, top, side := math.floor(box.w * module - GAP), side))
    bottom = max((box.bottom for box in boxes), default=0.0)
    rest = None
    if corner is not None and left_out:
        rest = Box(width - 3 * module, corner.bottom * module - GAP - 16, 3 * module, 16)
        bottom = max(bottom, rest.bottom)
    return Packing(tuple(boxes), width, bottom, left_out, rest)


def _opened(sizes: NDArray[np.float64], features: NDArray[np.float64] | None, style: Style) -> Packing:
    """All patches of an opened card."""
    sides = [float(OPENED[min(int((1.0 - size) * len(OPENED)), len(OPENED) - 1)]) for size in sizes.tolist()]
    if features is None:
        found = pack_squares(sides, 0.0, ASPECT)
    else:
        found = nested(features, sides, gap=0.0, aspect=ASPECT)
    return _in_pixels(found, MODULE, found.width * MODULE - GAP)


def _unit_marks(unit: int, box: Box) -> list[Mark]:
    """The number of a neuron in the corner of its patch, once it is large enough on the screen to be read."""
    text = f":{unit}"
    size = min(max(box.h / 5, 3.0), 7.0)
    width = min(0.68 * size * len(text) + 2, box.w)
    zoom = (9.0 / size, math.inf)
    where = Box(box.x, box.bottom - size - 1.5, width, size + 1.5)
    return [
        Rect(where, CARD, radius=1, zoom=zoom),
        Label(text, where, size, MUTED, align="centre", elide="none", zoom=zoom),
    ]


def _row_marks(
    reading: Reading, ranked: Sequence[int], style: Style, top: float, opened: bool, table: Table
) -> tuple[list[Mark], float]:
    """For tables: for each neuron the row that drives it most, told by its most unusual features."""
    marks: list[Mark] = []
    used: set[int] = set()
    shown = ranked if opened or len(ranked) <= 4 else ranked[:3]
    for line_, unit in enumerate(shown):
        found = reading.exemplar(unit, used)
        text = "nothing drives it" if found is None else ", ".join(table.unusual(found[0], 2))
        if found is not None:
            used.add(found[0])
        y = top - 2 + 16 * line_
        marks.append(near(Label(f":{unit}", Box(PAD, y, 28, 16), 11, MUTED, elide="none")))
        marks.append(near(Label(text, Box(PAD + 30, y, style.inner - 30, 16), 11)))
    if len(shown) < len(ranked):
        y = top - 2 + 16 * len(shown)
        rest = f"+{len(ranked) - len(shown)}"
        marks.append(near(Label(rest, Box(PAD, y, style.inner, 16), 11, MUTED, align="right", elide="none")))
        return marks, 16.0 * (len(shown) + 1) - 4
    return marks, 16.0 * len(shown) - 4
